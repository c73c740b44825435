/** An LDAP source in routes.yaml: what it becomes, and what an operator reads who has made a mistake in it. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { loadSnapshot } from '../../../src/config/snapshot.ts';
import type { LdapSourceSettings } from '../../../src/directory/ldap/settings.ts';
import { LdapSource } from '../../../src/directory/ldap/source.ts';
import { readFilter } from '../../../src/directory/ldap/wire.ts';
import { createAuthority } from '../../support/certificates.ts';
import { folderWith, load, problemsOf, routesYaml, snapshotOf } from '../../support/configuration.ts';

const authority = createAuthority('AD CA');
afterAll(() => authority.remove());
const files = { 'ca.crt': authority.certificate, 'ad-password': 'quite secret\n' };

const smallest = {
  kind: 'ldap',
  urls: '[ldaps://dc1.example.com]',
  ca: 'ca.crt',
  'bind-dn': '"CN=svc-pif,DC=example,DC=com"',
  'password-file': 'ad-password',
  base: '["DC=example,DC=com"]',
};

/** One source in one line, so that a column tells which setting is meant. */
const sourceOf = (changed: Readonly<Record<string, string>>): string =>
  Object.entries({ ...smallest, ...changed })
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');

const yamlOf = (...sources: readonly Readonly<Record<string, string>>[]): string =>
  routesYaml({ x: `directory: { sources: [${sources.map((each) => `{ ${sourceOf(each)} }`).join(', ')}] }` });

const settingsOf = (changed: Readonly<Record<string, string>> = {}): LdapSourceSettings => {
  const [source] = snapshotOf(yamlOf(changed), files).directory.sources;
  if (!(source instanceof LdapSource)) throw new Error('no LDAP source');
  return source.settings;
};

/** Without place and path, which other tests show. */
const complaintsOf = (...sources: readonly Readonly<Record<string, string>>[]): readonly string[] =>
  problemsOf(yamlOf(...sources), files).map((line) => line.replace(/^[^ ]+ /, '').replace('directory.sources[0].', ''));

describe('an LDAP source', () => {
  test('needs few settings, and has the documented defaults for the others', () => {
    const { servers, ...rest } = settingsOf();
    expect(rest).toEqual({
      name: 'dc1.example.com',
      mode: 'lookup',
      snapshot: {
        follow: 'poll',
        followEveryMs: 1_000,
        sweep: { kind: 'interval', everyMs: 86_400_000 },
        sweepJitterMs: 600_000,
        maxLoss: 0.1,
        staleAfterMs: 172_800_000,
        expireAfterMs: 604_800_000,
        file: undefined,
        requireFirstSync: false,
      },
      baseDns: ['DC=example,DC=com'],
      scope: 'sub',
      filter: undefined,
      attributes: {
        addresses: ['msRTCSIP-PrimaryUserAddress', 'proxyAddresses'],
        enabled: 'msRTCSIP-UserEnabled',
        decides: true,
      },
      followReferrals: false,
      pageSize: 1000,
      maxSearches: 64,
    });
    expect(servers).toMatchObject({
      urls: ['ldaps://dc1.example.com'],
      startTls: true,
      trust: { ca: authority.certificate, tlsName: undefined },
      bindDn: 'CN=svc-pif,DC=example,DC=com',
      connectMs: 2_000,
      bindMs: 2_000,
      searchMs: 2_000,
      keepAliveMs: 30_000,
      returnAfterMs: 300_000,
    });
  });

  test('takes its password from a file, without the end of the line', () => {
    expect(settingsOf().servers.password.reveal()).toBe('quite secret');
  });

  test('takes its password from the environment', () => {
    process.env.PIF_TEST_PASSWORD = 'from outside';
    const { servers } = settingsOf({ 'password-file': '', 'password-env': 'PIF_TEST_PASSWORD' });
    delete process.env.PIF_TEST_PASSWORD;
    expect(servers.password.reveal()).toBe('from outside');
  });

  test('shows its password neither to inspection nor to JSON', () => {
    const { snapshot } = load(yamlOf({}), files);
    expect(inspect(snapshot, { depth: 20, showHidden: true })).not.toContain('quite secret');
    expect(JSON.stringify(snapshot)).not.toContain('quite secret');
  });

  test('several sources of both kinds keep their order', () => {
    const yaml = routesYaml({
      x: `directory: { sources: [{ ${sourceOf({ name: 'a' })} }, { kind: ldif, file: u.ldif }, { ${sourceOf({ name: 'b' })} }] }`,
    });
    const { directory } = snapshotOf(yaml, { ...files, 'u.ldif': 'dn: CN=a\nobjectClass: user\n' });
    expect(directory.sources.map(({ name }) => name)).toEqual(['ldap a', 'ldif u.ldif', 'ldap b']);
  });
});

