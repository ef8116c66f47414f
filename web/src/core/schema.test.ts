import { expect, test } from 'vitest';
import { field_spec, read_schema } from './schema';

test('a schema as lists', () => {
  const schema = read_schema({
    records: [
      {
        name: 'casualty',
        fields: [
          {
            name: 'triage',
            type: 'code',
            codes: [
              { name: 'red', code: 1 },
              { name: 'yellow', code: 2 },
            ],
            rule: 'multi_value',
          },
          { name: 'position', type: 'position' },
          { name: 'name', type: 'text', private: true },
        ],
      },
    ],
  });
  expect(field_spec(schema, 'casualty', 'triage')).toMatchObject({ kind: 'code', codes: ['red', 'yellow'] });
  expect(field_spec(schema, 'casualty', 'name')?.private).toBe(true);
  expect(field_spec(schema, 'casualty', 'nothing')).toBeUndefined();
});

test('a schema as objects, and codes as plain names', () => {
  const schema = read_schema({
    records: { site: { fields: { kind: { type: 'code', codes: ['hospital'] } } } },
  });
  expect(field_spec(schema, 'site', 'kind')?.codes).toEqual(['hospital']);
});

test('what is not a schema is an empty one', () => {
  for (const input of [null, 5, 'x', [], {}, { records: 7 }]) expect(read_schema(input).size).toBe(0);
});
