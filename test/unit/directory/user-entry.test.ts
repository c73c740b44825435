/** What an object of the directory says about a user, and which of several objects with one address decides. */
import { describe, expect, test } from 'vitest';
import { readResponse } from '../../../src/directory/ldap/wire.ts';
import { type Claim, compareClaims, keyIn, readUserEntry } from '../../../src/directory/user-entry.ts';
import { searchEntry } from '../../support/fake-ldap-server.ts';

const attributes = {
  addresses: ['msRTCSIP-PrimaryUserAddress', 'proxyAddresses'],
  enabled: 'msRTCSIP-UserEnabled',
  decides: true,
};

const read = (values: Readonly<Record<string, readonly string[]>>) => {
  const response = readResponse(searchEntry(1, 'CN=a', values));
  if (response.kind !== 'entry') throw new Error(response.kind);
  return readUserEntry(response.entry, attributes);
};

describe('a user', () => {
  test('has the keys of all their SIP addresses, each with the best place it stands in', () => {
    const user = read({
      'msRTCSIP-PrimaryUserAddress': ['sip:Bob@Example.com'],
      proxyAddresses: [
        'SMTP:bob@example.com',
        'SIP:bob@example.com',
        'sip:robert@example.com',
        'EUM:1;phone-context=x',
      ],
    });
    expect(user.addresses).toEqual([
      { key: 'bob@example.com', rank: 0 },
      { key: 'robert@example.com', rank: 1 },
    ]);
    expect(user.malformed).toEqual([]);
  });

  test.each([
    [['TRUE'], true],
    [['FALSE'], false],
    [['true'], true],
    [['True'], true],
    [['1'], false],
    [['yes'], false],
    [['TRUE '], false],
    [[], false],
  ])('is enabled by TRUE in whatever case, as in LDIF, and by nothing else: %j', (values, expected) => {
    expect(read({ 'msRTCSIP-UserEnabled': values }).isEnabled).toBe(expected);
  });

  test('with an address that is none is reported, and keeps the others', () => {
    const user = read({ 'msRTCSIP-PrimaryUserAddress': ['sip:bob'], proxyAddresses: ['sip:bob@example.com'] });
    expect(user.addresses).toEqual([{ key: 'bob@example.com', rank: 1 }]);
    expect(user.malformed).toEqual(['msRTCSIP-PrimaryUserAddress: "sip:bob"']);
  });
});

test.each([
  // attribute, value, key (undefined: not an address of a user), and whether it is reported
  ['msRTCSIP-PrimaryUserAddress', 'sip:bob@example.com', 'bob@example.com', false],
  ['msRTCSIP-PrimaryUserAddress', 'SIP:Bob@Example.com', 'bob@example.com', false],
  ['msRTCSIP-PrimaryUserAddress', 'bob@example.com', undefined, true],
  ['msRTCSIP-PrimaryUserAddress', 'sips:bob@example.com', undefined, true],
  ['msRTCSIP-PrimaryUserAddress', 'sip:bob@example.com:5060', undefined, true],
  ['msRTCSIP-PrimaryUserAddress', 'sip:bob@example.com;user=ip', undefined, true],
  ['msRTCSIP-PrimaryUserAddress', 'sip:bob@[2001:db8::1]', 'bob@2001:db8::1', false],
  ['msRTCSIP-PrimaryUserAddress', 'tel:+14255550100', undefined, false],
  ['proxyAddresses', 'bob@example.com', undefined, false],
  ['proxyAddresses', 'smtp:bob@example.com', undefined, false],
  ['proxyAddresses', 'x500:/o=Example', undefined, false],
  ['proxyAddresses', 'sips:bob@example.com', undefined, true],
  ['mail', 'bob@example.com', 'bob@example.com', false],
  ['mail', 'sip:bob@example.com', 'bob@example.com', false],
  ['mail', 'bob@example.com;x=1', undefined, true],
  ['mail', 'smtp:bob@example.com', undefined, false],
])('%s: %s has one meaning, however it was read', (attribute, value, key, isReported) => {
  const response = readResponse(searchEntry(1, 'CN=a', { [attribute]: [value] }));
  if (response.kind !== 'entry') throw new Error(response.kind);
  const { addresses, malformed } = readUserEntry(response.entry, {
    addresses: [attribute],
    enabled: 'x',
    decides: true,
  });
  expect([addresses.map((each) => each.key), malformed.length > 0]).toEqual([
    key === undefined ? [] : [key],
    isReported,
  ]);
  expect(keyIn(attribute, value)).toBe(key);
});

describe('of several objects with one address', () => {
  const claim = (dn: string, isEnabled = true, rank = 0): Claim => ({ dn, isEnabled, rank });

  test.each<[string, Claim, Claim]>([
    ['an enabled one', claim('CN=z', true, 1), claim('CN=a', false, 0)],
    ['the one with the attribute that counts more', claim('CN=z', true, 0), claim('CN=a', true, 1)],
    ['the first by name', claim('CN=a'), claim('CN=b')],
    ['the first by name without regard to case', claim('cn=A'), claim('CN=b')],
  ])('%s decides, whatever order they come in', (_, first, second) => {
    expect([second, first].sort(compareClaims)).toEqual([first, second]);
    expect([first, second].sort(compareClaims)).toEqual([first, second]);
  });
});
