import { LiveMachine, type LinkState } from './core/live';
import type { Beat, Delta, Hello, Snapshot } from './core/types';

export interface LinkHandlers {
  hello(hello: Hello): void;
  snapshot(snapshot: Snapshot): void;
  delta(delta: Delta): void;
  beat(beat: Beat): void;
  state(state: LinkState): void;
}

const steady_ms = () => performance.now();

/** Joins the live machine to a WebSocket. Call `tick` a few times a second. */
export class Link {
  readonly machine: LiveMachine;
  private socket: WebSocket | null = null;

  constructor(handlers: LinkHandlers) {
    this.machine = new LiveMachine({
      ...handlers,
      hello: (x) => handlers.hello(x),
      snapshot: (x) => handlers.snapshot(x),
      delta: (x) => handlers.delta(x),
      beat: (x) => handlers.beat(x),
      state: (x) => handlers.state(x),
      open: (since) => this.open(since),
      close: () => this.close(),
      chance: () => Math.random(),
    });
  }

  start(): void {
    this.machine.start(steady_ms());
  }

  tick(): void {
    this.machine.tick(steady_ms());
  }

  retry_now(): void {
    this.machine.retry_now(steady_ms());
  }

  private open(since: { epoch: string; seq: number } | null): void {
    this.close();
    const address = new URL('/api/v1/live', location.href);
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    if (since) {
      address.searchParams.set('epoch', since.epoch);
      address.searchParams.set('since', String(since.seq));
    }
    const socket = new WebSocket(address);
    this.socket = socket;
    // A socket that was replaced may still speak; only the present one is listened to.
    socket.onmessage = (event) => {
      if (socket === this.socket && typeof event.data === 'string')
        this.machine.message(event.data, steady_ms());
    };
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.socket = null;
      this.machine.closed(steady_ms());
    };
  }

  private close(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }
}
