// The state of the page, in one place. Panels read it and call its verbs; only this file talks to the node.
import { tick } from 'svelte';
import { read_maps, read_schema_document, send_command, send_own_position } from './api';
import { ServerClock } from './core/clock';
import { create_command, delete_command, edit_command, new_command_id } from './core/command';
import { format_place, type Place } from './core/coordinates';
import { format_age } from './core/format';
import { translate, word_of, word_of_code, type Key, type Params } from './core/i18n';
import { freshness, title_of_entity, title_of_track, type Group } from './core/kinds';
import type { LinkState } from './core/live';
import { mark_of_entity, mark_of_track, outline_of, type Shape } from './core/marks';
import { Outbox } from './core/outbox';
import { Picture, type Change } from './core/picture';
import { Rows, type Attention, type Row, type SortBy, type Wanted } from './core/rows';
import { read_schema, type Schema } from './core/schema';
import type { Command, CommandAnswer, Entity, Hello, MapFile, Status, Track } from './core/types';
import type { Label, MapView } from './layers/map_view';
import { palettes, type Mode, type Palette } from './layers/palette';
import { symbol_address } from './layers/symbols';
import { Link } from './link';
import { keep_settings, load_settings, mode_choices, type Settings } from './settings';

export type Pane = 'list' | 'map' | 'record';
export type Side = 'overview' | 'record' | 'add';
export interface Toast {
  id: number;
  kind: 'done' | 'failed';
  text: string;
  undo: (() => void) | null;
}
export interface Adding {
  record: string | null;
  place: Place | null;
}

/** Time between looks at the clock: silence is noticed, ages counted, commands tried again. */
const tick_ms = 250;
/** Labels drawn at once; more would cover each other and cost time. */
const labels_max = 160;
const toast_ms = 9_000;
const toasts_max = 3;
const steady_ms = () => performance.now();
/** The mark of this node's own position, when no track of it is in the picture. */
const own_id = 'own';

export class App {
  settings: Settings = $state(load_settings());
  link_state: LinkState = $state('connecting');
  silent_ms = $state(0);
  hello: Hello | null = $state.raw(null);
  status: Status = $state.raw({});
  schema: Schema = $state.raw(new Map());
  maps: MapFile[] = $state.raw([]);
  /** The node's time, to the second; null before it was heard. */
  now_ms: number | null = $state(null);

  rows: Row[] = $state.raw([]);
  counts: Record<Group | 'all', number> = $state.raw({ all: 0 } as Record<Group | 'all', number>);
  attention: Attention = $state.raw({ urgent: [], conflicts: [], placeholders: [] });
  wanted: Wanted = $state({ group: 'all', text: '', sort: 'urgent', deleted: false });
  list_view: 'picture' | 'journal' = $state('picture');
  selected_id: string | null = $state(null);
  selected: { entity: Entity | null; track: Track | null } = $state.raw({ entity: null, track: null });
  pane: Pane = $state('map');
  adding: Adding | null = $state(null);
  /** What a click on the map is for; null selects as usual. */
  picking: { words: Key; then: (place: Place) => void } | null = $state.raw(null);
  pointed: Place | null = $state.raw(null);
  toasts: Toast[] = $state.raw([]);
  unsaved = $state(0);
  made_up = $state(false);
  dialog: 'help' | 'settings' | 'node' | null = $state(null);
  system_dark = $state(false);
  /** Counts up with every change of an entity: the journal and the history look again. */
  entity_version = $state(0);

  mode: Mode = $derived(
    this.settings.mode === 'system' ? (this.system_dark ? 'dark' : 'day') : (this.settings.mode as Mode),
  );
  palette: Palette = $derived(palettes[this.mode]);
  side: Side = $derived(this.adding ? 'add' : this.selected_id ? 'record' : 'overview');

