/** certs/make-csr.sh with real openssl: what it asks an authority for, and that the router works with what it gets. */
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type DoctorReport, command as doctor } from '../../src/cli/doctor.ts';
import { createAuthority, type TestAuthority } from '../support/certificates.ts';
import { projectRoot, RouterProcess } from '../support/router-process.ts';
import { run } from '../support/run-command.ts';

const router = '127.0.111.1';
const script = join(projectRoot, 'certs/make-csr.sh');

let authority: TestAuthority;
beforeAll(() => {
  authority = createAuthority('Test Root', 365);
});
afterAll(() => authority.remove());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pif-csr-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

const make = (names: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
  spawnSync(script, names, { encoding: 'utf8', env: { ...process.env, FOLDER: folder, ...environment } });

const described = (file: string): string =>
  execFileSync('openssl', ['req', '-in', join(folder, file), '-noout', '-text', '-verify'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

/** As an authority that grants what is asked for. */
function sign(name: string): string {
  const out = join(folder, `${name}.crt`);
  const signer = ['-CA', authority.certificateFile, '-CAkey', authority.keyFile, '-set_serial', '7'];
  const request = ['-in', join(folder, `${name}.csr`), '-copy_extensions', 'copyall', '-days', '90', '-out', out];
  execFileSync('openssl', ['x509', '-req', ...request, ...signer], { stdio: 'ignore' });
  return out;
}

test('asks for all names, both purposes and an RSA key, which its owner alone can read', () => {
  const { status, stdout } = make(['router.example.com', 'sip.example.com']);
  expect(status).toBe(0);
  const text = described('router.example.com.csr');
  expect(text).toMatch(/Subject: CN ?= ?router\.example\.com/);
  expect(text).toContain('DNS:router.example.com, DNS:sip.example.com');
  expect(text).toContain('TLS Web Server Authentication, TLS Web Client Authentication');
  expect(text).toContain('Public-Key: (2048 bit)');
  expect(statSync(join(folder, 'router.example.com.key')).mode & 0o777).toBe(0o600);
  expect(stdout).toContain('certreq -submit -attrib "CertificateTemplate:TEMPLATE" router.example.com.csr');
  expect(stdout).toContain('TLS Peer Subjects: router.example.com');
  expect(stdout).not.toContain('PRIVATE KEY');
});

test.each([
  ['192.0.2.10', 'IP Address:192.0.2.10'],
  ['2001:db8::10', 'IP Address:2001:DB8:0:0:0:0:0:10'],
])('asks for %s as the address that it is, where a site has no DNS', (address, shown) => {
  expect(make([address, 'router.example.com']).status).toBe(0);
  const text = described(`${address}.csr`);
  expect(text).toContain(`${shown}, DNS:router.example.com`);
  expect(text).not.toContain(`DNS:${address}`);
});

test('what only looks like an address is refused by openssl, and nothing is made', () => {
  const { status, stderr } = make(['192.0.2.256']);
  expect([status, stderr]).toEqual([1, expect.stringContaining('192.0.2.256')]);
  expect(readdirNames()).toEqual([]);
});

test('a longer key where one is wished for, and none that is too short', () => {
  expect(make(['router.example.com'], { KEY_BITS: '3072' }).status).toBe(0);
  expect(described('router.example.com.csr')).toContain('Public-Key: (3072 bit)');
  const { status, stderr } = make(['other.example.com'], { KEY_BITS: '1024' });
  expect([status, stderr]).toEqual([2, expect.stringContaining('too short')]);
});

test.each(['key', 'csr'])('refuses to overwrite a %s that is there', (kind) => {
  const there = join(folder, `router.example.com.${kind}`);
  writeFileSync(there, 'mine');
  const { status, stderr } = make(['router.example.com']);
  expect([status, stderr]).toEqual([1, `make-csr: ${there} is there already: move it away first\n`]);
  expect(readFileSync(there, 'utf8')).toBe('mine');
});

test.each([
  [],
  ['router'],
  ['-x.example.com'],
  ['a,DNS:evil.example.com'],
  ['router.example.com', 'b c.example.com'],
  ['../router.example.com'],
  ['2001:db8::10,DNS:evil.example.com'],
])('%j is not understood, and nothing is made', (...names) => {
  expect(make(names).status).toBe(2);
  expect(readdirNames()).toEqual([]);
});

const readdirNames = (): readonly string[] =>
  execFileSync('ls', ['-A', folder], { encoding: 'utf8' }).split('\n').filter(Boolean);

test('signed by an authority, the router starts with it and shows it', async () => {
  make(['router.example.com']);
  const file = sign('router.example.com');
  expect(new X509Certificate(readFileSync(file)).checkHost('router.example.com')).toBe('router.example.com');
  const started = await RouterProcess.start({
    routes: `node: { name: router.example.com }
domains: [example.com]
listen: [{ transport: tls, address: ${router} }]
tls: { default: { certificate: ${file}, key: ${folder}/router.example.com.key, ca: ${authority.certificateFile} } }
access: [{ side: cisco, from: imp1.example.com }, { side: microsoft, from: 127.0.111.21 }]
routes: [{ to: microsoft, pattern: example.com, next-hop: 127.0.111.21, transport: tls, tls-name: fe1.example.com }]
health: { probe: { timeout: 10s } }
`,
  });
  onTestFinished(async () => void (await started.stop()));
  const { out } = await run(doctor, ['--json', started.file]);
  const { examinations } = JSON.parse(out.join('')) as DoctorReport;
  const own = examinations.filter(({ kind }) => kind === 'tls-profile' || kind === 'listener');
  expect(own.flatMap(({ findings }) => findings).filter(({ severity }) => severity !== 'ok')).toEqual([]);
  expect(own).toHaveLength(2);
});
