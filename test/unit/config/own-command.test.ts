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
    [
      'by npm',
      { env: { npm_lifecycle_event: 'start', PATH: nodeFolder } },
      "npm run pif-router -- keys new 'my routes.yaml'",
    ],
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
    expect(ownCommand('check', [], call({ argv, env, cwd: '/nowhere' }))).toBe('npm run pif-router -- check');
  });

  test('by npm, with a command of two words', () =>
    expect(ownCommand('directory show', ['sip:bob@example.com'], call({ env: { npm_lifecycle_event: 'start' } }))).toBe(
      'npm run pif-router -- directory show sip:bob@example.com',
    ));

  test('by npm: the start has a script of its own, and both scripts are in package.json', async () => {
    const { scripts } = (await import('../../../package.json', { with: { type: 'json' } })).default;
    const byNpm = call({ env: { npm_lifecycle_event: 'start' } });
    expect(ownCommand('start', [], byNpm)).toBe('npm start');
    expect(ownCommand('start', ['other.yaml'], byNpm)).toBe('npm start -- other.yaml');
    expect(scripts).toMatchObject({
      start: expect.stringMatching(/src\/main\.ts start$/),
      'pif-router': expect.stringMatching(/src\/main\.ts$/),
    });
  });
});

test('a script of the package is named by a path that works', () => {
  expect(ownScript('certs/make-dev-certs.sh', call({}))).toBe('certs/make-dev-certs.sh');
  expect(ownScript('certs/make-dev-certs.sh', call({ cwd: '/nowhere' }))).toBe(join(root, 'certs/make-dev-certs.sh'));
});
