/** The table of commands: help, misuse, completion and the man page come of it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readArguments } from '../../../src/cli/arguments.ts';
import type { Command } from '../../../src/cli/command.ts';
import { commands, loadAll } from '../../../src/cli/commands.ts';
import { folderWith } from '../../support/configuration.ts';
import { run } from '../../support/run-command.ts';

const all = await loadAll();
const root = join(import.meta.dirname, '../../..');

test('each is found by the name that it has', () => expect(all.map(({ name }) => name)).toEqual([...commands.keys()]));

describe.each(all.map((command): [string, Command] => [command.name, command]))('%s', (name, command) => {
  const words = name.split(' ');

  test.each([['--help'], ['-h']])('%s tells all options, and ends with 0', async (option) => {
    const { code, out, err } = await run(undefined, [...words, option]);
    expect([code, err]).toEqual([0, []]);
    for (const each of Object.keys(command.options)) expect(out.join('\n')).toContain(`--${each}`);
    expect(out[0]).toMatch(new RegExp(`^usage: pif-router ${name}`));
  });

  test('its help has lines for a terminal of 80 columns, examples aside', async () => {
    const { out } = await run(undefined, [...words, '--help']);
    const ownText = out.filter((line) => !line.startsWith('  pif-router '));
    expect(ownText.filter((line) => line.length > 80 || line !== line.trimEnd())).toEqual([]);
  });

  test.each(command.examples.map(({ line }) => [line]))('its example is understood: %s', (line) => {
    const given = line.replace(/>.*$/, '').split(' ').filter(Boolean);
    expect(readArguments(command, given)).toMatchObject({ kind: 'given' });
  });

  test('an option that it does not have is misuse, and so is a word too many', async () => {
    for (const extra of [['--colour'], ['a', 'b', 'c', 'd']]) {
      const { code, out, err } = await run(undefined, [...words, ...extra]);
      expect([code, out]).toEqual([2, []]);
      expect(err).toHaveLength(3);
    }
  });
});

test.each<[string, readonly string[], number, RegExp]>([
  ['nothing', [], 2, /^a command is missing$/],
  ['a slip in a command', ['stauts'], 2, /^there is no command "stauts": did you mean "status"\?$/],
  ['a slip behind a group', ['keys', 'rotat'], 2, /^there is no command "keys rotat": did you mean "rotate"\?$/],
  ['a group alone', ['directory'], 2, /^directory what\? known here: check, show, refresh, confirm$/],
  ['a slip in an option', ['doctor', '--jsno'], 2, /^there is no option "--jsno": did you mean "--json"\?$/],
  ['a short option', ['check', '-x'], 2, /^there is no option "-x"/],
  ['an option twice', ['status', '--socket', 'a', '--socket', 'b'], 2, /^--socket is given twice$/],
  ['an option without its value', ['status', '--socket'], 2, /^--socket needs a value: --socket PATH$/],
  ['a value where none belongs', ['doctor', '--json=yes'], 2, /^--json has no value$/],
  ['a word that is missing', ['explain', 'MESSAGE', '--from-peer', '192.0.2.1'], 2, /^URI is missing$/],
  ['controls', ['check', 'a', '\u001b[2J'], 2, /^"\\u001b\[2J" is one word too many$/],
])('%s is told', async (_, args, code, said) => {
  const { code: found, err } = await run(undefined, args);
  expect([found, err[0]]).toEqual([code, expect.stringMatching(said)]);
});

test('what stands behind -- is a word', () => {
  const check = all.find(({ name }) => name === 'check')!;
  const read = readArguments(check, ['--', '--odd.yaml']);
  expect(read.kind === 'given' && read.given.words).toEqual(['--odd.yaml']);
});

test.each([['--help'], ['-h'], ['help']])('%s names all commands, and ends with 0', async (word) => {
  const { code, out } = await run(undefined, [word]);
  expect(code).toBe(0);
  for (const name of commands.keys()) expect(out.some((line) => line.startsWith(`  ${name} `))).toBe(true);
});

test('--version tells the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  expect(await run(undefined, ['--version'])).toMatchObject({ code: 0, out: [`pif-router ${version}`] });
});

test('the schema that is generated is the one that is shipped', async () => {
  const { out } = await run(undefined, ['gen', 'schema']);
  expect(`${out.join('\n')}\n`).toBe(readFileSync(join(root, 'docs/routes.schema.json'), 'utf8'));
});

/** What a shell offers for the last word, in a folder with one file. */
type Offer = (folder: string, ...typed: readonly string[]) => string;

const byBash: Offer = (folder, ...typed) => {
  const line = ['pif-router', ...typed].map((word) => `'${word}'`).join(' ');
  const script = `. ./complete; COMP_WORDS=(${line}); COMP_CWORD=${typed.length}; _pif_router; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-euc', script], { cwd: folder, encoding: 'utf8' });
};

/** It completes at a terminal only. */
const byZsh: Offer = (folder, ...typed) => {
  const script = join(root, 'test/support/zsh-offers.zsh');
  const line = ['pif-router', ...typed].join(' ');
  return execFileSync('zsh', ['-f', script, './complete', line], { cwd: folder, encoding: 'utf8' });
};

/** Behind a tab it says what each is. */
const byFish: Offer = (folder, ...typed) => {
  const script = 'source ./complete; complete -C $argv[1]';
  const args = ['--no-config', '-c', script, ['pif-router', ...typed].join(' ')];
  return execFileSync('fish', args, { cwd: folder, encoding: 'utf8' }).replaceAll(/\t.*/g, '');
};

describe.each<[string, Offer]>([
  ['bash', byBash],
  ['zsh', byZsh],
  ['fish', byFish],
])('completion in %s', (shell, offer) => {
  const offered = async (...typed: readonly string[]): Promise<readonly string[]> => {
    const { out } = await run(undefined, ['gen', 'completion', shell]);
    const folder = folderWith({ 'routes.yaml': '', complete: `${out.join('\n')}\n` });
    return offer(folder, ...typed)
      .split('\n')
      .filter(Boolean)
      .toSorted();
  };

  test.each<[readonly string[], readonly string[]]>([
    [['st'], ['start', 'status']],
    [
      ['directory', 'c'],
      ['check', 'confirm'],
    ],
    [['doctor', '--j'], ['--json']],
    [
      ['explain', '--transport', 't'],
      ['tcp', 'tls'],
    ],
    [['check', 'rou'], ['routes.yaml']],
    [['status', '--socket', 'rou'], ['routes.yaml']],
    [['gen', 'm'], ['man']],
    [
      ['gen', 'completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
  ])('%j', { timeout: 20_000 }, async (typed, expected) => expect(await offered(...typed)).toEqual(expected));

  test('has every command and option', async () => {
    const { out } = await run(undefined, ['gen', 'completion', shell]);
    const text = out.join('\n');
    for (const { name, options } of all) {
      for (const word of [...name.split(' '), ...Object.keys(options)]) expect(text).toContain(word);
    }
  });
});

test('the man page has no fault that groff knows, and every command', async () => {
  const { out } = await run(undefined, ['gen', 'man']);
  const folder = folderWith({});
  const file = join(folder, 'pif-router.8');
  writeFileSync(file, `${out.join('\n')}\n`);
  const { stdout, stderr, status } = spawnSync('groff', ['-man', '-Tutf8', '-ww', file], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  for (const { name } of all) expect(stdout).toContain(`pif-router ${name}`);
});