  readonly picture = new Picture();
  private readonly all_rows = new Rows();
  private readonly clock = new ServerClock(steady_ms);
  private readonly link: Link;
  private readonly outbox: Outbox;
  private map: MapView | null = null;
  private changed: { rows: Set<string> | 'everything'; marks: Set<string> | 'everything' } = {
    rows: new Set(),
    marks: new Set(),
  };
  private rows_timer: ReturnType<typeof setTimeout> | null = null;
  private marks_timer: ReturnType<typeof setTimeout> | null = null;
  private rows_at_ms = 0;
  private labels_text = '';
  private fitted = false;
  private toast_count = 0;

  constructor() {
    this.link = new Link({
      hello: (hello) => {
        this.hello = hello;
        this.clock.heard(hello.server_ms);
      },
      snapshot: (snapshot) => {
        if (snapshot.server_ms) this.clock.heard(snapshot.server_ms);
        this.picture.replace(snapshot);
      },
      delta: (delta) => {
        if (delta.server_ms) this.clock.heard(delta.server_ms);
        this.picture.apply(delta);
      },
      beat: (beat) => this.clock.heard(beat.server_ms),
      state: (state) => {
        this.link_state = state;
        if (state === 'live') {
          this.outbox.tick(steady_ms(), true);
          void this.load_documents();
        }
      },
    });
    this.outbox = new Outbox(send_command, (waiting) => (this.unsaved = waiting));
    this.picture.subscribe((change) => this.on_change(change));
  }

  start(): () => void {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => (this.system_dark = dark.matches);
    follow();
    dark.addEventListener('change', follow);
    this.link.start();
    const timer = setInterval(() => this.on_tick(), tick_ms);
    const leave = (event: BeforeUnloadEvent) => {
      if (this.unsaved > 0) event.preventDefault();
    };
    addEventListener('beforeunload', leave);
    return () => {
      clearInterval(timer);
      dark.removeEventListener('change', follow);
      removeEventListener('beforeunload', leave);
    };
  }

  // Words -------------------------------------------------------------------------------------------------------

  t = (key: Key, params?: Params): string => translate(this.settings.language, key, params);
  code = (field: string, code: string, told?: string, record = ''): string =>
    word_of_code(this.settings.language, field, code, told, record);
  name_of = (domain: 'field' | 'record' | 'kind', name: string): string =>
    word_of(this.settings.language, domain, name);
  place_text = (place: Place): string => format_place(place, this.settings.coordinates);
  age_text = (at_ms: number | undefined): string =>
    at_ms === undefined || this.now_ms === null
      ? '–'
      : format_age(this.settings.language, this.now_ms - at_ms);
  symbol = (name: string): string => symbol_address(name, this.mode, this.palette);

  /** What a reference points to, for people: its title, or its id when it is not in the picture. */
  title_of = (id: string): string => {
    const entity = this.picture.entities.get(id);
    if (entity) return title_of_entity(entity);
    const track = this.picture.tracks.get(id);
    return track ? title_of_track(track) : id;
  };

  // Choosing ----------------------------------------------------------------------------------------------------

  select(id: string | null, show_pane = false): void {
    // A track that is a unit is looked at as that unit.
    const unit = id === null ? undefined : this.picture.tracks.get(id)?.unit;
    if (unit !== undefined && this.picture.entities.has(unit)) id = unit;
    this.selected_id = id;
    this.adding = null;
    this.read_selected();
    this.map?.points.select(this.selected.track?.id ?? id);
    this.map?.points.repaint();
    this.draw_shapes();
    if (id && show_pane) this.pane = 'record';
    // The panel that may now lie over the map has to be there before its edge is measured.
    void tick().then(() => {
      const place = this.selected_place();
      if (place && this.selected_id === id) this.map?.show(place);
    });
  }

  selected_place(): Place | null {
    const { entity, track } = this.selected;
    if (track) return { lat: track.lat, lon: track.lon };
    return entity?.lat !== undefined && entity.lon !== undefined
      ? { lat: entity.lat, lon: entity.lon }
      : null;
  }

