/** Exported names are the contract of a file: each has an importer, and stands for one thing. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const declaration = /^export (?:abstract |async )?(?:interface|type|class|function\*?|const) (\w+)/gm;
const importOfNames = /^(?:import|export)\s(?:type\s)?([^;']*?)\sfrom\s'(\.[^']+)'/gm;
/** They take a file as a whole. */
const importOfAll = /\bimport\('(\.[^']+)'\)/g;

/** Each command is `command` of its file. */
const sameInMany = ['command'];

const files = globSync(['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', '.config/*.ts'], { cwd: root }).map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));

const exported = files
  .filter(({ path }) => path.startsWith('src/'))
  .flatMap(({ path, text }) => [...text.matchAll(declaration)].map(([, name = '']) => ({ path, name })));

/** `FILE NAME`, or `FILE *`. */
const imported = new Set(
  files.flatMap(({ path, text }) => {
    const at = (specifier: string): string => normalize(join(dirname(path), specifier));
    const names = [...text.matchAll(importOfNames)].flatMap(([, what = '', specifier = '']) => {
      if (what.includes('*')) return [`${at(specifier)} *`];
      const listed = /\{([^}]*)\}/.exec(what)?.[1] ?? '';
      return listed.split(',').map(
        (each) =>
          `${at(specifier)} ${
            each
              .trim()
              .replace(/^type /, '')
              .split(' as ')[0]
          }`,
      );
    });
    return [...names, ...[...text.matchAll(importOfAll)].map(([, specifier = '']) => `${at(specifier)} *`)];
  }),
);

test('there is something to judge', () => expect(exported.length).toBeGreaterThan(100));

test('every exported name has an importer', () =>
  expect(
    exported
      .filter(({ path, name }) => !imported.has(`${path} ${name}`) && !imported.has(`${path} *`))
      .map(({ path, name }) => `${path}: ${name}`),
  ).toEqual([]));

test('no exported name stands for two things', () => {
  // A value and its type may share a name: they stand in one file.
  const twice = [...Map.groupBy(exported, ({ name }) => name)]
    .map(([name, places]) => ({ name, paths: [...new Set(places.map(({ path }) => path))] }))
    .filter(({ name, paths }) => paths.length > 1 && !sameInMany.includes(name));
  expect(twice).toEqual([]);
});
