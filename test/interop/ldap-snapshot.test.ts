/** Snapshot mode against real servers, in its thread: what a sweep finds, what changes are seen, and what breaks without harm. */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { LdapSourceSettings } from '../../src/directory/ldap/settings.ts';
import type { SnapshotDirectory } from '../../src/directory/snapshot-directory.ts';
import { type DirectoryWriter, openWriter } from '../support/directory-writer.ts';
import { until } from '../support/until.ts';
import { type OpenedDirectory, openedDirectory, sourceOf, usualSnapshot } from './directory/opened.ts';
import { type OpenLdapWish, startOpenLdap } from './directory/openldap.ts';
import { relayTo } from './directory/relay.ts';
import { startSambaAd } from './directory/samba-ad.ts';
import type { TestDirectory } from './directory/test-directory.ts';
import { nameOf, userDn } from './directory/users.ts';

type Wish = Partial<LdapSourceSettings['snapshot']>;

interface Opened {
  readonly directory: OpenedDirectory;
  readonly snapshot: SnapshotDirectory;
  /** `enabled`, `address only`, `unknown-user`, `unavailable`. */
  readonly is: (user: string) => string;
}

async function open(server: TestDirectory, wish: Wish = {}, source: Partial<LdapSourceSettings> = {}): Promise<Opened> {
  const settings = { ...sourceOf(server, { source: { mode: 'snapshot', snapshot: { ...usualSnapshot, ...wish } } }) };
  const directory = await openedDirectory([{ ...settings, ...source }]);
  const is = (user: string): string => {
    const answer = directory.lookup(`${user}@example.com`);
    if (answer instanceof Promise) throw new Error('a snapshot answers at once');
    return answer.kind === 'home' ? (answer.addressOnly ? 'address only' : 'enabled') : answer.kind;
  };
  return { directory, snapshot: directory.snapshots[0]!, is };
}

/** Asked for a sign of life every second. */
const quickToNotice = (server: TestDirectory, url: string): LdapSourceSettings['servers'] =>
  sourceOf(server, { servers: { urls: [url], keepAliveMs: 1_000 } }).servers;

const swept = ({ snapshot }: Opened) => until(() => snapshot.status.lastSweep?.outcome === 'applied');

/** By OpenLDAP's own tool: the router never deletes. */
const deleteUser = (server: TestDirectory, index: number): Promise<unknown> =>
  promisify(execFile)(
    'ldapdelete',
    ['-x', '-H', server.ldapsUrl, '-D', server.writer.dn, '-w', server.writer.password, userDn(index, server.suffix)],
    { env: { ...process.env, LDAPTLS_REQCERT: 'never' } },
  );

const ways = {
  openldap: ['notify', 'poll'],
  samba: ['notify', 'poll', 'dirsync'],
} as const;

const servers = [
  ['OpenLDAP', 'openldap', () => startOpenLdap({ users: 100 })],
  ['Samba AD', 'samba', () => startSambaAd({ users: 100 })],
] as const;

