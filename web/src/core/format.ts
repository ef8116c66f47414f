import { translate, type Language } from './i18n';

/** An age in its two largest sensible units: "12 s", "4 min", "2 h 05 min", "3 d". Negative ages read as 0 s. */
export function format_age(language: Language, age_ms: number): string {
  const seconds = Math.max(0, Math.floor(age_ms / 1000));
  if (seconds < 60) return translate(language, 'age.seconds', { n: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return translate(language, 'age.minutes', { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 10)
    return translate(language, 'age.hours_minutes', { h: hours, m: String(minutes % 60).padStart(2, '0') });
  if (hours < 48) return translate(language, 'age.hours', { n: hours });
  return translate(language, 'age.days', { n: Math.floor(hours / 24) });
}

const two = (n: number) => String(n).padStart(2, '0');

/** "14:03:22Z". */
export function format_utc(ms: number): string {
  const d = new Date(ms);
  return Number.isNaN(d.getTime())
    ? '–'
    : `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}Z`;
}

/** "2025-11-22 14:03:22Z". */
export function format_utc_date(ms: number): string {
  const d = new Date(ms);
  return Number.isNaN(d.getTime())
    ? '–'
    : `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())} ${format_utc(ms)}`;
}

/** Local time with its offset: "15:03 +01". */
export function format_local(ms: number): string {
  const d = new Date(ms);
  const offset = -d.getTimezoneOffset();
  const size = Math.abs(offset);
  const rest = size % 60 === 0 ? '' : `:${two(size % 60)}`;
  return `${two(d.getHours())}:${two(d.getMinutes())} ${offset < 0 ? '−' : '+'}${two(Math.floor(size / 60))}${rest}`;
}

export function format_distance(m: number): string {
  if (m < 1_000) return `${Math.round(m)} m`;
  if (m < 20_000) return `${(m / 1_000).toFixed(1)} km`;
  return `${Math.round(m / 1_000)} km`;
}

/** "075°", 360 for north as aviation says it. */
export function format_bearing(deg: number): string {
  const whole = ((Math.round(deg) % 360) + 360) % 360;
  return `${String(whole === 0 ? 360 : whole).padStart(3, '0')}°`;
}

const foot_m = 0.3048;
const knot_mps = 1852 / 3600;

/** Heights in metres with feet beside them: ground teams think in one, crews in the other. */
export function format_height(m: number): string {
  return `${Math.round(m)} m · ${Math.round(m / foot_m)} ft`;
}

export function format_feet(m: number): string {
  return `${Math.round(m / foot_m)} ft`;
}

export function format_speed(mps: number): string {
  return `${Math.round(mps * 3.6)} km/h · ${Math.round(mps / knot_mps)} kt`;
}

export function format_climb(mps: number): string {
  const sign = mps < 0 ? '−' : '+';
  return `${sign}${Math.abs(mps).toFixed(1)} m/s · ${sign}${Math.round((Math.abs(mps) / foot_m) * 60)} ft/min`;
}

export function format_rate(bits_per_second: number): string {
  const units = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];
  let rate = bits_per_second;
  let unit = 0;
  for (; rate >= 1000 && unit < units.length - 1; unit++) rate /= 1000;
  return `${unit === 0 || rate >= 100 ? Math.round(rate) : rate.toFixed(1)} ${units[unit]}`;
}

export function format_bytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = 0;
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}
