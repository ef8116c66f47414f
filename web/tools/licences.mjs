// A Vite plugin: puts the licence of every package that is in the built page beside it, as licences.txt. A package without
// a licence file ends the build.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The package a module belongs to: { name, folder }; nothing for our own. */
export function package_of(id) {
  const path = id.split('?')[0].replace(/^\0/, '');
  const at = path.lastIndexOf('/node_modules/');
  if (at < 0) return undefined;
  const parts = path.slice(at + '/node_modules/'.length).split('/');
  const name = parts[0].startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
  return { name, folder: path.slice(0, at) + '/node_modules/' + name };
}

export function licences_of(ids) {
  const folders = new Map();
  for (const id of ids) {
    const found = package_of(id);
    if (found && existsSync(found.folder)) folders.set(found.name, found.folder);
  }
  const parts = [...folders].sort().map(([name, folder]) => {
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} ${version} (${license}) comes without a licence file`);
    return `${name} ${version}: ${license}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  return parts.join(`\n${'-'.repeat(80)}\n\n`);
}

/** `also`: folders of packages whose data are in the page by another way than an import. */
export function licences(also) {
  return {
    name: 'licences',
    generateBundle() {
      const ids = [...this.getModuleIds(), ...also.map((folder) => join(folder, 'package.json'))];
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: licences_of(ids) });
    },
  };
}
