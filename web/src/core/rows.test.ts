import { expect, test } from 'vitest';
import { Picture } from './picture';
import { Rows, sort_key_of, type Wanted } from './rows';
import type { Entity, Field, Track } from './types';

const field = (value: unknown): Field => ({ value, dots: ['d.1'], stamp: { at_ms: 1, quality: 'ntp' } });
const entity = (id: string, record: string, fields: Record<string, unknown>, at_ms = 1): Entity => ({
  id,
  record,
  display: id.toUpperCase(),
  fields: Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, field(v)])),
  updated: { at_ms, quality: 'ntp' },
});
const track = (id: string, callsign: string, at_ms: number): Track => ({
  id,
  kind: 'aircraft',
  callsign,
  lat: 0,
  lon: 0,
  at_ms,
  stale_ms: 60_000,
  lost_ms: 300_000,
});
const wanted: Wanted = { group: 'all', text: '', sort: 'name', deleted: false };

function rows_of(entities: Entity[], tracks: Track[] = []): Rows {
  const picture = new Picture();
  picture.replace({ type: 'snapshot', seq: 1, entities, tracks });
  const rows = new Rows();
  rows.refresh(picture, 'everything');
  return rows;
}

const ids = (rows: Rows, w: Partial<Wanted>) => rows.select({ ...wanted, ...w }).map((row) => row.id);

test('names sort as people count', () => {
  expect(sort_key_of('Team 2') < sort_key_of('Team 10')).toBe(true);
});

test('urgent first, newest next', () => {
  const rows = rows_of([
    entity('calm', 'site', { name: 'b' }, 50),
    entity('old', 'site', { name: 'a' }, 10),
    entity('red', 'casualty', { triage: 'red' }, 1),
  ]);
  expect(ids(rows, { sort: 'urgent' })).toEqual(['red', 'calm', 'old']);
  expect(ids(rows, { sort: 'age' })).toEqual(['calm', 'old', 'red']);
});

test('the filter wants every word, in any order and case', () => {
  const rows = rows_of([
    entity('a', 'site', { name: 'North Hut' }),
    entity('b', 'site', { name: 'South Hut' }),
  ]);
  expect(ids(rows, { text: 'hut NORTH' })).toEqual(['a']);
  expect(ids(rows, { text: 'hut' })).toEqual(['a', 'b']);
  expect(ids(rows, { text: 'east' })).toEqual([]);
});

test('deleted rows are shown only when asked for and counted never', () => {
  const gone = { ...entity('gone', 'site', { name: 'x' }), deleted: true };
  const rows = rows_of([gone]);
  expect(ids(rows, {})).toEqual([]);
  expect(ids(rows, { deleted: true })).toEqual(['gone']);
  expect(rows.counts().all).toBe(0);
});

test('groups: aircraft are apart from other tracks', () => {
  const rows = rows_of([], [track('x1', 'REGA 1', 5), { ...track('x2', 'Dog 1', 5), kind: 'person' }]);
  expect(ids(rows, { group: 'aircraft' })).toEqual(['x1']);
  expect(ids(rows, { group: 'unit' })).toEqual(['x2']);
});

test('a changed track changes its row, a removed one leaves', () => {
  const picture = new Picture();
  picture.replace({ type: 'snapshot', seq: 1, entities: [], tracks: [track('x', 'A', 5)] });
  const rows = new Rows();
  rows.refresh(picture, 'everything');
  picture.apply({ type: 'delta', from: 1, seq: 2, tracks: [track('x', 'A', 9)] });
  rows.refresh(picture, ['x']);
  expect(rows.get('x')?.at_ms).toBe(9);
  picture.apply({ type: 'delta', from: 2, seq: 3, removed_tracks: ['x'] });
  rows.refresh(picture, ['x']);
  expect(rows.size).toBe(0);
});

test("a track that is a known unit is shown in the unit's row", () => {
  const unit = { ...entity('u', 'unit', { callsign: 'Rescue 1' }, 3), tracks: ['x'] };
  const live = { ...track('x', 'HB-ZRX', 9), unit: 'u' };
  const rows = rows_of([unit], [live]);
  expect(ids(rows, {})).toEqual(['u']);
  expect(rows.get('u')).toMatchObject({ title: 'Rescue 1', at_ms: 9 });
  const picture = new Picture();
  picture.replace({ type: 'snapshot', seq: 1, entities: [unit], tracks: [live] });
  rows.refresh(picture, ['u']);
  expect(rows.get('u')?.track?.id).toBe('x');
});

test('what is not part of the work is shown in its own group only', () => {
  const rows = rows_of([entity('m', 'membership', {}), entity('s', 'site', { name: 'a' })]);
  expect(ids(rows, {})).toEqual(['s']);
  expect(ids(rows, { group: 'other' })).toEqual(['m']);
  expect(rows.counts()).toMatchObject({ all: 1, other: 1 });
});

test('what needs a person is found whatever the filter says', () => {
  const rows = rows_of(
    [
      entity('red', 'casualty', { triage: 'red' }),
      { ...entity('clash', 'site', { name: 'a' }), conflicts: ['state'] },
      { ...entity('gap', 'casualty', {}), placeholder: true },
      { ...entity('gone', 'casualty', { triage: 'red' }), deleted: true },
    ],
    [{ ...track('x', 'A', 1), emergency: 'general' }],
  );
  const found = rows.attention();
  expect(found.urgent.map((row) => row.id).sort()).toEqual(['red', 'x']);
  expect(found.conflicts.map((row) => row.id)).toEqual(['clash']);
  expect(found.placeholders.map((row) => row.id)).toEqual(['gap']);
});
