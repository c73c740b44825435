/**
 * Another configuration in the place of one, against a real OpenLDAP: a source of which something changed that does not alter who is
 * known keeps its users and last known homes, most of all while its server is down.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { DirectorySettings, OpenDirectory } from '../../src/directory/compose.ts';
import type { LdapSourceSettings } from '../../src/directory/ldap/settings.ts';
import { LdapSource } from '../../src/directory/ldap/source.ts';
import type { Source } from '../../src/directory/source.ts';
import { ldifSource } from '../support/ldif-source.ts';
import { ldifUser } from '../support/two-sides.ts';
import { until } from '../support/until.ts';
import { openedDirectory, sourceOf, usualSnapshot } from './directory/opened.ts';
import { startOpenLdap } from './directory/openldap.ts';
import type { TestDirectory } from './directory/test-directory.ts';
import { nameOf } from './directory/users.ts';

let server: TestDirectory;
let isDown = false;
beforeAll(async () => {
  server = await startOpenLdap({ users: 100 });
  console.info(`met ${server.version}`);
});
afterAll(() => server?.stop());
beforeEach(() => {
  isDown = false;
});
afterEach(async () => {
  if (isDown) await server.start();
});

const kill = async (): Promise<void> => {
  await server.kill();
  isDown = true;
};
const revive = async (): Promise<void> => {
  await server.start();
  isDown = false;
};

const key = `${nameOf(1)}@example.com`;
const home = { kind: 'home', addressOnly: false };
const cache = { size: 100_000, foundMs: 60_000, unknownMs: 0, staleMs: 600_000, budgetMs: 5_000 };

type Mode = LdapSourceSettings['mode'];
const sourceIn = (mode: Mode, changed: Partial<LdapSourceSettings> = {}): LdapSourceSettings => ({
  ...sourceOf(server),
  mode,
  ...changed,
});

/** Open, and the user has been seen. */
async function knowing(...sources: readonly LdapSourceSettings[]): Promise<OpenDirectory> {
  const directory = await openedDirectory(sources, cache);
  await until(() => directory.snapshots.every(({ status }) => status.lastSweep !== undefined));
  expect(await directory.lookup(key)).toMatchObject({ ...home, freshness: 'fresh' });
  return directory;
}

/** As a reload does it, with what it does a minute later. */
async function reload(
  former: OpenDirectory,
  sources: readonly (LdapSourceSettings | Source)[],
  changed: Partial<DirectorySettings['cache']> = {},
): Promise<OpenDirectory> {
  const asSource = (each: LdapSourceSettings | Source): Source => ('open' in each ? each : new LdapSource(each));
  const next = former.successor({ sources: sources.map(asSource), cache: { ...cache, ...changed } });
  onTestFinished(() => next.close());
  await next.ready();
  next.takeOver();
  await former.close();
  return next;
}

const servers = (mode: Mode, changed: Partial<LdapSourceSettings['servers']>): Partial<LdapSourceSettings> => ({
  servers: { ...sourceIn(mode).servers, ...changed },
});

const harmless: readonly (readonly [string, (mode: Mode) => Partial<LdapSourceSettings>])[] = [
  ['one time', (mode) => servers(mode, { searchMs: 3_000 })],
  ['all times', (mode) => servers(mode, { connectMs: 900, bindMs: 900, keepAliveMs: 5_000, returnAfterMs: 2_000 })],
  ['the password', (mode) => servers(mode, { password: { reveal: () => 'another' } })],
  ['whom it binds as', (mode) => servers(mode, { bindDn: 'cn=other,dc=example,dc=com' })],
  [
    'the servers, by one more',
    (mode) => servers(mode, { urls: ['ldaps://127.0.0.1:1', ...sourceIn(mode).servers.urls] }),
  ],
  [
    'the servers, and so its name',
    () => ({ name: 'dc2', servers: { ...sourceIn('lookup').servers, urls: ['ldaps://127.0.0.1:1'] } }),
  ],
  ['its authority', (mode) => servers(mode, { trust: { ca: undefined, tlsName: 'dc9.example.com' } })],
  ['its name', () => ({ name: 'head-office' })],
  ['how many it asks for at a time', () => ({ pageSize: 7, maxSearches: 3 })],
  ['the base, as it is written', () => ({ baseDns: [server.suffix.toUpperCase().replaceAll(',', ' , ')] })],
  ['how it is kept', () => ({ snapshot: { ...usualSnapshot, follow: 'none', maxLoss: 0, staleAfterMs: 3_600_000 } })],
];

