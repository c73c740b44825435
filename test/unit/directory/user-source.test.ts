import { describe, expect, test } from 'vitest';
import { isWithin, type UserSource } from '../../../src/directory/sync/user-source.ts';

const source = (scope: UserSource['scope'], ...baseDns: string[]): UserSource => ({
  name: 'ldap corp',
  baseDns,
  scope,
  filter: '(objectClass=*)',
  attributes: { addresses: [], enabled: 'x' },
  pageSize: 1,
});

describe('whether a name lies where users are searched', () => {
  test.each([
    ['CN=bob,OU=Staff,DC=example,DC=com', 'OU=Staff,DC=example,DC=com', { base: false, one: true, sub: true }],
    ['cn=bob, ou=STAFF, dc=example, dc=com', 'OU=Staff,DC=example,DC=com', { base: false, one: true, sub: true }],
    [
      'CN=bob,OU=Berlin,OU=Staff,DC=example,DC=com',
      'OU=Staff,DC=example,DC=com',
      { base: false, one: false, sub: true },
    ],
    ['OU=Staff,DC=example,DC=com', 'OU=Staff,DC=example,DC=com', { base: true, one: false, sub: true }],
    ['CN=bob,OU=OldStaff,DC=example,DC=com', 'OU=Staff,DC=example,DC=com', { base: false, one: false, sub: false }],
    ['CN=Doe\\, Jane,OU=Staff,DC=example,DC=com', 'OU=Staff,DC=example,DC=com', { base: false, one: true, sub: true }],
    ['CN=bob,OU=Staff,DC=example,DC=com', '', { base: false, one: false, sub: true }],
  ])('%s below "%s"', (dn, base, verdicts) => {
    const scopes = ['base', 'one', 'sub'] as const;
    expect(Object.fromEntries(scopes.map((scope) => [scope, isWithin(dn, source(scope, base))]))).toEqual(verdicts);
  });

  test('any of several bases will do', () => {
    const two = source('sub', 'OU=A,DC=example', 'OU=B,DC=example');
    expect([isWithin('CN=x,OU=B,DC=example', two), isWithin('CN=x,OU=C,DC=example', two)]).toEqual([true, false]);
  });
});
