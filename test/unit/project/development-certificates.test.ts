import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';
const script = join(import.meta.dirname, '../../../certs/make-dev-certs.sh');

let folder: string;
const make = (): string => execFileSync(script, [folder], { encoding: 'utf8' });
const certificate = (name: string): X509Certificate => new X509Certificate(readFileSync(join(folder, `${name}.crt`)));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pif-certs-'));
  make();
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['router', 'router.example.com'],
  ['imp1', 'imp1.example.com'],
  ['fe1', 'fe1.example.com'],
  ['fe2', 'fe2.example.com'],
])(
  '%s.crt is signed by the development CA, names %s as host and SIP identity, and may connect and be connected to',
  (name, host) => {
    const made = certificate(name);
    expect(made.verify(certificate('ca').publicKey)).toBe(true);
    expect(made.checkHost(host)).toBe(host);
    expect(made.subjectAltName).toContain(`URI:sip:${host}`);
    expect(made.keyUsage).toEqual(expect.arrayContaining([serverAuth, clientAuth]));
    expect(made.checkPrivateKey(createPrivateKey(readFileSync(join(folder, `${name}.key`))))).toBe(true);
  },
);

test('the router is also known by its loopback addresses', () => {
  expect(certificate('router').checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(certificate('router').subjectAltName).toContain('IP Address:0:0:0:0:0:0:0:1');
});

test('keys are readable by their owner only', () => {
  const keys = readdirSync(folder).filter((file) => file.endsWith('.key'));
  expect(keys).toHaveLength(5);
  for (const key of keys) expect(statSync(join(folder, key)).mode & 0o777).toBe(0o600);
});

test('a second run keeps what is there, and makes only what is missing', () => {
  const before = certificate('router').fingerprint256;
  rmSync(join(folder, 'fe2.key'));
  expect(make()).toBe(`made ${join(folder, 'fe2.crt')}\n`);
  expect(certificate('router').fingerprint256).toBe(before);
  expect(make()).toBe('');
});
