import { describe, expect, test } from 'vitest';
import { asksForMembership, attributesIn, isWithin } from '../../../../src/directory/sync/user-source.ts';

const staff = 'OU=Staff,DC=example,DC=com';
const sales = 'OU=Sales\\, EMEA,DC=example,DC=com';
const below = { base: false, one: true, sub: true };
const farBelow = { base: false, one: false, sub: true };
const elsewhere = { base: false, one: false, sub: false };

test.each([
  ['(cn=x)', ['cn'], false],
  ['(&(objectCategory=person)(!(memberOf=CN=a\\28b\\29,DC=x)))', ['objectCategory', 'memberOf'], true],
  ['(MEMBEROF:1.2.840.113556.1.4.1941:=CN=all,DC=x)', ['MEMBEROF'], true],
  [
    '(| (department;lang-de~=sales) (uSNChanged>=7)(a<=3)(2.5.4.3=memberOf=x))',
    ['department', 'uSNChanged', 'a', '2.5.4.3'],
    false,
  ],
  ['(1.2.840.113556.1.2.102=*)', ['1.2.840.113556.1.2.102'], true],
])('the attributes of %s, and whether it asks for groups', (filter, names, isAsking) => {
  expect([attributesIn(filter), asksForMembership(filter)]).toEqual([names, isAsking]);
});

describe('whether a name lies where users are searched', () => {
  test.each([
    ['CN=bob,OU=Staff,DC=example,DC=com', staff, below],
    ['cn=bob, ou=STAFF, dc=example, dc=com', staff, below],
    ['CN=bob,OU=Berlin,OU=Staff,DC=example,DC=com', staff, farBelow],
    [staff, staff, { base: true, one: false, sub: true }],
    ['CN=bob,OU=OldStaff,DC=example,DC=com', staff, elsewhere],
    ['CN=Doe\\, Jane,OU=Staff,DC=example,DC=com', staff, below],
    ['CN=bob,OU=Staff,DC=example,DC=com', '', farBelow],
    ['DC=com', '', below],
    ['CN=pat,OU=Sales\\2C EMEA,DC=example,DC=com', sales, below],
    ['CN=pat,OU=Sales\\, EMEA,DC=example,DC=com', 'OU = Sales\\2C EMEA , DC=example, DC=com ', below],
    ['CN=pat,OU="Sales, EMEA",DC=example,DC=com', sales, below],
    ['CN=pat,OU=Sales,OU=EMEA,DC=example,DC=com', sales, elsewhere],
    // Of a base that has no name but an identity the server has not said what it calls it.
    [
      'CN=bob,OU=Staff,DC=example,DC=com',
      '<GUID=31b2f340016dd211945f00c04fb984f9>',
      { base: true, one: true, sub: true },
    ],
  ])('%s below "%s"', (dn, base, verdicts) => {
    const scopes = ['base', 'one', 'sub'] as const;
    expect(Object.fromEntries(scopes.map((scope) => [scope, isWithin(dn, [base], scope)]))).toEqual(verdicts);
  });

  test('any of several bases will do', () => {
    const two = ['OU=A,DC=example', 'OU=B,DC=example'];
    expect([isWithin('CN=x,OU=B,DC=example', two, 'sub'), isWithin('CN=x,OU=C,DC=example', two, 'sub')]).toEqual([
      true,
      false,
    ]);
  });
});
