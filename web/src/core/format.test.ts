import { expect, test } from 'vitest';
import * as format from './format';

const plain = (text: string) => text.replace(/[\u2068\u2069]/g, '');
const age = (ms: number) => plain(format.format_age('en', ms));

test('ages', () => {
  expect(age(-5)).toBe('0 s');
  expect(age(59_999)).toBe('59 s');
  expect(age(4 * 60_000)).toBe('4 min');
  expect(age(2 * 3_600_000 + 5 * 60_000)).toBe('2 h 05 min');
  expect(age(30 * 3_600_000)).toBe('30 h');
  expect(age(72 * 3_600_000)).toBe('3 d');
});

test('times', () => {
  expect(format.format_utc(1_700_000_000_000)).toBe('22:13:20Z');
  expect(format.format_utc_date(1_700_000_000_000)).toBe('2023-11-14 22:13:20Z');
  expect(format.format_utc(Number.NaN)).toBe('–');
});

test('measures', () => {
  expect(format.format_bearing(0)).toBe('360°');
  expect(format.format_bearing(74.6)).toBe('075°');
  expect(format.format_bearing(359.7)).toBe('360°');
  expect(format.format_height(1000)).toBe('1000 m · 3281 ft');
  expect(format.format_speed(50)).toBe('180 km/h · 97 kt');
  expect(format.format_climb(-2.54)).toBe('−2.5 m/s · −500 ft/min');
  expect(format.format_distance(999)).toBe('999 m');
  expect(format.format_distance(12_345)).toBe('12.3 km');
  expect(format.format_bytes(1_234_567)).toBe('1.2 MB');
  expect(format.format_rate(999)).toBe('999 bit/s');
  expect(format.format_rate(1_250)).toBe('1.3 kbit/s');
  expect(format.format_rate(64_000_000)).toBe('64.0 Mbit/s');
});
