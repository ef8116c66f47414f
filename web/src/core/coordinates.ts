import { from_mgrs, to_mgrs } from './utm';

export interface Place {
  lat: number;
  lon: number;
}

/** How coordinates are written: decimal degrees, degrees and minutes (aviation), with seconds, or MGRS. */
export type CoordinateStyle = 'dd' | 'ddm' | 'dms' | 'mgrs';
export const coordinate_styles: readonly CoordinateStyle[] = ['ddm', 'dd', 'dms', 'mgrs'];

function split(value: number, steps: number[], decimals: number): number[] {
  // Works on the whole number of smallest parts, so that 59.9999 minutes never print as 60.
  const scale = 10 ** decimals;
  let rest = Math.round(Math.abs(value) * steps.reduce((x, y) => x * y, 1) * scale);
  const parts: number[] = [];
  for (const step of [...steps].reverse()) {
    const base = parts.length === 0 ? step * scale : step;
    parts.unshift((rest % base) / (parts.length === 0 ? scale : 1));
    rest = Math.floor(rest / base);
  }
  return [rest, ...parts];
}

function one(
  value: number,
  positive: string,
  negative: string,
  width: number,
  style: CoordinateStyle,
): string {
  const letter = value < 0 ? negative : positive;
  if (style === 'ddm') {
    const [degrees, minutes] = split(value, [60], 3);
    return `${letter} ${String(degrees).padStart(width, '0')}°${minutes!.toFixed(3).padStart(6, '0')}′`;
  }
  const [degrees, minutes, seconds] = split(value, [60, 60], 1);
  return `${letter} ${String(degrees).padStart(width, '0')}°${String(minutes).padStart(2, '0')}′${seconds!.toFixed(1).padStart(4, '0')}″`;
}

/** Coordinates are always written left to right, whatever the language. */
export function format_place(place: Place, style: CoordinateStyle): string {
  if (style === 'mgrs') {
    const mgrs = to_mgrs(place.lat, place.lon);
    if (mgrs) return mgrs;
  }
  if (style === 'dd' || style === 'mgrs') return `${place.lat.toFixed(5)}, ${place.lon.toFixed(5)}`;
  return `${one(place.lat, 'N', 'S', 2, style)}  ${one(place.lon, 'E', 'W', 3, style)}`;
}

const number = '(\\d+(?:[.,]\\d+)?)';
const angle = `${number}\\s*°?\\s*(?:${number}\\s*['′’]?\\s*(?:${number}\\s*(?:["″”]|'')?)?)?`;
// A letter stands before the number or after it, never both: "S 33 W 70" must not read as "S 33 W".
const part = `(?:([NSEW])\\s*${angle}|([+-])?${angle}\\s*([NSEW])?)`;
const pair = new RegExp(`^\\s*${part}(?:\\s*[,;/]\\s*|\\s+)${part}\\s*$`, 'i');

function read(found: (string | undefined)[]): { value: number; axis: '' | 'lat' | 'lon' } | null {
  const letter = (found[0] ?? found[8] ?? '').toUpperCase();
  const sign = found[4];
  const [degrees, minutes, seconds] = found[0] ? found.slice(1, 4) : found.slice(5, 8);
  if (letter && sign) return null;
  const numeric = (text: string | undefined) => (text ? Number(text.replace(',', '.')) : 0);
  if (numeric(minutes) >= 60 || numeric(seconds) >= 60) return null;
  if (minutes && /[.,]/.test(degrees!)) return null;
  const size = numeric(degrees) + numeric(minutes) / 60 + numeric(seconds) / 3600;
  const value = letter === 'S' || letter === 'W' || sign === '-' ? -size : size;
  return { value, axis: letter === '' ? '' : 'NS'.includes(letter) ? 'lat' : 'lon' };
}

/**
 * Reads what a person types or pastes: "46.5372, 7.9623", "N46 32.232 E007 57.738", "46°32′14″N 7°57′44″E" or MGRS.
 * Without letters latitude comes first. Null when it is not clearly a place on Earth.
 */
export function parse_place(text: string): Place | null {
  const grid = from_mgrs(text);
  if (grid) return grid;
  const plain = /^\s*([+-]?\d+(?:\.\d+)?)\s*[,;\s]\s*([+-]?\d+(?:\.\d+)?)\s*$/.exec(text);
  if (plain) return checked(Number(plain[1]), Number(plain[2]));
  const found = pair.exec(text);
  if (!found) return null;
  const first = read(found.slice(1, 10));
  const second = read(found.slice(10, 19));
  if (!first || !second) return null;
  if (first.axis === 'lon' || second.axis === 'lat') {
    if (first.axis === 'lat' || second.axis === 'lon' || first.axis === second.axis) return null;
    return checked(second.value, first.value);
  }
  return checked(first.value, second.value);
}

function checked(lat: number, lon: number): Place | null {
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}

const earth_m = 6_371_008.8;
const rad = Math.PI / 180;

/** Great-circle distance in metres (sphere; within 0.6 % of the ellipsoid). */
export function distance_m(a: Place, b: Place): number {
  const s =
    Math.sin(((b.lat - a.lat) * rad) / 2) ** 2 +
    Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lon - a.lon) * rad) / 2) ** 2;
  return 2 * earth_m * Math.asin(Math.min(1, Math.sqrt(s)));
}

/** Initial true bearing from `a` to `b`, 0 to 360 degrees. */
export function bearing_deg(a: Place, b: Place): number {
  const d = (b.lon - a.lon) * rad;
  const y = Math.sin(d) * Math.cos(b.lat * rad);
  const x =
    Math.cos(a.lat * rad) * Math.sin(b.lat * rad) -
    Math.sin(a.lat * rad) * Math.cos(b.lat * rad) * Math.cos(d);
  return (Math.atan2(y, x) / rad + 360) % 360;
}
