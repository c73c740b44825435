/** Whose certificate it is (RFC 5922 §7). */
import type { PeerCertificate } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { certificateNames, matchesName } from '../../../../src/sip/transport/tls-names.ts';

const certificate = (subjectaltname: string | undefined, CN: string | string[] = 'cn.example.com'): PeerCertificate =>
  ({ subject: { CN }, subjectaltname }) as unknown as PeerCertificate;

describe('identities of a certificate (RFC 5922 §7.1)', () => {
  test.each([
    ['DNS names', 'DNS:fe1.example.com, DNS:Pool.Example.COM.', ['fe1.example.com', 'pool.example.com']],
    ['sip URIs, and then no DNS names', 'DNS:fe1.example.com, URI:sip:example.com', ['example.com']],
    [
      'a sip URI with port or parameters',
      'URI:sip:a.example.com:5061, URI:SIP:b.example.com;lr',
      ['a.example.com', 'b.example.com'],
    ],
    ['no URI with a user part', 'URI:sip:bob@example.com, DNS:fe1.example.com', ['fe1.example.com']],
    [
      'no URI of another scheme',
      'URI:sips:a.example.com, URI:https://b.example.com, DNS:c.example.com',
      ['c.example.com'],
    ],
    ['no common name beside alternative names', 'email:admin@example.com', []],
    ['the common name where there are no alternative names', undefined, ['cn.example.com']],
    ['no wildcards', 'DNS:*.example.com, DNS:fe1.example.com', ['fe1.example.com']],
    [
      'no name smuggled in a quoted value',
      'DNS:"x.example.com, DNS:evil.example.com", DNS:y.example.com',
      ['y.example.com'],
    ],
    ['no name smuggled in another kind', 'othername:"a, DNS:evil.example.com", DNS:y.example.com', ['y.example.com']],
  ])('%s', (_what, subjectaltname, hosts) => {
    expect(certificateNames(certificate(subjectaltname)).hosts).toEqual(hosts);
  });

  test('several common names count, one that is no host name does not', () => {
    expect(certificateNames(certificate(undefined, ['A.example.com', 'Federation Router'])).hosts).toEqual([
      'a.example.com',
    ]);
  });

  test('a certificate without subject names nobody', () => {
    expect(certificateNames({} as PeerCertificate)).toEqual({ hosts: [], addresses: [] });
  });
});

describe('comparing identities (RFC 5922 §7.2)', () => {
  const names = certificateNames(
    certificate('DNS:fe1.example.com, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1'),
  );

  test.each([
    ['fe1.example.com', true],
    ['FE1.Example.Com', true],
    ['fe1.example.com.', true],
    ['example.com', false],
    ['x.fe1.example.com', false],
    ['192.0.2.1', true],
    ['192.0.2.2', false],
    ['2001:db8::1', true],
    ['2001:db8::2', false],
  ])('%s: %s', (expected, matches) => {
    expect(matchesName(names, expected)).toBe(matches);
  });
});
