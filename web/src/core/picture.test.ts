import { expect, test } from 'vitest';
import { Picture, type Change } from './picture';
import type { Entity, Track } from './types';

const entity = (id: string): Entity => ({ id, record: 'site', display: id, fields: {} });
const track = (id: string, at_ms = 0): Track => ({
  id,
  kind: 'aircraft',
  lat: 0,
  lon: 0,
  at_ms,
  stale_ms: 60_000,
  lost_ms: 300_000,
});

test('a snapshot replaces what was there', () => {
  const picture = new Picture();
  picture.replace({ type: 'snapshot', seq: 1, entities: [entity('a')], tracks: [track('x')] });
  picture.replace({ type: 'snapshot', seq: 2, entities: [entity('b')], tracks: [] });
  expect([...picture.entities.keys()]).toEqual(['b']);
  expect(picture.tracks.size).toBe(0);
});

test('a delta adds, replaces and removes, and names what changed', () => {
  const picture = new Picture();
  picture.replace({ type: 'snapshot', seq: 1, entities: [entity('a')], tracks: [track('x')] });
  const seen: Change[] = [];
  const stop = picture.subscribe((change) => seen.push(change));
  picture.apply({
    type: 'delta',
    from: 1,
    seq: 2,
    entities: [entity('b')],
    removed: ['a', 'unknown'],
    tracks: [track('y')],
  });
  expect([...picture.entities.keys()]).toEqual(['b']);
  expect(seen).toEqual([{ everything: false, entities: ['b', 'a'], tracks: ['y'], status: false }]);
  stop();
  picture.apply({ type: 'delta', from: 2, seq: 3, removed_tracks: ['x'] });
  expect(seen.length).toBe(1);
  expect([...picture.tracks.keys()]).toEqual(['y']);
});

test('lost tracks leave while the node is silent', () => {
  const picture = new Picture();
  picture.replace({
    type: 'snapshot',
    seq: 1,
    entities: [],
    tracks: [track('old', 0), track('new', 250_000)],
  });
  expect(picture.drop_lost(300_000)).toBe(0);
  expect(picture.drop_lost(300_001)).toBe(1);
  expect([...picture.tracks.keys()]).toEqual(['new']);
});
