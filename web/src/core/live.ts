// The live connection as a state machine without sockets or timers: what happened comes in with the time it happened,
// what to do goes out through `LiveHost`. `tick` is called a few times a second.
//
// The node speaks at least every `beat_ms`. Silence, a closed socket and a handshake that never ends all lead to
// `lost`; the machine then reopens with a growing wait and asks for what it missed by (epoch, seq). A delta that does
// not follow on from the last one means something was lost on the way: the machine reopens and, when that does not
// cure it, asks for everything.
import type { Beat, Delta, Hello, LiveMessage, Snapshot } from './types';

export type LinkState = 'connecting' | 'live' | 'lost';

/** Silence after which the page says that it is cut off. With the tick it must stay under the promised 2 s. */
export const silence_limit_ms = 1_600;
/** How long a connection may take to say hello, and to say the next thing until the picture is here. */
export const open_limit_ms = 4_000;
/** Waits between attempts; the last one repeats. A node is near, so waits stay short. */
export const waits_ms = [250, 500, 1_000, 2_000] as const;

export interface LiveHost {
  open(since: { epoch: string; seq: number } | null): void;
  close(): void;
  hello(hello: Hello): void;
  snapshot(snapshot: Snapshot): void;
  delta(delta: Delta): void;
  beat(beat: Beat): void;
  state(state: LinkState): void;
  /** A number in [0, 1) to spread the attempts of many pages. */
  chance(): number;
}

export class LiveMachine {
  state: LinkState = 'connecting';
  /** When anything was last heard, by the caller's steady clock. */
  heard_at_ms: number | null = null;
  /** Attempts since the last message; shown to the person. */
  attempts = 0;
  /** Messages that could not be used, since the page was opened. */
  refused = 0;

  private position: { epoch: string; seq: number } | null = null;
  /** A snapshot of which slices are still to come; it becomes the position with the last. */
  private filling: { epoch: string; seq: number } | null = null;
  private server_epoch: string | null = null;
  private socket: 'none' | 'opening' | 'open' = 'none';
  private opened_at_ms = 0;
  private retry_at_ms = 0;
  private behind_beats = 0;

  constructor(private readonly host: LiveHost) {}

  start(now_ms: number): void {
    this.open(now_ms);
  }

  /** The last (epoch, seq) whose picture is complete here. */
  get resume_point(): { epoch: string; seq: number } | null {
    return this.position;
  }

  /** Takes a parsed message; null stands for one that was not JSON. */
  message(input: unknown, now_ms: number): void {
    if (input === null || typeof input !== 'object') return this.refuse(now_ms);
    const message = input as LiveMessage;
    this.heard_at_ms = now_ms;
    switch (message.type) {
      case 'hello':
        this.socket = 'open';
        this.server_epoch = message.epoch;
        if (this.position && this.position.epoch !== message.epoch) this.position = null;
        this.host.hello(message);
        if (this.position) this.become_live();
        return;
      case 'snapshot':
        if (!Array.isArray(message.entities) || !Array.isArray(message.tracks)) return this.refuse(now_ms);
        this.filling = { epoch: message.epoch ?? this.server_epoch ?? '', seq: message.seq };
        this.position = null;
        this.host.snapshot(message);
        if (message.more !== true) this.filled();
        return;
      case 'complete':
        if (this.filling?.seq === message.seq) this.filled();
        return;
      case 'part':
        // A piece of a large message: shown at once, counted when the message itself comes.
        if ((this.filling ?? this.position)?.seq === message.from)
          this.host.delta({ ...message, type: 'delta', seq: message.from });
        return;
      case 'delta':
        return this.delta(message, now_ms);
      case 'beat':
        return this.beat(message, now_ms);
      default:
        return; // A newer node may say more; what is unknown is left alone.
    }
  }

  closed(now_ms: number): void {
    if (this.socket === 'none') return;
    this.socket = 'none';
    this.plan_retry(now_ms);
    // A short break heals before anybody needs to know; `tick` reports it once the silence is long enough.
  }

  tick(now_ms: number): void {
    const silent_ms = now_ms - (this.heard_at_ms ?? 0);
    if (this.state === 'live' && silent_ms >= silence_limit_ms) {
      this.set_state('lost');
      if (this.socket !== 'none') this.drop(now_ms);
    }
    if (this.state === 'connecting' && this.heard_at_ms === null && this.attempts > 1) this.set_state('lost');
    if (this.socket === 'opening' && now_ms - this.opened_at_ms >= open_limit_ms) this.drop(now_ms);
    // A large picture may take long to come; what counts is that something comes.
    const quiet_ms = now_ms - Math.max(this.opened_at_ms, this.heard_at_ms ?? 0);
    if (this.socket === 'open' && this.state !== 'live' && quiet_ms >= open_limit_ms) this.drop(now_ms);
    if (this.socket === 'none' && now_ms >= this.retry_at_ms) this.open(now_ms);
  }

  /** Tries at once: the person pressed "try now", or the computer woke up. */
  retry_now(now_ms: number): void {
    if (this.socket === 'none') this.open(now_ms);
  }

  private filled(): void {
    this.position = this.filling;
    this.filling = null;
    this.behind_beats = 0;
    this.become_live();
  }

  private delta(delta: Delta, now_ms: number): void {
    if (!this.position || delta.from !== this.position.seq) {
      // Not the next one: one try with what we have; a second gap in a row asks for everything.
      this.refused++;
      if (this.behind_beats > 0) this.position = null;
      this.behind_beats++;
      return this.drop(now_ms);
    }
    this.position = { epoch: this.position.epoch, seq: delta.seq };
    this.behind_beats = 0;
    this.host.delta(delta);
    this.become_live();
  }

  private beat(beat: Beat, now_ms: number): void {
    this.host.beat(beat);
    if (!this.position) return;
    if (beat.seq === this.position.seq) {
      this.behind_beats = 0;
      return this.become_live();
    }
    // The node is elsewhere although it has nothing to send. One such beat can cross a delta; three cannot.
    if (++this.behind_beats >= 3) {
      this.position = null;
      this.behind_beats = 0;
      this.drop(now_ms);
    }
  }

  private refuse(now_ms: number): void {
    this.refused++;
    this.position = null;
    this.drop(now_ms);
  }

  private open(now_ms: number): void {
    this.filling = null;
    this.socket = 'opening';
    this.opened_at_ms = now_ms;
    this.attempts++;
    this.host.open(this.position);
  }

  private drop(now_ms: number): void {
    this.socket = 'none';
    this.host.close();
    this.plan_retry(now_ms);
  }

  private plan_retry(now_ms: number): void {
    const wait = waits_ms[Math.min(Math.max(this.attempts - 1, 0), waits_ms.length - 1)]!;
    this.retry_at_ms = now_ms + wait * (0.75 + this.host.chance() / 2);
  }

  private become_live(): void {
    this.attempts = 0;
    this.set_state('live');
  }

  private set_state(state: LinkState): void {
    if (this.state === state) return;
    this.state = state;
    this.host.state(state);
  }
}
