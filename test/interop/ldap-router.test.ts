/** The running router in look-up mode: where a MESSAGE goes, and what becomes of it when the directory dies or hangs. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { newBranch, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';
import { startOpenLdap } from './directory/openldap.ts';
import type { TestDirectory } from './directory/test-directory.ts';
import { nameOf } from './directory/users.ts';

const sides = twoSides(79);
let server: TestDirectory;
let router: RouterProcess;
let [cisco, microsoft]: RawEnd[] = [];

const directoryYaml = ({ ldapsUrl, tlsName, caFile, reader, suffix }: TestDirectory): string => `directory:
  cache: { found: 0s, unknown: 0s, budget: 300ms }
  sources:
    - { kind: ldap, urls: [${ldapsUrl}], tls-name: ${tlsName}, ca: ${caFile}, bind-dn: "${reader.dn}",
        password-env: PIF_TEST_PASSWORD, base: ["${suffix}"], search: 200ms, connect: 200ms, bind: 200ms }
`;

beforeAll(async () => {
  server = await startOpenLdap({ users: 40 });
  process.env.PIF_TEST_PASSWORD = server.reader.password;
  const routes = ['cisco', 'microsoft'] as const;
  const yaml = routesYaml(sides, {
    mode: 'advanced',
    certificates: inject('certificates'),
    transports: ['tcp'],
    domains: ['example.com'],
    routes: routes.map((side) => `{ to: ${side}, pattern: example.com, next-hop: ${sides[side]}, transport: tcp }`),
  })
    .replace(/^directory:\n.*\n/m, directoryYaml(server))
    .replace('mode: advanced', 'mode: advanced\n  when-directory-unavailable: reject');
  microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  microsoft.respond((request) => responseText(request, 200));
  router = await RouterProcess.start({ routes: yaml });
  cisco = await openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
});
afterAll(async () => {
  await Promise.all([cisco?.close(), microsoft?.close(), router?.stop()]);
  await server?.stop();
});

let count = 0;

/** @returns the status of the answer, and how long it took */
async function send(user: string): Promise<{ status: number; ms: number }> {
  count += 1;
  const callId = `lookup-${count}`;
  const via = [`${cisco!.via};branch=${newBranch()}`];
  const beganMs = performance.now();
  cisco!.send(requestText({ method: 'MESSAGE', uri: `sip:${user}@example.com`, via, callId, body: 'hello' }));
  const { status = 0 } = await cisco!.take(
    (message) => message.header('Call-ID') === callId && (message.status ?? 0) >= 200,
  );
  return { status, ms: performance.now() - beganMs };
}

test('an enabled user is reached; a migrated one, and nobody, are not: 404', async () => {
  expect(await send(nameOf(1))).toMatchObject({ status: 200 });
  expect(await send(nameOf(11))).toMatchObject({ status: 404 });
  expect(await send('nobody')).toMatchObject({ status: 404 });
  expect(await send('*')).toMatchObject({ status: 404 });
});

test('while the directory hangs: who was known is reached, who was not is refused for now (503), each within the budget', async () => {
  await server.pause();
  const [known, unknown] = await Promise.all([send(nameOf(1)), send(nameOf(2))]);
  server.resume();
  expect(known.status).toBe(200);
  expect(unknown.status).toBe(503);
  // 300 ms of budget, a turn of the timer wheel, and a busy machine.
  expect(Math.max(known.ms, unknown.ms)).toBeLessThan(3_000);
});

test('when the directory dies and comes back, so do its users, without a restart of the router', async () => {
  await server.kill();
  expect(await send(nameOf(1))).toMatchObject({ status: 200 });
  expect(await send(nameOf(3))).toMatchObject({ status: 503 });
  await server.start();
  let { status } = await send(nameOf(3));
  while (status === 503) ({ status } = await send(nameOf(3)));
  expect(status).toBe(200);
});

test('the log names server and reason of what failed, and no password', async () => {
  await until(() => router.logLines.some(({ msg }) => msg === 'directory server failed'));
  const failed = router.logLines.find(({ msg }) => msg === 'directory server failed');
  expect(failed).toMatchObject({
    server: server.ldapsUrl,
    code: expect.stringMatching(/^ldap-/),
    why: expect.any(String),
  });
  expect(router.output).not.toContain(server.reader.password);
});
