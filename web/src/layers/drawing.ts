// What the map shows of the picture: a mark for each thing, outlines, labels. The map itself is map_view.ts.
import type { Place } from '../core/coordinates';
import { format_age } from '../core/format';
import type { Key, Language, Params } from '../core/i18n';
import { freshness, title_of_entity, title_of_track } from '../core/kinds';
import { mark_of_entity, mark_of_track, outline_of, type Shape } from '../core/marks';
import type { Picture } from '../core/picture';
import type { Status } from '../core/types';
import type { Label, MapView } from './map_view';
import type { Palette } from './palette';

/** Labels drawn at once; more would cover each other and cost time. */
const labels_max = 160;
/** The mark of this node's own position, when no track of it is in the picture. */
export const own_id = 'own';

/** What is drawn, as it is now. */
export interface Seen {
  readonly picture: Picture;
  readonly status: Status;
  readonly palette: Palette;
  readonly selected_id: string | null;
  readonly settings: { language: Language };
  /** The node's time; null before it was heard. */
  readonly heard_ms: number | null;
  t(key: Key, params?: Params): string;
}

export class Drawing {
  map: MapView | null = null;
  private changed: Set<string> | 'everything' = new Set();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private labels_text = '';
  private fitted = false;

  constructor(private readonly seen: Seen) {}

  take_map(map: MapView): void {
    this.map = map;
    this.draw('everything');
    void map.loaded().then(() => this.draw_shapes());
  }

  /** The marks of these are made anew, soon. */
  draw(ids: string[] | 'everything'): void {
    if (ids === 'everything') this.changed = 'everything';
    else if (this.changed !== 'everything') for (const id of ids) this.changed.add(id);
    this.plan();
  }

  /** The labels' words have changed. */
  relabel(): void {
    this.labels_text = '';
  }

  fit_all(): void {
    const places: Place[] = [];
    for (const entity of this.seen.picture.entities.values())
      if (!entity.deleted && entity.lat !== undefined && entity.lon !== undefined)
        places.push({ lat: entity.lat, lon: entity.lon });
    if (this.seen.status.own_position) places.push(this.seen.status.own_position);
    if (places.length === 0) for (const track of this.seen.picture.tracks.values()) places.push(track);
    this.map?.fit(places);
  }

  /** Marks are made in a task of their own, so that no single task holds up the page. */
  private plan(): void {
    if (this.timer !== null || !this.map) return;
    this.timer = setTimeout(() => this.refresh(), 0);
  }

  private refresh(): void {
    this.timer = null;
    const map = this.map;
    const now = this.seen.heard_ms ?? Date.now();
    if (!map) return;
    const changed = this.changed;
    this.changed = new Set();
    let shapes = changed === 'everything';
    const put = (id: string) => {
      if (id === own_id) return this.draw_own(map);
      const entity = this.seen.picture.entities.get(id);
      const track = this.seen.picture.tracks.get(id);
      const drawn_by_track = entity?.tracks?.some((one) => this.seen.picture.tracks.has(one)) ?? false;
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
      for (const id of this.seen.picture.entities.keys()) put(id);
      for (const id of this.seen.picture.tracks.keys()) put(id);
      this.draw_own(map);
    } else for (const id of changed) put(id);
    map.points.repaint();
    if (shapes) this.draw_shapes();
    if (!this.fitted && this.seen.picture.entities.size + this.seen.picture.tracks.size > 0) {
      this.fitted = true;
      void map.loaded().then(() => this.fit_all());
    }
  }

  private draw_own(map: MapView): void {
    const own = this.seen.status.own_position;
    let heard = false;
    for (const track of this.seen.picture.tracks.values())
      if (track.kind === 'own' && track.node === this.seen.status.node?.name) heard = true;
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
  age(now: number): void {
    const map = this.map;
    if (!map) return;
    let changed = false;
    for (const track of this.seen.picture.tracks.values()) {
      const stale = freshness(track, now) === 'stale';
      const mark = map.points.get(track.id);
      if (!mark || mark.symbol.endsWith('~') === stale) continue;
      const fresh = mark_of_track(track, now);
      if (fresh) map.points.set(fresh);
      changed = true;
    }
    if (changed) map.points.repaint();
  }

  draw_shapes(): void {
    if (!this.map) return;
    const shapes: Shape[] = [];
    for (const entity of this.seen.picture.entities.values()) {
      const geometry = outline_of(entity);
      if (!geometry) continue;
      const hazard = entity.record === 'hazard';
      shapes.push({
        type: 'Feature',
        properties: {
          id: entity.id,
          colour: hazard ? this.seen.palette.hazard : this.seen.palette.select,
          hatch: hazard,
          selected: entity.id === this.seen.selected_id,
        },
        geometry,
      });
    }
    this.map.set_shapes(shapes);
  }

  draw_labels(): void {
    const map = this.map;
    const now = this.seen.heard_ms;
    if (!map || now === null) return;
    const labels: Label[] = [];
    map.points.in_view((mark) => {
      const track = this.seen.picture.tracks.get(mark.id);
      const entity = this.seen.picture.entities.get(mark.id);
      const stale = mark.symbol.endsWith('~');
      let text = '';
      if (track && track.kind !== 'own') {
        const unit = track.unit === undefined ? undefined : this.seen.picture.entities.get(track.unit);
        text = unit ? title_of_entity(unit) : title_of_track(track);
        if (stale)
          text += `\n${this.seen.t('age.old', { age: format_age(this.seen.settings.language, now - track.at_ms) })}`;
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
