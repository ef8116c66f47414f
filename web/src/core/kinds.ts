import type { Entity, Track } from './types';

/** The groups of the list, in the order of its tabs. */
export const groups = [
  'unit',
  'aircraft',
  'casualty',
  'hazard',
  'site',
  'request',
  'task',
  'message',
  'other',
] as const;
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
};

export function group_of_entity(entity: Entity): Group {
  return group_of_record[entity.record] ?? 'other';
}

const aircraft_kinds = ['aircraft', 'helicopter', 'unmanned_aircraft', 'unmanned', 'drone'];

export function group_of_track(track: Track): Group {
  return aircraft_kinds.includes(track.kind) ? 'aircraft' : 'unit';
}

/** True for what CoT calls rotary wing: a-?-A-M-H..., a-?-A-C-H... */
export function is_helicopter(track: Track): boolean {
  return track.kind === 'helicopter' || /^a-.-A-[MC]-H/.test(track.type ?? '');
}

/** A code field's value; null when the field is missing, empty or holds something else. */
export function code_of(entity: Entity, field: string): string | null {
  const value = entity.fields[field]?.value;
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Which fields of a record say how it stands, most telling first. */
export const state_fields: Record<string, readonly string[]> = {
  casualty: ['triage', 'evacuation'],
  hazard: ['severity', 'state'],
  site: ['state'],
  unit: ['state'],
  request: ['state', 'priority'],
  task: ['state', 'order'],
  message: ['priority'],
};

const title_fields = ['callsign', 'name'];
const text_fields = ['text', 'condition', 'note'];

function text_of(entity: Entity, fields: readonly string[]): string | null {
  for (const field of fields) {
    const value = entity.fields[field]?.value;
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
  }
  return null;
}

/** What people call the thing; the display id when nobody named it. Text from outside: show it isolated. */
export function title_of_entity(entity: Entity): string {
  const named = text_of(entity, title_fields);
  if (named) return named;
  const spoken = ['message', 'journal', 'task', 'request'].includes(entity.record);
  return (spoken && text_of(entity, text_fields)) || entity.display;
}

export function text_of_entity(entity: Entity): string | null {
  return text_of(entity, text_fields);
}

export function title_of_track(track: Track): string {
  return track.callsign?.trim() || track.id;
}

export type Freshness = 'fresh' | 'stale' | 'lost';

export function freshness(track: Track, now_ms: number): Freshness {
  const age_ms = now_ms - track.at_ms;
  return age_ms > track.lost_ms ? 'lost' : age_ms > track.stale_ms ? 'stale' : 'fresh';
}

const urgent_requests = ['distress', 'medevac', 'evacuation'];
const closed_states = ['met', 'cancelled', 'done', 'failed', 'cleared', 'handed_over'];

/** Red is kept for these: someone is in danger now, and nobody has closed the matter. */
export function is_immediate(entity: Entity): boolean {
  if (entity.deleted) return false;
  const code = (field: string) => code_of(entity, field) ?? '';
  const closed = closed_states.includes(code('state')) || closed_states.includes(code('evacuation'));
  switch (entity.record) {
    case 'casualty':
      return code('triage') === 'red' && !closed;
    case 'request':
      return urgent_requests.includes(code('category')) && !closed;
    case 'unit':
      return code('state') === 'distress';
    case 'task':
      return ['stop', 'evacuate'].includes(code('order')) && !closed;
    case 'message':
      return code('priority') === 'distress';
    default:
      return false;
  }
}

export function is_emergency(track: Track): boolean {
  if (track.emergency === true) return true;
  return typeof track.emergency === 'string' && !['', 'none', 'no'].includes(track.emergency);
}
