/** Paths in the unit for systemd: each is read back as it was, or there is no unit. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OwnProcess } from '../../../src/cli/command.ts';
import { command as unit } from '../../../src/cli/unit.ts';
import { anyText, hasUnseen } from '../../support/any-text.ts';
import { folderWith, routesYaml } from '../../support/configuration.ts';
import { run } from '../../support/run-command.ts';

const program: OwnProcess['program'] = ['/usr/bin/node', '/opt/pif-router/src/main.ts'];

const unitFor = (folder: string, called = program) => run(unit, [join(folder, 'routes.yaml')], called);

/** A socket's path must be short, which that of a folder need not be. */
const yaml = routesYaml({ x: 'admin: { socket: /run/pif-router/admin.sock }\nlog: { file: router.log }' });

const folderNamed = (name: string): string => {
  const folder = join(folderWith({}), name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'routes.yaml'), yaml);
  return folder;
};

/** Words of a setting (systemd.syntax(7), Quoting): quotes around a word, a backslash before what stands for itself. */
function wordsOf(text: string): string[] {
  const words = text.matchAll(/"((?:[^"\\]|\\["\\])*)"(?: |$)|([^\s"'\\]+)(?: |$)/gy);
  const read = [...words].map(([whole, inQuotes, bare]) => ({
    whole,
    word: inQuotes?.replace(/\\(.)/g, '$1') ?? bare ?? '',
  }));
  expect(read.map(({ whole }) => whole).join('')).toBe(text);
  return read.map(({ word }) => word);
}

/** `%%`, the only specifier that may be there. */
const unspecified = (word: string): string => {
  expect(word.replaceAll('%%', '')).not.toContain('%');
  return word.replaceAll('%%', '%');
};

/** `$$`, the only variable that may be there; of the program systemd expands none (systemd.service(5)). */
const unexpanded = (word: string): string => {
  expect(word.replaceAll('$$', '')).not.toContain('$');
  return word.replaceAll('$$', '$');
};

const settingOf = (lines: readonly string[], name: string): string => {
  const found = lines.filter((line) => line.startsWith(`${name}=`));
  expect(found).toHaveLength(1);
  return found[0]!.slice(name.length + 1);
};

const commandIn = (lines: readonly string[], name: string): string[] => {
  const [called = '', ...words] = wordsOf(settingOf(lines, name));
  return [unspecified(called), ...words.map(unspecified).map(unexpanded)];
};

async function expectReadBack(name: string): Promise<void> {
  const folder = folderNamed(name);
  const { code, out } = await unitFor(folder, ['/opt/no de$HOME%h', `${folder}/main.ts`]);
  expect(code).toBe(0);
  for (const [setting, order] of [
    ['ExecStart', 'start'],
    ['ExecReload', 'reload'],
  ] as const) {
    const words = commandIn(out, setting).filter((word) => !word.startsWith('--'));
    expect(words).toEqual(['/opt/no de$HOME%h', `${folder}/main.ts`, order, `${folder}/routes.yaml`]);
  }
  expect(wordsOf(settingOf(out, 'ReadWritePaths')).map(unspecified)).toEqual([folder]);
}

/** A name that a folder may have. */
const nameOf = (text: string): string => text.replace(/[\0/]/g, '').slice(0, 60);
const isSayable = (name: string): boolean => name !== '' && !/^\.+$/.test(name) && !hasUnseen(name);

describe('a unit', () => {
  test.each([
    'plain',
    'cost$HOME',
    '100% %h',
    'a "b" c',
    "it's",
    'back\\slash\\',
    ';',
    '#x',
    '$$',
    '{x}$',
    'J\u00fcrgen',
    '-x',
  ])('for a folder named %j names it', expectReadBack);

  test('for a folder of any name that can be seen names it', () =>
    fc.assert(
      fc.asyncProperty(
        anyText.map((text) => nameOf(text.replace(/[\ufffd\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ''))).filter(isSayable),
        expectReadBack,
      ),
    ));

  test.each(['n\nExecStartPre=+touch owned\n#', 'a\rb', 'tab\t', '\u009b31m', '\u202egro', '\u2028', '\ufffd'])(
    'for a folder named %j is refused, and the reason told',
    async (name) => {
      const folder = folderNamed(name);
      const { code, out, err } = await unitFor(folder);
      expect(code).toBe(1);
      expect(out).toEqual([]);
      expect(err).toContain(
        `${folder}/routes.yaml: no unit can name this path: it holds a line end, another character that is not seen, or octets that are not UTF-8`,
      );
    },
  );

  test('is refused for a program and for a folder to write to that it cannot name, too', async () => {
    const folder = folderWith({ 'routes.yaml': routesYaml({ x: 'log: { file: "/var/log/a\\u202eb/log" }' }) });
    const { code, err } = await unitFor(folder, ['/opt/a\nb/node', '/opt/main.ts']);
    expect(code).toBe(1);
    expect(err.map((line) => line.slice(0, line.indexOf(': no unit')))).toEqual([
      '/opt/a\nb/node',
      '/var/log/a\u202eb',
    ]);
  });

  test.each(['"', "'", '\\'])(
    'is refused for a program with %s in its path, which systemd does not run',
    async (quote) => {
      const { code, out, err } = await unitFor(folderNamed('x'), [`/opt/a${quote}b/node`, '/opt/main.ts']);
      expect(code).toBe(1);
      expect(out).toEqual([]);
      expect(err).toEqual([`/opt/a${quote}b/node: systemd runs no program whose path holds a quote or a backslash`]);
    },
  );

  test('leaves no core, and bounds the memory by which Node chooses its heap', async () => {
    const { out } = await unitFor(folderNamed('x'));
    expect([settingOf(out, 'LimitCORE'), settingOf(out, 'MemoryMax')]).toEqual(['0', '80%']);
  });

  test('tells root commands that name the file for a shell', async () => {
    const folder = folderNamed('a b%$x');
    const { out } = await unitFor(folder);
    expect(out).toContain(
      `#   ${program.join(' ')} keys new '${folder}/routes.yaml'   (the router may not write there)`,
    );
  });
});
