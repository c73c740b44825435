/** Commands that messages suggest work where the program runs: by npm, from its sources, by its bin, as a service. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Call, ownCommand, ownScript } from '../../../src/config/own-command.ts';
import { folderWith } from '../../support/configuration.ts';

const root = join(import.meta.dirname, '../../..');
const main = join(root, 'src/main.ts');
const node = process.execPath;
const nodeFolder = dirname(node);
const elsewhere = '/';

const call = (changed: Partial<Call>): Call => ({ argv: [node, main], env: { PATH: '' }, cwd: root, ...changed });

/** A folder with this link to the main file in it. */
const linkedAs = (name: string): string => {
  const folder = folderWith({});
  mkdirSync(join(folder, 'bin'));
  symlinkSync(main, join(folder, 'bin', name));
  return join(folder, 'bin', name);
};

describe('ownCommand', () => {
  test.each<[string, Partial<Call>, string]>([
    ['by npm', { env: { npm_lifecycle_event: 'start', PATH: nodeFolder } }, "npm run keys -- new 'my routes.yaml'"],
    ['with Node in PATH', { env: { PATH: nodeFolder } }, "node src/main.ts keys new 'my routes.yaml'"],
    [
      'from another folder',
      { env: { PATH: nodeFolder }, cwd: elsewhere },
      `node ${main.slice(1)} keys new 'my routes.yaml'`,
    ],
    [
      'with another Node in PATH',
      { argv: [node, main], env: { PATH: '/nowhere' }, cwd: '/nowhere' },
      `${node} ${main} keys new 'my routes.yaml'`,
    ],
    ['from something else', { argv: [node, '/usr/bin/true'] }, "pif-router keys new 'my routes.yaml'"],
  ])('%s', (_, changed, line) => expect(ownCommand('keys', ['new', 'my routes.yaml'], call(changed))).toBe(line));

  test('by its bin, which is in PATH or not', () => {
    const bin = linkedAs('pif-router');
    const argv = [node, bin];
    expect(ownCommand('status', [], call({ argv, env: { PATH: dirname(bin) } }))).toBe('pif-router status');
    expect(ownCommand('status', [], call({ argv, cwd: '/nowhere' }))).toBe(`${bin} status`);
    expect(ownCommand('status', [], call({ argv, cwd: dirname(bin) }))).toBe('./pif-router status');
    // npx puts the folder of the bin into PATH for itself.
    const env = { PATH: dirname(bin), npm_lifecycle_event: 'npx' };
    expect(ownCommand('check', [], call({ argv, env, cwd: '/nowhere' }))).toBe('npm run check');
  });

  test('by npm, with one script for several orders', () =>
    expect(ownCommand('directory show', ['sip:bob@example.com'], call({ env: { npm_lifecycle_event: 'start' } }))).toBe(
      'npm run directory -- show sip:bob@example.com',
    ));

  test('its scripts are in package.json', async () => {
    const { scripts } = (await import('../../../package.json', { with: { type: 'json' } })).default;
    const env = { npm_lifecycle_event: 'start' };
    for (const word of [
      'start',
      'check',
      'doctor',
      'explain',
      'status',
      'reload',
      'drain',
      'undrain',
      'keys',
      'unit',
      'directory check',
    ]) {
      const [, script = ''] = /^npm run (\S+)$/.exec(ownCommand(word, [], call({ env }))) ?? [];
      expect(scripts).toHaveProperty([script], expect.stringMatching(new RegExp(`src/main\\.ts ${word}$`)));
    }
  });
});

test('a script of the package is named by a path that works', () => {
  expect(ownScript('certs/make-dev-certs.sh', call({}))).toBe('certs/make-dev-certs.sh');
  expect(ownScript('certs/make-dev-certs.sh', call({ cwd: '/nowhere' }))).toBe(join(root, 'certs/make-dev-certs.sh'));
});
