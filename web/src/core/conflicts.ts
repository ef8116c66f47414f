import { new_command_id, same_value } from './command';
import type { Command, Conflict, ConflictChoice, Entity } from './types';

/** Something is said of it that contradicts something else: it gets a badge on the map and in lists. */
export function needs_person(entity: Entity): boolean {
  if (entity.deleted) return false;
  return (
    (entity.conflicts?.length ?? 0) > 0 || entity.revived === true || (entity.claimed_by?.length ?? 0) > 0
  );
}

/** One conflict keeps its place on the page while its list is read anew. */
export function conflict_key(conflict: Conflict): string {
  return [conflict.kind, conflict.entity ?? conflict.about ?? '', conflict.field ?? ''].join(' ');
}

/** The commands that make this choice alone stand. */
export function settle_commands(choice: ConflictChoice, random: (bytes: Uint8Array) => void): Command[] {
  return (choice.settle ?? []).map((command) => ({ id: new_command_id(random), ...command }));
}

/**
 * What takes a settlement back: the conflict as it was. The values that were not chosen are said beside the chosen one,
 * naming nothing, as they were said before. Between records (a claim given up, a value taken over) each gets back what
 * it said. `now` is a record as it is when this is asked, `written` the dots that the settlement wrote to it, which the
 * page may not have seen yet. Nothing: it cannot be taken back so.
 */
export function unsettle_commands(
  conflict: Conflict,
  choice: ConflictChoice,
  before: (entity: string, field: string) => unknown,
  now: (entity: string) => Entity | undefined,
  written: (entity: string) => readonly string[],
  random: (bytes: Uint8Array) => void,
): Command[] {
  const write = (entity: Entity, field: string, value: unknown, replaces: string[]): Command => ({
    id: new_command_id(random),
    record: entity.record,
    entity: entity.id,
    writes: [{ field, value, replaces }],
  });
  if (conflict.kind === 'values') {
    const entity = now(conflict.entity ?? '');
    if (!entity || !conflict.field) return [];
    const others = conflict.choices.filter((other) => !same_value(other.value, choice.value));
    return others.map((other) => write(entity, conflict.field!, other.value, []));
  }
  if (conflict.kind !== 'clash' && conflict.kind !== 'same_as') return [];
  return (choice.settle ?? []).flatMap((command) => {
    const entity = now(command.entity ?? '');
    const field = command.writes[0]?.field;
    if (!entity || !field) return [];
    const seen = new Set([...(entity.fields[field]?.dots ?? []), ...written(entity.id)]);
    return [write(entity, field, before(entity.id, field), [...seen])];
  });
}
