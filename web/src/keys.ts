// Single-key shortcuts. They can be switched off (WCAG 2.1.4) and never act while something is typed.
import { app } from './app.svelte';
import type { Key } from './core/i18n';

export const shortcuts: readonly (readonly [string, Key])[] = [
  ['/', 'key.filter'],
  ['↑ ↓', 'key.rows'],
  ['Enter', 'key.open'],
  ['Esc', 'key.escape'],
  ['A', 'key.add'],
  ['C', 'key.casualty'],
  ['T', 'key.message'],
  ['S', 'key.site'],
  ['H', 'key.hazard'],
  ['1 … 9', 'key.settle'],
  ['U', 'key.undo'],
  ['G', 'key.go'],
  ['F', 'key.fit'],
  ['O', 'key.own'],
  ['X', 'key.conflicts'],
  ['L', 'key.links'],
  ['J', 'key.journal'],
  ['M', 'key.mode'],
  ['?', 'key.help'],
];

const adds: Record<string, string> = { c: 'casualty', t: 'message', s: 'site', h: 'hazard' };

function is_typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return !!element?.closest('input, textarea, select, [contenteditable]');
}

function focus_filter(): void {
  app.list_view = 'picture';
  app.pane = 'list';
  requestAnimationFrame(() => document.getElementById('filter')?.focus());
}

/** The values of the first conflict of the selected record, in the order the record shows them. */
function settle(number: number): boolean {
  const entity = app.selected.entity;
  const name = entity?.conflicts?.[0];
  const field = name === undefined ? undefined : entity?.fields[name];
  if (!entity || !name || !field) return false;
  const choice = [field, ...(field.alternatives ?? [])][number - 1];
  if (!choice) return false;
  void app.commands.settle(entity, name, choice.value);
  return true;
}

function escape(): void {
  if (app.picking) app.picking = null;
  else if (app.adding) app.stop_adding();
  else if (app.pane !== 'map') app.pane = 'map';
  else app.select(null);
}

export function on_key(event: KeyboardEvent): void {
  if (app.dialog || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === 'Escape') {
    if (is_typing(event.target)) (event.target as HTMLElement).blur();
    else escape();
    return;
  }
  if (!app.settings.shortcuts || is_typing(event.target)) return;
  const key = event.key.toLowerCase();
  const actions: Record<string, () => void> = {
    '/': focus_filter,
    a: () => app.start_adding(),
    u: () => void app.toasts.undo_last(),
    g: () => app.go_to_selected(),
    f: () => app.fit_all(),
    o: () => app.pick_own_position(),
    j: () => (app.list_view = app.list_view === 'journal' ? 'picture' : 'journal'),
    x: () => (app.dialog = 'conflicts'),
    l: () => (app.dialog = 'node'),
    m: () => app.next_mode(),
    '?': () => (app.dialog = 'help'),
  };
  const action = actions[key] ?? (adds[key] ? () => app.start_adding(adds[key]!) : undefined);
  if (action) {
    event.preventDefault();
    action();
  } else if (/^[1-9]$/.test(key) && settle(Number(key))) event.preventDefault();
}
