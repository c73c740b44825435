/** Polling an OpenLDAP that has several providers: each has a CSN of its own, and their changes arrive in any order. */
import { expect, test } from 'vitest';
import type { LdapConnection, LdapEntry, LdapSearch } from '../../../../src/directory/ldap/ldap.ts';
import { followByPolling } from '../../../../src/directory/sync/poll.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const csn = (second: number, provider: number): string =>
  `202606010000${String(second).padStart(2, '0')}.000000Z#000000#00${provider}#000000`;

interface FakeObject {
  readonly dn: string;
  readonly values: Readonly<Record<string, string>>;
}

const entryOf = ({ dn, values }: FakeObject, more: Readonly<Record<string, readonly string[]>> = {}): LdapEntry => {
  const texts = (name: string): readonly string[] => more[name] ?? (values[name] === undefined ? [] : [values[name]]);
  return {
    dn,
    controls: [],
    names: Object.keys(values),
    has: (name) => texts(name).length > 0,
    text: (name) => texts(name)[0],
    texts,
    octets: (name) => texts(name).map((each) => Buffer.from(each)),
  };
};

const suffix = 'dc=example,dc=com';

/** As far as a poll asks one. */
class FakeOpenLdap {
  contextCsns: readonly string[] = [];
  objects: readonly FakeObject[] = [];
  readonly askedSince: string[] = [];

  get connection(): LdapConnection {
    const answer = async (search: LdapSearch) => {
      for (const found of this.#find(search)) search.onEntry(found);
      return { controls: [], referrals: [] };
    };
    const operation = (search: LdapSearch) => ({ done: answer(search), abandon: () => undefined });
    return {
      server: 'ldaps://ldap1.example.com',
      closedBecause: undefined,
      onClosed: () => undefined,
      close: () => undefined,
      search: operation,
      searchPaged: operation,
    };
  }

  #find({ baseDn, scope, filter, attributes }: LdapSearch): readonly LdapEntry[] {
    if (attributes.includes('contextCSN')) {
      return [entryOf({ dn: suffix, values: {} }, { contextCSN: this.contextCsns })];
    }
    if (typeof filter === 'object' && 'atLeast' in filter) {
      this.askedSince.push(filter.value);
      return this.objects.filter(({ values }) => values.entryCSN! >= filter.value).map((each) => entryOf(each));
    }
    return this.objects.filter(({ dn }) => scope === 'base' && dn === baseDn).map((each) => entryOf(each));
  }
}

const user = (name: string, entryCSN: string): FakeObject => ({
  dn: `cn=${name},${suffix}`,
  values: { entryUUID: name, entryCSN, mail: `${name}@example.com` },
});

async function followed(ldap: FakeOpenLdap) {
  const clock = new ManualClock();
  const heard: string[] = [];
  const follower = await followByPolling({
    connection: ldap.connection,
    server: {
      kind: 'content-sync',
      identity: 'entryUUID',
      namingContexts: [suffix],
      contextOfBase: [suffix],
      missingBases: [],
      bases: [suffix],
      instance: 'ldap1',
      canDirSync: false,
      canNotify: true,
    },
    source: {
      name: 'ldap corp',
      baseDns: [suffix],
      scope: 'sub',
      filter: '(mail=*)',
      attributes: { addresses: ['mail'], enabled: 'x', decides: false },
      pageSize: 100,
    },
    everyMs: 1_000,
    clock,
    listener: {
      changed: (id) => heard.push(`changed ${id}`),
      knows: () => true,
      gone: (id) => heard.push(`gone ${id}`),
      confirmed: () => undefined,
      doubted: () => heard.push('doubt'),
    },
    from: undefined,
  });
  follower.failed.catch(() => undefined);
  const round = async (): Promise<readonly string[]> => {
    clock.advance(1_000);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    return heard.splice(0);
  };
  return { round, follower };
}

test('a change of one provider that arrives behind a later one of another is seen', async () => {
  const ldap = new FakeOpenLdap();
  ldap.contextCsns = [csn(0, 1), csn(10, 2)];
  ldap.objects = [user('bob', csn(0, 1)), user('eve', csn(10, 2))];
  const { round, follower } = await followed(ldap);
  expect(await round()).toEqual([]);
  ldap.objects = [user('bob', csn(5, 1)), user('eve', csn(10, 2))];
  ldap.contextCsns = [csn(5, 1), csn(10, 2)];
  expect(await round()).toContain('changed bob');
  expect(ldap.askedSince).toEqual([csn(0, 1)]);
  expect(follower.mark).toBe(`${csn(5, 1)} ${csn(10, 2)}`);
  expect(await round()).toEqual([]);
});

test('a change that no object shows is a deletion, whichever provider made it', async () => {
  const ldap = new FakeOpenLdap();
  ldap.contextCsns = [csn(0, 1), csn(10, 2)];
  ldap.objects = [user('bob', csn(0, 1)), user('eve', csn(10, 2))];
  const { round } = await followed(ldap);
  ldap.objects = [user('eve', csn(10, 2))];
  ldap.contextCsns = [csn(6, 1), csn(10, 2)];
  expect(await round()).toContain('doubt');
});

test('a provider that is new is heard from its first change on', async () => {
  const ldap = new FakeOpenLdap();
  ldap.contextCsns = [csn(10, 1)];
  ldap.objects = [user('bob', csn(10, 1))];
  const { round } = await followed(ldap);
  ldap.objects = [user('bob', csn(10, 1)), user('eve', csn(12, 3))];
  ldap.contextCsns = [csn(10, 1), csn(12, 3)];
  expect(await round()).toContain('changed eve');
});

test('a server that keeps no contextCSN cannot be polled, and says so', async () => {
  await expect(followed(new FakeOpenLdap())).rejects.toMatchObject({
    code: 'ldap-protocol',
    message: 'ldaps://ldap1.example.com shows no contextCSN of dc=example,dc=com',
  });
});

test('changes of a provider whose clock was set back are not heard of until it has come so far again', async () => {
  const ldap = new FakeOpenLdap();
  ldap.contextCsns = [csn(30, 1)];
  ldap.objects = [user('bob', csn(30, 1))];
  const { round } = await followed(ldap);
  // OpenLDAP numbers by its clock, and its contextCSN does not go back.
  ldap.objects = [user('bob', csn(10, 1))];
  expect(await round()).toEqual([]);
  ldap.objects = [user('bob', csn(31, 1))];
  ldap.contextCsns = [csn(31, 1)];
  expect(await round()).toContain('changed bob');
});
