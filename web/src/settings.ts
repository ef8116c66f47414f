import { coordinate_styles, type CoordinateStyle } from './core/coordinates';
import { catalogues, choose_language, type Language } from './core/i18n';

export type ModeChoice = 'system' | 'day' | 'dark' | 'night';
export const mode_choices: readonly ModeChoice[] = ['system', 'day', 'dark', 'night'];

/** What the person chose; kept in this browser only. */
export interface Settings {
  mode: ModeChoice;
  language: Language;
  coordinates: CoordinateStyle;
  shortcuts: boolean;
  hidden_maps: string[];
}

const name = 'airbridge.settings';

export function load_settings(): Settings {
  let kept: Partial<Settings> = {};
  try {
    kept = (JSON.parse(localStorage.getItem(name) ?? '{}') ?? {}) as Partial<Settings>;
  } catch {
    kept = {}; // Storage may be switched off, or hold something else.
  }
  return {
    mode: mode_choices.includes(kept.mode as ModeChoice) ? kept.mode! : 'system',
    language:
      kept.language && Object.hasOwn(catalogues, kept.language)
        ? kept.language
        : choose_language(navigator.languages),
    coordinates: coordinate_styles.includes(kept.coordinates as CoordinateStyle) ? kept.coordinates! : 'ddm',
    shortcuts: kept.shortcuts !== false,
    hidden_maps: Array.isArray(kept.hidden_maps) ? kept.hidden_maps.map(String) : [],
  };
}

export function keep_settings(settings: Settings): void {
  try {
    localStorage.setItem(name, JSON.stringify(settings));
  } catch {
    // Without storage the choice holds until the page is closed.
  }
}
