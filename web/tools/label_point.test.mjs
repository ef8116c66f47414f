import { expect, test } from 'vitest';
import { label_point } from './label_point.mjs';

const square = (x, y, size) => [
  [
    [x, y],
    [x + size, y],
    [x + size, y + size],
    [x, y + size],
    [x, y],
  ],
];

test('a label stands in the middle of the largest polygon', () => {
  const found = label_point({ type: 'MultiPolygon', coordinates: [square(50, 0, 1), square(0, 0, 10)] });
  expect(found.point[0]).toBeCloseTo(5);
  expect(found.point[1]).toBeCloseTo(5);
});

test('a label stays inside a shape with a bay', () => {
  const u = [
    [
      [0, 0],
      [10, 0],
      [10, 10],
      [7, 10],
      [7, 2],
      [3, 2],
      [3, 10],
      [0, 10],
      [0, 0],
    ],
  ];
  const { point } = label_point({ type: 'Polygon', coordinates: u });
  expect(point[1] < 2 || point[0] < 3 || point[0] > 7).toBe(true);
});

test('a geometry without polygons has no label', () => {
  expect(label_point({ type: 'Point', coordinates: [0, 0] })).toBeNull();
});
