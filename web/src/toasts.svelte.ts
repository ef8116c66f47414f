// What the page says for a moment about what was done, with the way back where there is one.
const toast_ms = 9_000;
const toasts_max = 3;

export interface Toast {
  id: number;
  kind: 'done' | 'failed';
  text: string;
  undo: (() => void) | null;
}

export class Toasts {
  list: Toast[] = $state.raw([]);
  private count = 0;

  /** A failure stays until it is dismissed. */
  say(kind: Toast['kind'], text: string, undo: (() => void) | null = null): void {
    const id = ++this.count;
    this.list = [...this.list, { id, kind, text, undo }].slice(-toasts_max);
    if (kind === 'done') setTimeout(() => this.dismiss(id), toast_ms);
  }

  undo_last(): void {
    const toast = [...this.list].reverse().find((t) => t.undo);
    if (!toast) return;
    this.dismiss(toast.id);
    toast.undo?.();
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}
