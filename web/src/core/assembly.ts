import type { LiveMessage, Snapshot } from './types';

/** What the page is told of a part that is kept until the others are here: a sign of life and nothing to apply. */
export interface Coming {
  type: 'coming';
  part: number;
}

/**
 * Puts the parts of a snapshot together. Parts follow each other and carry the same number; null stands for one that
 * does not, after which the connection is of no use. Other messages pass.
 */
export class Assembly {
  private parts: Snapshot[] = [];

  take(message: LiveMessage): LiveMessage | Coming | null {
    if (message.type !== 'snapshot') return message;
    const part = message.part ?? 1;
    if (!Array.isArray(message.entities) || !Array.isArray(message.tracks)) return null;
    if (part === 1) this.parts = [];
    if (part !== this.parts.length + 1 || (part > 1 && message.seq !== this.parts[0]!.seq)) return null;
    this.parts.push(message);
    if (message.more === true) return { type: 'coming', part };
    const parts = this.parts;
    this.parts = [];
    if (parts.length === 1) return { ...message, more: false };
    return {
      ...message,
      more: false,
      entities: parts.flatMap((one) => one.entities),
      tracks: parts.flatMap((one) => one.tracks),
    };
  }
}
