/** Look-up mode against real servers: every kind of user, names that no filter may trip over, several sources and servers. */

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { keyOfAddress, userKey } from '../../src/routing/user-key.ts';
import { openWriter } from '../support/directory-writer.ts';
import { until } from '../support/until.ts';
import { change, changeForNow, followed, set } from './directory/followed.ts';
import { lookupIn, openedDirectory, sourceOf } from './directory/opened.ts';
import { startOpenLdap } from './directory/openldap.ts';
import { startSambaAd } from './directory/samba-ad.ts';
import type { TestDirectory } from './directory/test-directory.ts';
import { nameOf, userDn } from './directory/users.ts';

const servers = [
  ['OpenLDAP', () => startOpenLdap({ users: 100 })],
  ['Samba AD', () => startSambaAd({ users: 100 })],
] as const;

const home = { kind: 'home', side: 'microsoft', freshness: 'fresh', source: 'ldap corp' };
const enabled = { ...home, addressOnly: false };
const addressOnly = { ...home, addressOnly: true };
const unknown = { kind: 'unknown-user', source: 'ldap corp' };

describe.each(servers)('%s', (kind, startServer) => {
  let server: TestDirectory;
  beforeAll(async () => {
    server = await startServer();
    console.info(`met ${server.version}`);
  });
  afterAll(() => server?.stop());

  test.each([
    ['enabled for Lync', `${nameOf(1)}@example.com`, enabled],
    ['migrated, with the address kept', `${nameOf(11)}@example.com`, addressOnly],
    ['with mail addresses only', `${nameOf(15)}@example.com`, unknown],
    ['whose account is disabled but whose Lync is not', `${nameOf(17)}@example.com`, enabled],
    ['whose address is written in capitals', `${nameOf(19)}@example.com`, enabled],
    ['by a second address in proxyAddresses', 'alias.19@example.com', enabled],
    ['with an address in proxyAddresses only, never enabled', 'proxy.only@example.com', addressOnly],
    ['with an address in msRTCSIP-PrimaryUserAddress only', 'primary.only@example.com', enabled],
    ['who is a contact, as in a central forest', 'central.contact@example.com', enabled],
    ['with 300 other addresses', 'many@example.com', enabled],
    ['who is nobody', 'nobody@example.com', unknown],
  ])('a user %s', async (__, key, expected) => {
    const directory = await lookupIn(server);
    expect(await directory.lookup(key)).toMatchObject(expected);
  });

  test('a user with a name beyond ASCII is found as Request-URIs write it (RFC 3261 §25.1: escaped UTF-8)', async () => {
    const directory = await lookupIn(server);
    expect(await directory.lookup(userKey('j%C3%BCrgen', 'example.com'))).toMatchObject(enabled);
    expect(await directory.lookup(userKey('j%C3%BCrge', 'example.com'))).toMatchObject(unknown);
  });

  test('a user whose name is made of filter syntax is found (RFC 4515 §3)', async () => {
    const directory = await lookupIn(server);
    expect(await directory.lookup(userKey('a*(b)\\c', 'example.com'))).toMatchObject(enabled);
  });

  test.each([
    '*',
    'user000000*',
    '*)(objectClass=*',
    `${nameOf(1)})(objectClass=*`,
    `x)(|(cn=*`,
    '\\2a',
    '%00',
    `${nameOf(1)}%00`,
    `${nameOf(1)}\\00`,
  ])('a user part cannot change the search: %j is nobody', async (user) => {
    const directory = await lookupIn(server);
    expect(await directory.lookup(userKey(user, 'example.com'))).toMatchObject(unknown);
  });

  test('a blank behind a user part makes no other user of it (RFC 4518 §2.6.1)', async () => {
    const directory = await lookupIn(server);
    const found = await directory.lookup(userKey(nameOf(1), 'example.com'));
    expect(found).toMatchObject({ kind: 'home' });
    expect(await directory.lookup(userKey(`${nameOf(1)} `, 'example.com'))).toMatchObject(found);
  });

  test('one address on two objects is reported once, and the enabled one decides', async () => {
    const directory = await lookupIn(server);
    expect(await directory.lookup('dup@example.com')).toMatchObject(enabled);
    expect(await directory.lookup('dup@example.com')).toMatchObject(enabled);
    const reports = directory.log.lines.filter(({ fields }) => fields.user === 'dup@example.com');
    expect(reports).toEqual([
      expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ objects: expect.any(Array) }) }),
    ]);
    expect((reports[0]!.fields.objects as string[]).map((dn) => dn.toLowerCase())).toEqual([
      `cn=dup-a,ou=special,${server.suffix.toLowerCase()}`,
      `cn=dup-b,ou=special,${server.suffix.toLowerCase()}`,
    ]);
  });

  test('an alias of an enabled user counts before the own address of a user who has moved, looked up or swept', async () => {
    const [alias, migrated] = [`sip:${nameOf(11)}@example.com`, nameOf(11)];
    const dn = userDn(1, server.suffix);
    const own = `sip:${nameOf(1)}@example.com`;
    const directory = await lookupIn(server);
    expect(await directory.lookup(`${migrated}@example.com`)).toMatchObject(addressOnly);
    const { is } = await followed(server, {});
    expect(is(migrated)).toBe('address only');
    await changeForNow(server, [set(dn, 'proxyAddresses', own, alias)], [set(dn, 'proxyAddresses', own)]);
    expect(await directory.lookup(`${migrated}@example.com`)).toMatchObject(enabled);
    await expect.poll(() => is(migrated), { timeout: 10_000 }).toBe('enabled');
    const swept = await followed(server, {});
    expect(swept.is(migrated)).toBe('enabled');
    await change(server, set(dn, 'proxyAddresses', own));
    expect(await directory.lookup(`${migrated}@example.com`)).toMatchObject(addressOnly);
    await expect
      .poll(() => [is(migrated), swept.is(migrated)], { timeout: 10_000 })
      .toEqual(['address only', 'address only']);
  });

  test('StartTLS is as good as LDAPS', async () => {
    const directory = await lookupIn(server, { servers: { urls: [server.ldapUrl] } });
    expect(await directory.lookup(`${nameOf(1)}@example.com`)).toMatchObject(enabled);
  });

  test('a filter, several bases and a scope narrow the search', async () => {
    const only = (filter: string) => lookupIn(server, { source: { filter } });
    const key = `${nameOf(17)}@example.com`;
    const isOn = await only('(!(userAccountControl:1.2.840.113556.1.4.803:=2))');
    expect(await isOn.lookup(key)).toMatchObject(unknown);
    expect(await isOn.lookup(`${nameOf(18)}@example.com`)).toMatchObject(enabled);
    const special = await lookupIn(server, { source: { baseDns: [`OU=Special,${server.suffix}`] } });
    expect(await special.lookup(key)).toMatchObject(unknown);
    const both = await lookupIn(server, { source: { baseDns: [`OU=Special,${server.suffix}`, server.usersDn] } });
    expect(await both.lookup(key)).toMatchObject(enabled);
    const shallow = await lookupIn(server, { source: { scope: 'one' } });
    expect(await shallow.lookup(key)).toMatchObject(unknown);
  });

  test('a base that does not exist is no answer, and says so', async () => {
    const directory = await lookupIn(server, { source: { baseDns: [`OU=Nowhere,${server.suffix}`] } });
    expect(await directory.lookup('nobody@example.com')).toMatchObject({
      kind: 'unavailable',
      why: expect.stringContaining('there is no such base DN'),
    });
  });

  test('a base that another server holds (result code 10) is no answer either', async () => {
    const directory = await lookupIn(server, { source: { baseDns: ['DC=other,DC=example,DC=net'] } });
    expect(await directory.lookup('nobody@example.com')).toMatchObject({ kind: 'unavailable' });
  });

  test('referrals are ignored unless they are to be followed; then one that leads nowhere makes the answer uncertain', async () => {
    const ignoring = await lookupIn(server);
    expect(await ignoring.lookup('nobody@example.com')).toMatchObject(unknown);
    const following = await lookupIn(server, { source: { followReferrals: true } });
    // A domain controller refers to its DNS zones and its configuration, where no user is; OpenLDAP here to another database.
    const answer = kind === 'Samba AD' ? unknown : { kind: 'unavailable' };
    expect(await following.lookup('nobody@example.com')).toMatchObject(answer);
  });
});

