// One line of words about a record or a track, as lists show it under the name.
import { app } from '../app.svelte';
import { format_feet, format_speed } from '../core/format';
import { code_of, is_helicopter, state_fields } from '../core/kinds';
import { symbol_of_entity, symbol_of_track } from '../core/symbol_name';
import { freshness } from '../core/kinds';
import type { Row } from '../core/rows';
import { plural_key } from '../core/i18n';
import type { Entity, Saved, Track } from '../core/types';

export function kind_words(track: Track): string {
  return app.name_of('kind', is_helicopter(track) ? 'helicopter' : track.kind);
}

export function entity_words(entity: Entity): string[] {
  const words: string[] = [];
  const category = code_of(entity, 'category');
  words.push(
    category
      ? app.code('category', category, entity.fields.category?.text, entity.record)
      : app.name_of('record', entity.record),
  );
  for (const field of state_fields[entity.record] ?? []) {
    const code = code_of(entity, field);
    if (code) words.push(app.code(field, code, entity.fields[field]?.text, entity.record));
  }
  return words;
}

export function track_words(track: Track): string[] {
  const words = [kind_words(track)];
  if (track.on_ground) words.push(app.t('track.on_ground'));
  else if (track.pressure_altitude_m !== undefined) words.push(format_feet(track.pressure_altitude_m));
  else if (track.hae_m !== undefined && track.kind === 'aircraft') words.push(format_feet(track.hae_m));
  if (track.speed_mps !== undefined && track.speed_mps > 0.5)
    words.push(format_speed(track.speed_mps).split(' · ')[1]!);
  return words;
}

export function row_words(row: Row): string {
  return (row.entity ? entity_words(row.entity) : track_words(row.track!)).join(' · ');
}

export function is_stale(track: Track | null): boolean {
  return track !== null && app.now_ms !== null && freshness(track, app.now_ms) !== 'fresh';
}

export function row_symbol(row: Row): string {
  return row.entity ? symbol_of_entity(row.entity) : symbol_of_track(row.track!, is_stale(row.track));
}

/** "Saved on this node, on 2 others (POST 1, V2), and at the post; N3, reported by V2". */
export function saved_words(saved: Saved | undefined): string {
  const others = saved?.others ?? 0;
  const parts = [app.t(saved?.here === false ? 'record.not_saved_here' : 'record.saved_here')];
  if (others > 0) {
    const words = app.t(plural_key(app.settings.language, 'record.saved_others', others), { n: others });
    parts.push(`${words} (${(saved?.others_names ?? []).join(', ')})`);
  } else parts.push(app.t('record.saved_nowhere_else'));
  if (saved?.post && !saved.post_here) parts.push(app.t('record.saved_post'));
  const told = (saved?.reported ?? []).map(({ node, by }) => app.t('saved.reported', { node, by }));
  return [parts.join(', '), ...told].join('; ');
}
