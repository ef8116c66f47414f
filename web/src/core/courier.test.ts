import { expect, test } from 'vitest';
import { bundle_file_name, report_lines } from './courier';

test('a file that brought all says so in one line', () => {
  const lines = report_lines({ state: 'done', whole: true, events_new: 3, nodes: ['POST 1', 'TRUCK 2'] });
  expect(lines).toEqual([{ key: 'courier.brought', values: { n: 3, names: 'POST 1, TRUCK 2' }, bad: false }]);
});

test('what is missing, refused or damaged is marked, and nothing of it hidden by what came', () => {
  const lines = report_lines({
    state: 'done',
    whole: false,
    signed: false,
    events_new: 1,
    events_known: 2,
    nodes: ['POST 1'],
    lacking: [{ node: 'TRUCK 2', class: 1, here: 4, first: 9 }],
    refused: { 'its signature is wrong': 2 },
    damages: [{ offset: 77, what: 'a checksum' }],
    more_parts: true,
    part: 1,
  });
  expect(lines.filter((line) => line.bad).map((line) => line.key)).toEqual([
    'courier.unsigned',
    'courier.lacking',
    'courier.refused_events',
    'courier.damaged',
    'courier.not_whole',
  ]);
  expect(lines.find((line) => line.key === 'courier.lacking')?.values).toEqual({ n: 4, name: 'TRUCK 2' });
  expect(lines.at(-1)).toEqual({ key: 'courier.more_parts', values: { n: 2 }, bad: false });
});

test('a file of another incident says only why it was not read', () => {
  expect(report_lines({ state: 'refused', why: 'another incident' })).toHaveLength(1);
});

test('file names hold no character that a stick refuses', () => {
  const at = new Date('2026-05-04T03:02:01Z');
  expect(bundle_file_name('POST 1/a:b', at, 1)).toBe('POST-1-a-b-20260504-0302Z.bundle');
  expect(bundle_file_name('', at, 2)).toBe('bundle-20260504-0302Z.bundle.part2');
});
