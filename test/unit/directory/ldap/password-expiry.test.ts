/** When a password expires, from what a domain controller computes to what an administrator reads. */
import { expect, test } from 'vitest';
import {
  type LdapConnection,
  type LdapEntry,
  LdapError,
  type LdapSearch,
} from '../../../../src/directory/ldap/ldap.ts';
import {
  expiryWarning,
  type PasswordExpiry,
  readPasswordExpiry,
  tellExpiry,
} from '../../../../src/directory/ldap/password-expiry.ts';

const newYearsEve = Date.UTC(2026, 11, 31);
/** The same as FILETIME. */
const fileTime = '134431488000000000';

type Values = Readonly<Record<string, string>>;
const entryOf = (values: Values): LdapEntry => ({ text: (name: string) => values[name] }) as unknown as LdapEntry;

/** A controller that answers each search with these objects, and notes what it was asked. */
function controller(objects: readonly Values[], root: Values = { defaultNamingContext: 'DC=example,DC=com' }) {
  const asked: LdapSearch[] = [];
  const search = (what: LdapSearch) => {
    if (what.baseDn !== '') asked.push(what);
    for (const values of what.baseDn === '' ? [root] : objects) what.onEntry(entryOf(values));
    return { done: Promise.resolve({ controls: [], referrals: [] }), abandon: () => undefined };
  };
  return { asked, connection: { search } as unknown as LdapConnection };
}

const expiring = (value: string, more: Values = {}): Values => ({
  'msDS-UserPasswordExpiryTimeComputed': value,
  ...more,
});
const account = 'CN=svc-pif,OU=Services,DC=example,DC=com';

test.each<[string, readonly Values[], PasswordExpiry | undefined]>([
  ['a time', [expiring(fileTime)], { kind: 'at', atMs: newYearsEve }],
  ['the largest number is never', [expiring('9223372036854775807')], { kind: 'never' }],
  ['nothing is long ago: it must be changed now', [expiring('0')], { kind: 'at', atMs: Date.UTC(1601, 0, 1) }],
  ['no attribute: a server that does not tell', [{}], undefined],
  ['no object: an account of another domain', [], undefined],
  ['what is no number', [expiring('soon')], undefined],
])('%s', async (_, objects, wanted) => {
  expect(await readPasswordExpiry(controller(objects).connection, account)).toEqual(wanted);
});

test('a server without a domain, as OpenLDAP, is not asked', async () => {
  const { asked, connection } = controller([expiring(fileTime)], {});
  expect(await readPasswordExpiry(connection, account)).toBeUndefined();
  expect(asked).toEqual([]);
});

test('a refusal tells nothing, and is no failure; silence is one', async () => {
  const failing = (why: LdapError): LdapConnection => {
    const { connection } = controller([]);
    const search = (what: LdapSearch) =>
      what.baseDn === '' ? connection.search(what) : { done: Promise.reject(why), abandon: () => undefined };
    return { search } as unknown as LdapConnection;
  };
  const refusal = new LdapError('ldap-refused', 'noSuchObject', 32);
  expect(await readPasswordExpiry(failing(refusal), account)).toBeUndefined();
  const silence = new LdapError('ldap-timeout', 'no answer');
  await expect(readPasswordExpiry(failing(silence), account)).rejects.toBe(silence);
});

test.each([
  [account, { baseDn: account, scope: 'base' }],
  [
    'svc-pif@example.com',
    {
      baseDn: 'DC=example,DC=com',
      scope: 'sub',
      filter: {
        or: [
          { equal: 'userPrincipalName', value: 'svc-pif@example.com' },
          { equal: 'sAMAccountName', value: 'svc-pif' },
        ],
      },
    },
  ],
  [
    'EXAMPLE\\svc-pif',
    { baseDn: 'DC=example,DC=com', filter: { or: [{ equal: 'sAMAccountName', value: 'svc-pif' }] } },
  ],
])('%s is searched for as what it is', async (name, wanted) => {
  const { asked, connection } = controller([]);
  await readPasswordExpiry(connection, name);
  expect(asked).toMatchObject([wanted]);
});

test('of two that could be meant by svc@example.com the one with that principal name is', async () => {
  const { connection } = controller([
    expiring('0', { userPrincipalName: 'other@example.com' }),
    expiring(fileTime, { userPrincipalName: 'SVC@example.com' }),
  ]);
  expect(await readPasswordExpiry(connection, 'svc@example.com')).toEqual({ kind: 'at', atMs: newYearsEve });
});

const day = 86_400_000;
test.each([
  [15 * day, undefined],
  [
    14 * day,
    'expires 2026-12-31T00:00:00.000Z, in 14 days: set a new one, in the directory and here, or let it never expire',
  ],
  [
    1.5 * day,
    'expires 2026-12-31T00:00:00.000Z, in 1 day: set a new one, in the directory and here, or let it never expire',
  ],
  [-1, 'has expired, or must be changed now: set a new one, in the directory and here, or let it never expire'],
])('%i ms before, a warning is due or not', (beforeMs, warning) =>
  expect(expiryWarning({ kind: 'at', atMs: newYearsEve }, newYearsEve - beforeMs)).toBe(warning),
);

test('one that never expires is told as that, and warned of never', () => {
  expect(tellExpiry({ kind: 'never' }, newYearsEve)).toBe('never expires');
  expect(expiryWarning({ kind: 'never' }, newYearsEve)).toBeUndefined();
});
