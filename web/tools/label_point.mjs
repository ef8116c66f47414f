/** Twice the signed area of a ring, in square degrees scaled by the cosine of its latitude. */
function area_of(ring) {
  let twice = 0;
  let latitude = 0;
  for (let i = 0; i + 1 < ring.length; i++) {
    twice += ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
    latitude += ring[i][1];
  }
  return Math.abs(twice / 2) * Math.cos(((latitude / (ring.length - 1)) * Math.PI) / 180);
}

/** The widest stretch of the horizontal line at `y` that lies inside the polygon: its middle and width. */
function widest_at(polygon, y) {
  const crossings = [];
  for (const ring of polygon)
    for (let i = 0; i + 1 < ring.length; i++) {
      const [x1, y1] = ring[i];
      const [x2, y2] = ring[i + 1];
      if (y1 > y !== y2 > y) crossings.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
    }
  crossings.sort((a, b) => a - b);
  let best = { middle: 0, width: -1 };
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    const width = crossings[i + 1] - crossings[i];
    if (width > best.width) best = { middle: (crossings[i] + crossings[i + 1]) / 2, width };
  }
  return best;
}

/**
 * Where to write a country's name: inside its largest polygon, on the widest of nine horizontal cuts, the middle
 * ones preferred. Answers null for a geometry without polygons.
 */
export function label_point(geometry) {
  const polygons =
    geometry?.type === 'Polygon'
      ? [geometry.coordinates]
      : geometry?.type === 'MultiPolygon'
        ? geometry.coordinates
        : [];
  let largest = null;
  let area = -1;
  for (const polygon of polygons) {
    const size = area_of(polygon[0]);
    if (size > area) [largest, area] = [polygon, size];
  }
  if (!largest) return null;
  const ys = largest[0].map((p) => p[1]);
  const low = Math.min(...ys);
  const high = Math.max(...ys);
  let best = null;
  for (let step = 1; step <= 9; step++) {
    const y = low + ((high - low) * step) / 10;
    const { middle, width } = widest_at(largest, y);
    const score = width * (1 - Math.abs(step - 5) / 12);
    if (width > 0 && (!best || score > best.score)) best = { point: [middle, y], score };
  }
  return best && { point: best.point, area };
}
