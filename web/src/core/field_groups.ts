import type { Field, Stamp } from './types';

/** Fields that were said by the same person, at the same moment, the same way: their stamp is shown once. */
export interface FieldGroup {
  stamp: Stamp | undefined;
  fields: [string, Field][];
}

function key_of(stamp: Stamp | undefined): string {
  return stamp
    ? [stamp.at_ms, stamp.node_id, stamp.actor, stamp.via, stamp.source, stamp.quality].join('|')
    : '';
}

/** Lists of values stand alone, because each of their values has its own stamp. */
export function group_fields(fields: readonly [string, Field][]): FieldGroup[] {
  const groups = new Map<string, FieldGroup>();
  for (const [name, field] of fields) {
    const alone = (field.values?.length ?? 0) > 0;
    const key = alone ? `alone ${name}` : key_of(field.stamp);
    const group = groups.get(key);
    if (group) group.fields.push([name, field]);
    else groups.set(key, { stamp: alone ? undefined : field.stamp, fields: [[name, field]] });
  }
  return [...groups.values()];
}
