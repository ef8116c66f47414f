import type { FieldSpec, Schema } from './schema';

/** Records a person may add, most urgent first. */
export const addable = [
  'casualty',
  'message',
  'hazard',
  'request',
  'site',
  'task',
  'unit',
  'journal',
] as const;

/** What a form asks first. Fields not named here follow under "more"; a newer node's fields appear there too. */
const first: Record<string, string[]> = {
  casualty: ['triage', 'place', 'count', 'condition', 'mobility', 'winch', 'evacuation', 'name'],
  message: ['text', 'priority', 'to', 'from'],
  hazard: ['category', 'geometry', 'severity', 'state', 'name', 'note'],
  request: ['category', 'priority', 'place', 'people', 'text'],
  site: ['category', 'name', 'place', 'state', 'note'],
  task: ['text', 'assignee', 'place', 'order', 'priority', 'state', 'due'],
  unit: ['category', 'callsign', 'state', 'place', 'crew'],
  journal: ['text', 'place'],
};

/** What everybody reads, of a record whose personal data stand in private fields. */
const open_text: Record<string, string[]> = { casualty: ['name', 'note'] };

/** Whether the field needs the word that everybody sees it, and where personal data belong. */
export function is_open_text(record: string, spec: FieldSpec): boolean {
  return !spec.private && (open_text[record] ?? []).includes(spec.name);
}

/** What a new record says unless the person says otherwise. */
const given: Record<string, Record<string, unknown>> = {
  hazard: { state: 'raised' },
  request: { state: 'open' },
  task: { state: 'assigned' },
  site: { category: 'marker' },
};

/** Never asked for when adding: they are written by other parts of the page or by programs. */
const hidden = new Set([
  'deleted',
  'made_up',
  'same_as',
  'document',
  'uid',
  'acknowledged',
  'reply_to',
  'corrects',
  'track',
]);

/** Kinds of values a form can take in. */
const enterable = new Set([
  'text',
  'code',
  'position',
  'geometry',
  'integer',
  'boolean',
  'time',
  'entity',
  'entity_or_text',
]);

export interface Form {
  main: FieldSpec[];
  more: FieldSpec[];
  given: Record<string, unknown>;
}

export function form_of(schema: Schema, record: string): Form {
  const fields = (schema.get(record)?.fields ?? []).filter(
    (f) => enterable.has(f.kind) && !hidden.has(f.name),
  );
  const order = first[record] ?? [];
  const main = order.flatMap((name) => fields.filter((field) => field.name === name));
  for (const field of fields) if (field.required && !main.includes(field)) main.push(field);
  // An outline is drawn by a program; beside a place it would only be asked twice.
  const has_place = main.some((field) => field.kind === 'position');
  const more = fields.filter((field) => !main.includes(field) && !(has_place && field.kind === 'geometry'));
  return { main, more, given: { ...given[record] } };
}

export function is_editable(field: FieldSpec | undefined): field is FieldSpec {
  return (
    field !== undefined &&
    enterable.has(field.kind) &&
    !['deleted', 'made_up', 'document', 'uid'].includes(field.name)
  );
}

/** A place as the geometry a node takes: a point, or a circle when a radius is known. */
export function geometry_at(place: { lat: number; lon: number }, radius_m: number): unknown {
  return radius_m > 0
    ? { type: 'Circle', coordinates: [place.lon, place.lat], radius_m }
    : { type: 'Point', coordinates: [place.lon, place.lat] };
}

/** The place and radius of a point or circle; null for lines and other areas. */
export function place_in_geometry(value: unknown): { lat: number; lon: number; radius_m: number } | null {
  const shape = value as {
    type?: string;
    coordinates?: unknown;
    centre?: unknown;
    radius_m?: unknown;
  } | null;
  const at =
    shape?.centre ?? (shape?.type === 'Point' || shape?.type === 'Circle' ? shape.coordinates : null);
  if (!Array.isArray(at) || typeof at[0] !== 'number' || typeof at[1] !== 'number') return null;
  return { lon: at[0], lat: at[1], radius_m: typeof shape?.radius_m === 'number' ? shape.radius_m : 0 };
}

/** Names of required fields that are still empty. */
export function missing(form: Form, values: Record<string, unknown>): string[] {
  const empty = (value: unknown) => value === undefined || value === null || value === '';
  return [...form.main, ...form.more].filter((f) => f.required && empty(values[f.name])).map((f) => f.name);
}
