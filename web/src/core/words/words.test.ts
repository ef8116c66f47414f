import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { catalogues, choose_language, translate, word_of_code, type Language } from '../i18n';
import { en } from './en';

const languages = Object.keys(catalogues) as Language[];
const places = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

test.each(languages)('%s has every key, no other, and none is empty', (language) => {
  expect(Object.keys(catalogues[language]).sort()).toEqual(Object.keys(en).sort());
  for (const [key, words] of Object.entries(catalogues[language])) expect(words.trim(), key).not.toBe('');
});

test.each(languages)('%s fills in the same values as English', (language) => {
  for (const [key, words] of Object.entries(catalogues[language])) {
    // "One" and "two" may be words of the language themselves.
    if (/_(one|two)$/.test(key) && places(words).length === 0) continue;
    expect(places(words), key).toEqual(places(en[key as keyof typeof en]));
  }
});

test.each(languages.filter((language) => language !== 'en'))(
  '%s is a translation, not a copy',
  (language) => {
    const same = Object.entries(catalogues[language]).filter(
      ([key, words]) => words === en[key as keyof typeof en],
    );
    expect(same.length).toBeLessThan(Object.keys(en).length * 0.12);
  },
);

test('every key that the page names exists', () => {
  const known = new Set(Object.keys(en));
  const folder = join(__dirname, '../../panels');
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const [, key] of text.matchAll(/app\.t\('([a-z_.]+)'/g))
      expect(known.has(key!), `${name}: ${key}`).toBe(true);
  }
});

test('values are isolated from the direction of the sentence', () => {
  expect(translate('ar', 'toast.added', { what: 'C-7K3Q' })).toBe('حُفظ: \u2068C-7K3Q\u2069');
});

test('a code finds the words of its record, its field, itself, the node, or shows itself', () => {
  expect(word_of_code('en', 'category', 'fire', undefined, 'request')).toBe('Water drop');
  expect(word_of_code('en', 'category', 'fire', undefined, 'hazard')).toBe('Fire');
  expect(word_of_code('en', 'triage', 'red')).toBe('Immediate');
  expect(word_of_code('fr', 'x', 'from_the_future', 'Told by the node')).toBe('Told by the node');
  expect(word_of_code('fr', 'x', 'from_the_future')).toBe('from the future');
});

test('the language is the first wanted one that is shipped', () => {
  expect(choose_language(['de-CH', 'fr-CH', 'en'])).toBe('fr');
  expect(choose_language(['zh-Hans-CN'])).toBe('zh');
  expect(choose_language([])).toBe('en');
});
