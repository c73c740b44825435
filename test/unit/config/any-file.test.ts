/** Whatever stands in routes.yaml, it is told about; nothing of it may end the process. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Loaded, loadSnapshot } from '../../../src/config/snapshot.ts';
import { readYaml } from '../../../src/settings/document.ts';
import { Problems } from '../../../src/settings/problem.ts';
import { folderWith } from '../../support/configuration.ts';

const shipped = readFileSync(join(import.meta.dirname, '../../../routes.yaml'), 'utf8');
const settingsOnly = shipped.replace(/^\s*#.*\n|\s+#.*$/gm, '');

/** Either a snapshot without error, or at least one error; every problem has a place in its file. */
function expectAWholeAnswer(loaded: Loaded, lines: number): void {
  const hasError = loaded.problems.some(({ severity }) => severity === 'error');
  expect(loaded.snapshot === undefined).toBe(hasError);
  for (const { file, line, column } of loaded.problems) {
    expect(column).toBeGreaterThan(0);
    expect(line).toBeGreaterThan(0);
    if (file.endsWith('routes.yaml')) expect(line).toBeLessThanOrEqual(lines + 1);
  }
}

const fragments = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ': ',
  '- ',
  '*',
  '&a ',
  '!x ',
  '#',
  "'",
  '"',
  '\n',
  '\t',
  '  ',
  '|',
  '>',
  '%',
  '@',
  '`',
  '?',
  '---\n',
  '~',
  '\u0000',
  '\ud800',
  'é',
  '0',
  '-1',
  '99999999999999999999',
  'example.com',
  'cisco',
  'true',
  '<<: ',
];

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(12),
  insert: fc.oneof(fc.constantFrom(...fragments), fc.string({ maxLength: 6 })),
});

test('any mutation of the shipped file gives a snapshot or errors with a place, and never throws', () => {
  const folder = folderWith({});
  const file = join(folder, 'routes.yaml');
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
      const text = edits.reduce((before, { at, remove, insert }) => {
        const offset = Math.floor(at * before.length);
        return before.slice(0, offset) + insert + before.slice(offset + remove);
      }, settingsOnly);
      writeFileSync(file, text);
      expectAWholeAnswer(loadSnapshot(file, 1), text.split(/\r\n|\r|\n/).length);
    }),
    { numRuns: 300 },
  );
});

test('any octets give a snapshot or errors with a place, and never throw', () => {
  const folder = folderWith({});
  const file = join(folder, 'routes.yaml');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
      writeFileSync(file, octets);
      expectAWholeAnswer(loadSnapshot(file, 1), octets.length + 1);
    }),
    { numRuns: 300 },
  );
});

/** What is said about a tree that could be made. */
const withTree = [
  /^a value that starts with [*&] /,
  /^this setting is given twice$/,
  /^the name of a setting must be one word$/,
  /^this is nested too deeply$/,
];

test('any text is a tree or one mistake in its writing, never both and never neither', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...fragments, 'a', 'b'), { maxLength: 30 }), (parts) => {
      const problems = new Problems('x.yaml');
      const root = readYaml(parts.join(''), problems);
      if (root === undefined) expect(problems.all()).toHaveLength(1);
      else expect(problems.all().filter(({ what }) => !withTree.some((known) => known.test(what)))).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});
