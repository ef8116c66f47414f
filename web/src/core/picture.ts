import type { Delta, Entity, Snapshot, Status, Track } from './types';

/** What changed in one step. `everything` means that ids are not listed: start over. */
export interface Change {
  everything: boolean;
  entities: string[];
  tracks: string[];
  status: boolean;
}

type Listener = (change: Change) => void;

/**
 * The picture as the node last told it. Objects in the maps are replaced, never changed in place, so that a reader may
 * compare by identity.
 */
export class Picture {
  readonly entities = new Map<string, Entity>();
  readonly tracks = new Map<string, Track>();
  status: Status = {};
  private readonly listeners = new Set<Listener>();

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  replace(snapshot: Snapshot): void {
    this.entities.clear();
    this.tracks.clear();
    for (const entity of snapshot.entities) this.entities.set(entity.id, entity);
    for (const track of snapshot.tracks) this.tracks.set(track.id, track);
    if (snapshot.status) this.status = snapshot.status;
    this.tell({ everything: true, entities: [], tracks: [], status: true });
  }

  apply(delta: Delta): void {
    const entities: string[] = [];
    const tracks: string[] = [];
    for (const entity of delta.entities ?? []) {
      this.entities.set(entity.id, entity);
      entities.push(entity.id);
    }
    for (const id of delta.removed ?? []) if (this.entities.delete(id)) entities.push(id);
    for (const track of delta.tracks ?? []) {
      this.tracks.set(track.id, track);
      tracks.push(track.id);
    }
    for (const id of delta.removed_tracks ?? []) if (this.tracks.delete(id)) tracks.push(id);
    if (delta.status) this.status = delta.status;
    this.tell({ everything: false, entities, tracks, status: delta.status !== undefined });
  }

  /** Removes tracks that are past their `lost_ms`; needed while the node cannot be heard. Answers how many. */
  drop_lost(now_ms: number): number {
    const gone: string[] = [];
    for (const track of this.tracks.values()) if (now_ms - track.at_ms > track.lost_ms) gone.push(track.id);
    for (const id of gone) this.tracks.delete(id);
    if (gone.length > 0) this.tell({ everything: false, entities: [], tracks: gone, status: false });
    return gone.length;
  }

  private tell(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }
}
