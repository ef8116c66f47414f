import { expect, test } from 'vitest';
import { group_fields } from './field_groups';
import type { Field } from './types';

const field = (at_ms: number, values?: Field['values']): Field => ({
  value: 1,
  dots: [],
  stamp: { at_ms, quality: 'ntp', node_id: 'n' },
  values,
});

test('fields said together form one group, in the order they first appear', () => {
  const groups = group_fields([
    ['a', field(1)],
    ['b', field(2)],
    ['c', field(1)],
  ]);
  expect(groups.map((g) => g.fields.map(([name]) => name))).toEqual([['a', 'c'], ['b']]);
  expect(groups[0]!.stamp?.at_ms).toBe(1);
});

test('a list of values stands alone and brings its own stamps', () => {
  const list = field(1, [{ value: 'x', dots: [], stamp: { at_ms: 1, quality: 'ntp' } }]);
  const groups = group_fields([
    ['a', field(1)],
    ['text', list],
  ]);
  expect(groups.length).toBe(2);
  expect(groups[1]!.stamp).toBeUndefined();
});
