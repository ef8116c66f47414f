import { expect, test } from 'vitest';
import {
  create_command,
  delete_command,
  dots_seen,
  new_command_id,
  same_value,
  settle_command,
} from './command';
import type { Entity } from './types';

const stamp = (at_ms: number) => ({ at_ms, quality: 'ntp' });
const casualty: Entity = {
  id: 'd.1',
  record: 'casualty',
  display: 'C-1',
  fields: {
    triage: {
      value: 'red',
      dots: ['d.a'],
      stamp: stamp(1),
      alternatives: [{ value: 'yellow', dots: ['d.b', 'd.a'], stamp: stamp(2) }],
    },
    note: { value: 'x', dots: ['d.c'], stamp: stamp(3) },
  },
};

test('ids are 32 hex digits', () => {
  expect(new_command_id((bytes) => bytes.fill(0xa5))).toBe('a5'.repeat(16));
});

test('settling a conflict names every dot once', () => {
  const command = settle_command('id', casualty, 'triage', 'yellow');
  expect(command).toEqual({
    id: 'id',
    record: 'casualty',
    entity: 'd.1',
    writes: [{ field: 'triage', value: 'yellow', replaces: ['d.a', 'd.b'] }],
  });
});

test('a new record replaces nothing', () => {
  const command = create_command('id', 'message', { text: 'hello' });
  expect(command).toEqual({
    id: 'id',
    record: 'message',
    entity: null,
    writes: [{ field: 'text', value: 'hello', replaces: [] }],
  });
  expect(dots_seen(undefined)).toEqual([]);
});

test('a delete names what it has seen; taking it back names nothing', () => {
  const seen = { ...casualty, coverage: ['d.c', 'd.b'] };
  expect(delete_command('id', seen, true).writes).toEqual([
    { field: 'deleted', value: true, replaces: ['d.c', 'd.b'] },
  ]);
  expect(delete_command('id', casualty, true, ['d.z']).writes[0]!.replaces).toEqual(['d.z']);
  expect(delete_command('id', seen, false).writes).toEqual([
    { field: 'deleted', value: false, replaces: [] },
  ]);
});

test('adding to a list replaces nothing', () => {
  expect(dots_seen({ value: 'a', dots: ['d.1'], stamp: stamp(1), rule: 'append' })).toEqual([]);
});

test('values are compared by content', () => {
  expect(same_value({ lat: 1, lon: 2 }, { lon: 2, lat: 1 })).toBe(true);
  expect(same_value([1, [2]], [1, [2]])).toBe(true);
  expect(same_value([1], [1, 2])).toBe(false);
  expect(same_value(null, {})).toBe(false);
});
