import type { Delta, LiveMessage, Part, Snapshot } from './types';

/** Records and tracks in one slice: a slice is taken in well under a frame. */
export const slice_size = 250;

function pieces<T>(list: readonly T[], size: number): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < list.length; i += size) out.push(list.slice(i, i + size));
  return out;
}

/**
 * Cuts a large snapshot, delta or part into messages that are each quickly taken in. The slices of a delta come before
 * it, so that its number is counted when all of it is there. A cut snapshot comes first, says that there is `more`, and
 * its slices follow; `complete` counts it.
 */
export function slices_of(message: LiveMessage): LiveMessage[] {
  if (message.type !== 'snapshot' && message.type !== 'delta' && message.type !== 'part') return [message];
  const entities = message.entities ?? [];
  const tracks = message.tracks ?? [];
  if (entities.length + tracks.length <= slice_size) return [message];
  const from = message.type === 'snapshot' ? message.seq : message.from;
  const parts: LiveMessage[] = [
    ...pieces(entities, slice_size).map((piece) => ({ type: 'part' as const, from, entities: piece })),
    ...pieces(tracks, slice_size).map((piece) => ({ type: 'part' as const, from, tracks: piece })),
  ];
  const rest: Snapshot | Delta | Part = { ...message, entities: [], tracks: [] };
  if (message.type !== 'snapshot') return [...parts, rest];
  return [{ ...rest, more: true } as Snapshot, ...parts, { type: 'complete', seq: message.seq }];
}
