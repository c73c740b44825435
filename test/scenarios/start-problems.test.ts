/** What an operator is told when the program cannot start: one clear message, and exit code 1. */
import { expect, inject, test } from 'vitest';
import { openEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';

const sides = twoSides(19);
const sound = (): string => routesYaml(sides, { certificates: inject('certificates'), transports: ['tcp', 'tls'] });

const startWith = (routes: string): Promise<string> =>
  RouterProcess.start({ routes }).then(
    async (router) => `it started and ended with ${await router.stop()}`,
    (error: Error) => error.message,
  );

test('a port in use is named with address and transport', async () => {
  const other = await openEnd({ transport: 'tcp', address: sides.router, port: 5060 });
  try {
    const told = await startWith(sound());
    expect(told).toContain('ended with 1');
    expect(told).toContain(`port 5060/tcp on ${sides.router} is in use`);
    expect(told).not.toMatch(/\n +at /);
  } finally {
    await other.close();
  }
});

test('a key that cannot be read is named with its file and the line that names it', async () => {
  const told = await startWith(sound().replace('router.key', 'absent.key'));
  expect(told).toContain('ended with 1');
  expect(told).toMatch(/routes\.yaml:\d+:\d+: error: .*absent\.key/);
  expect(told).not.toMatch(/\n +at /);
});

test('a wrong line is named with line, column and what was meant', async () => {
  const told = await startWith(sound().replace('mode: basic', 'mode: basics'));
  const line = sound().split('\n').indexOf('  mode: basic') + 1;
  expect(told).toContain('ended with 1');
  expect(told).toContain(`routes.yaml:${line}:9: error: `);
  expect(told).toMatch(/basic/);
});
