import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

const major = (version: string): number => Number(/^v(\d+)\./.exec(version)?.[1]);

test('the tests themselves run on Node 24 or later, whatever node the machine has', () => {
  expect(major(process.version)).toBeGreaterThanOrEqual(24);
});

test('the node that an npm script finds first is 24 or later', () => {
  expect(major(execFileSync('node', ['--version'], { encoding: 'utf8' }))).toBeGreaterThanOrEqual(24);
});
