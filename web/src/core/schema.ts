// What /api/v1/schema says, in the page's own words. Forms are made from this, so a field that a newer node adds can
// be entered without a newer page.

export type FieldKind =
  | 'text'
  | 'code'
  | 'position'
  | 'geometry'
  | 'integer'
  | 'boolean'
  | 'time'
  | 'entity'
  | 'other';

export interface FieldSpec {
  name: string;
  kind: FieldKind;
  codes: string[];
  rule: string;
  private: boolean;
  unit: string;
  /** What the field is for, in English, from the node. */
  help: string;
}

export interface RecordSpec {
  name: string;
  fields: FieldSpec[];
}

export type Schema = Map<string, RecordSpec>;

const kinds: Record<string, FieldKind> = {
  text: 'text',
  string: 'text',
  line: 'text',
  code: 'code',
  enum: 'code',
  position: 'position',
  point: 'position',
  geometry: 'geometry',
  integer: 'integer',
  int: 'integer',
  number: 'integer',
  counter: 'integer',
  quantity: 'integer',
  boolean: 'boolean',
  bool: 'boolean',
  flag: 'boolean',
  time: 'time',
  time_ms: 'time',
  timestamp: 'time',
  entity: 'entity',
  reference: 'entity',
  ref: 'entity',
};

type Loose = Record<string, unknown>;
const is_object = (x: unknown): x is Loose => typeof x === 'object' && x !== null && !Array.isArray(x);

/** A list of objects, or an object whose keys are their names: both are told alike. */
function named(input: unknown): Loose[] {
  if (Array.isArray(input)) return input.filter(is_object);
  if (is_object(input))
    return Object.entries(input).map(([name, value]) => ({ name, ...(is_object(value) ? value : {}) }));
  return [];
}

function codes_of(input: unknown): string[] {
  const entries = Array.isArray(input) ? input : is_object(input) ? Object.keys(input) : [];
  return entries
    .map((entry) => (typeof entry === 'string' ? entry : is_object(entry) ? String(entry.name ?? entry.code ?? '') : ''))
    .filter(Boolean);
}

export function read_schema(input: unknown): Schema {
  const schema: Schema = new Map();
  if (!is_object(input)) return schema;
  for (const record of named(input.records)) {
    const fields = named(record.fields).map((field): FieldSpec => {
      const codes = codes_of(field.codes ?? field.values ?? field.enum);
      const kind = kinds[String(field.type ?? field.kind ?? '').toLowerCase()] ?? (codes.length > 0 ? 'code' : 'other');
      return {
        name: String(field.name ?? ''),
        kind: codes.length > 0 ? 'code' : kind,
        codes,
        rule: String(field.rule ?? field.merge ?? ''),
        private: field.private === true || field.privacy === 'private',
        unit: String(field.unit ?? ''),
        help: String(field.help ?? field.description ?? field.meaning ?? ''),
      };
    });
    if (record.name) schema.set(String(record.name), { name: String(record.name), fields });
  }
  return schema;
}

export function field_spec(schema: Schema, record: string, field: string): FieldSpec | undefined {
  return schema.get(record)?.fields.find((spec) => spec.name === field);
}
