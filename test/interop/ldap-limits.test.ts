/**
 * Ways in which servers and networks hurt LDAP clients, the Client of ldapts 9.2 among them; each has a number. Against real
 * servers, and a false one where no real one can be made to: none of them hurts the router.
 */

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  dirSyncControl,
  readDirSync,
  readSyncInfo,
  syncInfoOid,
  syncRequestControl,
} from '../../src/directory/ldap/controls.ts';
import { LdapError } from '../../src/directory/ldap/ldap.ts';
import { openWriter } from '../support/directory-writer.ts';
import { bindResponse, fakeLdapServer, pagedCookie, searchDone, searchEntry } from '../support/fake-ldap-server.ts';
import { until } from '../support/until.ts';
import { connectionsTo, lookupIn } from './directory/opened.ts';
import { startOpenLdap } from './directory/openldap.ts';
import { relayTo } from './directory/relay.ts';
import { type SambaDirectory, startSambaAd } from './directory/samba-ad.ts';
import type { TestDirectory } from './directory/test-directory.ts';
import { nameOf, userDn } from './directory/users.ts';

let server: TestDirectory;
beforeAll(async () => {
  server = await startOpenLdap({ users: 200 });
  console.info(`met ${server.version}`);
});
afterAll(() => server?.stop());

const key = `${nameOf(1)}@example.com`;
const known = { kind: 'home', addressOnly: false };
const everything = { baseDn: '', filter: { present: 'objectClass' }, attributes: ['cn'] } as const;
const nothing = (): void => undefined;

/** To a server that only the test knows how to be. */
const plainTo = (port: number, searchMs = 300) =>
  connectionsTo(server, { urls: [`ldap://127.0.0.1:${port}`], startTls: false, searchMs });

describe('connections that are lost', () => {
  test('1: after StartTLS a loss is noticed at once, and the next connection is protected before the password is sent', async () => {
    const relay = await relayTo(server.ldapUrl);
    const directory = await lookupIn(server, { servers: { urls: [relay.url] } });
    expect(await directory.lookup(key)).toMatchObject(known);
    relay.cut();
    await until(() => relay.accepted === 2);
    expect(await directory.lookup(key)).toMatchObject(known);
    expect(relay.sentText).not.toContain(server.reader.password);
    expect(relay.sentText).not.toContain(nameOf(1));
  });

  test('1: a StartTLS that is refused, or answered with more than a yes, is no connection', async () => {
    const refusing = await fakeLdapServer(({ messageId }) => [
      searchDone(messageId, 2, 'unsupported extended operation'),
    ]);
    const injecting = await fakeLdapServer(({ messageId }) => [Buffer.concat([searchDone(messageId), searchDone(2)])]);
    for (const { port } of [refusing, injecting]) {
      const connections = connectionsTo(server, { urls: [`ldap://127.0.0.1:${port}`] });
      await expect(connections.open('lookup')).rejects.toThrow(/StartTLS/);
    }
    await until(() => refusing.open + injecting.open === 0);
  });

  test('2: whatever is lost, nobody is asked for anonymously: no known user is ever called unknown', async () => {
    const relay = await relayTo(server.ldapsUrl);
    const directory = await lookupIn(server, { servers: { urls: [relay.url] } });
    const kinds = new Set<string>();
    for (let round = 0; round < 10; round += 1) {
      const answers = Array.from({ length: 20 }, () => directory.lookup(key));
      relay.cut();
      for (const { kind } of await Promise.all(answers)) kinds.add(kind);
    }
    kinds.delete('unavailable');
    expect([...kinds]).toEqual(['home']);
  });

  test('3: fifty look-ups at once on a dropped connection take one new connection, and every one is answered', async () => {
    const relay = await relayTo(server.ldapsUrl);
    const directory = await lookupIn(server, { servers: { urls: [relay.url] } });
    relay.cut();
    const answers = await Promise.all(Array.from({ length: 50 }, () => directory.lookup(key)));
    expect(answers.filter(({ kind }) => kind === 'home')).toHaveLength(50);
    expect(relay.accepted).toBe(2);
    expect(relay.open).toBe(1);
  });

  test('4: half a message of a lost connection does not spoil the next one', async () => {
    const relay = await relayTo(server.ldapUrl);
    const directory = await lookupIn(server, { servers: { urls: [relay.url], startTls: false } });
    expect(await directory.lookup(key)).toMatchObject(known);
    relay.cutAfter = 20;
    const cut = directory.lookup(key);
    await until(() => relay.open === 0);
    relay.cutAfter = undefined;
    await cut;
    expect(await directory.lookup(key)).toMatchObject(known);
  });
});

