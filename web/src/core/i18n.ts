import { en, type Key } from './words/en';
import { ar } from './words/ar';
import { es } from './words/es';
import { fr } from './words/fr';
import { ru } from './words/ru';
import { zh } from './words/zh';

export type Language = 'en' | 'zh' | 'fr' | 'es' | 'ar' | 'ru';
export type Words = Record<Key, string>;
export type { Key };

export const catalogues: Record<Language, Words> = { en, zh, fr, es, ar, ru };

/** Each language in its own name, as the switch shows it. */
export const language_names: Record<Language, string> = {
  en: 'English',
  zh: '中文',
  fr: 'Français',
  es: 'Español',
  ar: 'العربية',
  ru: 'Русский',
};

export function direction_of(language: Language): 'ltr' | 'rtl' {
  return language === 'ar' ? 'rtl' : 'ltr';
}

/** The first of the wanted languages (BCP 47 tags) that is shipped; English otherwise. */
export function choose_language(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split('-')[0]!;
    if (Object.hasOwn(catalogues, base)) return base as Language;
  }
  return 'en';
}

export type Params = Record<string, string | number>;

/**
 * The words for a key, with `{name}` replaced. Values are put between U+2068 and U+2069, so that a call sign of the
 * other writing direction does not disturb the sentence.
 */
export function translate(language: Language, key: Key, params?: Params): string {
  const text = catalogues[language][key] ?? en[key] ?? key;
  if (!params) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(params, name) ? `\u2068${params[name]}\u2069` : whole,
  );
}

/** The key of the form that the language uses for so many: `key_one`, `key_two`, `key_few`, or the key itself. */
export function plural_key(language: Language, key: Key, n: number): Key {
  const form = `${key}_${new Intl.PluralRules(language).select(n)}`;
  return has_words(form) ? form : key;
}

export function has_words(key: string): key is Key {
  return Object.hasOwn(en, key);
}

/** "landing_zone" as "landing zone": what is shown for a code nobody has words for. */
export function plain_words(code: string): string {
  return code.replace(/_/g, ' ');
}

/**
 * The words for a stored code: those of its record or field, of the code alone, those the node told (English), else
 * the code itself.
 */
export function word_of_code(
  language: Language,
  field: string,
  code: string,
  told?: string,
  record = '',
): string {
  for (const key of [`code.${record}.${code}`, `code.${field}.${code}`, `code.${code}`])
    if (has_words(key)) return translate(language, key);
  return told || plain_words(code);
}

export function word_of(language: Language, domain: 'field' | 'record' | 'kind', name: string): string {
  const key = `${domain}.${name}`;
  return has_words(key) ? translate(language, key) : plain_words(name);
}
