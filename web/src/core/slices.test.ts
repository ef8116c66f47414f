import { expect, test } from 'vitest';
import { slice_size, slices_of } from './slices';
import type { Delta, Part, Snapshot, Track } from './types';

const tracks = (count: number) =>
  Array.from(
    { length: count },
    (_, i) => ({ id: `x${i}`, kind: 'aircraft', lat: 0, lon: 0, at_ms: 0, stale_ms: 1, lost_ms: 2 }) as Track,
  );

test('small messages stay whole', () => {
  const delta: Delta = { type: 'delta', from: 1, seq: 2, tracks: tracks(slice_size) };
  expect(slices_of(delta)).toEqual([delta]);
  expect(slices_of({ type: 'beat', seq: 1, server_ms: 1 }).length).toBe(1);
});

test('a large delta is counted after its slices', () => {
  const whole: Delta = { type: 'delta', from: 1, seq: 2, tracks: tracks(2 * slice_size + 1), removed: ['a'] };
  const parts = slices_of(whole);
  expect(parts.map((part) => part.type)).toEqual(['part', 'part', 'part', 'delta']);
  expect(parts.flatMap((part) => (part as Part).tracks ?? [])).toEqual(whole.tracks);
  expect(parts.at(-1)).toMatchObject({ from: 1, seq: 2, removed: ['a'] });
});

test('a large snapshot comes before its slices and is complete after them', () => {
  const whole: Snapshot = { type: 'snapshot', seq: 7, entities: [], tracks: tracks(slice_size + 1) };
  const parts = slices_of(whole);
  expect(parts.map((part) => part.type)).toEqual(['snapshot', 'part', 'part', 'complete']);
  expect(parts[0]).toMatchObject({ seq: 7, more: true, tracks: [] });
  expect((parts[1] as Part).from).toBe(7);
  expect(parts[3]).toEqual({ type: 'complete', seq: 7 });
});

test('a large part stays a part, and what it removes goes with its last slice', () => {
  const parts = slices_of({ type: 'part', from: 3, tracks: tracks(2 * slice_size), removed: ['a'] });
  expect(parts.map((part) => part.type)).toEqual(['part', 'part', 'part']);
  expect(parts.at(-1)).toMatchObject({ from: 3, removed: ['a'] });
});
