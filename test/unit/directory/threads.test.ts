/** A directory that one thread lends to another: both answer alike, and only the lender asks servers. */
import { expect, test } from 'vitest';
import { ldifDirectory } from '../../../src/directory/ldif.ts';
import { borrow } from '../../../src/directory/threads/borrow.ts';
import { type Lendable, lend } from '../../../src/directory/threads/lend.ts';
import type { DirectoryAnswer } from '../../../src/routing/types.ts';
import { createTimerWheel } from '../../../src/sip/clock.ts';
import { ldifUser } from '../../support/two-sides.ts';

const cache = { size: 10, foundMs: 30_000, unknownMs: 5_000, staleMs: 60_000, budgetMs: 5_000 };
const clock = createTimerWheel();
const nobodyTwice = () => expect.unreachable('no user is in two sources');

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
