import { expect, test } from 'vitest';
import { Assembly } from './assembly';
import type { Entity, Snapshot } from './types';

const part = (number: number, more: boolean, ids: string[], seq = 7): Snapshot => ({
  type: 'snapshot',
  epoch: 'a',
  seq,
  part: number,
  more,
  entities: ids.map((id) => ({ id }) as Entity),
  tracks: [],
  ...(more ? {} : { status: { unshared: 2 } }),
});

test('parts become one snapshot when the last is here, and not before', () => {
  const assembly = new Assembly();
  expect(assembly.take(part(1, true, ['a', 'b']))).toEqual({ type: 'coming', part: 1 });
  expect(assembly.take({ type: 'beat', seq: 1, server_ms: 1 })).toMatchObject({ type: 'beat' });
  expect(assembly.take(part(2, true, []))).toEqual({ type: 'coming', part: 2 });
  const whole = assembly.take(part(3, false, ['c'])) as Snapshot;
  expect(whole.entities.map((one) => one.id)).toEqual(['a', 'b', 'c']);
  expect(whole).toMatchObject({ type: 'snapshot', epoch: 'a', seq: 7, more: false, status: { unshared: 2 } });
});

test('a snapshot in one message passes, with or without a part number', () => {
  const assembly = new Assembly();
  expect(assembly.take(part(1, false, ['a']))).toMatchObject({ seq: 7, entities: [{ id: 'a' }] });
  const plain: Snapshot = { type: 'snapshot', seq: 8, entities: [], tracks: [] };
  expect(assembly.take(plain)).toMatchObject({ seq: 8 });
});

test('a part that does not follow on is refused', () => {
  const assembly = new Assembly();
  expect(assembly.take(part(2, false, []))).toBeNull();
  assembly.take(part(1, true, ['a']));
  expect(assembly.take(part(3, false, []))).toBeNull();
  assembly.take(part(1, true, ['a']));
  expect(assembly.take(part(2, false, [], 8))).toBeNull();
  expect(assembly.take({ type: 'snapshot', seq: 1 } as unknown as Snapshot)).toBeNull();
});

test('a snapshot that begins anew forgets the one that did not end', () => {
  const assembly = new Assembly();
  assembly.take(part(1, true, ['old']));
  assembly.take(part(1, true, ['new'], 9));
  expect((assembly.take(part(2, false, [], 9)) as Snapshot).entities.map((one) => one.id)).toEqual(['new']);
});
