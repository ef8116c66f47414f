// Where a thing has been, as lines for the map. Pure.
import type { Place } from './coordinates';

/** `GET /api/v1/tracks/{id}/fixes`: [ms, latitude, longitude, height?], oldest first, by the node that heard them. */
export interface Fixes {
  tracks: { node_id: string; fixes: [number, number, number, number?][] }[];
}

/**
 * One line for each node that heard the thing; the one with the latest fix goes on to where it is now. Longitudes go on
 * beyond 180 degrees rather than across the whole map.
 */
export function trail_lines(answer: Fixes, now: Place | null): [number, number][][] {
  let latest = -1;
  let latest_ms = -Infinity;
  const lines = answer.tracks.map((track, i) => {
    const line: [number, number][] = [];
    for (const [ms, lat, lon] of track.fixes) {
      put(line, lat, lon);
      if (ms > latest_ms) {
        latest = i;
        latest_ms = ms;
      }
    }
    return line;
  });
  if (now && latest >= 0) put(lines[latest]!, now.lat, now.lon);
  return lines.filter((line) => line.length > 1);
}

function put(line: [number, number][], lat: number, lon: number): void {
  const last = line.at(-1);
  let east = lon;
  if (last) {
    while (east - last[0] > 180) east -= 360;
    while (east - last[0] < -180) east += 360;
  }
  line.push([east, lat]);
}
