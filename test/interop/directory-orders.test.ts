/** An operator at the running router, whose snapshot comes from OpenLDAP: a loss is held back, looked at, and confirmed. */

import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import { ask, command } from '../support/admin.ts';
import { openWriter } from '../support/directory-writer.ts';
import { pause, RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';
import { startOpenLdap } from './directory/openldap.ts';
import type { TestDirectory } from './directory/test-directory.ts';
import { kindOf, nameOf, userDn } from './directory/users.ts';

const sides = twoSides(77);
const users = 40;
let server: TestDirectory;
let router: RouterProcess;

const directoryYaml = ({ ldapsUrl, tlsName, caFile, reader, suffix }: TestDirectory): string => `directory:
  sources:
    - { kind: ldap, name: corp, mode: snapshot, urls: [${ldapsUrl}], tls-name: ${tlsName}, ca: ${caFile},
        bind-dn: "${reader.dn}", password-env: PIF_TEST_PASSWORD, base: ["${suffix}"],
        snapshot: { follow: none, require-first-sync: true } }
`;

beforeAll(async () => {
  server = await startOpenLdap({ users });
  process.env.PIF_TEST_PASSWORD = server.reader.password;
  const routes = (['cisco', 'microsoft'] as const).map(
    (side) => `{ to: ${side}, pattern: example.com, next-hop: ${sides[side]}, transport: tcp }`,
  );
  const options = { mode: 'advanced', certificates: inject('certificates'), transports: ['tcp'] } as const;
  const yaml = routesYaml(sides, { ...options, domains: ['example.com'], routes });
  router = await RouterProcess.start({ routes: yaml.replace(/^directory:\n.*\n/m, directoryYaml(server)) });
});
afterAll(async () => {
  await router?.stop();
  await server?.stop();
});

const lastSweep = async () => (await ask<Status>(router, 'GET /status')).body.directory[0]?.snapshot?.lastSweep;

/** The test's own time limit ends a vain wait. */
async function sweptWith(outcome: string): Promise<void> {
  while ((await lastSweep())?.outcome !== outcome) await pause(10);
}

/** Each `directory` command ends with the router's file. */
const order = (...args: readonly string[]) => command(router, 'directory', ...args);

async function disableMost(): Promise<void> {
  const writer = await openWriter(server);
  for (let index = 1; index <= users; index += 1) {
    if (kindOf(index) !== 'enabled') continue;
    const change = { operation: 'replace', attribute: 'msRTCSIP-UserEnabled', values: ['FALSE'] } as const;
    await writer.modify(userDn(index, server.suffix), [change]);
  }
  await writer.close();
}

test('a user is shown with the name of their object, and the report names both objects that share an address', async () => {
  const { code, output } = await order('show', `${nameOf(1)}@example.com`);
  expect(output).toContain('at home on the microsoft side (ldap corp');
  expect(output.toLowerCase()).toContain(`\n  ${userDn(1, server.suffix)}\n`.toLowerCase());
  expect(code).toBe(0);
  expect((await order('show', 'dup@example.com')).output).toMatch(/more than one object.*\n +CN=dup-a.*\n +CN=dup-b/i);
  expect((await lastSweep())?.duplicates).toEqual([
    {
      dn: expect.stringMatching(/^CN=dup-b/i),
      reason: expect.stringMatching(/^dup@example\.com is the address of CN=dup-a\S+ too/i),
    },
  ]);
});

test('what a refresh finds missing is held back until it is confirmed, and then in force', async () => {
  expect((await order('confirm')).output).toBe('no sweep and no file is held back: there is nothing to confirm\n');
  await disableMost();
  expect((await order('refresh')).code).toBe(0);
  await sweptWith('held');
  expect((await command(router, 'status')).output).toMatch(/directory {2}ldap corp: .*held back.*\n +last sweep held:/);
  expect((await order('show', `${nameOf(1)}@example.com`)).output).toContain('at home on the microsoft side');
  expect((await order('confirm')).code).toBe(0);
  await sweptWith('applied');
  expect((await order('show', `${nameOf(1)}@example.com`)).output).toContain('has an address only');
  const confirmed = await until(() => router.logLines.find(({ event }) => event === 'directory-confirm'));
  expect(confirmed).toMatchObject({ source: 'ldap corp' });
});

test('a server that fails is named by status, with why and until when it rests; a refresh tries it at once', async () => {
  const status = async (): Promise<string> => (await command(router, 'status')).output;
  expect(await status()).not.toContain('it rests until');
  await server.kill();
  await expect.poll(status, { timeout: 20_000 }).toMatch(/ failed 20.*; it rests until 20/);
  const [source] = (await ask<Status>(router, 'GET /status')).body.directory;
  expect(source?.servers).toEqual([
    {
      url: server.ldapsUrl,
      isInUse: true,
      lastFailure: expect.stringContaining('cannot be reached'),
      failedAt: expect.stringMatching(/^20\d\d-.*Z$/),
      restsUntil: expect.stringMatching(/^20\d\d-.*Z$/),
    },
  ]);
  await server.start();
  expect(await order('refresh')).toMatchObject({ code: 0 });
  await expect.poll(status, { timeout: 10_000 }).not.toContain('cannot be reached');
});
