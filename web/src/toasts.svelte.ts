// What the page says for a moment about what was done, with the way back where there is one.
const toast_ms = 9_000;
const toasts_max = 3;
/** So long the key waits for the answer to what was done last. */
const undo_wait_ms = 3_000;

export interface Toast {
  id: number;
  kind: 'done' | 'failed';
  text: string;
  undo: (() => void) | null;
}

export class Toasts {
  list: Toast[] = $state.raw([]);
  private count = 0;
  private under_way = 0;
  private waiting: (() => void)[] = [];

  /** A failure stays until it is dismissed. */
  say(kind: Toast['kind'], text: string, undo: (() => void) | null = null): void {
    const id = ++this.count;
    this.list = [...this.list, { id, kind, text, undo }].slice(-toasts_max);
    if (kind === 'done') setTimeout(() => this.dismiss(id), toast_ms);
  }

  /** Does something that may be taken back once it is answered; from the first moment on it is what was done last. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.under_way++;
    try {
      return await work();
    } finally {
      if (--this.under_way === 0) for (const go_on of this.waiting.splice(0)) go_on();
    }
  }

  /** Takes back what was done last. Never something before it, also when its answer is not there yet. */
  async undo_last(): Promise<void> {
    if (this.under_way > 0)
      await new Promise<void>((done) => {
        this.waiting.push(done);
        setTimeout(done, undo_wait_ms);
      });
    if (this.under_way > 0) return;
    const toast = [...this.list].reverse().find((t) => t.undo);
    if (!toast) return;
    this.dismiss(toast.id);
    toast.undo?.();
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}
