import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
const textOf = (file: string): string => readFileSync(join(root, file), 'latin1');
const filesWith = (pattern: RegExp): string[] => tracked.filter((file) => pattern.test(textOf(file)));

test('the checkout is known to git', () => expect(tracked).toContain('package.json'));

test('no tracked file holds a private key', () => {
  expect(tracked.filter((file) => /\.(key|p12|pfx)$/.test(file))).toEqual([]);
  expect(filesWith(/-----BEGIN [A-Z ]*PRIVATE[ ]KEY-----/)).toEqual([]);
});

test('no tracked file names a path of the machine that it was written on', () => {
  // Written with [ ] so that this file does not find itself.
  expect(filesWith(/(?<![\w.$}~-])\/(w[o]rk|r[o]ot|h[o]me\/[a-z]+|U[s]ers\/[A-Za-z]+)\//)).toEqual([]);
});

test('the lock file records no download address', () => {
  expect(textOf('package-lock.json')).not.toMatch(/"resolved": *"http/);
});
