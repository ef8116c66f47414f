import { expect, test } from 'vitest';
import { has_parts, level_words, worst_first } from './link_words';
import type { Peer } from './types';

const peer = (name: string, more: Partial<Peer> = {}): Peer => ({ name, state: 'connected', ...more });

test('the lost come first, then those who lack most', () => {
  const peers = [
    peer('level'),
    peer('behind', { lacks_here: 9 }),
    peer('lost', { state: 'lost' }),
    peer('coming', { state: 'connecting' }),
  ];
  expect(worst_first(peers).map((one) => one.name)).toEqual(['lost', 'coming', 'behind', 'level']);
});

test('a time to level is said only where one was measured', () => {
  expect(level_words(peer('a', { level: 'equal' }))).toBe('level');
  expect(level_words(peer('a', { level: 'behind', to_level_ms: 1000 }))).toBe('level_in');
  expect(level_words(peer('a', { level: 'behind' }))).toBe('level_unknown');
  expect(level_words(peer('a', { level: 'unknown' }))).toBe('not_compared');
  expect(level_words(peer('a', { state: 'lost', level: 'equal' }))).toBeNull();
});

test('routine alone has no parts', () => {
  expect(has_parts({ urgent: 0, important: 0, routine: 7 })).toBe(false);
  expect(has_parts({ urgent: 1, important: 0, routine: 0 })).toBe(true);
});
