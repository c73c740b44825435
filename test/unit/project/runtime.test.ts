import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeOptions } from '../../../src/cli/node-options.ts';

const major = (version: string): number => Number(/^v(\d+)\./.exec(version)?.[1]);

test('the tests themselves run on Node 24 or later, whatever node the machine has', () => {
  expect(major(process.version)).toBeGreaterThanOrEqual(24);
});

test('the node that an npm script finds first is 24 or later', () => {
  expect(major(execFileSync('node', ['--version'], { encoding: 'utf8' }))).toBeGreaterThanOrEqual(24);
});

test('npm start and the command itself run Node with the same options as the unit', () => {
  const options = nodeOptions.join(' ');
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(scripts.start).toBe(`node ${options} src/main.ts start`);
  expect(readFileSync('src/main.ts', 'utf8').split('\n', 1)).toEqual([`#!/usr/bin/env -S node ${options}`]);
});
