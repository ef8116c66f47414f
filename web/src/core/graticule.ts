// Lines of latitude and longitude for what the map shows, at most a dozen each way, with labels at its edges.

export interface Bounds {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** Steps in degrees, all of which read well in degrees and minutes. */
const steps = [
  30,
  20,
  10,
  5,
  2,
  1,
  30 / 60,
  20 / 60,
  10 / 60,
  5 / 60,
  2 / 60,
  1 / 60,
  0.5 / 60,
  0.2 / 60,
  0.1 / 60,
];

/** The finest step that draws at most `lines_max` lines over `span` degrees. */
export function step_for(span: number, lines_max: number): number {
  let best = steps[0]!;
  for (const step of steps) if (span / step <= lines_max) best = step;
  return best;
}

export function label_of(value: number, step: number, positive: string, negative: string): string {
  const letter = Math.abs(value) < 1e-9 ? '' : value < 0 ? negative : positive;
  const tenths = Math.round(Math.abs(value) * 600); // of a minute
  const degrees = Math.floor(tenths / 600);
  if (step >= 1) return `${degrees}°${letter}`;
  const minutes = (tenths % 600) / 10;
  const text =
    step * 60 >= 0.999 ? String(Math.round(minutes)).padStart(2, '0') : minutes.toFixed(1).padStart(4, '0');
  return `${degrees}°${text}′${letter}`;
}

interface Feature {
  type: 'Feature';
  properties: Record<string, unknown>;
  geometry: { type: 'LineString' | 'Point'; coordinates: number[] | number[][] };
}

export function graticule(bounds: Bounds, lines_max = 7): { type: 'FeatureCollection'; features: Feature[] } {
  const features: Feature[] = [];
  const south = Math.max(-85, bounds.south);
  const north = Math.min(85, bounds.north);
  const step_x = step_for(bounds.east - bounds.west, lines_max);
  const step_y = step_for(north - south, lines_max);
  const wrap = (lon: number) => ((((lon + 180) % 360) + 360) % 360) - 180;
  const line = (coordinates: number[][]) =>
    features.push({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates } });
  const text = (at: number[], words: string, anchor: string, offset: number[]) =>
    features.push({
      type: 'Feature',
      properties: { text: words, anchor, offset },
      geometry: { type: 'Point', coordinates: at },
    });
  for (let i = Math.ceil(bounds.west / step_x); i * step_x <= bounds.east; i++) {
    const lon = i * step_x;
    line([
      [lon, south],
      [lon, north],
    ]);
    text([lon, north], label_of(wrap(lon), step_x, 'E', 'W'), 'top-left', [0.3, 0.3]);
  }
  for (let i = Math.ceil(south / step_y); i * step_y <= north; i++) {
    const lat = i * step_y;
    line([
      [bounds.west, lat],
      [bounds.east, lat],
    ]);
    text([bounds.west, lat], label_of(lat, step_y, 'N', 'S'), 'bottom-left', [0.3, -0.1]);
  }
  return { type: 'FeatureCollection', features };
}
