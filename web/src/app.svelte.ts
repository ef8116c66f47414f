// The state of the page, in one place. Panels read it and call its verbs; what is done to records is
// commands.svelte.ts, what the map shows of them layers/drawing.ts.
import { tick } from 'svelte';
import { read_maps, read_schema_document } from './api';
import { Commands } from './commands.svelte';
import { ServerClock } from './core/clock';
import { format_place, type Place } from './core/coordinates';
import { format_age } from './core/format';
import { translate, word_of, word_of_code, type Key, type Params } from './core/i18n';
import { title_of_entity, title_of_track, type Group } from './core/kinds';
import type { LinkState } from './core/live';
import { Picture, type Change } from './core/picture';
import { Rows, type Attention, type Row, type SortBy, type Wanted } from './core/rows';
import { read_schema, type Schema } from './core/schema';
import type { Entity, Hello, MapFile, Status, Track } from './core/types';
import { Drawing, own_id } from './layers/drawing';
import { Trail } from './layers/trail';
import type { MapView } from './layers/map_view';
import { palettes, type Mode, type Palette } from './layers/palette';
import { symbol_address } from './layers/symbols';
import { Link } from './link';
import { keep_settings, load_settings, mode_choices, type Settings } from './settings';
import { Toasts } from './toasts.svelte';

export type Pane = 'list' | 'map' | 'record';
export type Side = 'overview' | 'record' | 'add';
export interface Adding {
  record: string | null;
  place: Place | null;
}

/** Time between looks at the clock: silence is noticed, ages counted, commands tried again. */
const tick_ms = 250;
const steady_ms = () => performance.now();

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
  made_up = $state(false);
  dialog: 'help' | 'settings' | 'node' | 'conflicts' | null = $state(null);
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
  readonly toasts = new Toasts();
  readonly commands: Commands = new Commands(this, this.toasts);
  private readonly drawing: Drawing = new Drawing(this);
  private readonly trail = new Trail(
    () => this.map,
    (id) => this.picture.tracks.get(id) ?? null,
  );
  private changed_rows: Set<string> | 'everything' = new Set();
  private rows_timer: ReturnType<typeof setTimeout> | null = null;
  private rows_at_ms = 0;

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
          this.commands.tick(true);
          void this.load_documents();
        }
      },
    });
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
      if (this.commands.unsaved > 0) event.preventDefault();
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
    this.drawing.draw_shapes();
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
    this.drawing.relabel();
    if (name === 'hidden_maps') this.show_maps();
  }

  next_mode(): void {
    const at = mode_choices.indexOf(this.settings.mode);
    this.set_setting('mode', mode_choices[(at + 1) % mode_choices.length]!);
  }

  mode_changed(): void {
    this.map?.use_mode(this.mode);
    this.drawing.draw_shapes();
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
    this.pick('pick.own_position', (place) => void this.commands.set_own_position(place));
  }

  // The map -----------------------------------------------------------------------------------------------------

  take_map(map: MapView): void {
    this.drawing.take_map(map);
    this.show_maps();
  }

  fit_all(): void {
    this.drawing.fit_all();
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
    this.drawing.draw_labels();
  }

  retry_now(): void {
    this.link.retry_now();
  }

  private get map(): MapView | null {
    return this.drawing.map;
  }

  get heard_ms(): number | null {
    return this.clock.now_ms();
  }

  // Inside ------------------------------------------------------------------------------------------------------

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
    this.commands.tick();
    const heard = this.link.machine.heard_at_ms;
    const silent = heard === null ? 0 : steady_ms() - heard;
    const shown = this.link_state === 'lost' ? Math.floor(silent / 1000) * 1000 : 0;
    if (shown !== this.silent_ms) this.silent_ms = shown;
    const now = this.clock.now_ms();
    const second = now === null ? null : Math.floor(now / 1000) * 1000;
    if (second === this.now_ms || now === null) return;
    this.now_ms = second;
    this.picture.drop_lost(now);
    this.drawing.age(now);
    this.drawing.draw_labels();
  }

  private on_change(change: Change): void {
    if (change.status) {
      const moved =
        JSON.stringify(this.status.own_position) !== JSON.stringify(this.picture.status.own_position);
      this.status = this.picture.status;
      if (moved) this.drawing.draw([own_id]);
    }
    if (change.everything) this.changed_rows = 'everything';
    else if (this.changed_rows !== 'everything')
      for (const id of [...change.entities, ...change.tracks]) this.changed_rows.add(id);
    if (change.everything || change.entities.length > 0) this.entity_version++;
    if (this.now_ms === null) this.now_ms = this.clock.now_ms();
    this.read_selected();
    this.drawing.draw(change.everything ? 'everything' : [...change.entities, ...change.tracks]);
    this.plan_rows();
  }

  private read_selected(): void {
    const id = this.selected_id;
    const entity = (id && this.picture.entities.get(id)) || null;
    const linked = [...(entity?.tracks ?? []), String(entity?.fields.subject?.value ?? '')];
    const found = [id ?? '', ...linked].map((one) => this.picture.tracks.get(one)).find((track) => track);
    const track = found ?? null;
    if (entity !== this.selected.entity || track !== this.selected.track) this.selected = { entity, track };
    this.trail.follow(track?.id ?? null);
  }

  /** Rows are made in tasks of their own, so that no single task holds up the page. */
  private plan_rows(): void {
    if (this.rows_timer !== null) return;
    const wait = this.all_rows.size > 1_000 ? 900 : 120;
    const since = steady_ms() - this.rows_at_ms;
    this.rows_timer = setTimeout(() => this.refresh_rows(), Math.max(0, wait - since));
  }

  private refresh_rows(): void {
    this.rows_timer = null;
    this.rows_at_ms = steady_ms();
    this.all_rows.refresh(this.picture, this.changed_rows);
    this.changed_rows = new Set();
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
}

export const app = new App();
