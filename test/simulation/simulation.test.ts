/** Some hundred simulated worlds, others each day, and those that ever showed a fault: each by a process of its own, whose chance is seeded. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { faultySeeds } from './faulty-seeds.ts';
import { planted } from './planted.ts';

const day = Math.floor(Date.now() / 86_400_000);
/** So that no day has seeds of another. */
const seedsOfDay = 100_000;

async function simulated(...args: readonly string[]): Promise<string> {
  const program = join(import.meta.dirname, 'run.ts');
  const run = promisify(execFile)(process.execPath, [program, ...args], { maxBuffer: 2 ** 26 });
  const { stdout } = await run.catch((failed: { readonly stdout: string; readonly stderr: string }) => {
    throw new Error(`${failed.stdout}${failed.stderr}`);
  });
  return stdout;
}

test(`new seeds of the day violate nothing`, { timeout: 120_000 }, async () => {
  const told = await simulated('--from', `${(day * seedsOfDay) % 2 ** 31}`, '--count', '500', '--seconds', '40');
  expect(told).toMatch(/^\d+ seeds in .*: nothing was violated\n$/);
});

test.each(faultySeeds)('seed %i, which once showed that %s, violates nothing', { timeout: 60_000 }, async (seed) => {
  expect(await simulated('--seed', `${seed}`)).toContain('nothing was violated');
});

test.each(Object.entries(planted))('%s: found by its invariant', { timeout: 60_000 }, async (name, { violates }) => {
  const failed = await simulated('--plant', name).catch((error: Error) => error.message);
  expect(failed).toContain(`VIOLATED  ${violates}: `);
});

test('the same seed is the same world, octet by octet; another seed is another', { timeout: 60_000 }, async () => {
  // What took real time differs.
  const storyOf = async (seed: number): Promise<string> =>
    (await simulated('--seed', `${seed}`)).replace(/^\d+ seeds in .*$/m, '');
  const first = await storyOf(41);
  expect(first.split('\n').length).toBeGreaterThan(20);
  expect(await storyOf(41)).toBe(first);
  expect(await storyOf(42)).not.toBe(first);
});
