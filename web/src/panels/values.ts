// Stored values as words. Whatever a node sends, something readable comes out; markup never does.
import { app } from '../app.svelte';
import { format_height, format_utc_date } from '../core/format';
import { field_spec } from '../core/schema';

type Loose = Record<string, unknown>;

function is_place(value: unknown): value is { lat: number; lon: number; hae_m?: number } {
  return typeof (value as Loose | null)?.lat === 'number' && typeof (value as Loose | null)?.lon === 'number';
}

function geometry_words(value: Loose): string {
  const radius = value.radius_m;
  const points = JSON.stringify(value.coordinates ?? []).match(/\[-?[\d.]/g)?.length ?? 0;
  if (value.type === 'Point' && Array.isArray(value.coordinates)) {
    const place = app.place_text({ lon: Number(value.coordinates[0]), lat: Number(value.coordinates[1]) });
    return typeof radius === 'number' ? `${app.t('shape.circle')} ${Math.round(radius)} m · ${place}` : place;
  }
  if (value.type === 'LineString') return app.t('shape.line', { n: points });
  if (value.type === 'Polygon') return app.t('shape.area', { n: Math.max(0, points - 1) });
  return String(value.type ?? '');
}

export function value_words(record: string, field: string, value: unknown, told?: string): string {
  if (value === null || value === undefined || value === '') return '–';
  if (typeof value === 'boolean') return app.t(value ? 'value.yes' : 'value.no');
  const spec = field_spec(app.schema, record, field);
  if (typeof value === 'number')
    return spec?.kind === 'time' || field.endsWith('_at') ? format_utc_date(value) : String(value);
  if (typeof value === 'string') {
    if (spec?.kind === 'code' || told) return app.code(field, value, told ?? spec?.code_words[value], record);
    if (/^(d|x)\.?[0-9a-f]/.test(value) && (spec?.kind === 'entity' || spec?.kind === 'entity_or_text'))
      return app.title_of(value);
    return value;
  }
  if (is_place(value)) {
    const height = typeof value.hae_m === 'number' ? ` · ${format_height(value.hae_m)}` : '';
    return `${app.place_text(value)}${height}`;
  }
  if (Array.isArray(value)) return value.map((part) => value_words(record, field, part)).join(', ');
  if (typeof (value as Loose).type === 'string') return geometry_words(value as Loose);
  return JSON.stringify(value);
}

/** True when the words are digits and letters that must run left to right in every language. */
export function runs_ltr(value: unknown): boolean {
  return typeof value === 'number' || is_place(value) || typeof (value as Loose | null)?.type === 'string';
}
