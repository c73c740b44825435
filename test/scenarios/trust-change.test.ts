/** The running program when trust is taken away: by a revocation list that is replaced, and by the access list. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthority, type TestCertificate } from '../support/certificates.ts';
import { newBranch, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { mainFile, RouterProcess } from '../support/router-process.ts';
import { portOf, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(81);
const folder = mkdtempSync(join(tmpdir(), 'pif-router-trust-'));
const authority = createAuthority();
const peers = {
  a: authority.issue({ commonName: 'imp1', alternativeNames: ['DNS:imp1.example.com'] }),
  b: authority.issue({ commonName: 'imp2', alternativeNames: ['DNS:imp2.example.com'] }),
  /** As Cisco made them. */
  c: authority.issue({ commonName: 'imp3.example.com' }),
};

const write = (file: string, text: string): void => {
  writeFileSync(join(folder, `${file}.new`), text, { mode: 0o600 });
  renameSync(join(folder, `${file}.new`), join(folder, file));
};

const routes = (names: readonly string[]) => `node: { name: router.example.com }
domains: [example.com]
listen: [{ transport: tls, address: ${sides.router} }, { transport: tcp, address: ${sides.router} }]
tls:
  default: { certificate: ${folder}/router.crt, key: ${folder}/router.key, ca: ${folder}/ca.crt, crl: ${folder}/ca.crl }
  ocs-2007: { extends: default, min-version: TLSv1, legacy: true }
access:
  - { side: microsoft, from: ${sides.microsoft} }
${names.map((name) => `  - { side: cisco, from: ${name} }`).join('\n')}
routes:
  - { to: microsoft, pattern: example.com, next-hop: ${sides.microsoft} }
  - { to: cisco, pattern: example.com, next-hop: ${sides.cisco} }
health: { probe: { enabled: false } }
`;

const all = ['imp1.example.com', 'imp2.example.com', 'imp3.example.com'];

let router: RouterProcess;
let microsoft: RawEnd;
const ends: RawEnd[] = [];

beforeAll(async () => {
  const own = authority.issue({ commonName: 'router', alternativeNames: ['DNS:router.example.com'], days: 29 });
  write('router.crt', own.certificate);
  write('router.key', own.key);
  write('ca.crt', authority.certificate);
  write('ca.crl', authority.revocationList());
  router = await RouterProcess.start({ routes: routes(all) });
  microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: portOf('tcp') });
});

afterAll(async () => {
  await Promise.all([microsoft?.close(), router?.stop(), ...ends.map((end) => end.close())]);
  authority.remove();
  rmSync(folder, { recursive: true });
});

const call = async ({ certificate, key }: TestCertificate): Promise<RawEnd> => {
  const to = { address: sides.router, port: portOf('tls') };
  const credentials = { cert: Buffer.from(certificate), key: Buffer.from(key), ca: Buffer.from(authority.certificate) };
  const end = await openEnd({ transport: 'tls', address: sides.stranger, to, credentials });
  ends.push(end);
  return end;
};

const ask = async (end: RawEnd) => {
  const callId = newBranch();
  end.send(
    requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via: [`${end.via};branch=${newBranch()}`], callId }),
  );
  return microsoft.take((request) => request.header('Call-ID') === callId);
};

const exchange = async (end: RawEnd): Promise<void> => {
  const request = await ask(end);
  request.reply(responseText(request, 200));
  await end.take(200);
};

const refusals = () =>
  router.logLines.filter(({ event }) => event === 'peer-refused').map(({ code, names }) => ({ code, names }));

test('status tells of old profiles and of who is known by a common name only', async () => {
  const end = await call(peers.c);
  await exchange(end);
  const said = execFileSync(process.execPath, [mainFile, 'status', router.file], { encoding: 'utf8' });
  expect(said).toContain('warning    TLS profile ocs-2007 (TLSv1) takes old versions and short keys');
  expect(said).toContain(
    `warning    imp3.example.com at ${sides.stranger} is known by the common name of its certificate only`,
  );
  expect(router.output).toContain('tls.ocs-2007.legacy: this profile takes TLSv1');
  const told = await until(() => router.logLines.find(({ event }) => event === 'known-by-common-name'));
  expect(told).toMatchObject({ names: ['imp3.example.com'], profile: 'default' });
});

test('a revocation list that is replaced: the revoked peer gets the answer that it is owed and is closed, others stay', async () => {
  const [a, b] = [await call(peers.a), await call(peers.b)];
  await Promise.all([exchange(a), exchange(b)]);
  const [owedToA, owedToB] = [await ask(a), await ask(b)];
  write('ca.crl', authority.revocationList({ revoked: [peers.a] }));
  await until(() => refusals().length === 1);
  expect(refusals()).toEqual([{ code: 'tls-certificate-revoked', names: 'DNS:imp1.example.com' }]);
  for (const request of [owedToA, owedToB]) request.reply(responseText(request, 200));
  await Promise.all([a.take(200), b.take(200)]);
  await until(() => a.isClosed);
  await exchange(b);
  expect(b.isClosed).toBe(false);
});

test('a row of access that is taken away: its peer is closed, others stay', async () => {
  const [b, c] = [await call(peers.b), await call(peers.c)];
  await Promise.all([exchange(b), exchange(c)]);
  router.rewrite(routes(['imp3.example.com']));
  await until(() => b.isClosed && refusals().length > 1);
  expect(refusals().at(-1)).toEqual({ code: 'access-denied', names: 'imp2.example.com' });
  await exchange(c);
});
