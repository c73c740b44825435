/** What goes wrong with directories and their administrators: the router says it clearly, and never takes "could not ask" for "not found". */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createTimerWheel } from '../../src/clock.ts';
import { ldapConnections } from '../../src/directory/ldap/connections.ts';
import { fakeLdapServer, searchDone, searchEntry } from '../support/fake-ldap-server.ts';
import { until } from '../support/until.ts';
import { connectionsTo, lookupIn, openedDirectory, recordingLog, serversTo, sourceOf } from './directory/opened.ts';
import { type OpenLdapWish, startOpenLdap } from './directory/openldap.ts';
import { relayTo } from './directory/relay.ts';
import type { TestDirectory } from './directory/test-directory.ts';
import { nameOf } from './directory/users.ts';

let server: TestDirectory;
beforeAll(async () => {
  server = await startOpenLdap({ users: 100 });
  console.info(`met ${server.version}`);
});
afterAll(() => server?.stop());

const key = `${nameOf(1)}@example.com`;
const known = { kind: 'home', addressOnly: false, freshness: 'fresh' };

/** A server of its own for one test. */
const serverWith = async (wish: OpenLdapWish): Promise<TestDirectory> => {
  const other = await startOpenLdap({ users: 20, ...wish });
  onTestFinished(() => other.stop());
  return other;
};

/** Why the first connection could not be had. */
const whyNot = (directory: TestDirectory, changed: Parameters<typeof connectionsTo>[1] = {}): Promise<unknown> =>
  connectionsTo(directory, changed)
    .open('lookup')
    .then(
      () => 'it could',
      (error: Error) => error,
    );

describe('a server that dies', () => {
  test('under look-ups: each gets an answer, none gets "unknown", and all is well when it is back', async () => {
    const directory = await lookupIn(server);
    const answers = Array.from({ length: 200 }, () => directory.lookup(key));
    await server.kill();
    const kinds = new Set((await Promise.all(answers)).map(({ kind }) => kind));
    kinds.delete('home');
    expect([...kinds].filter((kind) => kind !== 'unavailable')).toEqual([]);
    expect(await directory.lookup(key)).toMatchObject({
      kind: 'unavailable',
      why: expect.stringContaining('cannot be reached'),
    });
    await server.start();
    await until(() => directory.describe().summary.includes('asked at'));
    expect(await directory.lookup(key)).toMatchObject(known);
  });

  test('while a user is remembered: the home serves on, marked stale; a user who is not remembered is not guessed at', async () => {
    const directory = await lookupIn(server, { cache: { foundMs: 0, staleMs: 60_000 } });
    expect(await directory.lookup(key)).toMatchObject(known);
    await server.kill();
    expect(await directory.lookup(key)).toMatchObject({ ...known, freshness: 'stale' });
    expect(await directory.lookup(`${nameOf(2)}@example.com`)).toMatchObject({ kind: 'unavailable' });
    await server.start();
  });

  test('during binds: every attempt ends with a reason, and no socket stays', async () => {
    const relay = await relayTo(server.ldapsUrl);
    const attempts = Array.from({ length: 20 }, () => whyNot(server, { urls: [relay.url] }));
    await until(() => relay.accepted > 0 && relay.sent.length > 0);
    await server.kill();
    for (const outcome of await Promise.all(attempts)) {
      if (outcome !== 'it could')
        expect(outcome).toMatchObject({ code: expect.stringMatching(/^ldap-(?:closed|unreachable)$/) });
    }
    await until(() => relay.open === 0);
    await server.start();
  });

  test('in the middle of a bind', async () => {
    const fake = await fakeLdapServer(({ operation }, socket) => {
      if (operation === 'bind') socket.destroy();
      return [];
    });
    const why = await whyNot(server, { urls: [`ldap://127.0.0.1:${fake.port}`], startTls: false });
    expect(why).toMatchObject({ code: 'ldap-closed' });
  });
});

test('a server that closes idle connections, as AD does, is no failure: another is open before it is needed', async () => {
  const idle = await serverWith({ idleS: 1 });
  const relay = await relayTo(idle.ldapsUrl);
  const directory = await lookupIn(idle, { servers: { urls: [relay.url] } });
  await until(() => relay.accepted >= 3);
  expect(await directory.lookup(key)).toMatchObject(known);
  expect(directory.log.lines.filter(({ level }) => level === 'warn')).toEqual([]);
});

