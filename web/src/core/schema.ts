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
  | 'entity_or_text'
  | 'other';

export interface FieldSpec {
  name: string;
  kind: FieldKind;
  codes: string[];
  rule: string;
  private: boolean;
  required: boolean;
  text_max: number;
  /** What the field is for, in English, from the node. */
  help: string;
  /** English words for each code, from the node. */
  code_words: Record<string, string>;
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
  place: 'position',
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
  text_or_entity: 'entity_or_text',
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
    .map((entry) =>
      typeof entry === 'string' ? entry : is_object(entry) ? String(entry.name ?? entry.code ?? '') : '',
    )
    .filter(Boolean);
}

function code_words(input: unknown): Record<string, string> {
  const words: Record<string, string> = {};
  for (const code of named(input))
    if (typeof code.name === 'string' && typeof code.words === 'string') words[code.name] = code.words;
  return words;
}

export function read_schema(input: unknown): Schema {
  const schema: Schema = new Map();
  if (!is_object(input)) return schema;
  for (const record of named(input.records)) {
    const own = named(record.fields);
    const known = new Set(own.map((field) => field.name));
    // Fields that every record has may stand in their own list.
    const common = named(input.common_fields ?? input.common).filter((field) => !known.has(field.name));
    const fields = [...own, ...common].map((field): FieldSpec => {
      const codes = codes_of(field.codes ?? field.values ?? field.enum);
      const kind =
        kinds[String(field.type ?? field.kind ?? '').toLowerCase()] ?? (codes.length > 0 ? 'code' : 'other');
      return {
        name: String(field.name ?? ''),
        kind: codes.length > 0 ? 'code' : kind,
        codes,
        rule: String(field.rule ?? field.merge ?? ''),
        private: field.private === true || field.privacy === 'private',
        required: field.required === true,
        text_max: typeof field.bytes_max === 'number' ? field.bytes_max : 2000,
        help: String(field.words ?? field.help ?? field.description ?? ''),
        code_words: code_words(field.codes),
      };
    });
    if (record.name) schema.set(String(record.name), { name: String(record.name), fields });
  }
  return schema;
}

export function field_spec(schema: Schema, record: string, field: string): FieldSpec | undefined {
  return schema.get(record)?.fields.find((spec) => spec.name === field);
}
