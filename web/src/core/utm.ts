// Universal Transverse Mercator and MGRS on WGS 84, by Krueger's series to the third order in n (error well under a
// millimetre inside a zone; Karney 2011, "Transverse Mercator with an accuracy of a few nanometers", equations 7-21).

const a = 6_378_137;
const f = 1 / 298.257223563;
const n = f / (2 - f);
const k0 = 0.9996;
const radius = (a / (1 + n)) * (1 + n ** 2 / 4 + n ** 4 / 64);
const e = Math.sqrt(f * (2 - f));
const alpha = [
  n / 2 - (2 / 3) * n ** 2 + (5 / 16) * n ** 3,
  (13 / 48) * n ** 2 - (3 / 5) * n ** 3,
  (61 / 240) * n ** 3,
];
const beta = [
  n / 2 - (2 / 3) * n ** 2 + (37 / 96) * n ** 3,
  (1 / 48) * n ** 2 + (1 / 15) * n ** 3,
  (17 / 480) * n ** 3,
];
const rad = Math.PI / 180;

export interface Utm {
  zone: number;
  band: string;
  easting_m: number;
  northing_m: number;
}

const bands = 'CDEFGHJKLMNPQRSTUVWX';

/** Zone number with the exceptions of south-west Norway and Svalbard. */
function zone_of(lat: number, lon: number): number {
  if (lat >= 56 && lat < 64 && lon >= 3 && lon < 12) return 32;
  if (lat >= 72 && lon >= 0 && lon < 42) return lon < 9 ? 31 : lon < 21 ? 33 : lon < 33 ? 35 : 37;
  return (Math.floor((lon + 180) / 6) % 60) + 1;
}

/** Answers null outside 80 S to 84 N, where UTM is not defined. */
export function to_utm(lat: number, lon: number): Utm | null {
  if (!(lat >= -80 && lat <= 84) || !Number.isFinite(lon)) return null;
  const east = ((((lon + 180) % 360) + 360) % 360) - 180;
  const zone = zone_of(lat, east);
  const away = (east - (zone * 6 - 183)) * rad;
  const sin = Math.sin(lat * rad);
  const t = Math.sinh(Math.atanh(sin) - e * Math.atanh(e * sin));
  const xi = Math.atan2(t, Math.cos(away));
  const eta = Math.asinh(Math.sin(away) / Math.hypot(t, Math.cos(away)));
  let x = eta;
  let y = xi;
  alpha.forEach((coefficient, index) => {
    const j = 2 * (index + 1);
    x += coefficient * Math.cos(j * xi) * Math.sinh(j * eta);
    y += coefficient * Math.sin(j * xi) * Math.cosh(j * eta);
  });
  return {
    zone,
    band: bands[Math.min(Math.floor((lat + 80) / 8), 19)]!,
    easting_m: 500_000 + k0 * radius * x,
    northing_m: (lat < 0 ? 10_000_000 : 0) + k0 * radius * y,
  };
}

export function from_utm(zone: number, north: boolean, easting_m: number, northing_m: number) {
  const eta0 = (easting_m - 500_000) / (k0 * radius);
  const xi0 = (northing_m - (north ? 0 : 10_000_000)) / (k0 * radius);
  let xi = xi0;
  let eta = eta0;
  beta.forEach((coefficient, index) => {
    const j = 2 * (index + 1);
    xi -= coefficient * Math.sin(j * xi0) * Math.cosh(j * eta0);
    eta -= coefficient * Math.cos(j * xi0) * Math.sinh(j * eta0);
  });
  const target = Math.sin(xi) / Math.hypot(Math.sinh(eta), Math.cos(xi)); // tan of the conformal latitude
  let tan = target;
  for (let i = 0; i < 6; i++) {
    const sigma = Math.sinh(e * Math.atanh((e * tan) / Math.hypot(1, tan)));
    const got = tan * Math.hypot(1, sigma) - sigma * Math.hypot(1, tan);
    const slope = (1 - e * e) * Math.hypot(1, got) * Math.hypot(1, tan);
    tan += ((target - got) * (1 + (1 - e * e) * tan * tan)) / slope;
  }
  return { lat: Math.atan(tan) / rad, lon: zone * 6 - 183 + Math.atan2(Math.sinh(eta), Math.cos(xi)) / rad };
}

const columns = ['ABCDEFGH', 'JKLMNPQR', 'STUVWXYZ'];
const rows = 'ABCDEFGHJKLMNPQRSTUV';

/** MGRS to one metre, in groups: "31U DQ 48251 11932". Null near the poles. */
export function to_mgrs(lat: number, lon: number): string | null {
  const utm = to_utm(lat, lon);
  if (!utm) return null;
  const column = columns[(utm.zone - 1) % 3]![Math.floor(utm.easting_m / 100_000) - 1];
  const row = rows[(Math.floor(utm.northing_m / 100_000) + (utm.zone % 2 === 0 ? 5 : 0)) % 20];
  const digits = (x: number) => String(Math.floor(x % 100_000)).padStart(5, '0');
  return `${utm.zone}${utm.band} ${column}${row} ${digits(utm.easting_m)} ${digits(utm.northing_m)}`;
}

/** Reads MGRS of 1 m to 10 km; the middle of the named square. Null when it is none. */
export function from_mgrs(text: string): { lat: number; lon: number } | null {
  const found = /^(\d{1,2})([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])(\d{2}|\d{4}|\d{6}|\d{8}|\d{10})$/.exec(
    text.toUpperCase().replace(/\s+/g, ''),
  );
  if (!found) return null;
  const zone = Number(found[1]);
  const column = columns[(zone - 1) % 3]?.indexOf(found[3]!) ?? -1;
  if (zone < 1 || zone > 60 || column < 0) return null;
  const half = found[5]!.length / 2;
  const size = 10 ** (5 - half);
  const easting = (column + 1) * 100_000 + Number(found[5]!.slice(0, half)) * size + size / 2;
  const north = found[2]! >= 'N';
  const south_edge = bands.indexOf(found[2]!) * 8 - 80;
  let northing =
    ((rows.indexOf(found[4]!) - (zone % 2 === 0 ? 5 : 0) + 20) % 20) * 100_000 +
    Number(found[5]!.slice(half)) * size +
    size / 2;
  // Row letters repeat every 2,000 km; the band says which repetition is meant.
  for (; northing < 10_000_000; northing += 2_000_000) {
    const place = from_utm(zone, north, easting, northing);
    if (place.lat >= south_edge - 0.5 && place.lat <= south_edge + (found[2] === 'X' ? 12 : 8) + 0.5)
      return place;
  }
  return null;
}
