/** Whose certificate it is (RFC 5922 §7). */
import type { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { certificateNames, matchesName, namesInDispute, nobody } from '../../../src/certificates/names.ts';

const certificate = (subjectAltName: string | undefined, CN?: string | string[]): X509Certificate =>
  ({ subjectAltName, toLegacyObject: () => ({ subject: { CN } }) }) as unknown as X509Certificate;

const usual = { wildcards: false, commonName: true };

describe('identities of a certificate (RFC 5922 §7.1)', () => {
  test.each([
    ['DNS names', 'DNS:fe1.example.com, DNS:Pool.Example.COM.', ['fe1.example.com', 'pool.example.com']],
    ['sip URIs, and then no DNS names', 'DNS:fe1.example.com, URI:sip:example.com', ['example.com']],
    ['sip URIs in any case, with a final dot', 'URI:SIP:A.Example.com.', ['a.example.com']],
    [
      'no sip URI with anything else in it',
      'URI:sip:a.example.com:5061, URI:sip:b.example.com;lr, URI:sip:c.example.com?x=y, DNS:fe1.example.com',
      ['fe1.example.com'],
    ],
    [
      'no sip URI that is no domain',
      'URI:sip:192.0.2.1, URI:sip:[2001:db8::1], URI:sip:*.example.com, URI:sip://a.example.com, URI:sip:a%2eexample.com, DNS:fe1.example.com',
      ['fe1.example.com'],
    ],
    ['no DNS name that is an address', 'DNS:192.0.2.1, DNS:fe1.example.com', ['fe1.example.com']],
    [
      'no DNS name with an empty label, a blank, a hyphen at an end or a port',
      'DNS:a..example.com, DNS:b.example.com.., DNS:c .example.com, DNS: d.example.com, DNS:-e.example.com, DNS:f-.example.com, DNS:g.example.com:5061, DNS:fe1.example.com',
      ['fe1.example.com'],
    ],
    [
      'no name with a NUL, which Node quotes',
      'DNS:"fe1.example.com\\u0000.evil.test", DNS:y.example.com',
      ['y.example.com'],
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
  ])('%s', (_what, subjectAltName, hosts) => {
    expect(certificateNames(certificate(subjectAltName, 'cn.example.com'), usual).hosts).toEqual(hosts);
  });

  test('several common names count, one that is no host name does not', () => {
    const names = certificateNames(
      certificate(undefined, [
        'A.example.com',
        'Federation Router',
        'fe1.example.com\0.evil.test',
        'fe2.example.com ',
        'sip:fe3.example.com',
        '192.0.2.1',
      ]),
      usual,
    );
    expect(names.hosts).toEqual(['a.example.com']);
  });

  test('the common name counts only where it is asked for', () => {
    const rules = { wildcards: false, commonName: false };
    expect(certificateNames(certificate(undefined, 'cn.example.com'), rules).hosts).toEqual([]);
  });

  test.each([
    ['URI:sip:example.com, URI:sip:victim.test', ['example.com']],
    ['URI:sip:victim.test, DNS:fe1.example.com', []],
    ['DNS:fe1.victim.test', ['fe1.victim.test']],
    [undefined, ['cn.victim.test']],
  ])(
    'of %s the sip URIs of which its CAs may not speak do not count; DNS and common names OpenSSL has judged',
    (text, hosts) => {
      const mayName = (host: string) => host.endsWith('example.com');
      expect(certificateNames(certificate(text, 'cn.victim.test'), usual, mayName).hosts).toEqual(hosts);
    },
  );

  test('a certificate without subject names nobody', () =>
    expect(certificateNames(certificate(undefined), usual)).toEqual(nobody));

  test.each([
    ['URI:sip:example.com, DNS:fe1.example.com', 'sip-uri'],
    ['DNS:fe1.example.com', 'dns'],
    [undefined, 'common-name'],
    ['email:admin@example.com', 'nothing'],
  ])('%s: known by %s', (subjectAltName, basis) => {
    expect(certificateNames(certificate(subjectAltName, 'cn.example.com'), usual).basis).toBe(basis);
  });
});

describe('names in dispute, for people', () => {
  test.each([
    [
      'DNS:fe1.example.com, URI:sip:example.com, DNS:fe2.example.com',
      'example.com by its sip URIs, which are what counts (RFC 5922 7.1; its DNS names fe1.example.com, fe2.example.com do not)',
    ],
    ['URI:sip:example.com', 'URI:sip:example.com'],
    ['DNS:fe1.example.com, URI:https://example.com/', 'DNS:fe1.example.com, URI:https://example.com/'],
    ['DNS:fe1.example.com, URI:sip:bob@example.com', 'DNS:fe1.example.com, URI:sip:bob@example.com'],
    [undefined, 'no name'],
  ])('%s', (subjectAltName, told) => expect(namesInDispute(certificate(subjectAltName, 'cn.example.com'))).toBe(told));
});

describe('comparing identities (RFC 5922 §7.2)', () => {
  const names = certificateNames(
    certificate('DNS:fe1.example.com, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1'),
    usual,
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

  test.each([
    ['fe1.example.com', true],
    ['FE2.Example.com', true],
    ['example.com', false],
    ['a.fe1.example.com', false],
    ['fe1.example.org', false],
  ])('a wildcard, where it counts, stands for exactly one label: %s: %s', (expected, matches) => {
    const wild = certificate('DNS:*.example.com, DNS:*.org, DNS:f*.example.org, DNS:*.*.example.com');
    expect(matchesName(certificateNames(wild, { ...usual, wildcards: true }), expected)).toBe(matches);
    expect(matchesName(certificateNames(wild, usual), expected)).toBe(false);
  });

  test('a wildcard does not count beside a sip URI (RFC 5922 §7.1)', () => {
    const both = certificate('DNS:*.example.com, URI:sip:pool.example.com');
    expect(certificateNames(both, { ...usual, wildcards: true })).toMatchObject({ wildcards: [] });
  });
});
