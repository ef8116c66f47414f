import { expect, test } from 'vitest';
import { word_of_code } from './i18n';
import { has_parts, level_words, refused_frames, worst_first } from './link_words';
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

test('what a bearer refused is told by why, most first, in every language', () => {
  expect(refused_frames(undefined)).toEqual([]);
  const told = refused_frames({ 'heard before': 2, 'of a stranger': 40, 'too short': 0, 'of a new kind': 2 });
  expect(told).toEqual([
    ['of a stranger', 40],
    ['heard before', 2],
    ['of a new kind', 2],
  ]);
  expect(word_of_code('en', 'refused_frame', 'of a stranger')).toBe('of a stranger');
  expect(word_of_code('fr', 'refused_frame', 'of a stranger')).toBe('d’un inconnu');
  // A node of a later version may know further reasons.
  expect(word_of_code('fr', 'refused_frame', 'of a new kind', 'of a new kind')).toBe('of a new kind');
});
