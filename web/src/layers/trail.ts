// Draws where the chosen thing has been: asked of the node when it is chosen, and again now and then.
import { read_fixes } from '../api';
import type { Place } from '../core/coordinates';
import { trail_lines } from '../core/trail';
import type { MapView } from './map_view';

const again_ms = 15_000;

export class Trail {
  private id: string | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly map: () => MapView | null,
    private readonly place_of: (id: string) => Place | null,
  ) {}

  /** The id of a track; null: nothing is chosen. */
  follow(id: string | null): void {
    if (id === this.id) return;
    this.id = id;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.map()?.set_trail([]);
    if (id !== null) void this.draw(id);
  }

  private async draw(id: string): Promise<void> {
    const fixes = await read_fixes(id);
    if (id !== this.id) return;
    if (fixes) this.map()?.set_trail(trail_lines(fixes, this.place_of(id)));
    this.timer = setTimeout(() => void this.draw(id), again_ms);
  }
}
