/** Whether a chain still leads to a CA that is trusted, with certificates and lists that openssl has made (RFC 5280 §5, §6). */
import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { missingPurposes } from '../../../src/certificates/purposes.ts';
import { readRevocationLists } from '../../../src/certificates/revocation-list.ts';
import { readTrust } from '../../../src/certificates/trust.ts';
import { createAuthority, type TestCertificate } from '../../support/certificates.ts';

const root = createAuthority('Root CA');
const other = createAuthority('Other CA');
const below = root.intermediate('Issuing CA');
const noAuthority = root.intermediate('A mere server', false);
const good = below.issue({ commonName: 'fe1.example.com' });
const revoked = below.issue({ commonName: 'fe2.example.com' });
const lists = [root.revocationList(), below.revocationList({ revoked: [revoked] })];
const now = new Date();

afterAll(() => {
  root.remove();
  other.remove();
});

type Chain = readonly [X509Certificate, ...X509Certificate[]];

const chainOf = (...certificates: readonly TestCertificate[]): Chain =>
  certificates.map(({ certificate }) => new X509Certificate(certificate)) as unknown as Chain;

describe('a chain', () => {
  test('that leads to a trusted root has no fault, with or without lists, whatever else was sent', () => {
    expect(readTrust(root.certificate, lists).faultOf(chainOf(good, below), now)).toBeUndefined();
    expect(readTrust(root.certificate, []).faultOf(chainOf(good, below), now)).toBeUndefined();
    expect(readTrust(root.certificate, lists).faultOf(chainOf(good, other, root, below), now)).toBeUndefined();
    expect(readTrust(root.certificate + below.certificate, lists).faultOf(chainOf(good), now)).toBeUndefined();
  });

  test.each<[string, Chain, string]>([
    ['without its intermediate certificate', chainOf(good), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
    ['of another CA', chainOf(other.issue({ commonName: 'a' }), other), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
    [
      'of a CA that only has the same name',
      chainOf(createAuthority('Root CA').issue({ commonName: 'a' })),
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
    [
      'that is self-signed',
      chainOf(root.issue({ commonName: 'a', isSelfSigned: true })),
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
    [
      'whose issuer was sent along and is no CA',
      chainOf(noAuthority.issue({ commonName: 'a' }), noAuthority),
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
    ['with a revoked certificate', chainOf(revoked, below), 'CERT_REVOKED'],
    ['that has expired', chainOf(root.issue({ commonName: 'a', days: -1 })), 'CERT_HAS_EXPIRED'],
    ['that does not count yet', chainOf(root.issue({ commonName: 'a', startsInDays: 2 })), 'CERT_NOT_YET_VALID'],
  ])('%s has a fault', (_what, chain, fault) => {
    expect(readTrust(root.certificate, lists).faultOf(chain, now)).toBe(fault);
  });

  test('needs a list of every CA in it, and one that counts still', () => {
    const rootOnly = readTrust(root.certificate, [root.revocationList()]);
    expect(rootOnly.faultOf(chainOf(good, below), now)).toBe('UNABLE_TO_GET_CRL');
    const old = readTrust(root.certificate, [root.revocationList(), below.revocationList({ days: -1 })]);
    expect(old.faultOf(chainOf(good, below), now)).toBe('CRL_HAS_EXPIRED');
    expect(old.faultOf(chainOf(revoked, below), now)).toBe('CRL_HAS_EXPIRED');
  });

  test('breaks when the certificate of its CA is taken back', () => {
    const strict = [root.revocationList({ revoked: [below] }), below.revocationList()];
    expect(readTrust(root.certificate, strict).faultOf(chainOf(good, below), now)).toBe('CERT_REVOKED');
  });
});

describe('a revocation list', () => {
  test('says whose it is, until when it counts, and what it takes back', () => {
    const [list] = readRevocationLists(lists[1]!);
    const [authority] = chainOf(below);
    expect(list!.isOf(authority)).toBe(true);
    expect(list!.isOf(chainOf(root)[0])).toBe(false);
    expect([...list!.revoked]).toEqual([chainOf(revoked)[0].serialNumber]);
    expect(list!.nextUpdate!.getTime() - now.getTime()).toBeGreaterThan(29 * 86_400_000);
  });

  test('of a CA with the same name and another key is not its own', () => {
    const twin = createAuthority('Root CA');
    const [list] = readRevocationLists(twin.revocationList());
    twin.remove();
    expect(list!.isOf(chainOf(root)[0])).toBe(false);
  });

  test("that was cut or changed cannot be read, or is nobody's", () => {
    const text = lists[1]!.split('\n');
    expect(() => readRevocationLists([...text.slice(0, 3), text.at(-2)].join('\n'))).toThrow();
    const [first, second, ...rest] = text;
    const changed = [first, second!.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')), ...rest].join('\n');
    expect(
      () =>
        readRevocationLists(changed)
          .filter((list) => list.isOf(chainOf(below)[0]))
          .at(0)!.revoked,
    ).toThrow();
  });

  test('stands beside others in one file', () => {
    const all = readRevocationLists(lists.join('\n'));
    expect(all.map(({ revoked: { size } }) => size)).toEqual([0, 1]);
  });
});

describe('extended key usage (RFC 5280 §4.2.1.12)', () => {
  const of = (...usages: readonly ('serverAuth' | 'clientAuth' | 'anyExtendedKeyUsage')[]) =>
    missingPurposes(chainOf(root.issue({ commonName: 'a', usages }))[0]);

  test('counts where it is there, and allows everything where it is not', () => {
    expect(of('serverAuth', 'clientAuth')).toEqual([]);
    expect(of('serverAuth')).toEqual(['clientAuth']);
    expect(of('clientAuth')).toEqual(['serverAuth']);
    expect(of('anyExtendedKeyUsage')).toEqual(['serverAuth', 'clientAuth']);
    expect(of()).toEqual([]);
  });
});