describe('several sources', () => {
  let first: TestDirectory;
  let second: TestDirectory;
  beforeAll(async () => {
    [first, second] = await Promise.all([startOpenLdap({ users: 20 }), startOpenLdap({ users: 40 })]);
  });
  afterAll(() => Promise.all([first?.stop(), second?.stop()]));

  const both = () =>
    openedDirectory([sourceOf(first, { source: { name: 'first' } }), sourceOf(second, { source: { name: 'second' } })]);

  test('the first that has the user decides', async () => {
    const directory = await both();
    expect(await directory.lookup(`${nameOf(1)}@example.com`)).toMatchObject({ kind: 'home', source: 'ldap first' });
    expect(await directory.lookup(`${nameOf(31)}@example.com`)).toMatchObject({
      kind: 'home',
      addressOnly: true,
      source: 'ldap second',
    });
    expect(await directory.lookup('nobody@example.com')).toMatchObject({ kind: 'unknown-user' });
  });

  test('while one is down the other still serves, but nobody is called unknown', async () => {
    await first.kill();
    const directory = await both();
    expect(await directory.lookup(`${nameOf(21)}@example.com`)).toMatchObject({ kind: 'home', source: 'ldap second' });
    expect(await directory.lookup('nobody@example.com')).toMatchObject({ kind: 'unavailable' });
    await first.start();
  });
});

