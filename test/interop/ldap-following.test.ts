/**
 * Ways in which a change can be missed or misread by who follows a directory, against real servers: docs/following.md says what
 * the router does about each, and names these tests.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LdapEntry } from '../../src/directory/ldap/ldap.ts';
import { readServerFacts } from '../../src/directory/sync/server-facts.ts';
import { identityOf, reread, rereadByIdentity } from '../../src/directory/sync/user-source.ts';
import { until } from '../support/until.ts';
import {
  addGroup,
  addMember,
  addUnit,
  addUser,
  change,
  followed,
  move,
  remove,
  removeMember,
  rename,
  set,
} from './directory/followed.ts';
import { connectionsTo, sourceOf } from './directory/opened.ts';
import { startOpenLdap } from './directory/openldap.ts';
import { startSambaAd } from './directory/samba-ad.ts';
import type { TestDirectory } from './directory/test-directory.ts';

const ways = { openldap: ['notify', 'poll'], samba: ['notify', 'poll', 'dirsync'] } as const;

const servers = [
  ['OpenLDAP', 'openldap', () => startOpenLdap({ users: 100, secondSuffix: 'DC=example,DC=org' })],
  ['Samba AD', 'samba', () => startSambaAd({ users: 100 })],
] as const;

/** Longer than a poll, and than what is told at once takes to come. */
const quietMs = 2_500;

