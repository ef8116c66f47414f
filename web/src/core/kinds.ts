import type { Entity, Track } from './types';

/** The groups of the list, in the order of its tabs. */
export const groups = ['unit', 'aircraft', 'casualty', 'hazard', 'site', 'request', 'task', 'message', 'other'] as const;
export type Group = (typeof groups)[number];

const group_of_record: Record<string, Group> = {
  unit: 'unit',
  track: 'aircraft',
  casualty: 'casualty',
  hazard: 'hazard',
  site: 'site',
  request: 'request',
  task: 'task',
  message: 'message',
  journal: 'message',
  journal_entry: 'message',
};

export function group_of_entity(entity: Entity): Group {
  return group_of_record[entity.record] ?? 'other';
}

export function group_of_track(track: Track): Group {
  return track.kind === 'aircraft' ? 'aircraft' : 'unit';
}

/** True for what CoT calls rotary wing: a-?-A-M-H..., a-?-A-C-H... */
export function is_helicopter(track: Track): boolean {
  return /^a-.-A-[MC]-H/.test(track.type ?? '');
}

/** A code field's value; null when the field is missing, empty or holds something else. */
export function code_of(entity: Entity, field: string): string | null {
  const value = entity.fields[field]?.value;
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The first of several code fields that is there: records name their state differently. */
export function first_code(entity: Entity, fields: readonly string[]): { field: string; code: string } | null {
  for (const field of fields) {
    const code = code_of(entity, field);
    if (code !== null) return { field, code };
  }
  return null;
}

/** Which field of a record is its state in one word. */
export const state_fields: Record<string, readonly string[]> = {
  casualty: ['triage', 'life', 'state'],
  hazard: ['severity', 'state'],
  site: ['lz_state', 'landing', 'state', 'status', 'kind', 'category'],
  unit: ['state', 'status', 'kind', 'category'],
  request: ['state', 'status', 'priority', 'category'],
  task: ['state', 'status', 'priority'],
  message: ['priority', 'state', 'kind'],
};

/** Which field says what sort of thing a record is. */
export const sort_fields = ['kind', 'category', 'type', 'sort'] as const;

export function triage_of(entity: Entity): string | null {
  return entity.record === 'casualty' ? code_of(entity, 'triage') : null;
}

const title_fields = ['callsign', 'call_sign', 'name', 'title', 'subject', 'label'];
const text_fields = ['text', 'body', 'description', 'note', 'notes'];

function text_of(entity: Entity, fields: readonly string[]): string | null {
  for (const field of fields) {
    const value = entity.fields[field]?.value;
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
  }
  return null;
}

/** What people call the thing; the display id when nobody named it. Text from outside: show it isolated. */
export function title_of_entity(entity: Entity): string {
  return text_of(entity, title_fields) ?? (entity.record === 'message' || entity.record.startsWith('journal')
    ? (text_of(entity, text_fields) ?? entity.display)
    : entity.display);
}

export function text_of_entity(entity: Entity): string | null {
  return text_of(entity, text_fields);
}

export function title_of_track(track: Track): string {
  return track.callsign?.trim() || track.icao?.toUpperCase() || track.id;
}

export type Freshness = 'fresh' | 'stale' | 'lost';

export function freshness(track: Track, now_ms: number): Freshness {
  const age_ms = now_ms - track.at_ms;
  return age_ms > track.lost_ms ? 'lost' : age_ms > track.stale_ms ? 'stale' : 'fresh';
}

/** Red is kept for these: someone is in danger now. */
export function is_immediate(entity: Entity): boolean {
  if (entity.deleted) return false;
  if (code_of(entity, 'triage') === 'red') return true;
  const sort = first_code(entity, sort_fields)?.code;
  const open = !['closed', 'done', 'cancelled', 'resolved'].includes(first_code(entity, ['state', 'status'])?.code ?? '');
  return open && (sort === 'distress' || sort === 'medevac' || sort === 'evacuate' || sort === 'stop');
}

export function is_emergency(track: Track): boolean {
  if (track.emergency === true) return true;
  return typeof track.emergency === 'string' && !['', 'none', 'no'].includes(track.emergency);
}