describe.each<Mode>(['lookup', 'snapshot'])('mode %s: in an outage', (mode) => {
  test.each(harmless)('a change of %s leaves those who are known', async (_, change) => {
    const before = await knowing(sourceIn(mode));
    await kill();
    const after = await reload(before, [sourceIn(mode, change(mode))]);
    // Not as one that has begun anew, which would serve what was known before as stale.
    expect(await after.lookup(key)).toMatchObject({ ...home, freshness: 'fresh' });
  });

  test('one change after the other does, and when the server is back they are asked for as the last one says', async () => {
    let directory = await knowing(sourceIn(mode));
    await kill();
    for (const [, change] of harmless) directory = await reload(directory, [sourceIn(mode, change(mode))]);
    directory = await reload(directory, [sourceIn(mode, servers(mode, { searchMs: 4_000 }))], { foundMs: 0 });
    expect(await directory.lookup(key)).toMatchObject(home);
    await revive();
    await until(() => /asked at|following/.test(directory.describe().summary));
    expect(await directory.lookup(`${nameOf(2)}@example.com`)).toMatchObject({ ...home, freshness: 'fresh' });
    expect(await directory.lookup('nobody@example.com')).toMatchObject({ kind: 'unknown-user' });
  });

  test('what becomes of other sources leaves those who are known', async () => {
    const other = sourceIn(mode, { name: 'other', baseDns: [`ou=elsewhere,${server.suffix}`] });
    const before = await knowing(sourceIn(mode));
    await kill();
    const file = ldifSource(ldifUser('carol@example.com', true));
    const more = await reload(before, [file, sourceIn(mode), other]);
    expect(await more.lookup(key)).toMatchObject({ ...home, source: 'ldap corp' });
    const swapped = await reload(more, [other, sourceIn(mode), file]);
    expect(await swapped.sources[1]!.lookup(key)).toMatchObject({ ...home, source: 'ldap corp' });
    const touched = ldifSource(ldifUser('dave@example.com', true));
    const alone = await reload(swapped, [sourceIn(mode), touched]);
    expect(await alone.lookup(key)).toMatchObject(home);
  });

  test('another filter, base or attribute is another question: nobody is believed by the answers to the one before', async () => {
    const changes: readonly Partial<LdapSourceSettings>[] = [
      { filter: '(objectClass=person)' },
      { baseDns: [`ou=elsewhere,${server.suffix}`] },
      { scope: 'one' },
      { attributes: { addresses: ['proxyAddresses'], enabled: 'msRTCSIP-UserEnabled', decides: true } },
    ];
    for (const change of changes) {
      const before = await knowing(sourceIn(mode));
      await kill();
      const after = await reload(before, [sourceIn(mode, change)]);
      expect(await after.lookup(key)).toMatchObject({ kind: 'unavailable' });
      await revive();
    }
  });

  test('a reload that is given up leaves all as it was', async () => {
    const before = await knowing(sourceIn(mode));
    await kill();
    const next = before.successor({
      sources: [new LdapSource(sourceIn(mode, servers(mode, { searchMs: 3_000 })))],
      cache,
    });
    await next.ready();
    await next.close();
    expect(await before.lookup(key)).toMatchObject(home);
    await revive();
    await until(() => /asked at|following/.test(before.describe().summary));
    expect(await before.lookup(`${nameOf(3)}@example.com`)).toMatchObject({ ...home, freshness: 'fresh' });
  });

  test('the other mode serves those who were known, as stale, until it knows them by itself', async () => {
    const other: Mode = mode === 'lookup' ? 'snapshot' : 'lookup';
    const before = await knowing(sourceIn(mode));
    await kill();
    const after = await reload(before, [sourceIn(other)]);
    expect(await after.lookup(key)).toMatchObject({ ...home, freshness: 'stale' });
    expect(await after.lookup(`${nameOf(2)}@example.com`)).toMatchObject(
      mode === 'snapshot' ? { ...home, freshness: 'stale' } : { kind: 'unavailable' },
    );
    await revive();
    await until(() => /asked at|following/.test(after.describe().summary));
    await until(() => after.snapshots.every(({ status }) => status.confirmedAtMs !== undefined));
    expect(await after.lookup(key)).toMatchObject({ ...home, freshness: 'fresh' });
  });
});

test('a right password in the place of a wrong one is offered at once', async () => {
  const wrong = servers('snapshot', { password: { reveal: () => 'wrong' } });
  const before = await openedDirectory([sourceIn('snapshot', wrong)], cache);
  expect(await before.lookup(key)).toMatchObject({ kind: 'unavailable' });
  const after = await reload(before, [sourceIn('snapshot')]);
  await until(() => after.snapshots[0]?.status.confirmedAtMs !== undefined);
  expect(await after.lookup(key)).toMatchObject({ ...home, freshness: 'fresh' });
});

test('what does not concern the servers neither connects anew nor sweeps anew', async () => {
  const sources = (changed: Partial<LdapSourceSettings['snapshot']> = {}) => [
    sourceIn('snapshot', { snapshot: { ...usualSnapshot, ...changed } }),
    sourceIn('lookup', { name: 'asked' }),
  ];
  const before = await openedDirectory(sources(), cache);
  await until(() => before.snapshots[0]?.status.lastSweep !== undefined);
  const { lastSweep } = before.snapshots[0]!.status;
  const opened = before.log.lines.filter(({ message }) => message === 'directory server in use').length;
  const after = await reload(before, sources({ maxLoss: 0.5, staleAfterMs: 3_600_000 }), { staleMs: 1_000 });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(after.snapshots[0]!.status).toMatchObject({ phase: 'following', lastSweep });
  expect(before.log.lines.filter(({ message }) => message === 'directory server in use')).toHaveLength(opened);
});