describe('what an administrator is told', () => {
  test('a wrong password', async () => {
    expect(await whyNot(server, { password: 'wrong' })).toMatchObject({
      code: 'ldap-bind',
      message: `${server.ldapsUrl} refuses ${server.reader.dn}: invalidCredentials: the bind DN or its password is wrong (49)`,
    });
  });

  test('and a wrong password is not tried again and again: that would lock the account', async () => {
    const relay = await relayTo(server.ldapsUrl);
    const directory = await lookupIn(server, { servers: { urls: [relay.url], password: 'wrong' } });
    for (let round = 0; round < 50; round += 1) await directory.lookup(key);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await expect(directory.sources[0]?.namesOf?.(key)).rejects.toThrow('password is wrong');
    expect(relay.accepted).toBe(1);
    expect(await directory.lookup(key)).toMatchObject({
      kind: 'unavailable',
      why: expect.stringContaining('password is wrong'),
    });
  });

  test('nor by an operator who asks a snapshot for the names of a user', async () => {
    const relay = await relayTo(server.ldapsUrl);
    const wish = { servers: { urls: [relay.url], password: 'wrong' }, source: { mode: 'snapshot' } } as const;
    const directory = await openedDirectory([sourceOf(server, wish)]);
    const [source] = directory.sources;
    await until(() => source?.servers?.()[0]?.restsUntilMs !== undefined);
    for (let asked = 0; asked < 3; asked += 1) {
      await expect(source?.namesOf?.(key)).rejects.toThrow('password is wrong');
    }
    expect(relay.accepted).toBe(1);
  });

  test('no password appears in what is logged, said or thrown', async () => {
    const secret = 'a very secret password';
    const log = recordingLog();
    const clock = createTimerWheel();
    const settings = serversTo(server, { password: secret });
    const connections = ldapConnections(settings, { clock, log, random: () => 0 });
    const why = await connections.open('lookup').catch((error: Error) => error);
    clock.close();
    expect(`${String(why)}${JSON.stringify(why)}${JSON.stringify(log.lines)}`).not.toContain(secret);
  });

  test('a certificate of another name', async () => {
    expect(await whyNot(server, { trust: { ca: server.ca, tlsName: 'dc9.example.com' } })).toMatchObject({
      code: 'ldap-not-trusted',
      message: `the certificate of ${server.ldapsUrl} is not trusted: it is for another name (DNS:ldap.example.com, DNS:localhost, IP Address:127.0.0.1)`,
    });
  });

  test.each(['ldapsUrl', 'ldapUrl'] as const)(
    'a certificate of an authority that is not named in "ca" (%s)',
    async (url) => {
      const { ca } = await serverWith({});
      expect(await whyNot(server, { urls: [server[url]], trust: { ca, tlsName: server.tlsName } })).toMatchObject({
        code: 'ldap-not-trusted',
        message: `the certificate of ${server[url]} is not trusted: none of the authorities in "ca" has signed it`,
      });
    },
  );

  test('an expired certificate', async () => {
    const expired = await serverWith({ certificate: { days: -1 } });
    expect(await whyNot(expired)).toMatchObject({
      code: 'ldap-not-trusted',
      message: `the certificate of ${expired.ldapsUrl} is not trusted: it has expired`,
    });
  });

  test('a certificate that is signed with SHA-1', async () => {
    const old = await serverWith({ certificate: { digest: 'sha1' } });
    expect(await whyNot(old)).toMatchObject({
      code: 'ldap-not-trusted',
      message: expect.stringContaining('is not trusted: it, or a CA of its chain, is signed with SHA-1 or MD5'),
    });
  });

  test('a port that is not for LDAPS', async () => {
    const url = server.ldapUrl.replace('ldap:', 'ldaps:');
    expect(await whyNot(server, { urls: [url] })).toMatchObject({
      code: 'ldap-unreachable',
      message: expect.stringMatching(new RegExp(`^${url} cannot be reached: it .* port ${url.split(':')[2]}.*LDAPS`)),
    });
  });

  test('a name that does not resolve, and a port where nobody listens', async () => {
    expect(await whyNot(server, { urls: ['ldaps://nowhere.invalid:636'] })).toMatchObject({ code: 'ldap-unreachable' });
    expect(await whyNot(server, { urls: ['ldaps://127.0.0.1:1'] })).toMatchObject({
      code: 'ldap-unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a directory without the RTC schema: the missing attributes are named, and nobody is called unknown', async () => {
    const other = await serverWith({ hasRtc: false });
    const directory = await lookupIn(other);
    const { ldapsUrl } = other;
    expect(await directory.lookup(key)).toEqual({
      kind: 'unavailable',
      why: `ldap corp: the schema of ${ldapsUrl} has no attribute msRTCSIP-PrimaryUserAddress, msRTCSIP-UserEnabled: is this the right directory?`,
    });
  });

  test('a size limit that is hit is no answer', async () => {
    const directory = await lookupIn(await serverWith({ pageLimit: 1 }));
    expect(await directory.lookup(key)).toMatchObject(known);
    expect(await directory.lookup('dup@example.com')).toMatchObject({
      kind: 'unavailable',
      why: expect.stringContaining('sizeLimitExceeded'),
    });
  });

  test('a server that gives no pages, and one that gives only smaller ones', async () => {
    const everybody = {
      baseDn: server.suffix,
      filter: '(objectClass=user)',
      attributes: ['cn'],
      onEntry: () => undefined,
    };
    const without = await connectionsTo(await serverWith({ hasPaging: false })).open('sync');
    await expect(without.searchPaged(everybody, 10).done).rejects.toMatchObject({ code: 'ldap-refused' });
    const small = await connectionsTo(await serverWith({ pageLimit: 5 })).open('sync');
    await expect(small.searchPaged(everybody, 10).done).rejects.toThrow(/page-size is larger than the server allows/);
  });
});

describe('a flood of users whom nobody knows', () => {
  const nobody = (round: number, index: number): string => `nobody${round}.${index}@example.com`;

  test('10,000 distinct ones in a second: the known are still found, and nobody known becomes unknown', async () => {
    const directory = await lookupIn(server, { cache: { foundMs: 60_000, unknownMs: 5_000, budgetMs: 150 } });
    await directory.lookup(key);
    const kinds = new Map<string, number>();
    const knownKinds = new Set<string>();
    const pending: Promise<unknown>[] = [];
    for (let tick = 0; tick < 100; tick += 1) {
      for (let index = 0; index < 100; index += 1) {
        const answer = Promise.resolve(directory.lookup(nobody(tick, index)));
        pending.push(answer.then(({ kind }) => kinds.set(kind, (kinds.get(kind) ?? 0) + 1)));
      }
      pending.push(Promise.resolve(directory.lookup(key)).then(({ kind }) => knownKinds.add(kind)));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await Promise.all(pending);
    expect([...kinds.keys()].filter((kind) => kind !== 'unknown-user' && kind !== 'unavailable')).toEqual([]);
    expect([...knownKinds]).toEqual(['home']);
  });

  test('a directory that is slow never has more than max-searches of them at a time, and none is asked twice in its life', async () => {
    let [running, most, searches] = [0, 0, 0];
    const schema = ['msRTCSIP-PrimaryUserAddress', 'proxyAddresses', 'msRTCSIP-UserEnabled'].map(
      (name) => `( 1.1 NAME '${name}' )`,
    );
    const fake = await fakeLdapServer(({ operation, messageId, count }, socket) => {
      if (operation !== 'search') return undefined;
      // The first two ask for the schema.
      if (count <= 2)
        return [searchEntry(messageId, 'cn=Subschema', { attributeTypes: schema }), searchDone(messageId)];
      [running, searches] = [running + 1, searches + 1];
      most = Math.max(most, running);
      setTimeout(() => {
        running -= 1;
        socket.write(searchDone(messageId));
      }, 5);
      return [];
    });
    const directory = await lookupIn(server, {
      servers: { urls: [`ldap://127.0.0.1:${fake.port}`], startTls: false },
      source: { maxSearches: 8 },
      cache: { unknownMs: 60_000, budgetMs: 10_000 },
    });
    const flood = () => Promise.all(Array.from({ length: 10_000 }, (_, index) => directory.lookup(nobody(0, index))));
    const first = await flood();
    expect(most).toBe(8);
    const told = first.filter(({ kind }) => kind === 'unknown-user').length;
    expect(told).toBeGreaterThan(0);
    expect(searches).toBe(told);
    expect(first.filter(({ kind }) => kind === 'unavailable')).toHaveLength(10_000 - told);
    const before = searches;
    for (let index = 0; index < told; index += 1) await directory.lookup(nobody(0, index));
    expect(searches).toBe(before);
  });
});
