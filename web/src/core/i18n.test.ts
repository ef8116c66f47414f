import { expect, test } from 'vitest';
import { plural_key, translate, type Language } from './i18n';

function others(language: Language, n: number): string {
  return translate(language, plural_key(language, 'record.saved_others', n), { n }).replace(
    /[\u2068\u2069]/g,
    '',
  );
}

test('numbers in sentences have the form their language uses', () => {
  expect(others('en', 1)).toBe('on 1 other');
  expect(others('en', 2)).toBe('on 2 others');
  expect(others('fr', 1)).toBe('sur 1 autre');
  expect(others('es', 1)).toBe('en 1 nodo más');
  expect(others('ru', 21)).toBe('ещё на 21 узле');
  expect(others('ru', 5)).toBe('ещё на 5 узлах');
  expect(others('zh', 1)).toBe('另在 1 个节点');
  expect(others('ar', 2)).toBe('وعلى عقدتين أخريين');
  expect(others('ar', 3)).toBe('وعلى 3 عقد أخرى');
  expect(others('ar', 11)).toBe('وعلى 11 عقدة أخرى');
});