describe('searches', () => {
  test('5: one that the server forgets is given up alone; those beside it, and the connection, live on', async () => {
    const fake = await fakeLdapServer(({ operation, messageId, count }) => {
      if (operation !== 'search') return undefined;
      return count === 1 ? [] : [searchEntry(messageId, 'CN=a', { cn: ['a'] }), searchDone(messageId)];
    });
    const connection = await plainTo(fake.port).open('lookup');
    const forgotten = connection.search({ ...everything, onEntry: nothing }).done;
    const settled = expect(forgotten).rejects.toMatchObject({ code: 'ldap-timeout' });
    await connection.search({ ...everything, onEntry: nothing }).done;
    await settled;
    await connection.search({ ...everything, onEntry: nothing }).done;
    expect(connection.closedBecause).toBeUndefined();
    expect(fake.accepted).toBe(1);
  });

  test('7, 8: entries come as the server sends them, and intermediate responses with them (RFC 4533 refreshAndPersist)', async () => {
    const sync = await connectionsTo(server).open('sync');
    const writer = await openWriter(server);
    onTestFinished(() => writer.close());
    const seen: string[] = [];
    let isRefreshed = false;
    const search = sync.search({
      baseDn: server.usersDn,
      filter: '(objectClass=user)',
      attributes: ['department'],
      controls: [syncRequestControl('refresh-and-persist')],
      budgetMs: Number.POSITIVE_INFINITY,
      onEntry: (entry) => seen.push(entry.text('department') ?? ''),
      onIntermediate: (oid, value) => {
        const info = oid === syncInfoOid ? readSyncInfo(value) : undefined;
        if (info?.kind === 'refresh-delete' || info?.kind === 'refresh-present') isRefreshed = info.isRefreshDone;
      },
    });
    const ended = expect(search.done).rejects.toMatchObject({ code: 'ldap-abandoned' });
    await until(() => isRefreshed);
    expect(seen).toHaveLength(server.users);
    await writer.modify(userDn(1, server.suffix), [
      { operation: 'replace', attribute: 'department', values: ['moved'] },
    ]);
    await until(() => seen.includes('moved'));
    search.abandon();
    await ended;
  });

  test('9: 200,000 entries without pages arrive, one by one', async () => {
    const fake = await fakeLdapServer(({ operation, messageId }) => {
      if (operation !== 'search') return undefined;
      const thousand = Buffer.concat(
        Array.from({ length: 1_000 }, () => searchEntry(messageId, 'CN=a', { cn: ['a'] })),
      );
      return [...Array.from({ length: 200 }, () => thousand), searchDone(messageId)];
    });
    const connection = await plainTo(fake.port, 10_000).open('sync');
    let count = 0;
    await connection.search({
      ...everything,
      onEntry: () => {
        count += 1;
      },
    }).done;
    expect(count).toBe(200_000);
  });

  test('10: a slow search is not ended by a time limit of ten seconds: none is asked for, only silence counts', async () => {
    let request: Buffer = Buffer.alloc(0);
    const fake = await fakeLdapServer(({ operation, messageId, octets }, socket) => {
      if (operation !== 'search') return undefined;
      request = octets;
      // Longer than the budget in all, never silent for so long.
      for (let i = 1; i <= 5; i += 1) {
        setTimeout(() => socket.write(i === 5 ? searchDone(messageId) : searchEntry(messageId, 'CN=a', {})), i * 150);
      }
      return [];
    });
    const connection = await plainTo(fake.port, 300).open('sync');
    await connection.search({ ...everything, onEntry: nothing }).done;
    // baseObject "", scope sub, derefAliases never, sizeLimit 0, timeLimit 0.
    expect(request.toString('hex')).toContain('04000a01020a0100020100020100');
  });

  test('17: an empty page with a cookie is not the last page (RFC 2696 §3)', async () => {
    const pages = [
      { entries: 2, cookie: 'a' },
      { entries: 0, cookie: 'b' },
      { entries: 3, cookie: '' },
    ];
    const fake = await fakeLdapServer(({ operation, messageId, count }) => {
      const page = pages[count - 1];
      if (operation !== 'search' || page === undefined) return undefined;
      const entries = Array.from({ length: page.entries }, (_, i) => searchEntry(messageId, `CN=${i}`, { cn: ['a'] }));
      return [...entries, searchDone(messageId, 0, '', pagedCookie(page.cookie))];
    });
    const connection = await plainTo(fake.port).open('sync');
    let count = 0;
    const onEntry = (): void => {
      count += 1;
    };
    await connection.searchPaged({ ...everything, onEntry }, 2).done;
    expect(count).toBe(5);
  });

  test('two paged searches, one after the other, are possible on one connection (OpenLDAP allows one at a time)', async () => {
    const connection = await connectionsTo(server).open('sync');
    for (let round = 0; round < 2; round += 1) {
      let count = 0;
      const onEntry = (): void => {
        count += 1;
      };
      await connection.searchPaged({ ...everything, baseDn: server.usersDn, onEntry }, 30).done;
      expect(count).toBe(server.users + 1);
    }
  });
});

