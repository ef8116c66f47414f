import { expect, test } from 'vitest';
import { mark_of_entity, mark_of_track, outline_of } from './marks';
import type { Entity, Field, Track } from './types';

const field = (value: unknown): Field => ({ value, dots: [], stamp: { at_ms: 0, quality: 'ntp' } });
const track: Track = {
  id: 'x1',
  kind: 'aircraft',
  type: 'a-f-A-M-H',
  lat: 46,
  lon: 7,
  course_deg: 90,
  at_ms: 0,
  stale_ms: 60_000,
  lost_ms: 300_000,
};
const casualty: Entity = {
  id: 'd1',
  record: 'casualty',
  display: 'C-1',
  fields: { triage: field('red') },
  lat: 46,
  lon: 7,
  conflicts: ['triage'],
};

test('a track is fresh, then stale and faded, then gone', () => {
  expect(mark_of_track(track, 60_000)).toMatchObject({ symbol: 'helicopter', turn: 90, alpha: 1 });
  expect(mark_of_track(track, 60_001)).toMatchObject({ symbol: 'helicopter~', alpha: 0.6 });
  expect(mark_of_track(track, 300_001)).toBeNull();
});

test('an emergency shows in the symbol and lies on top', () => {
  expect(mark_of_track({ ...track, emergency: 'general' }, 0)).toMatchObject({
    symbol: 'helicopter.emergency',
    order: 9,
  });
  expect(mark_of_track({ ...track, emergency: 'none' }, 0)?.symbol).toBe('helicopter');
});

test('a casualty shows its triage and that values clash', () => {
  expect(mark_of_entity(casualty)).toMatchObject({ symbol: 'casualty.red', badge: 'conflict', order: 9 });
});

test('nothing is drawn for deleted records, records without a place, or places off the Earth', () => {
  expect(mark_of_entity({ ...casualty, deleted: true })).toBeNull();
  expect(mark_of_entity({ ...casualty, lat: undefined })).toBeNull();
  expect(mark_of_entity({ ...casualty, lat: 91 })).toBeNull();
  expect(mark_of_track({ ...track, lon: Number.NaN }, 0)).toBeNull();
});

test('areas and lines have outlines; points and deleted records have none', () => {
  const line = {
    type: 'LineString',
    coordinates: [
      [7, 60],
      [8, 60],
    ],
  };
  expect(outline_of({ ...casualty, geometry: line })).toBe(line);
  expect(outline_of({ ...casualty, geometry: { type: 'Point', coordinates: [7, 60] } })).toBeNull();
  expect(outline_of({ ...casualty, geometry: line, deleted: true })).toBeNull();
});
