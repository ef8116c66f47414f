/**
 * The node's clock as the page sees it. Ages are counted against the node's time and the browser's steady clock, so
 * a wrong or stepping browser clock changes nothing, and ages go on counting while the node is silent.
 *
 * `steady_ms` is a clock that never steps (performance.now()); all times are milliseconds.
 */
export class ServerClock {
  private offset_ms: number | null = null;

  constructor(private readonly steady_ms: () => number) {}

  /** Learns from a message that carried the node's time. */
  heard(server_ms: number): void {
    if (!Number.isFinite(server_ms)) return;
    this.offset_ms = server_ms - this.steady_ms();
  }

  get known(): boolean {
    return this.offset_ms !== null;
  }

  /** The node's time now, or null before the node was ever heard. */
  now_ms(): number | null {
    return this.offset_ms === null ? null : this.steady_ms() + this.offset_ms;
  }
}
