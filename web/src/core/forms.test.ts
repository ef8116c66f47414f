import { expect, test } from 'vitest';
import { form_of, geometry_at, is_open_text, missing, place_in_geometry } from './forms';
import { read_schema } from './schema';

const schema = read_schema({
  common: [
    { name: 'deleted', type: 'boolean' },
    { name: 'name', type: 'text' },
  ],
  records: [
    {
      name: 'hazard',
      fields: [
        { name: 'geometry', type: 'geometry', required: true },
        { name: 'category', type: 'code', codes: [{ name: 'fire' }], required: true },
        { name: 'from_the_future', type: 'text' },
        { name: 'blob', type: 'bytes' },
      ],
    },
  ],
});

test('a form asks what matters first and keeps the rest at hand', () => {
  const form = form_of(schema, 'hazard');
  expect(form.main.map((f) => f.name)).toEqual(['category', 'geometry', 'name']);
  expect(form.more.map((f) => f.name)).toEqual(['from_the_future']);
  expect(form.given).toEqual({ state: 'raised' });
});

test('required fields must be filled', () => {
  const form = form_of(schema, 'hazard');
  expect(missing(form, { category: 'fire' })).toEqual(['geometry']);
  expect(missing(form, { category: 'fire', geometry: { type: 'Point' } })).toEqual([]);
});

test('points and circles there and back', () => {
  const place = { lat: 46, lon: 7 };
  expect(place_in_geometry(geometry_at(place, 0))).toEqual({ ...place, radius_m: 0 });
  expect(place_in_geometry(geometry_at(place, 250))).toEqual({ ...place, radius_m: 250 });
  expect(
    place_in_geometry({ type: 'Polygon', coordinates: [], centre: [7, 46], radius_m: 9 })?.radius_m,
  ).toBe(9);
  expect(place_in_geometry({ type: 'LineString', coordinates: [] })).toBeNull();
});

test('name and note of a casualty say that everybody sees them', () => {
  const spec = (name: string, is_private = false) =>
    ({ name, private: is_private }) as Parameters<typeof is_open_text>[1];
  expect(is_open_text('casualty', spec('name'))).toBe(true);
  expect(is_open_text('casualty', spec('note'))).toBe(true);
  expect(is_open_text('casualty', spec('identity', true))).toBe(false);
  expect(is_open_text('site', spec('name'))).toBe(false);
});

test('an unknown record gives an empty form', () => {
  expect(form_of(schema, 'nothing').main).toEqual([]);
});