test('an attribute of another product is searched too, with and without the scheme', async () => {
  const server = await startOpenLdap({ users: 20 });
  try {
    const writer = await openWriter(server);
    onTestFinished(() => writer.close());
    const change = (value: string) =>
      ({ operation: 'replace', attribute: 'ectisrv3UserSipUri', values: [value] }) as const;
    await writer.modify(`CN=${nameOf(1)},${server.usersDn}`, [change('sip:with@example.com')]);
    await writer.modify(`CN=${nameOf(2)},${server.usersDn}`, [change('without@example.com')]);
    const directory = await lookupIn(server, {
      source: { attributes: { addresses: ['ectisrv3UserSipUri'], enabled: 'msRTCSIP-UserEnabled', decides: true } },
    });
    expect(await directory.lookup(keyOfAddress('with@example.com')!)).toMatchObject(enabled);
    expect(await directory.lookup(keyOfAddress('without@example.com')!)).toMatchObject(enabled);
    expect(await directory.lookup(`${nameOf(1)}@example.com`)).toMatchObject(unknown);
  } finally {
    await server.stop();
  }
});

describe('several servers of one source', () => {
  test('a server that dies is left at once, and used again only when it has been back for a while', async () => {
    const [primary, secondary] = await Promise.all([startOpenLdap({ users: 20 }), startOpenLdap({ users: 20 })]);
    try {
      const trust = { ca: `${primary.ca}${secondary.ca}`, tlsName: primary.tlsName };
      const servers = { urls: [primary.ldapsUrl, secondary.ldapsUrl], trust, returnAfterMs: 2_000 };
      const directory = await lookupIn(primary, { servers });
      const key = `${nameOf(1)}@example.com`;
      const inUse = () => directory.describe().summary;
      expect(await directory.lookup(key)).toMatchObject(enabled);
      expect(inUse()).toContain(primary.ldapsUrl);
      await primary.kill();
      expect(await directory.lookup(key)).toMatchObject(enabled);
      expect(inUse()).toContain(secondary.ldapsUrl);
      await primary.start();
      const backAtMs = performance.now();
      await until(() => inUse().includes(primary.ldapsUrl));
      expect(performance.now() - backAtMs).toBeGreaterThan(500);
      expect(await directory.lookup(key)).toMatchObject(enabled);
    } finally {
      await Promise.all([primary.stop(), secondary.stop()]);
    }
  });
});
