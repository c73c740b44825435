/** Certificates that end soon are told of by the running router: in its log, its status and its metrics. */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import { ask, command, reload, socketOf } from '../support/admin.ts';
import { createAuthority, type TestAuthority, type TestCertificate } from '../support/certificates.ts';
import { folderWith } from '../support/configuration.ts';
import { credentials } from '../support/development-certificates.ts';
import { responseText } from '../support/raw-message.ts';
import { openEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { until } from '../support/until.ts';

const router = '127.0.112.1';
const fe1 = { address: '127.0.112.21', port: 5061 };

let authority: TestAuthority;
beforeAll(() => {
  authority = createAuthority('Test Root', 365);
});
afterAll(() => authority.remove());

const ownFor = (days: number): TestCertificate =>
  authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'], days });

const routesYaml = (files: string, ca: string, more = ''): string => `node: { name: router.example.com }
domains: [example.com]
listen: [{ transport: tls, address: ${router} }]
tls: { default: { certificate: ${files}/router.crt, key: ${files}/router.key, ca: ${ca} } }
access: [{ side: microsoft, from: ${fe1.address} }, { side: cisco, from: 127.0.112.11 }]
routes:
  - { to: microsoft, pattern: example.com, next-hop: ${fe1.address}, transport: tls, tls-name: fe1.example.com }
  - { to: cisco, pattern: example.com, next-hop: nowhere.invalid, transport: tls }
health: { probe: { every: 200ms, timeout: 200ms } }
${more}`;

async function start(
  own: TestCertificate,
  more = '',
): Promise<{ running: RouterProcess; rewrite(more: string): void }> {
  const folder = folderWith({ 'router.crt': own.certificate, 'router.key': own.key });
  const routes = (further: string): string => routesYaml(folder, authority.certificateFile, further);
  const running = await RouterProcess.start({ routes: routes(`${more}\nreload: { watch: false }`) });
  onTestFinished(async () => void (await running.stop()));
  return { running, rewrite: (further) => running.rewrite(routes(`${further}\nreload: { watch: false }`)) };
}

const endings = (running: RouterProcess) =>
  running.logLines.filter(({ event }) => event === 'certificate-ends').map(({ where, level }) => `${level} ${where}`);

const scrape = (running: RouterProcess): Promise<{ type: string | undefined; text: string }> =>
  new Promise((resolve, reject) => {
    request({ socketPath: socketOf(running), path: '/metrics' }, async (response) => {
      const chunks = await response.setEncoding('utf8').toArray();
      resolve({ type: response.headers['content-type'], text: chunks.join('') });
    })
      .on('error', reject)
      .end();
  });

/** Value by name and labels; throws where the format is not what Prometheus reads (exposition format 0.0.4). */
function parse(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  const described = new Map<string, string[]>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-z_:][a-z0-9_:]*) (.+)$/i.exec(line);
    if (comment !== null) {
      const [, kind = '', name = '', rest = ''] = comment;
      const known = described.get(name) ?? [];
      expect(known).not.toContain(kind);
      if (kind === 'TYPE') expect(['gauge', 'counter']).toContain(rest);
      described.set(name, [...known, kind]);
      continue;
    }
    const label = '[a-z_][a-z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
    const sample = new RegExp(`^([a-z_:][a-z0-9_:]*)(\\{${label}(?:,${label})*\\})? (-?\\d+(?:\\.\\d+)?)$`, 'i').exec(
      line,
    );
    expect(sample, line).not.toBeNull();
    const [, name = '', labels = '', value] = sample!;
    // Both before the first sample, and the last thing described: a family stands together.
    expect(described.get(name), line).toEqual(['HELP', 'TYPE']);
    expect([...described.keys()].at(-1)).toBe(name);
    expect(samples.has(name + labels), line).toBe(false);
    samples.set(name + labels, Number(value));
  }
  return samples;
}

test('ours ends in ten days: the log warns at start and with every reload, and status names it', async () => {
  const { running, rewrite } = await start(ownFor(10));
  expect(await until(() => endings(running).length > 0 && endings(running))).toEqual(['warn tls.default.certificate']);
  await reload(running);
  await until(() => endings(running).length === 2);
  const { output } = await command(running, 'status');
  expect(output).toMatch(
    /^certificate CN=router\.example\.com \(tls\.default\.certificate\) ends on \S+, in (9|10) days$/m,
  );

  rewrite('certificates: { warn-before: 24h }');
  await reload(running);
  const { body } = await ask<Status>(running, 'GET /status');
  expect(body.certificates.map(({ use, state }) => `${use} ${state}`)).toEqual(['own valid', 'authority valid']);
  expect(endings(running)).toHaveLength(2);
});

