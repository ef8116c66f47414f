import { LiveMachine, type LinkState } from './core/live';
import type { Beat, Delta, Hello, Snapshot } from './core/types';
import type { FromSocket, ToSocket } from './live_socket.worker';

export interface LinkHandlers {
  hello(hello: Hello): void;
  snapshot(snapshot: Snapshot): void;
  delta(delta: Delta): void;
  beat(beat: Beat): void;
  state(state: LinkState): void;
}

const steady_ms = () => performance.now();

/** Joins the live machine to the socket in its worker. Call `tick` a few times a second. */
export class Link {
  readonly machine: LiveMachine;
  private readonly worker = new Worker(new URL('./live_socket.worker.ts', import.meta.url), {
    type: 'module',
  });
  private number = 0;

  constructor(handlers: LinkHandlers) {
    this.machine = new LiveMachine({
      hello: (x) => handlers.hello(x),
      snapshot: (x) => handlers.snapshot(x),
      delta: (x) => handlers.delta(x),
      beat: (x) => handlers.beat(x),
      state: (x) => handlers.state(x),
      open: (since) => this.open(since),
      close: () => this.tell({ close: true }),
      chance: () => Math.random(),
    });
    this.worker.onmessage = (event: MessageEvent<FromSocket>) => {
      if (event.data.number !== this.number) return;
      if ('closed' in event.data) this.machine.closed(steady_ms());
      else this.machine.message(event.data.message, steady_ms());
    };
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
    const address = new URL('/api/v1/live', location.href);
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    if (since) {
      address.searchParams.set('epoch', since.epoch);
      address.searchParams.set('since', String(since.seq));
    }
    this.tell({ open: address.href, number: ++this.number });
  }

  private tell(words: ToSocket): void {
    this.worker.postMessage(words);
  }
}
