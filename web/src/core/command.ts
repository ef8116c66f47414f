import type { Command, Entity, Field, Write } from './types';

/** 128 random bits as 32 hex digits: the same command sent twice is carried out once. */
export function new_command_id(random: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(16);
  random(bytes);
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Rules whose writes stand beside each other; such a write replaces nothing. */
const adding_rules = ['append', 'or_set', 'counter', 'versions'];

/** Every dot of a field the person saw: its value's, and those of the other values beside it. */
export function dots_seen(field: Field | undefined): string[] {
  if (!field || adding_rules.includes(field.rule ?? '')) return [];
  const dots = new Set(field.dots ?? []);
  for (const other of field.alternatives ?? []) for (const dot of other.dots) dots.add(dot);
  return [...dots];
}

export function create_command(id: string, record: string, values: Record<string, unknown>): Command {
  const writes: Write[] = Object.entries(values).map(([field, value]) => ({ field, value, replaces: [] }));
  return { id, record, entity: null, writes };
}

/**
 * Changes fields of a record that the person sees as `entity`. Naming the seen dots lets the node tell a change from
 * a conflict: what arrived meanwhile from elsewhere is kept beside it.
 */
export function edit_command(id: string, entity: Entity, values: Record<string, unknown>): Command {
  const writes = Object.entries(values).map(([field, value]) => ({
    field,
    value,
    replaces: dots_seen(entity.fields[field]),
  }));
  return { id, record: entity.record, entity: entity.id, writes };
}

/** Settles a conflict: the chosen value, naming every dot it settles. */
export function settle_command(id: string, entity: Entity, field: string, value: unknown): Command {
  return edit_command(id, entity, { [field]: value });
}

/**
 * A delete names what it has seen, so that a write it has not seen revives the record. Taking a delete back names the
 * delete. `seen` are dots known from elsewhere, for a record that is not in the picture yet.
 */
export function delete_command(id: string, entity: Entity, deleted: boolean, seen: string[] = []): Command {
  const replaces = deleted ? [...new Set([...(entity.coverage ?? []), ...seen])] : (entity.deletes ?? []);
  return {
    id,
    record: entity.record,
    entity: entity.id,
    writes: [{ field: 'deleted', value: deleted, replaces }],
  };
}

/** Plain equality of two JSON values; key order does not matter. */
export function same_value(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) =>
    same_value((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