test('a revocation list that ends within a day: log, status and metrics tell of it, for then nobody of its CA is let in', async () => {
  const own = ownFor(300);
  const list = authority.revocationList({ days: 1 });
  const folder = folderWith({ 'router.crt': own.certificate, 'router.key': own.key, 'ca.crl': list });
  const routes = routesYaml(folder, authority.certificateFile).replace(' } }', `, crl: [${folder}/ca.crl] } }`);
  const running = await RouterProcess.start({ routes });
  onTestFinished(async () => void (await running.stop()));
  expect(await until(() => endings(running).length > 0 && endings(running))).toEqual(['warn tls.default.crl']);
  const { output } = await command(running, 'status');
  expect(output).toMatch(/^crl {8}CN=Test Root \(tls\.default\.crl\) ends on \S+, in 0 days$/m);
  const { body } = await ask<Status>(running, 'GET /status');
  const told = body.certificates.find(({ use }) => use === 'revocation-list')!;
  const key = `pif_router_certificate_expiry_timestamp_seconds{use="revocation-list",where="tls.default.crl",subject="CN=Test Root"}`;
  expect(parse((await scrape(running)).text).get(key)).toBe(Date.parse(told.endsAt) / 1_000);
});

test('with the development certificates nothing is told', async () => {
  const running = await RouterProcess.start({
    routes: routesYaml(inject('certificates'), `${inject('certificates')}/ca.crt`),
  });
  onTestFinished(async () => void (await running.stop()));
  const { body } = await ask<Status>(running, 'GET /status');
  expect(body.certificates.map(({ state }) => state)).toEqual(['valid', 'valid']);
  expect((await command(running, 'status')).output).not.toContain('certificate ');
  expect(endings(running)).toEqual([]);
});

test('metrics: when each certificate ends, also that of a connected peer, and how every hop stands, in the format of Prometheus', async () => {
  const certificates = inject('certificates');
  const far = await openEnd({ transport: 'tls', ...fe1, credentials: credentials(certificates, 'fe1') });
  onTestFinished(() => far.close());
  far.respond((asked) => responseText(asked, 200));
  const running = await RouterProcess.start({ routes: routesYaml(certificates, `${certificates}/ca.crt`) });
  onTestFinished(async () => void (await running.stop()));
  await far.take('OPTIONS');

  const up = `pif_router_hop_state{hop="microsoft ${fe1.address}:5061/tls`;
  let samples = new Map<string, number>() as ReadonlyMap<string, number>;
  for (;;) {
    const { type, text } = await scrape(running);
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
    samples = parse(text);
    const isUp = [...samples].some(([key, value]) => key.startsWith(up) && key.includes('state="up"') && value === 1);
    if (isUp) break;
  }
  const { body } = await ask<Status>(running, 'GET /status');
  expect(body.certificates.map(({ use, where }) => `${use} ${where}`)).toEqual([
    'own tls.default.certificate',
    'authority tls.default.ca',
    `peer tls:${fe1.address}`,
  ]);
  for (const { use, where, subject, endsAt } of body.certificates) {
    const key = `pif_router_certificate_expiry_timestamp_seconds{use="${use}",where="${where}",subject="${subject}"}`;
    expect(samples.get(key)).toBe(Date.parse(endsAt) / 1_000);
  }
  expect(samples.get('pif_router_configuration_number')).toBe(1);
  expect(samples.get('pif_router_draining')).toBe(0);
  expect(samples.get('pif_router_connections{worker="0"}')).toBe(1);
  // A hop without an address is there all the same, and down.
  const lost = [...samples].filter(
    ([key]) => key.startsWith('pif_router_hop_state') && key.includes('nowhere.invalid'),
  );
  expect(lost.map(([key, value]) => `${/state="(\w+)"/.exec(key)?.[1]} ${value}`)).toEqual([
    'up 0',
    'suspect 0',
    'down 1',
  ]);
});
