/** A directory that one thread lends to another: both answer alike, and only the lender asks servers. */

import { expect, test } from 'vitest';
import { createTimerWheel } from '../../../src/clock.ts';
import { ldifDirectory } from '../../../src/directory/ldif/users.ts';
import { ownClock, SnapshotDirectory } from '../../../src/directory/snapshot-directory.ts';
import type { SnapshotSettings } from '../../../src/directory/sync/snapshot-settings.ts';
import { borrow } from '../../../src/directory/threads/borrow.ts';
import type { TellTable } from '../../../src/directory/threads/lend.ts';
import { type Lendable, lend } from '../../../src/directory/threads/lend.ts';
import { silentLog } from '../../../src/log.ts';
import type { DirectoryAnswer } from '../../../src/routing/types.ts';
import { ldifUser } from '../../support/two-sides.ts';
import { until } from '../../support/until.ts';

const cache = { size: 10, foundMs: 30_000, unknownMs: 5_000, staleMs: 60_000, budgetMs: 5_000 };
const clock = createTimerWheel();
const nobodyTwice = { warn: () => expect.unreachable('no user is in two sources') };

test('users of an LDIF file are found in the table that is shared, as in the file itself', () => {
  const { directory } = ldifDirectory(ldifUser('a@example.com', true) + ldifUser('b@example.com', false), 'users.ldif');
  const source: Lendable = { ...directory, snapshot: undefined };
  const { loan, end } = lend([source], cache);
  const borrowed = borrow(loan, clock, nobodyTwice);
  for (const key of ['a@example.com', 'b@example.com', 'c@example.com']) {
    expect(borrowed.lookup(key)).toEqual(directory.lookup(key));
  }
  expect(borrowed.describe()).toMatchObject(directory.describe());
  end();
});

test('when a confirmed version of an LDIF file takes the place of another, the borrower finds it too', async () => {
  const version = (...users: readonly string[]) =>
    ldifDirectory(users.map((user) => ldifUser(user, true)).join(''), 'users.ldif').directory;
  const [before, after] = [version('a@example.com'), version('a@example.com', 'b@example.com')];
  const tells = new Set<TellTable>();
  const source: Lendable = {
    ...before,
    snapshot: undefined,
    tellTable(tell) {
      tells.add(tell);
      return () => tells.delete(tell);
    },
  };
  const { loan, end } = lend([source], cache);
  const borrowed = borrow(loan, clock, nobodyTwice);
  expect(borrowed.lookup('b@example.com')).toMatchObject({ kind: 'unknown-user' });
  for (const tell of tells) tell(after.table(), after.describe());
  await until(() => (borrowed.lookup('b@example.com') as DirectoryAnswer).kind === 'home');
  expect(borrowed.describe()).toMatchObject({ summary: '2 users, 2 of them enabled' });
  end();
  expect(tells.size).toBe(0);
});

test('a snapshot that knows nobody yet leaves it to the lender, where that one may know from before', async () => {
  const settings: SnapshotSettings = {
    follow: 'poll',
    followEveryMs: 1_000,
    sweep: { kind: 'interval', everyMs: 3_600_000 },
    sweepJitterMs: 0,
    maxLoss: 0.1,
    staleAfterMs: 1_000,
    expireAfterMs: 2_000,
    file: undefined,
    requireFirstSync: false,
  };
  const sync = { sweepNow: () => undefined, change: () => undefined, stop: async () => undefined };
  const snapshot = new SnapshotDirectory({
    source: 'ldap corp',
    settings,
    startSync: () => sync,
    clock: ownClock,
    log: silentLog,
  });
  snapshot.start();
  const lastKnown = {
    kind: 'home',
    side: 'microsoft',
    addressOnly: false,
    freshness: 'stale',
    source: 'x',
    ageMs: 1,
  } as const;
  const source: Lendable = {
    lookup: async (key) => (key.startsWith('a@') ? lastKnown : { kind: 'unavailable', why: 'lent' }),
    describe: () => snapshot.describe(),
    snapshot,
    snapshotSettings: { ...settings, staleAfterMs: 7_000 },
    table: undefined,
  };
  const [asking, alone] = [true, false].map((mayAsk) => lend([{ ...source, mayAsk }], cache));
  expect(asking!.loan.sources[0]).toMatchObject({ kind: 'snapshot', settings: { staleAfterMs: 7_000 } });
  const borrowed = borrow(asking!.loan, clock, nobodyTwice);
  expect(await borrowed.lookup('a@example.com')).toEqual(lastKnown);
  expect(await borrowed.lookup('b@example.com')).toMatchObject({
    why: expect.stringContaining('no users have been read'),
  });
  expect(borrow(alone!.loan, clock, nobodyTwice).lookup('a@example.com')).toMatchObject({ kind: 'unavailable' });
  asking!.end();
  alone!.end();
});

test('who must be asked for is asked of the lender once, and then known; whoever is left behind hears that it is over', async () => {
  const asked: string[] = [];
  const home: DirectoryAnswer = {
    kind: 'home',
    side: 'microsoft',
    addressOnly: false,
    freshness: 'fresh',
    source: 'ldap corp',
    ageMs: 0,
  };
  const source: Lendable = {
    lookup(key) {
      asked.push(key);
      return key === 'silent@example.com' ? new Promise(() => undefined) : Promise.resolve(home);
    },
    describe: () => ({ source: 'ldap corp', summary: 'asked' }),
    snapshot: undefined,
    table: undefined,
  };
  const { loan, end } = lend([source], cache);
  const borrowed = borrow(loan, clock, nobodyTwice);
  expect(await borrowed.lookup('a@example.com')).toMatchObject({ kind: 'home', source: 'ldap corp' });
  expect(await borrowed.lookup('a@example.com')).toMatchObject({ kind: 'home', source: 'ldap corp' });
  expect(asked).toEqual(['a@example.com']);

  const waiting = borrowed.lookup('silent@example.com');
  end();
  expect(await waiting).toMatchObject({ kind: 'unavailable', why: expect.stringContaining('no longer in service') });
});
