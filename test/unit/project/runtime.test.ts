import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { nodeOptions } from '../../../src/cli/node-options.ts';
import { folderWith } from '../../support/configuration.ts';

const major = (version: string): number => Number(/^v(\d+)\./.exec(version)?.[1]);

test('the tests themselves run on Node 24 or later, whatever node the machine has', () => {
  expect(major(process.version)).toBeGreaterThanOrEqual(24);
});

test('the node that an npm script finds first is 24 or later', () => {
  expect(major(execFileSync('node', ['--version'], { encoding: 'utf8' }))).toBeGreaterThanOrEqual(24);
});

test('the first line of main.ts, by which npm start and the command run it, has the same options as the unit', () => {
  const options = nodeOptions.join(' ');
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(scripts.start).toBe('src/main.ts start');
  const [first = ''] = readFileSync('src/main.ts', 'utf8').split('\n', 1);
  expect(first).toMatch(
    /^#!\/usr\/bin\/env -S sh -c 'exec node \$\(node --wasm-\S+ -v >\/dev\/null 2>&1 && echo .*\) "\$0" "\$@"'$/,
  );
  expect(first).toContain(` && echo ${options}) `);
  expect(Buffer.byteLength(first)).toBeLessThan(255);
});

describe('an older Node says so in one line, before any other error', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  /** Loaded first, in place of an older Node, for the machine may have none. */
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' });`;
  const told = (args: readonly string[]) => {
    const older = join(folderWith({ 'older.cjs': pretend }), 'older.cjs');
    const { status, stderr, stdout } = spawnSync(process.execPath, ['-r', older, ...args], { encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  const line = /^pif-router needs Node\.js 24 or later, and this is Node\.js 20\.20\.2 \(\S+\): .*\n$/;

  test.each([[], ['start'], ['check', 'nobody.yaml'], ['nonsense']])('main.ts %j', (...words) =>
    expect(told(['src/main.ts', ...words.flat()])).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(line),
    }),
  );

  test('npm loads what says so before what an older Node cannot read', () => {
    const commands = Object.entries(scripts).filter(([name, run]) => /^node .*\.ts/.test(run) && name !== 'start');
    for (const [, run] of commands) expect(run).toMatch(/^node -r \.\/src\/old-node\.cts /);
    expect(scripts.prestart).toMatch(/^node -r \.\/src\/old-node\.cts -e 0 && /);
    expect(told(['-r', './src/old-node.cts', '-e', '0'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(line),
    });
  });

  test('and has no types in it', () => {
    const text = readFileSync('src/old-node.cts', 'utf8');
    expect(() => new Script(text)).not.toThrow();
  });
});