describe('mistakes', () => {
  test.each<[string, Readonly<Record<string, string>>, string]>([
    [
      'a URL of another scheme',
      { urls: '["https://dc1.example.com"]' },
      'error: urls[0]: "https://dc1.example.com" is not an LDAP URL (such as ldaps://dc1.example.com)',
    ],
    [
      'a base in the URL',
      { urls: '["ldaps://dc1.example.com/DC=example"]' },
      'error: urls[0]: "ldaps://dc1.example.com/DC=example" has something behind the port (base, scope and filter are settings of their own)',
    ],
    [
      'a name in the URL',
      { urls: '["ldaps://me@dc1.example.com"]' },
      'error: urls[0]: a URL must not hold a name (bind-dn and password-file say who we are)',
    ],
    [
      'TLS without an authority',
      { ca: '' },
      'error: ca: this setting is missing (it has no default: name a PEM file with the authority of the servers)',
    ],
    [
      'StartTLS without an authority',
      { ca: '', urls: '[ldap://dc1.example.com]' },
      'error: ca: this setting is missing (it has no default: name a PEM file with the authority of the servers)',
    ],
    [
      'no protection at all',
      { ca: '', urls: '[ldap://dc1.example.com]', 'start-tls': 'false' },
      'warning: urls[0]: the password and all answers travel in the clear (use ldaps:// or start-tls: true)',
    ],
    [
      'no password',
      { 'password-file': '' },
      'error: password-file: the password is missing (name either password-file or password-env)',
    ],
    [
      'two passwords',
      { 'password-env': 'X' },
      'error: password-env: the password is given twice (name either password-file or password-env)',
    ],
    [
      'a variable that is not set',
      { 'password-file': '', 'password-env': 'PIF_TEST_NOT_SET' },
      'error: password-env: this environment variable is not set (the name of one is expected here, never the password itself)',
    ],
    [
      'the password itself',
      { password: 'hunter2' },
      'error: password: a secret must not stand in this file (use password-file or password-env)',
    ],
    ['no base', { base: '[]' }, 'error: base: this list is empty (such as ["DC=example,DC=com"])'],
    [
      'a filter that is none',
      { filter: '"objectClass=user"' },
      'error: filter: "objectClass=user" is not an LDAP filter (such as (objectCategory=person))',
    ],
    [
      'a filter with too few parentheses',
      { filter: '"(&(a=b)(c=d)"' },
      'error: filter: "(&(a=b)(c=d)" is not an LDAP filter (such as (objectCategory=person))',
    ],
    [
      'a filter with escaped letters',
      { filter: '"(cn=J\\\\c3\\\\bcrgen)"' },
      'error: filter: this filter escapes a letter beyond ASCII (write the letter itself)',
    ],
    [
      'a filter by OID',
      { filter: '"(2.5.4.3=bob)"' },
      'error: filter: "2.5.4.3" in this filter is an OID, which is not supported (write the name of the attribute, such as proxyAddresses)',
    ],
    [
      'a filter with an option',
      { filter: '"(&(a=b)(displayName;lang-de=Bob))"' },
      'error: filter: "displayName;lang-de" in this filter has an option, which is not supported (write the name of the attribute, such as proxyAddresses)',
    ],
    [
      'a filter without an attribute',
      { filter: '"(=x)"' },
      'error: filter: "(=x)" in this filter names no attribute (such as (cn=bob))',
    ],
    [
      'an attribute by its OID',
      { 'address-attributes': '[1.2.840.113556.1.6.24.1.1]' },
      'error: address-attributes[0]: "1.2.840.113556.1.6.24.1.1" is an OID, which is not supported (write the name of the attribute, such as proxyAddresses)',
    ],
    [
      'an attribute with a space',
      { 'enabled-attribute': '"is enabled"' },
      'error: enabled-attribute: "is enabled" is not the name of an attribute (such as proxyAddresses)',
    ],
  ])('%s', (_, changed, complaint) => {
    expect(complaintsOf(changed)).toEqual([complaint]);
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['as its file', { 'password-file': 'hunter2' }],
    ['as a file whose name is too long', { 'password-file': 'hunter2'.repeat(100) }],
    ['as its variable', { 'password-file': '', 'password-env': 'hunter2' }],
    ['as a setting', { password: 'hunter2' }],
    ['in a URL', { urls: '["ldaps://svc:hunter2@dc1.example.com"]' }],
    ['in a URL without a name', { urls: '["ldaps://:hunter2@dc1.example.com"]' }],
    ['in a URL of another scheme', { urls: '["https://svc:hunter2@dc1.example.com"]' }],
  ])('a password that stands in routes.yaml, %s: it is refused and not repeated', (_, changed) => {
    const said = complaintsOf(changed);
    expect(said).toContainEqual(expect.stringMatching(/^error:/));
    expect(said.join()).not.toContain('hunter2');
  });

  test('a password file of two lines', () => {
    const said = problemsOf(yamlOf({}), { ...files, 'ad-password': 'one\ntwo\n' });
    expect(said).toEqual([expect.stringContaining('this file must hold the password, in one line and nothing else')]);
    expect(said.join()).not.toContain('two');
  });

  test('a password that others on the machine can read', () => {
    const folder = folderWith({ ...files, 'routes.yaml': yamlOf({}) });
    chmodSync(join(folder, 'ad-password'), 0o644);
    const { problems } = loadSnapshot(join(folder, 'routes.yaml'), 1);
    expect(problems).toMatchObject([
      { severity: 'error', what: 'others on this machine may get at this password', hint: 'chmod 600 ad-password' },
    ]);
  });

  test('two sources with one name', () => {
    expect(complaintsOf({}, {})).toEqual([
      'error: directory.sources[1].name: directory.sources[0] is already named "dc1.example.com" (give each source a name)',
    ]);
  });

  test.each([
    '(objectCategory=person)',
    '(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))',
    '(|(a=*)(b>=1)(c=x*y\\2a))',
    '(cn=Jürgen)',
  ])('a filter as it should be is taken: %s', (filter) => {
    expect(settingsOf({ filter: JSON.stringify(filter) }).filter).toBe(filter);
  });

  test('whatever filter is taken can be sent', () => {
    const attribute = fc.constantFrom(
      'cn',
      'userAccountControl',
      'x-1',
      '',
      '2.5.4.3',
      'cn;lang-de',
      'cn;binary',
      '1a',
      '-',
      'c_n',
    );
    const comparison = fc.constantFrom(
      '=',
      '>=',
      '<=',
      '~=',
      ':=',
      ':dn:=',
      ':1.2.840.113556.1.4.803:=',
      ':dn:caseExactMatch:=',
      ':x;y:=',
    );
    const value = fc.constantFrom(
      '',
      '*',
      'a',
      'a*',
      '*a*b*',
      '**',
      '\\2a',
      '\\00',
      ' x ',
      'ü',
      '\\',
      '#',
      '"',
      'a=b',
      '&',
      '!',
    );
    const item = fc.tuple(attribute, comparison, value).map((parts) => `(${parts.join('')})`);
    const { filter } = fc.letrec<{ filter: string }>((tie) => ({
      filter: fc.oneof(
        { maxDepth: 3 },
        item,
        fc
          .tuple(fc.constantFrom('&', '|', '!', '& ', ''), fc.array(tie('filter'), { maxLength: 3 }))
          .map(([sign, parts]) => `(${sign}${parts.join('')})`),
      ),
    }));
    let taken = 0;
    fc.assert(
      fc.property(filter, (text) => {
        if (complaintsOf({ filter: JSON.stringify(text) }).length > 0) return;
        taken += 1;
        expect(() => readFilter(text)).not.toThrow();
      }),
      { numRuns: 1_000 },
    );
    expect(taken).toBeGreaterThan(50);
  });
});

