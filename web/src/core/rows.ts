import { needs_person } from './conflicts';
import {
  code_of,
  group_of_entity,
  group_of_track,
  is_emergency,
  is_immediate,
  text_of_entity,
  title_of_entity,
  title_of_track,
  type Group,
} from './kinds';
import type { Picture } from './picture';
import type { Entity, Track } from './types';

export type SortBy = 'urgent' | 'age' | 'name';

/** One line of the list. Words are made when it is drawn; here is only what filtering and sorting need. */
export interface Row {
  id: string;
  group: Group;
  title: string;
  /** Lower case, digits padded: "N2" comes before "N10". */
  sort_key: string;
  search: string;
  /** When the thing was last heard of or changed, node time. */
  at_ms: number;
  /** 0 immediate danger, 1 conflict or serious, 2 the rest, 3 deleted. */
  rank: 0 | 1 | 2 | 3;
  entity: Entity | null;
  track: Track | null;
}

export function sort_key_of(title: string): string {
  return title.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(9, '0'));
}

function rank_of(entity: Entity): Row['rank'] {
  if (entity.deleted) return 3;
  if (is_immediate(entity)) return 0;
  if (needs_person(entity)) return 1;
  const serious = ['extreme', 'severe'].includes(code_of(entity, 'severity') ?? '');
  if (serious && code_of(entity, 'state') !== 'cleared') return 1;
  return code_of(entity, 'triage') === 'yellow' || code_of(entity, 'priority') === 'urgent' ? 1 : 2;
}

export function row_of_entity(entity: Entity): Row {
  const title = title_of_entity(entity);
  const words = [title, entity.display, entity.record, text_of_entity(entity) ?? ''];
  for (const field of Object.values(entity.fields))
    if (typeof field.value === 'string' && field.value.length < 200) words.push(field.value);
  return {
    id: entity.id,
    group: group_of_entity(entity),
    title,
    sort_key: sort_key_of(title),
    search: words.join(' ').toLowerCase(),
    at_ms: entity.updated?.at_ms ?? entity.created?.at_ms ?? 0,
    rank: rank_of(entity),
    entity,
    track: null,
  };
}

/** `before` is the row of the same track a moment ago; its words are used again when nothing in them changed. */
export function row_of_track(track: Track, before?: Row): Row {
  const title = title_of_track(track);
  const same =
    before?.track && before.title === title && before.track.squawk === track.squawk ? before : null;
  return {
    id: track.id,
    group: group_of_track(track),
    title,
    sort_key: same?.sort_key ?? sort_key_of(title),
    search:
      same?.search ??
      [title, track.squawk, track.kind, track.team, track.role].filter(Boolean).join(' ').toLowerCase(),
    at_ms: track.at_ms,
    rank: is_emergency(track) ? 0 : 2,
    entity: null,
    track,
  };
}

export interface Wanted {
  group: Group | 'all';
  text: string;
  sort: SortBy;
  deleted: boolean;
}

const compare: Record<SortBy, (a: Row, b: Row) => number> = {
  urgent: (a, b) =>
    a.rank - b.rank ||
    Number(a.track !== null) - Number(b.track !== null) ||
    b.at_ms - a.at_ms ||
    by_name(a, b),
  age: (a, b) => b.at_ms - a.at_ms || by_name(a, b),
  name: (a, b) => by_name(a, b),
};

function by_name(a: Row, b: Row): number {
  return a.sort_key < b.sort_key ? -1 : a.sort_key > b.sort_key ? 1 : a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export interface Attention {
  urgent: Row[];
  conflicts: Row[];
  placeholders: Row[];
}

/** All rows of a picture, kept up to date piece by piece. */
export class Rows {
  private readonly rows = new Map<string, Row>();

  refresh(picture: Picture, ids: Iterable<string> | 'everything'): void {
    if (ids === 'everything') {
      this.rows.clear();
      for (const entity of picture.entities.values()) this.rows.set(entity.id, row_of_entity(entity));
      for (const track of picture.tracks.values()) this.set_track(track);
      return;
    }
    for (const id of ids) {
      const entity = picture.entities.get(id);
      const track = picture.tracks.get(id);
      if (entity) this.set_entity(picture, entity);
      else if (track) this.set_track(track);
      else this.rows.delete(id);
    }
  }

  get(id: string): Row | undefined {
    return this.rows.get(id);
  }

  get size(): number {
    return this.rows.size;
  }

  /** How many rows each group has, deleted ones left out. */
  counts(): Record<Group | 'all', number> {
    const counts = { all: 0 } as Record<Group | 'all', number>;
    for (const row of this.rows.values()) {
      if (row.rank === 3) continue;
      if (row.group !== 'other') counts.all++;
      counts[row.group] = (counts[row.group] ?? 0) + 1;
    }
    return counts;
  }

  /** What needs a person, whatever the list is filtered for. */
  attention(): Attention {
    const found: Attention = { urgent: [], conflicts: [], placeholders: [] };
    for (const row of this.rows.values()) {
      if (row.rank === 3) continue;
      if (row.rank === 0) found.urgent.push(row);
      if (row.entity && needs_person(row.entity)) found.conflicts.push(row);
      if (row.entity?.placeholder) found.placeholders.push(row);
    }
    for (const rows of Object.values(found)) rows.sort(compare.age);
    return found;
  }

  /** Every word of the text must be found in a row, in any order. */
  select(wanted: Wanted): Row[] {
    const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
    const kept: Row[] = [];
    for (const row of this.rows.values()) {
      // Memberships and the like are not part of the work; they are in their own group only.
      if (wanted.group === 'all' ? row.group === 'other' : row.group !== wanted.group) continue;
      if (row.rank === 3 && !wanted.deleted) continue;
      if (words.every((word) => row.search.includes(word))) kept.push(row);
    }
    return kept.sort(compare[wanted.sort]);
  }

  private set_entity(picture: Picture, entity: Entity): void {
    this.rows.set(entity.id, row_of_entity(entity));
    for (const id of entity.tracks ?? []) {
      const track = picture.tracks.get(id);
      if (track) this.set_track(track);
    }
  }

  private set_track(track: Track): void {
    // A track that is a known unit has no row of its own: the unit's row carries it.
    const unit = track.unit === undefined ? undefined : this.rows.get(track.unit);
    if (unit?.entity) {
      this.rows.delete(track.id);
      this.rows.set(unit.id, { ...unit, track, at_ms: track.at_ms });
      return;
    }
    const before = this.rows.get(track.id);
    if (before?.entity)
      this.rows.set(track.id, { ...before, track, at_ms: Math.max(before.at_ms, track.at_ms) });
    else this.rows.set(track.id, row_of_track(track, before));
  }
}
