import { expect, test } from 'vitest';
import { graticule, label_of, step_for } from './graticule';

test('the step grows with the span', () => {
  expect(step_for(360, 7)).toBe(30);
  expect(step_for(20, 7)).toBe(5);
  expect(step_for(0.5, 7)).toBeCloseTo(5 / 60);
});

test('labels read in degrees and minutes', () => {
  expect(label_of(46.5, 0.5, 'N', 'S')).toBe('46°30′N');
  expect(label_of(-7, 1, 'E', 'W')).toBe('7°W');
  expect(label_of(7 + 0.2 / 60, 0.1 / 60, 'E', 'W')).toBe('7°00.2′E');
  expect(label_of(0, 10, 'N', 'S')).toBe('0°');
});

test('lines stay few and inside', () => {
  for (const span of [0.01, 0.3, 4, 50, 170]) {
    const { features } = graticule({ west: 5, east: 5 + span, south: -span / 4, north: span / 4 });
    expect(features.length).toBeLessThan(40);
    for (const f of features)
      if (f.geometry.type === 'Point') {
        const [lon, lat] = f.geometry.coordinates as number[];
        expect(lon! >= 5 - 1e-9 && lon! <= 5 + span + 1e-9 && Math.abs(lat!) <= span / 4 + 1e-9).toBe(true);
      }
  }
});