  go_to_selected(): void {
    const place = this.selected_place();
    if (!place) return;
    this.pane = 'map';
    void tick().then(() => this.map?.go_to(place, 11));
  }

  fit_all(): void {
    const places: Place[] = [];
    for (const entity of this.picture.entities.values())
      if (!entity.deleted && entity.lat !== undefined && entity.lon !== undefined)
        places.push({ lat: entity.lat, lon: entity.lon });
    if (this.status.own_position) places.push(this.status.own_position);
    if (places.length === 0) for (const track of this.picture.tracks.values()) places.push(track);
    this.map?.fit(places);
  }

  set_wanted(change: Partial<Wanted>): void {
    Object.assign(this.wanted, change);
    this.fill_rows();
  }

  set_sort(sort: SortBy): void {
    this.set_wanted({ sort });
  }

  // Settings ----------------------------------------------------------------------------------------------------

  set_setting<K extends keyof Settings>(name: K, value: Settings[K]): void {
    this.settings[name] = value;
    keep_settings($state.snapshot(this.settings) as Settings);
    this.labels_text = '';
    if (name === 'hidden_maps') this.show_maps();
  }

  next_mode(): void {
    const at = mode_choices.indexOf(this.settings.mode);
    this.set_setting('mode', mode_choices[(at + 1) % mode_choices.length]!);
  }

  mode_changed(): void {
    this.map?.use_mode(this.mode);
    this.draw_shapes();
  }

  // Commands ----------------------------------------------------------------------------------------------------

  /** The new record is shown, unless the person went on to something else before the node answered. */
  async create(record: string, values: Record<string, unknown>): Promise<CommandAnswer | null> {
    const form = this.adding;
    const answer = await this.send(create_command(this.new_id(), record, values), {
      done: (a) =>
        this.t('toast.added', { what: `${this.name_of('record', record)} ${a.display ?? ''}`.trim() }),
      undo: (a) => () => void this.delete_by_id(a.entity, record, true, a.dots),
    });
    if (answer && form !== null && this.adding === form) {
      this.stop_adding();
      this.select(answer.entity);
    }
    return answer;
  }

  /** `undo` writes the values that were there before. */
  async edit(entity: Entity, values: Record<string, unknown>): Promise<CommandAnswer | null> {
    const before = Object.fromEntries(
      Object.keys(values).map((field) => [field, entity.fields[field]?.value ?? null]),
    );
    const adding = ['append', 'or_set', 'counter'];
    const can_undo = Object.keys(values).every((field) => !adding.includes(entity.fields[field]?.rule ?? ''));
    return this.send(edit_command(this.new_id(), entity, values), {
      done: () => this.t('toast.changed', { what: title_of_entity(entity) }),
      undo: can_undo ? () => () => void this.edit_by_id(entity.id, before) : undefined,
    });
  }

  async settle(entity: Entity, field: string, value: unknown): Promise<void> {
    await this.send(edit_command(this.new_id(), entity, { [field]: value }), {
      done: () =>
        this.t('toast.settled', { what: `${title_of_entity(entity)}: ${this.name_of('field', field)}` }),
    });
  }

  async set_deleted(entity: Entity, deleted: boolean): Promise<void> {
    await this.send(delete_command(this.new_id(), entity, deleted), {
      done: () => this.t(deleted ? 'toast.deleted' : 'toast.restored', { what: title_of_entity(entity) }),
      undo: () => () => void this.delete_by_id(entity.id, entity.record, !deleted),
    });
  }

  async set_own_position(place: Place | null): Promise<void> {
    const error = await send_own_position(place);
    if (error) this.toast('failed', this.t('toast.failed', { why: error.message }));
    else this.toast('done', this.t(place ? 'toast.own_position' : 'toast.own_position_cleared'));
  }

