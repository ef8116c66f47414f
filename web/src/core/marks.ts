import { needs_person } from './conflicts';
import { is_emergency, is_immediate, freshness } from './kinds';
import { symbol_of_entity, symbol_of_track, turns } from './symbol_name';
import type { Entity, Geometry, Track } from './types';

/** What the map draws at one place; layers/point_layer.ts. */
export interface Mark {
  id: string;
  lat: number;
  lon: number;
  symbol: string;
  turn: number;
  alpha: number;
  order: number;
  badge: string;
}

const order_of_record: Record<string, number> = {
  site: 1,
  hazard: 2,
  message: 2,
  task: 3,
  request: 4,
  unit: 5,
  track: 5,
  casualty: 7,
};

const is_place = (lat: unknown, lon: unknown): boolean =>
  typeof lat === 'number' && typeof lon === 'number' && Math.abs(lat) <= 90 && Math.abs(lon) <= 180;

/** The incident's place says where maps open; it is no thing on the map. */
const unmarked = ['incident', 'membership', 'attachment'];

/** Null when the record has no place or was deleted. */
export function mark_of_entity(entity: Entity): Mark | null {
  if (unmarked.includes(entity.record)) return null;
  if (entity.deleted || !is_place(entity.lat, entity.lon)) return null;
  return {
    id: entity.id,
    lat: entity.lat!,
    lon: entity.lon!,
    symbol: symbol_of_entity(entity),
    turn: 0,
    alpha: entity.placeholder ? 0.6 : 1,
    order: is_immediate(entity) ? 9 : (order_of_record[entity.record] ?? 1),
    badge: needs_person(entity) ? 'conflict' : '',
  };
}

/** Null when the track is lost: too old to be drawn anywhere. */
export function mark_of_track(track: Track, now_ms: number): Mark | null {
  const age = freshness(track, now_ms);
  if (age === 'lost' || !is_place(track.lat, track.lon)) return null;
  const symbol = symbol_of_track(track, age === 'stale');
  return {
    id: track.id,
    lat: track.lat,
    lon: track.lon,
    symbol,
    turn: turns(symbol) ? (track.course_deg ?? 0) : 0,
    alpha: age === 'stale' ? 0.6 : 1,
    order: is_emergency(track) ? 9 : track.kind === 'own' ? 8 : track.kind === 'aircraft' ? 4 : 6,
    badge: '',
  };
}

export interface Shape {
  type: 'Feature';
  properties: { id: string; colour: string; hatch: boolean; selected: boolean };
  geometry: Geometry;
}

/** The drawn outline of a record, when it has one. Circles arrive as polygons. */
export function outline_of(entity: Entity): Geometry | null {
  const geometry = entity.geometry;
  if (entity.deleted || !geometry || !Array.isArray(geometry.coordinates)) return null;
  return ['Polygon', 'LineString', 'MultiPolygon', 'MultiLineString'].includes(geometry.type)
    ? geometry
    : null;
}