describe.each(servers)('%s', (_, kind, startServer) => {
  let server: TestDirectory;
  beforeAll(async () => {
    server = await startServer();
    console.info(`met ${server.version}`);
  });
  afterAll(() => server?.stop());

  test('an object is found again by its identity, whatever it is called by now, and only where the source searches', async () => {
    const user = 'known.again';
    const dn = `CN=${user},${server.usersDn}`;
    await change(server, addUser(dn, user));
    const { baseDns, scope, attributes, pageSize } = sourceOf(server, { source: { baseDns: [server.usersDn] } });
    const source = {
      name: 'ldap corp',
      baseDns,
      scope,
      filter: '(msRTCSIP-PrimaryUserAddress=*)',
      attributes,
      pageSize,
    };
    const connection = await connectionsTo(server).open('sync');
    const facts = await readServerFacts(connection, baseDns);
    const found: LdapEntry[] = [];
    const filter = { present: 'objectClass' };
    await connection.search({
      baseDn: dn,
      scope: 'base',
      filter,
      attributes: [facts.identity],
      onEntry: (it) => found.push(it),
    }).done;
    const id = identityOf(found[0]!, facts);
    await change(server, rename(dn, `CN=other.${user}`));
    expect(await reread(connection, source, facts, id, dn)).toBeUndefined();
    const again = await rereadByIdentity(connection, source, facts, id);
    expect(again?.text('msRTCSIP-PrimaryUserAddress')).toBe(`sip:${user}@example.com`);
    expect(identityOf(again!, facts)).toBe(id);
    await change(server, move(`CN=other.${user},${server.usersDn}`, `OU=Special,${server.suffix}`));
    expect(await rereadByIdentity(connection, source, facts, id)).toBeUndefined();
    await change(server, remove(`CN=other.${user},OU=Special,${server.suffix}`));
    expect(await rereadByIdentity(connection, source, facts, id)).toBeUndefined();
  });

  describe.each(ways[kind])('under %s', (follow) => {
    /** An organizational unit below the users for one test, with somebody in it. */
    const unitWith = async (name: string, user: string): Promise<string> => {
      const unit = `OU=${name}-${follow},${server.usersDn}`;
      await change(server, addUnit(unit), addUser(`CN=${user},${unit}`, user));
      return unit;
    };
    const staff = () => ({ baseDns: [server.usersDn] });

    test('a user who is moved out of the base is gone, and one who is moved into it is there, without a sweep', async () => {
      const [user, nextUser] = [`mover.${follow}`, `comer.${follow}`];
      const unit = await unitWith('Movers', user);
      await change(server, addUser(`CN=${nextUser},OU=Special,${server.suffix}`, nextUser));
      const it = await followed(server, { follow }, staff());
      const before = it.sweptAtMs();
      expect([user, nextUser].map(it.is)).toEqual(['enabled', 'unknown-user']);
      await change(server, move(`CN=${user},${unit}`, `OU=Special,${server.suffix}`));
      await change(server, move(`CN=${nextUser},OU=Special,${server.suffix}`, unit));
      await until(() => it.is(user) === 'unknown-user' && it.is(nextUser) === 'enabled');
      await change(server, move(`CN=${nextUser},${unit}`, server.usersDn, `CN=other-${nextUser}`));
      await change(server, set(`CN=other-${nextUser},${server.usersDn}`, 'msRTCSIP-UserEnabled', 'FALSE'));
      await until(() => it.is(nextUser) === 'address only');
      expect(it.sweptAtMs()).toBe(before);
    });

    test('a unit that is moved out of the base takes its users with it, who do not change themselves, and brings them back', async () => {
      const user = `unit.${follow}`;
      const unit = await unitWith('Moved', user);
      const it = await followed(server, { follow }, staff());
      expect(it.is(user)).toBe('enabled');
      await change(server, move(unit, server.suffix));
      await until(() => it.is(user) === 'unknown-user');
      await change(server, move(unit.replace(`,${server.usersDn}`, `,${server.suffix}`), server.usersDn));
      await until(() => it.is(user) === 'enabled');
    });

    test('a base that is renamed: nobody below it is gone, be they changed, and all is well when it is called so again', async () => {
      const user = `base.${follow}`;
      const unit = await unitWith('Base', user);
      const it = await followed(server, { follow }, { baseDns: [unit] });
      expect(it.is(user)).toBe('enabled');
      const renamed = unit.replace('OU=Base', 'OU=Renamed');
      await change(server, rename(unit, renamed.split(',')[0]!), set(`CN=${user},${renamed}`, 'department', 'any'));
      await until(() => `${it.snapshot.status.lastFailure}`.includes(`has no ${unit}, or the account may not see it`));
      await change(server, set(`CN=${user},${renamed}`, 'msRTCSIP-UserEnabled', 'FALSE'));
      await pause(quietMs);
      expect(it.is(user)).toBe('enabled');
      await change(server, rename(renamed, unit.split(',')[0]!));
      await until(() => it.is(user) === 'address only');
    });

    test('users of two naming contexts in one source', async () => {
      const admin = { ...server, reader: server.admin, writer: server.admin };
      const parent = kind === 'samba' ? `CN=Services,CN=Configuration,${server.suffix}` : 'OU=Far,DC=example,DC=org';
      if (kind === 'openldap' && follow === 'notify') {
        const root =
          'dn: DC=example,DC=org\nchangetype: add\nobjectClass: organization\nobjectClass: dcObject\ndc: example\no: x';
        await change(admin, root, addUnit(parent));
      }
      const [near, far] = [`near.${follow}`, `far.${follow}`];
      const unit = await unitWith('Near', near);
      const dn = `CN=${far},${parent}`;
      const contact = addUser(dn, far)
        .replace('objectClass: user', 'objectClass: contact')
        .replace(/sAMAccountName.*\n/, '');
      await change(admin, contact);
      const it = await followed(admin, { follow }, { baseDns: [parent, unit] });
      const before = it.sweptAtMs();
      expect([near, far].map(it.is)).toEqual(['enabled', 'enabled']);
      for (const [user, each] of [
        [far, dn],
        [near, `CN=${near},${unit}`],
      ] as const) {
        await change(admin, set(each, 'msRTCSIP-UserEnabled', 'FALSE'));
        await until(() => it.is(user) === 'address only');
      }
      await change(admin, remove(dn));
      await until(() => it.is(far) === 'unknown-user');
      expect(it.is(near)).toBe('address only');
      expect(it.sweptAtMs()).toBe(before);
    });

    test('a filter by group: who joins or leaves it does not change, and yet comes and goes', async () => {
      const [user, other] = [`member.${follow}`, `stayer.${follow}`];
      const unit = await unitWith('Members', user);
      const group = `CN=group-${follow},OU=Special,${server.suffix}`;
      await change(server, addUser(`CN=${other},${unit}`, other), addGroup(server, group, `CN=${other},${unit}`));
      const it = await followed(server, { follow }, { ...staff(), filter: `(memberOf=${group})` });
      expect([user, other].map(it.is)).toEqual(['unknown-user', 'enabled']);
      await change(server, addMember(group, `CN=${user},${unit}`));
      await until(() => it.is(user) === 'enabled');
      await change(server, removeMember(group, `CN=${user},${unit}`));
      await until(() => it.is(user) === 'unknown-user');
      expect(it.is(other)).toBe('enabled');
    });

    test('an object that comes into the filter, or leaves it, without a sweep', async () => {
      const user = `filter.${follow}`;
      const dn = `CN=${user},${await unitWith('Filter', user)}`;
      await change(
        server,
        addUser(`CN=sales.${follow},${server.usersDn}`, `sales.${follow}`),
        set(`CN=sales.${follow},${server.usersDn}`, 'department', 'sales'),
      );
      const it = await followed(server, { follow }, { ...staff(), filter: '(department=sales)' });
      const before = it.sweptAtMs();
      expect([user, `sales.${follow}`].map(it.is)).toEqual(['unknown-user', 'enabled']);
      await change(server, set(dn, 'department', 'sales'));
      await until(() => it.is(user) === 'enabled');
      await change(server, set(dn, 'department', 'other'));
      await until(() => it.is(user) === 'unknown-user');
      expect(it.sweptAtMs()).toBe(before);
    });

    test('a user who is deleted beside others who change in the same round is gone, without a sweep', async () => {
      const user = `deleted.${follow}`;
      const unit = await unitWith('Deleted', user);
      const others = [1, 2, 3].map((number) => `CN=beside${number},${unit}`);
      await change(server, ...others.map((dn, number) => addUser(dn, `beside${number}.${follow}`)));
      const it = await followed(server, { follow }, staff());
      const before = it.sweptAtMs();
      const [first, ...later] = others.map((dn) => set(dn, 'msRTCSIP-UserEnabled', 'FALSE'));
      await change(server, first!, remove(`CN=${user},${unit}`), ...later);
      const seen = (): readonly string[] =>
        [user, ...[0, 1, 2].map((number) => `beside${number}.${follow}`)].map(it.is);
      await expect
        .poll(seen, { timeout: 10_000 })
        .toEqual(['unknown-user', 'address only', 'address only', 'address only']);
      expect(it.sweptAtMs()).toBe(before);
    });

    test('a server that is restored from a copy is not followed from where it stood: all users are read anew', async () => {
      const [early, late] = [`early.${follow}`, `late.${follow}`];
      const unit = await unitWith('Restored', early);
      await server.kill();
      server.keepData();
      await server.start();
      await change(server, addUser(`CN=${late},${unit}`, late));
      await change(server, set(`CN=${early},${unit}`, 'msRTCSIP-UserEnabled', 'FALSE'));
      const it = await followed(server, { follow }, staff());
      await until(() => it.is(late) === 'enabled' && it.is(early) === 'address only');
      await server.kill();
      server.restoreData();
      const beganMs = Date.now();
      await server.start();
      await until(() => it.sweptAtMs() >= beganMs);
      expect([early, late].map(it.is)).toEqual(['enabled', 'unknown-user']);
    });
  });
});