describe.each(servers)('%s', (_, kind, startServer) => {
  let server: TestDirectory;
  let writer: DirectoryWriter;
  beforeAll(async () => {
    server = await startServer();
    console.info(`met ${server.version}`);
    writer = await openWriter(server);
  });
  afterAll(async () => {
    writer?.close();
    await server?.stop();
  });

  test('a sweep in small pages finds every kind of user, and lists what it left out', async () => {
    const opened = await open(server, { follow: 'none' }, { pageSize: 7 });
    await swept(opened);
    expect(
      ['proxy.only', 'primary.only', 'central.contact', 'many', 'alias.19', nameOf(11), nameOf(15)].map(opened.is),
    ).toEqual(['address only', 'enabled', 'enabled', 'enabled', 'enabled', 'address only', 'unknown-user']);
    const { skipped, duplicates } = opened.snapshot.status.lastSweep!;
    expect(skipped.map(({ dn, reason }) => `${dn.toLowerCase()} ${reason}`)).toContainEqual(
      expect.stringMatching(/^cn=malformed.*"sip:no-domain" is no SIP address$/),
    );
    expect(duplicates).toEqual([
      { dn: expect.stringMatching(/dup-/i), reason: expect.stringContaining('dup@example.com') },
    ]);
    expect(opened.is('dup')).toBe('enabled');
  });

  test.each(ways[kind])('under %s a user is seen disabled, renamed and cleared, without a sweep', async (follow) => {
    const opened = await open(server, { follow });
    await swept(opened);
    const before = opened.snapshot.status.lastSweep;
    const index = 1 + (ways[kind] as readonly string[]).indexOf(follow);
    const name = nameOf(index);
    const change = (attribute: string, values: readonly string[]): Promise<void> =>
      writer.modify(userDn(index, server.suffix), [{ operation: 'replace', attribute, values }]);
    await change('msRTCSIP-UserEnabled', ['FALSE']);
    await until(() => opened.is(name) === 'address only');
    await change('msRTCSIP-PrimaryUserAddress', [`sip:new.${name}@example.com`]);
    await change('proxyAddresses', []);
    await until(() => opened.is(name) === 'unknown-user' && opened.is(`new.${name}`) === 'address only');
    await change('msRTCSIP-PrimaryUserAddress', []);
    await until(() => opened.is(`new.${name}`) === 'unknown-user');
    expect(opened.snapshot.status.lastSweep).toEqual(before);
  });

  test.each(ways[kind])('under %s a base that the server writes otherwise is the same base', async (follow) => {
    const written = server.suffix.replace(/([a-z]+)=([a-z]+)/gi, (_, type, value) => `${type}=${value.toUpperCase()}`);
    const opened = await open(server, { follow }, { baseDns: [written.replaceAll(',', ' , ')] });
    await swept(opened);
    const before = opened.snapshot.status.lastSweep;
    const index = 31 + (ways[kind] as readonly string[]).indexOf(follow);
    const name = nameOf(index);
    expect(opened.is(name)).not.toBe('unknown-user');
    const change = (values: readonly string[]): Promise<void> =>
      writer.modify(userDn(index, server.suffix), [
        { operation: 'replace', attribute: 'msRTCSIP-PrimaryUserAddress', values },
      ]);
    await change([`sip:again.${name}@example.com`]);
    await until(() => opened.is(`again.${name}`) !== 'unknown-user');
    expect(opened.snapshot.status.lastSweep).toEqual(before);
  });

  test.each(ways[kind])(
    'under %s a connection that is lost is had again, and what changed meanwhile is seen',
    async (follow) => {
      const opened = await open(server, { follow });
      await swept(opened);
      await server.kill();
      await until(() => opened.snapshot.status.phase === 'waiting');
      expect(opened.is(nameOf(20))).toBe('enabled');
      await server.start();
      const again = await openWriter(server);
      onTestFinished(() => again.close());
      const value = (is: boolean) => [is ? 'TRUE' : 'FALSE'];
      const set = (is: boolean): Promise<void> =>
        again.modify(userDn(20, server.suffix), [
          { operation: 'replace', attribute: 'msRTCSIP-UserEnabled', values: value(is) },
        ]);
      await set(false);
      await until(() => opened.is(nameOf(20)) === 'address only');
      await set(true);
      await until(() => opened.is(nameOf(20)) === 'enabled');
      writer = again;
    },
  );

  test('a server that falls silent during a sweep, or is killed, is noticed, and the users stay as they were', async () => {
    const relay = await relayTo(server.ldapsUrl);
    const opened = await open(server, { follow: 'none' }, { pageSize: 1, servers: quickToNotice(server, relay.url) });
    await swept(opened);
    relay.delayMs = 20;
    for (const stop of [() => server.pause(), () => server.kill()]) {
      opened.snapshot.refresh();
      await until(() => opened.snapshot.status.phase === 'sweeping');
      await stop();
      await until(() => opened.snapshot.status.phase === 'waiting');
      expect(opened.is(nameOf(20))).toBe('enabled');
      server.resume();
    }
    relay.delayMs = 0;
    await server.start();
    const beganMs = Date.now();
    await until(() => (opened.snapshot.status.lastSweep?.startedAtMs ?? 0) >= beganMs);
    expect(opened.snapshot.status.lastSweep).toMatchObject({ outcome: 'applied', gone: 0, disabled: 0 });
  });
});

