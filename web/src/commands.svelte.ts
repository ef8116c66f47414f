// What a person does to the records: each verb sends a command, says what became of it, and offers the way back.
import { send_command, send_own_position } from './api';
import { create_command, delete_command, edit_command, new_command_id, same_value } from './core/command';
import { settle_commands, unsettle_commands } from './core/conflicts';
import type { Place } from './core/coordinates';
import type { Key, Params } from './core/i18n';
import { title_of_entity } from './core/kinds';
import { Outbox } from './core/outbox';
import type { Picture } from './core/picture';
import type { Command, CommandAnswer, Conflict, ConflictChoice, Entity } from './core/types';
import type { Toasts } from './toasts.svelte';

const steady_ms = () => performance.now();
const fill_random = (bytes: Uint8Array) => void crypto.getRandomValues(bytes);

/** What the verbs need of the page. */
export interface CommandPage {
  readonly picture: Picture;
  readonly selected_id: string | null;
  /** The form that is open, if any. */
  readonly adding: object | null;
  stop_adding(): void;
  select(id: string | null): void;
  t(key: Key, params?: Params): string;
  name_of(domain: 'field' | 'record' | 'kind', name: string): string;
}

export class Commands {
  /** Commands that no node has taken yet. */
  unsaved = $state(0);
  private readonly outbox = new Outbox(send_command, (waiting) => (this.unsaved = waiting));

  constructor(
    private readonly page: CommandPage,
    private readonly toasts: Toasts,
  ) {}

  /** To be called often: tries again what waits, at once when the node is just back. */
  tick(is_back = false): void {
    this.outbox.tick(steady_ms(), is_back);
  }

  /** The new record is shown, unless the person went on to something else before the node answered. */
  async create(record: string, values: Record<string, unknown>): Promise<CommandAnswer | null> {
    const form = this.page.adding;
    const answer = await this.send(create_command(this.new_id(), record, values), {
      done: (a) =>
        this.page.t('toast.added', {
          what: `${this.page.name_of('record', record)} ${a.display ?? ''}`.trim(),
        }),
      undo: (a) => () => void this.delete_by_id(a.entity, record, true, a.dots),
    });
    if (answer && form !== null && this.page.adding === form) {
      this.page.stop_adding();
      this.page.select(answer.entity);
    }
    return answer;
  }

  /** `undo` writes the values that were there before. */
  async edit(entity: Entity, values: Record<string, unknown>): Promise<CommandAnswer | null> {
    const before = Object.fromEntries(
      Object.keys(values).map((field) => [field, entity.fields[field]?.value ?? null]),
    );
    const adding = ['append', 'or_set', 'counter'];
    const can_undo = Object.keys(values).every((field) => !adding.includes(entity.fields[field]?.rule ?? ''));
    return this.send(edit_command(this.new_id(), entity, values), {
      done: () => this.page.t('toast.changed', { what: title_of_entity(entity) }),
      undo: can_undo ? () => () => void this.edit_by_id(entity.id, before) : undefined,
    });
  }

  /** Of one record, as it is shown: the chosen value, naming every dot of the field. */
  async settle(entity: Entity, field: string, value: unknown): Promise<void> {
    const shown = entity.fields[field];
    if (!shown) return;
    const command = edit_command('', entity, { [field]: value });
    const settle = [{ record: command.record, entity: command.entity, writes: command.writes }];
    const choices = [shown, ...(shown.alternatives ?? [])].map((choice) => ({ ...choice, settle }));
    const choice = choices.find((one) => same_value(one.value, value));
    const conflict = { kind: 'values', class: 1, why: '', entity: entity.id, field, choices };
    if (choice) await this.settle_conflict(conflict, choice);
  }

