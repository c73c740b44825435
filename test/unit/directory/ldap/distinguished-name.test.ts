/** One name, however it is written; two names, however alike they look. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { depthBelow, parseDn } from '../../../../src/directory/ldap/distinguished-name.ts';

describe('spellings of one name', () => {
  test.each([
    ['OU=Sales\\, EMEA,DC=example', 'ou=sales\\2c emea,dc=EXAMPLE'],
    ['OU=Sales\\, EMEA,DC=example', ' OU = "Sales, EMEA" ; DC = example '],
    ['CN=Jürgen,DC=example', 'CN=J\\c3\\bcrgen,DC=example'],
    ['CN=Jürgen,DC=example', 'CN=Ju\u0308rgen,DC=example'],
    ['CN=bob,DC=example', '2.5.4.3=bob,0.9.2342.19200300.100.1.25=example'],
    ['CN=bob,DC=example', 'oid.2.5.4.3=bob,domainComponent=example'],
    ['CN=bob,DC=example', 'CN=#0c03626f62,DC=example'],
    ['CN=a+UID=b,DC=example', 'uid=B + cn=A,dc=example'],
    ['CN=a  b,DC=example', 'CN=a b,DC=example'],
    ['CN=\\23x,DC=example', 'CN=\\#x,DC=example'],
    ['CN=a\\\\b,DC=example', 'CN=a\\5cb,DC=example'],
    ['CN=a\\"b,DC=example', 'CN="a\\"b",DC=example'],
    ['CN=a=b,DC=example', 'CN=a\\=b,DC=example'],
  ])('%s is %s', (a, b) => {
    expect(parseDn(a)).toBeDefined();
    expect(parseDn(a)).toEqual(parseDn(b));
  });

  test('the root has no part', () => expect([parseDn(''), parseDn('  ')]).toEqual([[], []]));
});

test.each([
  ['CN=a\\,OU=b,DC=c', 'CN=a,OU=b,DC=c'],
  ['CN=a\\+UID=b', 'CN=a+UID=b'],
  ['CN=ab', 'CN=a b'],
  ['CN=a', 'OU=a'],
  ['CN=ß', 'CN=ss'],
])('%s is not %s', (a, b) => {
  expect(parseDn(a)).toBeDefined();
  expect(parseDn(a)).not.toEqual(parseDn(b));
});

test.each([
  '<GUID=31b2f340016dd211945f00c04fb984f9>',
  'bob',
  'CN=a,',
  'CN=a,,DC=b',
  '=a',
  'CN="a',
  'CN=a\\',
  'CN="a"b,DC=c',
])('%s is no name', (text) => expect(parseDn(text)).toBeUndefined());

test('depth', () => {
  const base = parseDn('OU=Staff,DC=example')!;
  const names = [
    'OU=Staff,DC=example',
    'CN=a,OU=Staff,DC=example',
    'CN=a,OU=b,OU=Staff,DC=example',
    'DC=example',
    'CN=a',
  ];
  expect(names.map((name) => depthBelow(parseDn(name)!, base))).toEqual([0, 1, 2, undefined, undefined]);
});

test('any values, escaped in any way, are read back as one name', () => {
  const value = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((text) => /[^\s\0]/.test(text));
  const inHex = (text: string): string =>
    [...Buffer.from(text)].map((octet) => `\\${octet.toString(16).padStart(2, '0')}`).join('');
  const escaped = (text: string): string =>
    text.replace(/["+,;<>\\=#\0]|^ | $/g, (sign) => (sign === '\0' ? '\\00' : `\\${sign}`));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (values) => {
      const [a, b] = [inHex, escaped].map((write) => values.map((each) => `OU=${write(each.trim())}`).join(','));
      expect(parseDn(a!)).toHaveLength(values.length);
      expect(parseDn(b!)).toEqual(parseDn(a!));
    }),
  );
});
