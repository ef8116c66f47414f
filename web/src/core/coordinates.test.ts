import { expect, test } from 'vitest';
import { bearing_deg, distance_m, format_place, parse_place } from './coordinates';

const place = { lat: 46.5372, lon: 7.9623 };

test('coordinates in each style', () => {
  expect(format_place(place, 'dd')).toBe('46.53720, 7.96230');
  expect(format_place(place, 'ddm')).toBe('N 46°32.232′  E 007°57.738′');
  expect(format_place(place, 'dms')).toBe('N 46°32′13.9″  E 007°57′44.3″');
  expect(format_place(place, 'mgrs')).toMatch(/^32T MS \d{5} \d{5}$/);
  expect(format_place({ lat: -33.5, lon: -70.25 }, 'ddm')).toBe('S 33°30.000′  W 070°15.000′');
});

test('rounding never prints sixty minutes or seconds', () => {
  expect(format_place({ lat: 46.9999999, lon: 7.99999999 }, 'ddm')).toBe('N 47°00.000′  E 008°00.000′');
  expect(format_place({ lat: 46.9999999, lon: 7.99999999 }, 'dms')).toBe('N 47°00′00.0″  E 008°00′00.0″');
});

test('near the poles MGRS falls back to degrees', () => {
  expect(format_place({ lat: 89, lon: 10 }, 'mgrs')).toBe('89.00000, 10.00000');
});

test('what a person types is read', () => {
  const near = (text: string, lat: number, lon: number) => {
    const got = parse_place(text);
    expect(got, text).not.toBeNull();
    expect(got!.lat).toBeCloseTo(lat, 4);
    expect(got!.lon).toBeCloseTo(lon, 4);
  };
  near('46.5372, 7.9623', 46.5372, 7.9623);
  near('46.5372 7.9623', 46.5372, 7.9623);
  near('-33.5 -70.25', -33.5, -70.25);
  near('N46 32.232 E007 57.738', 46.5372, 7.9623);
  near('46°32.232′N 7°57.738′E', 46.5372, 7.9623);
  near(`46°32'13.92"N 7°57'44.28"E`, 46.5372, 7.9623);
  near('7.9623E 46.5372N', 46.5372, 7.9623);
  near('S 33°30.000′  W 070°15.000′', -33.5, -70.25);
  near('31UDQ4825111932', 48.8582, 2.2945);
});

test('what every style writes is read back', () => {
  for (const style of ['dd', 'ddm', 'dms', 'mgrs'] as const) {
    const back = parse_place(format_place(place, style))!;
    expect(distance_m(place, back)).toBeLessThan(3);
  }
});

test('what is no place is refused', () => {
  for (const text of [
    '',
    'abc',
    '46.5',
    '91 0',
    '0 181',
    'N46 61 E7',
    'N46 N47',
    '46.5 32.1 7.2 1.1 5',
    '-46N 7E',
  ])
    expect(parse_place(text), text).toBeNull();
});

test('distance and bearing', () => {
  expect(distance_m({ lat: 0, lon: 0 }, { lat: 0, lon: 1 })).toBeCloseTo(111_195, -1);
  expect(bearing_deg({ lat: 0, lon: 0 }, { lat: 0, lon: 1 })).toBeCloseTo(90);
  expect(bearing_deg({ lat: 10, lon: 10 }, { lat: 9, lon: 10 })).toBeCloseTo(180);
});
