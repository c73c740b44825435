/** Which hosts CAs may speak for, with certificates that openssl has made (RFC 5280 §4.2.1.10). */
import { X509Certificate } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { allowedBy } from '../../../src/certificates/name-constraints.ts';
import { readTrust } from '../../../src/certificates/trust.ts';
import { createAuthority, type TestCertificate } from '../../support/certificates.ts';

const root = createAuthority('Root CA');
afterAll(() => root.remove());

const read = ({ certificate }: TestCertificate) => new X509Certificate(certificate);

test.each<[string | undefined, readonly string[], readonly string[]]>([
  [undefined, ['example.com', 'victim.test'], []],
  ['critical,permitted;DNS:example.com', ['example.com', 'fe1.example.com'], ['victim.test', 'notexample.com']],
  ['critical,permitted;DNS:.example.com', ['fe1.example.com'], ['example.com', 'victim.test']],
  ['critical,permitted;DNS:Example.com,permitted;DNS:example.net', ['a.example.com', 'example.net'], ['victim.test']],
  ['critical,excluded;DNS:victim.test', ['example.com'], ['victim.test', 'fe1.victim.test']],
  ['permitted;DNS:example.com,excluded;DNS:x.example.com', ['example.com'], ['x.example.com', 'y.x.example.com']],
  ['critical,permitted;IP:192.0.2.0/255.255.255.0', ['example.com', 'victim.test'], []],
])('of a CA with %s', (constraints, allowed, forbidden) => {
  const mayName = allowedBy([read(root.intermediate('Issuing CA', true, constraints)), read(root)]);
  expect([allowed.filter(mayName), forbidden.filter(mayName)]).toEqual([allowed, []]);
});

test('all CAs of a chain must agree, in whatever order they were sent', () => {
  const upper = root.intermediate('Upper CA', true, 'critical,permitted;DNS:example.com');
  const lower = upper.intermediate('Lower CA', true, 'critical,excluded;DNS:x.example.com');
  const leaf = lower.issue({ commonName: 'fe1.example.com' });
  const mayName = readTrust(root.certificate, []).mayName([read(leaf), read(upper), read(lower)]);
  expect(['example.com', 'fe1.example.com', 'x.example.com', 'victim.test'].filter(mayName)).toEqual([
    'example.com',
    'fe1.example.com',
  ]);
});

test('who leads to nobody who is trusted may name nobody', () => {
  const leaf = createAuthority('Other CA').issue({ commonName: 'fe1.example.com' });
  expect(readTrust(root.certificate, []).mayName([read(leaf)])('fe1.example.com')).toBe(false);
});
