import { expect, test } from 'vitest';
import { from_mgrs, to_mgrs, to_utm } from './utm';

test('MGRS of well-known places', () => {
  expect(to_mgrs(48.8582, 2.2945)).toBe('31U DQ 48251 11932'); // Eiffel Tower
  expect(to_mgrs(0, 3)).toBe('31N EA 00000 00000');
  expect(to_mgrs(-33.8568, 151.2153)).toMatch(/^56H LH 34\d{3} 52\d{3}$/); // Sydney Opera House
});

test('zones of south-west Norway and Svalbard are wider', () => {
  expect(to_utm(60.39, 5.32)?.zone).toBe(32);
  expect(to_utm(78.22, 15.65)?.zone).toBe(33);
});

test('the poles have no MGRS here', () => {
  expect(to_mgrs(85, 0)).toBeNull();
  expect(to_mgrs(-81, 0)).toBeNull();
});

test('MGRS survives there and back within a metre', () => {
  for (let lat = -79; lat < 84; lat += 3.7)
    for (let lon = -179; lon < 180; lon += 7.3) {
      const place = from_mgrs(to_mgrs(lat, lon)!);
      expect(place, `${lat} ${lon}`).not.toBeNull();
      expect(Math.abs(place!.lat - lat)).toBeLessThan(0.00001);
      expect(Math.abs(place!.lon - lon) * Math.cos((lat * Math.PI) / 180)).toBeLessThan(0.00001);
    }
});

test('text that is no MGRS is refused', () => {
  for (const text of ['', '31U DQ 4825 119', '61U DQ 48251 11932', '31I DQ 1 1', '46.5 7.9'])
    expect(from_mgrs(text)).toBeNull();
});
