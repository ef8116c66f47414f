import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { licences_of, package_of } from './licences.mjs';

test('a module belongs to the innermost package its path names', () => {
  expect(package_of('/x/node_modules/a/node_modules/@s/b/dist/b.js?v=1')).toEqual({
    name: '@s/b',
    folder: '/x/node_modules/a/node_modules/@s/b',
  });
  expect(package_of('/x/src/main.ts')).toBeUndefined();
});

test('every package is named with its licence, once, and one without a licence ends the build', () => {
  const root = mkdtempSync(join(tmpdir(), 'licences-'));
  try {
    const add = (name, files) => {
      const folder = join(root, 'node_modules', name);
      mkdirSync(folder, { recursive: true });
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
      return join(folder, 'index.js');
    };
    const about = JSON.stringify({ version: '1.2.3', license: 'MIT' });
    const good = add('good', { 'package.json': about, 'LICENSE.md': 'Copyright Ana' });
    expect(licences_of([good, good])).toBe('good 1.2.3: MIT\n\nCopyright Ana\n');
    const bare = add('bare', { 'package.json': about });
    expect(() => licences_of([good, bare])).toThrow('bare 1.2.3 (MIT) comes without a licence file');
  } finally {
    rmSync(root, { recursive: true });
  }
});