describe('OpenLDAP', () => {
  const start = async (wish: OpenLdapWish): Promise<TestDirectory> => {
    const server = await startOpenLdap(wish);
    onTestFinished(() => server.stop());
    return server;
  };
  const failed = async ({ snapshot }: Opened): Promise<string | undefined> => {
    await until(() => snapshot.status.lastSweep?.outcome === 'failed');
    return snapshot.status.lastSweep?.why;
  };

  test('a server without page control is not taken at its first thousand: the sweep fails and says so', async () => {
    const server = await start({ users: 20, hasPaging: false });
    const opened = await open(server);
    expect(await failed(opened)).toContain('pagedResults control not allowed');
    expect(opened.is(nameOf(1))).toBe('unavailable');
  });

  test('a page larger than the server allows fails with its words, and names the setting', async () => {
    const server = await start({ users: 200, pageLimit: 50 });
    const opened = await open(server, {}, { pageSize: 100 });
    expect(await failed(opened)).toContain('page-size is larger than the server allows');
    expect(opened.is(nameOf(1))).toBe('unavailable');
  });

  test('polled, it tells of a deletion that something has changed, and a sweep finds out what', async () => {
    const server = await start({ users: 20, hasSessionLog: false });
    const opened = await open(server, { follow: 'poll', followEveryMs: 100 });
    await swept(opened);
    expect(opened.is(nameOf(2))).toBe('enabled');
    await deleteUser(server, 2);
    await until(() => opened.is(nameOf(2)) === 'unknown-user');
    expect(opened.is(nameOf(1))).toBe('enabled');
  });

  test('what was known serves a start while the server is down, from a file for its owner only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pif-warm-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'corp.snapshot');
    const server = await start({ users: 20 });
    const first = await open(server, { file });
    await swept(first);
    await first.directory.close();
    expect(existsSync(file) && statSync(file).mode & 0o777).toBe(0o600);
    await server.kill();
    const second = await open(server, { file, requireFirstSync: true });
    await second.directory.mayListen();
    expect([nameOf(1), nameOf(11), 'nobody'].map(second.is)).toEqual(['enabled', 'address only', 'unknown-user']);
  });
});

test.each(['notify', 'poll', 'dirsync'] as const)(
  'Samba AD, under %s: a deleted user is gone without a sweep',
  async (follow) => {
    const server = await startSambaAd({ users: 100 });
    onTestFinished(() => server.stop());
    const opened = await open(server, { follow });
    await swept(opened);
    const before = opened.snapshot.status.lastSweep;
    expect(opened.is(nameOf(2))).toBe('enabled');
    await deleteUser(server, 2);
    await until(() => opened.is(nameOf(2)) === 'unknown-user');
    expect(opened.snapshot.status.lastSweep).toEqual(before);
  },
);

test('Samba AD: without the right to replicate, DirSync shows what the account may read', async () => {
  const server = await startSambaAd({ users: 100 });
  onTestFinished(() => server.stop());
  const writer = await openWriter(server);
  onTestFinished(() => writer.close());
  const { plain } = server;
  const opened = await open({ ...server, reader: plain }, { follow: 'dirsync' });
  await swept(opened);
  await writer.modify(userDn(1, server.suffix), [
    { operation: 'replace', attribute: 'msRTCSIP-UserEnabled', values: ['FALSE'] },
  ]);
  await until(() => opened.is(nameOf(1)) === 'address only');
});
