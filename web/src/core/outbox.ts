// Commands on their way to the node. A command that could not be delivered (no connection, a node that is starting) is
// tried again with the same id until the node answers; a refusal is final and goes back to the person.
import type { ApiError, Command, CommandAnswer } from './types';

export type Delivery =
  | { kind: 'answered'; answer: CommandAnswer }
  | { kind: 'refused'; error: ApiError }
  | { kind: 'undelivered'; why: string };

export interface Waiting {
  command: Command;
  since_ms: number;
  attempts: number;
}

/** More than this many unsaved commands are not taken: the person must know that nothing is being saved. */
export const outbox_limit = 100;
export const outbox_waits_ms = [500, 1_000, 2_000, 5_000] as const;

type Settled = Exclude<Delivery, { kind: 'undelivered' }>;

export class Outbox {
  private readonly queue: (Waiting & { settle: (d: Settled) => void })[] = [];
  private sending = false;
  private retry_at_ms = 0;

  /**
   * `send` delivers one command; it never throws. `changed` is called when the number of waiting commands changes.
   */
  constructor(
    private readonly send: (command: Command) => Promise<Delivery>,
    private readonly changed: (waiting: number) => void = () => {},
  ) {}

  get waiting(): number {
    return this.queue.length;
  }

  /** Takes a command; the promise settles when the node has answered or refused. Commands leave in order. */
  put(command: Command, now_ms: number): Promise<Settled> {
    if (this.queue.length >= outbox_limit)
      return Promise.resolve({
        kind: 'refused',
        error: { code: 'outbox_full', message: 'Too many unsaved changes.' },
      });
    return new Promise((settle) => {
      this.queue.push({ command, since_ms: now_ms, attempts: 0, settle });
      this.changed(this.queue.length);
      void this.pump(now_ms);
    });
  }

  /** Called a few times a second, and at once (`hurry`) when the connection came back. */
  tick(now_ms: number, hurry = false): void {
    if (hurry) this.retry_at_ms = 0;
    void this.pump(now_ms);
  }

  private async pump(now_ms: number): Promise<void> {
    while (!this.sending && this.queue.length > 0 && now_ms >= this.retry_at_ms) {
      const first = this.queue[0]!;
      this.sending = true;
      first.attempts++;
      const delivery = await this.send(first.command);
      this.sending = false;
      if (delivery.kind === 'undelivered') {
        this.retry_at_ms =
          now_ms + outbox_waits_ms[Math.min(first.attempts - 1, outbox_waits_ms.length - 1)]!;
        return;
      }
      this.retry_at_ms = 0;
      this.queue.shift();
      this.changed(this.queue.length);
      first.settle(delivery);
    }
  }
}
