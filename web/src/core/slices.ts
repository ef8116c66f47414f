import type { Delta, LiveMessage, Snapshot } from './types';

/** Records and tracks in one slice: a slice is taken in well under a frame. */
export const slice_size = 250;

function pieces<T>(list: readonly T[], size: number): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < list.length; i += size) out.push(list.slice(i, i + size));
  return out;
}

/**
 * Cuts a large snapshot or delta into messages that are each quickly taken in. A snapshot comes first and its slices
 * follow; the slices of a delta come before it, so that its number is counted when all of it is there.
 */
export function slices_of(message: LiveMessage): LiveMessage[] {
  if (message.type !== 'snapshot' && message.type !== 'delta') return [message];
  const entities = message.entities ?? [];
  const tracks = message.tracks ?? [];
  if (entities.length + tracks.length <= slice_size) return [message];
  const from = message.type === 'snapshot' ? message.seq : message.from;
  const parts: LiveMessage[] = [
    ...pieces(entities, slice_size).map((piece) => ({ type: 'part' as const, from, entities: piece })),
    ...pieces(tracks, slice_size).map((piece) => ({ type: 'part' as const, from, tracks: piece })),
  ];
  const rest: Snapshot | Delta = { ...message, entities: [], tracks: [] };
  return message.type === 'snapshot' ? [rest, ...parts] : [...parts, rest];
}
