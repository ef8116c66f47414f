import { code_of, is_emergency, is_helicopter, is_immediate } from './kinds';
import type { Entity, Track } from './types';

/** Which symbol stands for a track; layers/symbols.ts draws it. */
export function symbol_of_track(track: Track, stale: boolean): string {
  const alarm = is_emergency(track) ? '.emergency' : '';
  return `${base_of_track(track)}${alarm}${stale ? '~' : ''}`;
}

function base_of_track(track: Track): string {
  switch (track.kind) {
    case 'aircraft':
      return is_helicopter(track) ? 'helicopter' : 'aircraft';
    case 'unmanned':
    case 'unmanned_aircraft':
    case 'drone':
      return 'drone';
    case 'helicopter':
    case 'person':
    case 'vehicle':
    case 'vessel':
    case 'own':
      return track.kind;
    default:
      return 'unit';
  }
}

/** Only these turn with the course; a square that turns says nothing. */
export function turns(symbol: string): boolean {
  return symbol.startsWith('aircraft') || symbol.startsWith('helicopter') || symbol.startsWith('vessel');
}

const symbol_of_unit: Record<string, string> = {
  helicopter: 'helicopter',
  aeroplane: 'aircraft',
  unmanned_aircraft: 'drone',
  vehicle: 'vehicle',
  vessel: 'vessel',
  person: 'person',
};

export function symbol_of_entity(entity: Entity): string {
  const category = code_of(entity, 'category') ?? '';
  switch (entity.record) {
    case 'casualty':
      return `casualty.${code_of(entity, 'triage') ?? ''}`;
    case 'hazard':
      return `hazard.${code_of(entity, 'severity') ?? ''}`;
    case 'request':
      return is_immediate(entity) ? 'distress' : 'request';
    case 'unit':
      return `${symbol_of_unit[category] ?? 'unit'}${is_immediate(entity) ? '.emergency' : ''}`;
    case 'track':
      return symbol_of_unit[category] ?? 'aircraft';
    case 'task':
      return 'task';
    case 'message':
    case 'journal':
      return 'message';
    default:
      return `site.${category}`;
  }
}
