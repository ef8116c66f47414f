import { expect, test } from 'vitest';
import { trail_lines } from './trail';

test('the line of who heard it last leads to where it is now', () => {
  const lines = trail_lines(
    {
      tracks: [
        {
          node_id: 'a',
          fixes: [
            [1000, 46, 7],
            [3000, 46.1, 7.1, 900],
          ],
        },
        {
          node_id: 'b',
          fixes: [
            [2000, 46, 7.05],
            [2500, 46.05, 7.06],
          ],
        },
      ],
    },
    { lat: 46.2, lon: 7.2 },
  );
  expect(lines).toEqual([
    [
      [7, 46],
      [7.1, 46.1],
      [7.2, 46.2],
    ],
    [
      [7.05, 46],
      [7.06, 46.05],
    ],
  ]);
});

test('one fix and no present place make no line', () => {
  expect(trail_lines({ tracks: [{ node_id: 'a', fixes: [[1, 1, 1]] }] }, null)).toEqual([]);
  expect(trail_lines({ tracks: [] }, { lat: 1, lon: 1 })).toEqual([]);
});

test('a flight over the date line stays one short line', () => {
  const [line] = trail_lines(
    {
      tracks: [
        {
          node_id: 'a',
          fixes: [
            [1, 0, 179.5],
            [2, 0, -179.5],
            [3, 0, 179.8],
          ],
        },
      ],
    },
    null,
  );
  expect(line!.map(([lon]) => lon)).toEqual([179.5, 180.5, 179.8]);
});