describe('a snapshot of all users', () => {
  const kept = (snapshot: string, more: Readonly<Record<string, string>> = {}) => ({
    mode: 'snapshot',
    snapshot,
    ...more,
  });

  test.each([
    ['90m', { kind: 'interval', everyMs: 5_400_000 }],
    ['daily 03:30', { kind: 'at', weekday: undefined, minuteOfDay: 210 }],
    ['Sunday 23:05', { kind: 'at', weekday: 0, minuteOfDay: 1_385 }],
    ['saturday 3:00', { kind: 'at', weekday: 6, minuteOfDay: 180 }],
  ])('is swept %s', (sweep, times) => {
    expect(settingsOf(kept(`{ sweep: ${sweep} }`)).snapshot.sweep).toEqual(times);
  });

  test('has its file beside the routes.yaml, and its share as a number', () => {
    const { file, maxLoss } = settingsOf(kept('{ file: corp.snapshot, max-loss: 2.5% }')).snapshot;
    expect(file).toMatch(/^\/.*\/corp\.snapshot$/);
    expect(maxLoss).toBe(0.025);
  });

  test.each([
    ['{ sweep: daily 24:00 }', /snapshot\.sweep.*"daily 24:00" is not a time of day.*daily 03:30/],
    ['{ sweep: 30s }', /snapshot\.sweep.*30s is too small.*at least 1m/],
    ['{ sweep: often }', /snapshot\.sweep.*"often" is not understood/],
    ['{ max-loss: 0.1 }', /snapshot\.max-loss.*"0.1" is not a share.*10%/],
    ['{ max-loss: 101% }', /snapshot\.max-loss.*101% is more than all/],
    ['{ follow: push }', /snapshot\.follow.*"push" is not possible here/],
    ['{ stale-after: 2h, expire-after: 1h }', /snapshot\.expire-after.*expire before they are stale/],
    ['{ follow: none, stale-after: 24h }', /snapshot\.stale-after.*stale before the next sweep/],
    ['{ follow: none, sweep: sunday 3:00 }', /snapshot\.stale-after.*stale before the next sweep/],
  ])('written %s is refused in words', (snapshot, words) => {
    expect(complaintsOf(kept(snapshot))).toEqual([expect.stringMatching(words)]);
  });

  test('does not follow referrals', () => {
    expect(complaintsOf(kept('{}', { referrals: 'follow' }))).toEqual([
      expect.stringMatching(/referrals.*does not follow referrals/),
    ]);
  });
});