describe('binds and budgets', () => {
  test('18: a bind that fails leaves no socket open', async () => {
    const relay = await relayTo(server.ldapsUrl);
    const connections = connectionsTo(server, { urls: [relay.url], password: 'wrong' });
    await expect(connections.open('lookup')).rejects.toMatchObject({ code: 'ldap-bind', resultCode: 49 });
    await until(() => relay.open === 0);
    expect(relay.accepted).toBe(1);
  });

  test('19: a server that hangs under a look-up is left within two budgets, and used again when it wakes', async () => {
    const directory = await lookupIn(server, { servers: { searchMs: 200, bindMs: 200, connectMs: 200 } });
    await server.pause();
    const beganMs = performance.now();
    expect(await directory.lookup(key)).toMatchObject({ kind: 'unavailable' });
    await until(() => directory.log.lines.some(({ fields }) => fields.code === 'ldap-timeout'));
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    server.resume();
    const answer = async () => (await directory.lookup(key)).kind;
    let kind = await answer();
    while (kind !== 'home') kind = await answer();
    expect(kind).toBe('home');
  });

  test.each(['ldaps', 'ldap'] as const)(
    '19: %s to a server that accepts and never answers ends with the budget',
    async (scheme) => {
      const silent = await fakeLdapServer(() => []);
      const url = `${scheme}://127.0.0.1:${silent.port}`;
      const connections = connectionsTo(server, { urls: [url], connectMs: 200 });
      const failure = await connections.open('lookup').catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(LdapError);
      expect(failure).toMatchObject({ code: 'ldap-timeout', message: `${url} did not let us connect within 200 ms` });
      await until(() => silent.open === 0);
    },
  );

  test('19: a bind that is never answered ends with its budget', async () => {
    const silent = await fakeLdapServer(({ operation }) => (operation === 'bind' ? [] : undefined));
    const connections = connectionsTo(server, {
      urls: [`ldap://127.0.0.1:${silent.port}`],
      startTls: false,
      bindMs: 200,
    });
    await expect(connections.open('lookup')).rejects.toMatchObject({ code: 'ldap-timeout' });
    await until(() => silent.open === 0);
  });

  test('a quiet connection is asked for a sign of life, and one that gives none is given up', async () => {
    let isAlive = true;
    const fake = await fakeLdapServer(({ operation, messageId }) =>
      operation === 'bind' ? [bindResponse(messageId)] : isAlive ? [searchDone(messageId)] : [],
    );
    const settings = { urls: [`ldap://127.0.0.1:${fake.port}`], startTls: false, keepAliveMs: 100, searchMs: 100 };
    const connection = await connectionsTo(server, settings).open('lookup');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(connection.closedBecause).toBeUndefined();
    isAlive = false;
    const why = await new Promise((resolve) => connection.onClosed(resolve));
    expect(why).toMatchObject({ code: 'ldap-timeout' });
  });

  test('what is no LDAP ends the connection, not the process', async () => {
    const web = await fakeLdapServer(() => [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]);
    const connections = connectionsTo(server, { urls: [`ldap://127.0.0.1:${web.port}`], startTls: false });
    await expect(connections.open('lookup')).rejects.toThrow(/does not speak LDAP/);
  });
});

describe('Samba AD', () => {
  let samba: SambaDirectory;
  beforeAll(async () => {
    samba = await startSambaAd({ users: 100 });
    console.info(`met ${samba.version}`);
  });
  afterAll(() => samba?.stop());

  test('11: in DirSync an attribute that was removed is told from one that did not change', async () => {
    const connections = connectionsTo(samba, { searchMs: 10_000 });
    const sync = await connections.open('sync');
    const writer = await openWriter(samba);
    onTestFinished(() => writer.close());
    const poll = async (cookie?: Buffer) => {
      const changed: { dn: string; hasLine: boolean; line: string | undefined; hasFlags: boolean }[] = [];
      const { controls } = await sync.search({
        baseDn: samba.suffix,
        filter: '(objectClass=user)',
        attributes: ['msRTCSIP-Line', 'msRTCSIP-OptionFlags', 'userAccountControl'],
        controls: [dirSyncControl(cookie)],
        onEntry: (entry) =>
          changed.push({
            dn: entry.dn,
            hasLine: entry.has('msRTCSIP-Line'),
            line: entry.text('msRTCSIP-Line'),
            hasFlags: entry.has('msRTCSIP-OptionFlags'),
          }),
      }).done;
      return { changed, cookie: readDirSync(controls)!.cookie };
    };
    const set = (values: readonly string[]) =>
      writer.modify(userDn(1, samba.suffix), [{ operation: 'replace', attribute: 'msRTCSIP-Line', values }]);
    const { cookie: atStart } = await poll();
    await set(['tel:+49301']);
    const { changed: added, cookie } = await poll(atStart);
    expect(added).toMatchObject([{ hasLine: true, line: 'tel:+49301', hasFlags: false }]);
    await set([]);
    const { changed: removed } = await poll(cookie);
    expect(removed).toMatchObject([{ hasLine: true, line: undefined, hasFlags: false }]);
  });

  test('a simple bind without protection is refused by AD, and the refusal says what to do', async () => {
    const connections = connectionsTo(samba, { urls: [samba.ldapUrl], startTls: false });
    await expect(connections.open('lookup')).rejects.toThrow(
      /strongerAuthRequired: the server wants LDAPS or StartTLS/,
    );
  });

  test('a wrong password is told in the words of AD', async () => {
    const connections = connectionsTo(samba, { password: 'wrong' });
    await expect(connections.open('lookup')).rejects.toThrow(/the password is wrong \(49, data 52e\)/i);
  });
});