  /** Of the list: what the node offered for this choice. All of it is sent before it counts as settled. */
  async settle_conflict(conflict: Conflict, choice: ConflictChoice): Promise<boolean> {
    const find = (id: string) => this.page.picture.entities.get(id);
    const what = [
      conflict.entity
        ? find(conflict.entity)
          ? title_of_entity(find(conflict.entity)!)
          : conflict.title
        : '',
      conflict.field ? this.page.name_of('field', conflict.field) : '',
    ];
    const commands = settle_commands(choice, fill_random);
    const values = new Map(
      commands.map((c) => [`${c.entity} ${c.writes[0]?.field}`, this.value_of(c.entity, c.writes[0]?.field)]),
    );
    const written = new Map<string, string[]>();
    const undo = () =>
      unsettle_commands(
        conflict,
        choice,
        (id, field) => values.get(`${id} ${field}`) ?? null,
        find,
        (id) => written.get(id) ?? [],
        fill_random,
      );
    const can_undo = ['values', 'clash', 'same_as'].includes(conflict.kind);
    return this.toasts.during(async () => {
      for (const [i, command] of commands.entries()) {
        const last = i === commands.length - 1;
        const answer = await this.send(command, {
          done: () => (last ? this.page.t('toast.settled', { what: what.filter(Boolean).join(': ') }) : ''),
          undo: last && can_undo ? () => () => void this.send_all(undo()) : undefined,
        });
        if (!answer) return false;
        written.set(command.entity ?? '', answer.dots ?? []);
      }
      return commands.length > 0;
    });
  }

  async set_deleted(entity: Entity, deleted: boolean): Promise<void> {
    await this.send(delete_command(this.new_id(), entity, deleted), {
      done: () =>
        this.page.t(deleted ? 'toast.deleted' : 'toast.restored', { what: title_of_entity(entity) }),
      undo: () => () => void this.delete_by_id(entity.id, entity.record, !deleted),
    });
  }

  async set_own_position(place: Place | null): Promise<void> {
    const error = await send_own_position(place);
    if (error) this.toasts.say('failed', this.page.t('toast.failed', { why: error.message }));
    else this.toasts.say('done', this.page.t(place ? 'toast.own_position' : 'toast.own_position_cleared'));
  }

  private new_id(): string {
    return new_command_id(fill_random);
  }

  private value_of(id: string | null, field: string | undefined): unknown {
    return this.page.picture.entities.get(id ?? '')?.fields[field ?? '']?.value ?? null;
  }

  private async send_all(commands: Command[]): Promise<void> {
    for (const [i, command] of commands.entries()) {
      const last = i === commands.length - 1;
      const answer = await this.send(command, {
        done: () => (last ? this.page.t('toast.unsettled') : ''),
      });
      if (!answer) return;
    }
  }

  private send(
    command: Command,
    words: { done: (a: CommandAnswer) => string; undo?: (a: CommandAnswer) => () => void },
  ): Promise<CommandAnswer | null> {
    return this.toasts.during(async () => {
      const delivery = await this.outbox.put(command, steady_ms());
      if (delivery.kind === 'refused') {
        const { message, hint } = delivery.error;
        this.toasts.say(
          'failed',
          this.page.t('toast.failed', { why: hint ? `${message} ${hint}` : message }),
        );
        return null;
      }
      const done = words.done(delivery.answer);
      if (done) this.toasts.say('done', done, words.undo?.(delivery.answer));
      return delivery.answer;
    });
  }

  /** Undo works on the record as it is now, so that it names the dots of now. */
  private async delete_by_id(id: string, record: string, deleted = true, seen: string[] = []): Promise<void> {
    const entity = this.page.picture.entities.get(id) ?? { id, record, display: '', fields: {} };
    await this.send(delete_command(this.new_id(), entity, deleted, seen), {
      done: () =>
        this.page.t(deleted ? 'toast.deleted' : 'toast.restored', { what: title_of_entity(entity) || id }),
    });
    if (deleted && this.page.selected_id === id) this.page.select(null);
  }

  private async edit_by_id(id: string, values: Record<string, unknown>): Promise<void> {
    const entity = this.page.picture.entities.get(id);
    if (!entity) return;
    await this.send(edit_command(this.new_id(), entity, values), {
      done: () => this.page.t('toast.changed', { what: title_of_entity(entity) }),
    });
  }
}
