import { expect, test } from 'vitest';
import { conflict_key, needs_person, settle_commands, unsettle_commands } from './conflicts';
import type { Conflict, Entity } from './types';

const random = (bytes: Uint8Array) => bytes.fill(7);
const entity = (id: string, fields: Entity['fields'] = {}): Entity => ({
  id,
  record: 'casualty',
  display: id,
  fields,
});
const triage: Conflict = {
  kind: 'values',
  class: 0,
  why: '',
  entity: 'd.1',
  record: 'casualty',
  field: 'triage',
  choices: ['red', 'green', 'yellow'].map((value, i) => ({
    value,
    dots: [`d.${i}`],
    settle: [
      {
        record: 'casualty',
        entity: 'd.1',
        writes: [{ field: 'triage', value, replaces: ['d.0', 'd.1', 'd.2'] }],
      },
    ],
  })),
};

test('a conflict, a revived record and a unit claimed twice need a person; a deleted record does not', () => {
  expect(needs_person(entity('a'))).toBe(false);
  expect(needs_person({ ...entity('a'), conflicts: ['triage'] })).toBe(true);
  expect(needs_person({ ...entity('a'), revived: true })).toBe(true);
  expect(needs_person({ ...entity('a'), claimed_by: ['t1', 't2'] })).toBe(true);
  expect(needs_person({ ...entity('a'), conflicts: ['triage'], deleted: true })).toBe(false);
});

test('a settlement is what the node offered, each command with an id of its own', () => {
  const [command] = settle_commands(triage.choices[1]!, random);
  expect(command).toEqual({ id: '07'.repeat(16), ...triage.choices[1]!.settle![0] });
  expect(settle_commands({ value: 1, dots: [] }, random)).toEqual([]);
});

test('taken back, the other values stand beside the chosen one again', () => {
  // The page has not heard of its own settlement yet.
  const settled = entity('d.1', { triage: { value: 'red', dots: ['d.0'] } });
  const commands = unsettle_commands(
    triage,
    triage.choices[1]!,
    () => null,
    () => settled,
    () => [],
    random,
  );
  expect(commands.map((c) => c.writes[0])).toEqual([
    { field: 'triage', value: 'red', replaces: [] },
    { field: 'triage', value: 'yellow', replaces: [] },
  ]);
});

test('a claim given up is taken back on the record that gave it up', () => {
  const clash: Conflict = {
    kind: 'clash',
    class: 1,
    why: '',
    entity: 'unit',
    field: 'assignee',
    choices: [
      {
        value: 't1',
        dots: ['d.1'],
        settle: [
          {
            record: 'task',
            entity: 't2',
            writes: [{ field: 'assignee', value: null, replaces: ['d.2'] }],
          },
        ],
      },
    ],
  };
  const commands = unsettle_commands(
    clash,
    clash.choices[0]!,
    () => 'unit',
    (id) => entity(id, { assignee: { value: 'unit', dots: ['d.2'] } }),
    () => ['d.8'],
    random,
  );
  expect(commands).toHaveLength(1);
  expect(commands[0]!.entity).toBe('t2');
  expect(commands[0]!.writes).toEqual([{ field: 'assignee', value: 'unit', replaces: ['d.2', 'd.8'] }]);
});

test('conflicts are told apart by kind, record and field', () => {
  expect(conflict_key(triage)).not.toBe(conflict_key({ ...triage, field: 'life' }));
});
