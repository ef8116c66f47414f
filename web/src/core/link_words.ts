import type { ByClass, Peer } from './types';

/** What needs help first: lost, then connecting, then who lacks most. */
export function worst_first(peers: readonly Peer[]): Peer[] {
  const rank = (peer: Peer) => (peer.state === 'lost' ? 0 : peer.state === 'connecting' ? 1 : 2);
  const lacks = (peer: Peer) => (peer.lacks_here ?? 0) + (peer.lacks_there ?? 0);
  return [...peers].sort((a, b) => rank(a) - rank(b) || lacks(b) - lacks(a) || a.name.localeCompare(b.name));
}

export type LevelWords = 'level' | 'level_in' | 'level_unknown' | 'not_compared' | null;

/** What can honestly be said of when both hold the same; null while the peer is away. */
export function level_words(peer: Peer): LevelWords {
  if (peer.state !== 'connected') return null;
  if (peer.level === 'equal') return 'level';
  if (peer.level === undefined || peer.level === 'unknown') return 'not_compared';
  return peer.to_level_ms === undefined ? 'level_unknown' : 'level_in';
}

/** Nothing but routine needs no parts. */
export function has_parts(counts: ByClass | undefined): counts is ByClass {
  return counts !== undefined && counts.urgent + counts.important > 0;
}

/** What a bearer did not take, most first. */
export function refused_frames(refused: Record<string, number> | undefined): [string, number][] {
  return Object.entries(refused ?? {})
    .filter(([, count]) => count > 0)
    .sort(([why_a, a], [why_b, b]) => b - a || why_a.localeCompare(why_b));
}