  undo_last(): void {
    const toast = [...this.toasts].reverse().find((t) => t.undo);
    if (!toast) return;
    this.dismiss(toast.id);
    toast.undo?.();
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  // Adding and picking ------------------------------------------------------------------------------------------

  start_adding(record: string | null = null, place: Place | null = null): void {
    this.adding = { record, place };
    this.pane = 'record';
    this.map?.points.pick(place);
    this.map?.points.repaint();
  }

  stop_adding(): void {
    this.adding = null;
    this.picking = null;
    this.map?.points.pick(null);
    this.map?.points.repaint();
  }

  pick(words: Key, then: (place: Place) => void): void {
    this.picking = { words, then };
    this.pane = 'map';
  }

  /** Shows where a form's typed place is. */
  show_picked(place: Place | null): void {
    this.map?.points.pick(place);
    this.map?.points.repaint();
    if (place) this.map?.show(place);
  }

  pick_own_position(): void {
    this.pick('pick.own_position', (place) => void this.set_own_position(place));
  }

  // The map -----------------------------------------------------------------------------------------------------

  take_map(map: MapView): void {
    this.map = map;
    this.changed.marks = 'everything';
    this.plan_marks();
    this.show_maps();
    void map.loaded().then(() => this.draw_shapes());
  }

  clicked(ids: string[], place: Place): void {
    if (this.picking) {
      const { then } = this.picking;
      this.picking = null;
      if (this.adding) this.pane = 'record';
      then(place);
      return;
    }
    ids = ids.filter((id) => id !== own_id);
    if (ids.length === 0) {
      if (!this.adding) this.select(null);
      return;
    }
    // A second click on the same heap goes on to the next one below.
    const at = this.selected_id ? ids.indexOf(this.selected_id) : -1;
    this.select(ids[(at + 1) % ids.length]!, true);
  }

  view_moved(): void {
    this.draw_labels();
  }

  retry_now(): void {
    this.link.retry_now();
  }

  get heard_ms(): number | null {
    return this.clock.now_ms();
  }

  // Inside ------------------------------------------------------------------------------------------------------

  private new_id(): string {
    return new_command_id((bytes) => crypto.getRandomValues(bytes));
  }

  private async send(
    command: Command,
    words: { done: (a: CommandAnswer) => string; undo?: (a: CommandAnswer) => () => void },
  ): Promise<CommandAnswer | null> {
    const delivery = await this.outbox.put(command, steady_ms());
    if (delivery.kind === 'refused') {
      const { message, hint } = delivery.error;
      this.toast('failed', this.t('toast.failed', { why: hint ? `${message} ${hint}` : message }));
      return null;
    }
    this.toast('done', words.done(delivery.answer), words.undo?.(delivery.answer));
    return delivery.answer;
  }

  /** Undo works on the record as it is now, so that it names the dots of now. */
  private async delete_by_id(id: string, record: string, deleted = true, seen: string[] = []): Promise<void> {
    const entity = this.picture.entities.get(id) ?? { id, record, display: '', fields: {} };
    await this.send(delete_command(this.new_id(), entity, deleted, seen), {
      done: () =>
        this.t(deleted ? 'toast.deleted' : 'toast.restored', { what: title_of_entity(entity) || id }),
    });
    if (deleted && this.selected_id === id) this.select(null);
  }

  private async edit_by_id(id: string, values: Record<string, unknown>): Promise<void> {
    const entity = this.picture.entities.get(id);
    if (!entity) return;
    await this.send(edit_command(this.new_id(), entity, values), {
      done: () => this.t('toast.changed', { what: title_of_entity(entity) }),
    });
  }

  private toast(kind: Toast['kind'], text: string, undo: (() => void) | null = null): void {
    const id = ++this.toast_count;
    this.toasts = [...this.toasts, { id, kind, text, undo }].slice(-toasts_max);
    if (kind === 'done') setTimeout(() => this.dismiss(id), toast_ms);
  }

  private async load_documents(): Promise<void> {
    const [schema, maps] = await Promise.all([read_schema_document(), read_maps()]);
    if (schema) this.schema = read_schema(schema);
    if (JSON.stringify(maps) !== JSON.stringify(this.maps)) {
      this.maps = maps;
      this.show_maps();
    }
  }

  private show_maps(): void {
    this.map?.set_maps(this.maps.filter((file) => !this.settings.hidden_maps.includes(file.name)));
  }

  private on_tick(): void {
    this.link.tick();
    this.outbox.tick(steady_ms());
    const heard = this.link.machine.heard_at_ms;
    const silent = heard === null ? 0 : steady_ms() - heard;
    const shown = this.link_state === 'lost' ? Math.floor(silent / 1000) * 1000 : 0;
    if (shown !== this.silent_ms) this.silent_ms = shown;
    const now = this.clock.now_ms();
    const second = now === null ? null : Math.floor(now / 1000) * 1000;
    if (second === this.now_ms || now === null) return;
    this.now_ms = second;
    this.picture.drop_lost(now);
    this.age_marks(now);
    this.draw_labels();
  }

  private on_change(change: Change): void {
    if (change.status) {
      const moved =
        JSON.stringify(this.status.own_position) !== JSON.stringify(this.picture.status.own_position);
      this.status = this.picture.status;
      if (moved && this.changed.marks !== 'everything') this.changed.marks.add(own_id);
    }
    for (const part of ['rows', 'marks'] as const) {
      if (change.everything) this.changed[part] = 'everything';
      const set = this.changed[part];
      if (set === 'everything') continue;
      for (const id of change.entities) set.add(id);
      for (const id of change.tracks) set.add(id);
    }
    if (change.everything || change.entities.length > 0) this.entity_version++;
    if (this.now_ms === null) this.now_ms = this.clock.now_ms();
    this.read_selected();
    this.plan_marks();
    this.plan_rows();
  }

  private read_selected(): void {
    const id = this.selected_id;
    const entity = (id && this.picture.entities.get(id)) || null;
    const linked = [...(entity?.tracks ?? []), String(entity?.fields.subject?.value ?? '')];
    const found = [id ?? '', ...linked].map((one) => this.picture.tracks.get(one)).find((track) => track);
    const track = found ?? null;
    if (entity !== this.selected.entity || track !== this.selected.track) this.selected = { entity, track };
  }

  /** Rows and marks are made in tasks of their own, so that no single task holds up the page. */
  private plan_rows(): void {
    if (this.rows_timer !== null) return;
    const wait = this.all_rows.size > 1_000 ? 900 : 120;
    const since = steady_ms() - this.rows_at_ms;
    this.rows_timer = setTimeout(() => this.refresh_rows(), Math.max(0, wait - since));
  }

  private refresh_rows(): void {
    this.rows_timer = null;
    this.rows_at_ms = steady_ms();
    this.all_rows.refresh(this.picture, this.changed.rows);
    this.changed.rows = new Set();
    setTimeout(() => {
      this.counts = this.all_rows.counts();
      this.attention = this.all_rows.attention();
      this.fill_rows();
      this.made_up = this.any_made_up();
    }, 0);
  }

  private fill_rows(): void {
    this.rows = this.all_rows.select(this.wanted);
  }

  private any_made_up(): boolean {
    for (const entity of this.picture.entities.values()) if (entity.made_up && !entity.deleted) return true;
    for (const track of this.picture.tracks.values()) if (track.made_up) return true;
    return false;
  }

  private plan_marks(): void {
    if (this.marks_timer !== null || !this.map) return;
    this.marks_timer = setTimeout(() => this.refresh_marks(), 0);
  }

  private refresh_marks(): void {
    this.marks_timer = null;
    const map = this.map;
    const now = this.clock.now_ms() ?? Date.now();
    if (!map) return;
    const changed = this.changed.marks;
    this.changed.marks = new Set();
    let shapes = changed === 'everything';
    const put = (id: string) => {
      if (id === own_id) return this.draw_own(map);
      const entity = this.picture.entities.get(id);
      const track = this.picture.tracks.get(id);
      const drawn_by_track = entity?.tracks?.some((one) => this.picture.tracks.has(one)) ?? false;
      const mark = track
        ? mark_of_track(track, now)
        : entity && !drawn_by_track
          ? mark_of_entity(entity)
          : null;
      if (entity) shapes = true;
      if (mark) map.points.set(mark);
      else map.points.remove(id);
    };
    if (changed === 'everything') {
      map.points.clear();
      for (const id of this.picture.entities.keys()) put(id);
      for (const id of this.picture.tracks.keys()) put(id);
      this.draw_own(map);
    } else for (const id of changed) put(id);
    map.points.repaint();
    if (shapes) this.draw_shapes();
    if (!this.fitted && this.picture.entities.size + this.picture.tracks.size > 0) {
      this.fitted = true;
      void map.loaded().then(() => this.fit_all());
    }
  }

  private draw_own(map: MapView): void {
    const own = this.status.own_position;
    let heard = false;
    for (const track of this.picture.tracks.values())
      if (track.kind === 'own' && track.node === this.status.node?.name) heard = true;
    if (!own || heard) return map.points.remove(own_id);
    map.points.set({
      id: own_id,
      lat: own.lat,
      lon: own.lon,
      symbol: 'own',
      turn: 0,
      alpha: 1,
      order: 8,
      badge: '',
    });
  }

  /** Turns marks stale as time passes, without news from the node. */
  private age_marks(now: number): void {
    const map = this.map;
    if (!map) return;
    let changed = false;
    for (const track of this.picture.tracks.values()) {
      const stale = freshness(track, now) === 'stale';
      const mark = map.points.get(track.id);
      if (!mark || mark.symbol.endsWith('~') === stale) continue;
      const fresh = mark_of_track(track, now);
      if (fresh) map.points.set(fresh);
      changed = true;
    }
    if (changed) map.points.repaint();
  }

  private draw_shapes(): void {
    if (!this.map) return;
    const shapes: Shape[] = [];
    for (const entity of this.picture.entities.values()) {
      const geometry = outline_of(entity);
      if (!geometry) continue;
      const hazard = entity.record === 'hazard';
      shapes.push({
        type: 'Feature',
        properties: {
          id: entity.id,
          colour: hazard ? this.palette.hazard : this.palette.select,
          hatch: hazard,
          selected: entity.id === this.selected_id,
        },
        geometry,
      });
    }
    this.map.set_shapes(shapes);
  }

  private draw_labels(): void {
    const map = this.map;
    const now = this.clock.now_ms();
    if (!map || now === null) return;
    const labels: Label[] = [];
    map.points.in_view((mark) => {
      const track = this.picture.tracks.get(mark.id);
      const entity = this.picture.entities.get(mark.id);
      const stale = mark.symbol.endsWith('~');
      let text = '';
      if (track && track.kind !== 'own') {
        const unit = track.unit === undefined ? undefined : this.picture.entities.get(track.unit);
        text = unit ? title_of_entity(unit) : title_of_track(track);
        if (stale)
          text += `\n${this.t('age.old', { age: format_age(this.settings.language, now - track.at_ms) })}`;
      } else if (entity) text = title_of_entity(entity);
      if (text !== '') {
        // The map writes plain text: the marks that isolate directions would show as boxes.
        const shown = text.replace(/[\u2066-\u2069]/g, '');
        const short = shown.length > 48 ? `${shown.slice(0, 47)}…` : shown;
        labels.push({ lat: mark.lat, lon: mark.lon, text: short, stale, rank: 10 - mark.order });
      }
      return labels.length < labels_max;
    });
    const text = JSON.stringify(labels);
    if (text === this.labels_text) return;
    this.labels_text = text;
    map.set_labels(labels);
  }
}

export const app = new App();
