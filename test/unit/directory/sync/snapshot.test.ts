/** Snapshot mode from the sweep to the answer, with a directory in memory and time that stands still. */

import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LdapServersSettings } from '../../../../src/directory/ldap/connections.ts';
import { LdapError } from '../../../../src/directory/ldap/ldap.ts';
import { SnapshotDirectory, type StartSync } from '../../../../src/directory/snapshot-directory.ts';
import type { SnapshotSettings } from '../../../../src/directory/sync/snapshot-settings.ts';
import { SnapshotSync } from '../../../../src/directory/sync/snapshot-sync.ts';
import { type SyncNews, statusAtStart } from '../../../../src/directory/sync/status.ts';
import type { UserSource } from '../../../../src/directory/sync/user-source.ts';
import { UserTable } from '../../../../src/directory/table/user-table.ts';
import { silentLog } from '../../../../src/log.ts';
import { snapshotStart } from '../../../../src/own-files.ts';
import { FakeActiveDirectory } from '../../../support/fake-active-directory.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const second = 1_000;
const hour = 3_600 * second;
const startMs = Date.UTC(2026, 0, 5, 12);

const source: UserSource = {
  name: 'ldap corp',
  baseDns: ['OU=Staff,DC=example,DC=com'],
  scope: 'sub',
  filter: '(msRTCSIP-PrimaryUserAddress=sip:*)',
  attributes: { addresses: ['msRTCSIP-PrimaryUserAddress'], enabled: 'msRTCSIP-UserEnabled', decides: true },
  pageSize: 1_000,
};

const usual: SnapshotSettings = {
  follow: 'poll',
  followEveryMs: second,
  sweep: { kind: 'interval', everyMs: 24 * hour },
  sweepJitterMs: 0,
  maxLoss: 0.2,
  staleAfterMs: 48 * hour,
  expireAfterMs: 72 * hour,
  file: undefined,
  requireFirstSync: false,
};

interface Logged {
  readonly fields: object;
  readonly message: string;
}

let ad: FakeActiveDirectory;
let clock: ManualClock;
let directory: SnapshotDirectory;
let warnings: Logged[];
let folder: string;
/** Connections to other servers that a change of the settings names. */
let elsewhere: FakeActiveDirectory | undefined;

beforeEach(() => {
  ad = new FakeActiveDirectory();
  clock = new ManualClock(startMs);
  warnings = [];
  elsewhere = undefined;
  folder = mkdtempSync(join(tmpdir(), 'pif-snapshot-'));
});
afterEach(async () => {
  await directory.stop();
  rmSync(folder, { recursive: true });
});

/** All that promises have to do without time passing. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

const pass = async (ms: number): Promise<void> => {
  clock.advance(ms);
  await settle();
};

async function open(
  settings: Partial<SnapshotSettings> = {},
  users = source,
  infos: unknown[] = [],
): Promise<{ isReady: boolean }> {
  const all = { ...usual, ...settings };
  directory = new SnapshotDirectory({
    source: source.name,
    settings: all,
    clock,
    log: {
      info: (fields, message) => void infos.push({ fields, message }),
      warn: (fields, message) => void warnings.push({ fields, message }),
    },
    startSync(tell) {
      const parts = {
        connections: ad,
        source: users,
        settings: all,
        clock,
        random: () => 0.5,
        seed: [7, 11] as const,
        tell,
      };
      const sync = new SnapshotSync(parts);
      sync.start();
      return {
        sweepNow: (believes) => sync.sweepNow(believes),
        change: (order) => sync.change({ ...order, connections: elsewhere }),
        stop: () => sync.stop(),
      };
    },
  });
  const state = { isReady: false };
  directory.start();
  void directory.mayListen.then(() => {
    state.isReady = true;
  });
  await settle();
  return state;
}

const answerFor = (user: string): string => {
  const answer = directory.lookup(`${user}@example.com`);
  if (answer.kind === 'home') return `${answer.addressOnly ? 'address only' : 'enabled'}, ${answer.freshness}`;
  return answer.kind;
};

const putMany = (count: number): void => {
  for (let i = 0; i < count; i += 1) ad.put(`user${i}`);
};

describe('a sweep', () => {
  test('brings every user with an address, and tells the enabled from those who only have one', async () => {
    ad.put('bob');
    ad.put('moved', { isEnabled: false });
    ad.put('searchable', { isEnabled: undefined });
    ad.put('mail', { addresses: [] });
    ad.put('elsewhere', { dn: 'CN=elsewhere,OU=Guests,DC=example,DC=com' });
    await open();
    expect(['bob', 'moved', 'searchable', 'mail', 'elsewhere'].map(answerFor)).toEqual([
      'enabled, fresh',
      'address only, fresh',
      'address only, fresh',
      'unknown-user',
      'unknown-user',
    ]);
  });

  test('leaves out what cannot be read, and lists it with name and reason; the rest is there', async () => {
    ad.put('bob');
    ad.put('broken', { addresses: ['sip:no-domain'] });
    ad.put('twin-1', { addresses: ['sip:twin@example.com'], isEnabled: false });
    ad.put('twin-2', { addresses: ['sip:Twin@example.com'] });
    await open();
    expect(answerFor('bob')).toBe('enabled, fresh');
    expect(answerFor('twin')).toBe('enabled, fresh');
    expect(directory.status.lastSweep).toMatchObject({
      outcome: 'applied',
      objects: 4,
      skippedCount: 1,
      skipped: [
        {
          dn: 'CN=broken,OU=Staff,DC=example,DC=com',
          reason: 'msRTCSIP-PrimaryUserAddress: "sip:no-domain" is no SIP address',
        },
      ],
      duplicateCount: 1,
      duplicates: [
        {
          dn: 'CN=twin-2,OU=Staff,DC=example,DC=com',
          reason: 'twin@example.com is the address of CN=twin-1,OU=Staff,DC=example,DC=com too; the enabled one counts',
        },
      ],
    });
  });

  test('that does not come to its end changes nothing, and is begun again, later each time', async () => {
    ad.put('bob');
    await open();
    ad.forget('bob');
    ad.put('eve');
    ad.sweepFailure = new LdapError('ldap-refused', 'sizeLimitExceeded');
    directory.refresh();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'failed', why: 'sizeLimitExceeded' });
    expect(answerFor('bob')).toBe('enabled, fresh');
    const after = ad.sweeps;
    await pass(second);
    expect(ad.sweeps).toBe(after + 1);
    await pass(second);
    expect(ad.sweeps).toBe(after + 1);
    await pass(second);
    expect(ad.sweeps).toBe(after + 2);
    ad.sweepFailure = undefined;
    directory.refresh();
    await settle();
    ad.sweepFailure = new LdapError('ldap-refused', 'sizeLimitExceeded');
    directory.refresh();
    await settle();
    await pass(second);
    expect(ad.sweeps).toBe(after + 5);
  });

  test('that a server does not answer, twice in a row, makes it a sick one: another sweeps and is followed', async () => {
    ad.put('bob');
    await open();
    ad.next = 'ldaps://dc2.example.com:636';
    ad.sweepFailure = new LdapError('ldap-timeout', 'dc1 did not answer');
    directory.refresh();
    await settle();
    expect(ad.left).toEqual([]);
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'failed', why: 'dc1 did not answer' });
    await pass(second);
    expect(ad.left).toEqual(['ldaps://dc1.example.com:636 is silent about sweeps: 2 in a row were not answered']);
    for (let passed = 0; passed < 10; passed += 1) await pass(second);
    expect(directory.status).toMatchObject({ phase: 'following', server: ad.next });
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'applied', server: ad.next });
    ad.put('eve');
    await pass(second);
    expect(answerFor('eve')).toBe('enabled, fresh');
  });

  test('that is refused, or succeeds between two silences, does not make the server a sick one', async () => {
    ad.put('bob');
    await open();
    const silence = new LdapError('ldap-timeout', 'dc1 did not answer');
    const refusal = new LdapError('ldap-refused', 'sizeLimitExceeded');
    for (const failure of [silence, undefined, silence, refusal, silence, refusal, refusal]) {
      ad.sweepFailure = failure;
      directory.refresh();
      await settle();
    }
    expect(ad.left).toEqual([]);
  });

  test('that fails all night is a few lines in the log, and a reminder twice a day', async () => {
    ad.put('bob');
    await open();
    ad.sweepFailure = new LdapError('ldap-refused', 'sizeLimitExceeded');
    directory.refresh();
    for (let minute = 0; minute < 25 * 60; minute += 1) await pass(60 * second);
    const told = warnings.filter(({ message }) => message === 'a sweep of the directory: failed');
    // The last one comes 12 hours, or 144 sweeps, after the hundredth.
    expect(told.map(({ fields }) => (fields as { readonly times?: number }).times)).toEqual([undefined, 10, 100, 244]);
  });

  test('that leaves out many tells the first of them in the log', async () => {
    for (let i = 0; i < 30; i += 1) ad.put(`user${i}`, { addresses: [`sip:user${i}`] });
    ad.put('bob');
    const infos: unknown[] = [];
    await open({}, source, infos);
    expect(directory.status.lastSweep?.skipped).toHaveLength(30);
    expect(infos).toContainEqual({
      fields: {
        source: 'ldap corp',
        sweep: expect.objectContaining({
          skippedCount: 30,
          skipped: expect.toSatisfy((each: readonly unknown[]) => each.length === 5),
        }),
      },
      message: 'a sweep of the directory: applied',
    });
  });

  test('that finds nobody at all is not believed: users are not unknown because a base is wrong', async () => {
    await open();
    expect(answerFor('bob')).toBe('unavailable');
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'failed', why: expect.stringContaining('no object') });
  });

  test('does not take back what has changed while it ran', async () => {
    putMany(10);
    await open();
    const gate = Promise.withResolvers<void>();
    ad.sweepGate = gate.promise;
    directory.refresh();
    await settle();
    ad.put('user1', { isEnabled: false });
    ad.put('late');
    ad.delete('user2');
    // Of these the sweep has yet to tell what it read before they changed.
    ad.put('user8', { isEnabled: false });
    ad.delete('user9');
    await pass(second);
    const users = ['user1', 'late', 'user2', 'user8', 'user9'];
    const changed = ['address only, fresh', 'enabled, fresh', 'unknown-user', 'address only, fresh', 'unknown-user'];
    expect(users.map(answerFor)).toEqual(changed);
    gate.resolve();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'applied' });
    expect(users.map(answerFor)).toEqual(changed);
  });

  test('keeps since when a user is known, and says when they were last seen', async () => {
    ad.put('bob');
    await open();
    await pass(hour);
    directory.refresh();
    await settle();
    expect(directory.detailsOf('bob@example.com')).toEqual({
      state: 'enabled',
      isShared: false,
      knownSinceS: startMs / 1_000,
      lastSeenS: (startMs + hour) / 1_000,
      source: 'ldap corp',
    });
    expect(directory.detailsOf('eve@example.com')).toBeUndefined();
  });

  test('is made again when its time has come', async () => {
    ad.put('bob');
    await open({ follow: 'none', sweep: { kind: 'interval', everyMs: hour }, sweepJitterMs: 600 * second });
    expect(ad.sweeps).toBe(1);
    await pass(hour + 299 * second);
    expect(ad.sweeps).toBe(1);
    await pass(second);
    expect(ad.sweeps).toBe(2);
  });
});

describe('what changes between sweeps', () => {
  test('is seen within one round: disabled, enabled, a new address, none, another place, a deletion', async () => {
    for (const name of ['disabled', 'renamed', 'cleared', 'moved', 'deleted']) ad.put(name);
    ad.put('enabled', { isEnabled: false });
    await open();
    ad.put('disabled', { isEnabled: false });
    ad.put('enabled', { isEnabled: true });
    ad.put('renamed', { addresses: ['sip:new@example.com'] });
    ad.put('cleared', { addresses: [] });
    ad.put('moved', { dn: 'CN=moved,OU=Guests,DC=example,DC=com' });
    ad.delete('deleted');
    await pass(second);
    const users = ['disabled', 'enabled', 'renamed', 'new', 'cleared', 'moved', 'deleted'];
    expect(users.map(answerFor)).toEqual([
      'address only, fresh',
      'enabled, fresh',
      'unknown-user',
      'enabled, fresh',
      'unknown-user',
      'unknown-user',
      'unknown-user',
    ]);
    expect(ad.sweeps).toBe(1);
  });

  test('is not searched for while the USN of the server stands still', async () => {
    ad.put('bob');
    await open();
    for (let round = 0; round < 5; round += 1) await pass(second);
    expect(ad.askedSince).toEqual([]);
    ad.put('eve');
    await pass(second);
    await pass(second);
    expect(ad.askedSince).toEqual([ad.usn]);
  });

  test('that cannot be told from where it stood any more is found by a sweep', async () => {
    ad.put('bob');
    await open();
    ad.drop();
    ad.put('eve');
    ad.changesFailure = new LdapError('ldap-refused', 'unavailableCriticalExtension');
    await settle();
    await pass(second);
    await pass(second);
    expect(ad.sweeps).toBe(2);
    expect(answerFor('eve')).toBe('enabled, fresh');
  });

  test('after a lost connection is asked for from where it stood, without a sweep', async () => {
    ad.put('bob');
    await open();
    const stood = ad.usn;
    ad.drop();
    ad.put('eve');
    await settle();
    await pass(second);
    expect(ad.askedSince).toEqual([stood + 1]);
    expect(answerFor('eve')).toBe('enabled, fresh');
    expect(ad.sweeps).toBe(1);
  });

  test('is followed at a better controller again as soon as that may be used, after a sweep that runs', async () => {
    ad.put('bob');
    await open({ follow: 'none' });
    const gate = Promise.withResolvers<void>();
    ad.sweepGate = gate.promise;
    directory.refresh();
    await settle();
    ad.returned = 'ldaps://dc0.example.com:636';
    ad.instance = 'invocation-0';
    for (let round = 0; round < 3; round += 1) await pass(second);
    expect([directory.status.server, ad.sweeps]).toEqual(['ldaps://dc1.example.com:636', 2]);
    gate.resolve();
    await settle();
    for (let round = 0; round < 2; round += 1) await pass(second);
    expect([directory.status.server, ad.sweeps]).toEqual(['ldaps://dc0.example.com:636', 3]);
    expect(directory.status).toMatchObject({ lastFailure: undefined, outages: [] });
    expect(warnings).toEqual([]);
  });

  test('on another controller, or one restored from a backup, begins with a sweep: USNs are each database its own', async () => {
    ad.put('bob');
    await open();
    ad.instance = 'invocation-2';
    ad.drop();
    await settle();
    await pass(second);
    expect(ad.askedSince).toEqual([]);
    expect(ad.sweeps).toBe(2);
  });
});

describe('a loss too great to be believed', () => {
  beforeEach(async () => {
    putMany(30);
    await open();
    await pass(60 * second);
    for (let i = 0; i < 10; i += 1) ad.forget(`user${i}`);
    directory.refresh();
    await settle();
  });

  test('is held back and told: the users before it stay', () => {
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', gone: 10, disabled: 0 });
    expect(directory.describe().summary).toContain('held back');
    expect(warnings.at(-1)).toMatchObject({ message: 'a sweep of the directory: held' });
    expect(answerFor('user0')).toBe('enabled, fresh');
  });

  test('is put in force when it is confirmed, once', async () => {
    directory.confirmLoss();
    await settle();
    expect(directory.status).toMatchObject({ heldSinceMs: undefined, lastSweep: { outcome: 'applied', gone: 10 } });
    expect(answerFor('user0')).toBe('unknown-user');
    for (let i = 10; i < 20; i += 1) ad.forget(`user${i}`);
    directory.refresh();
    await settle();
    expect(directory.status.lastSweep?.outcome).toBe('held');
  });

  test('is not put in force when it has grown since it was shown, nor when the answer is empty; that is shown anew', async () => {
    for (let i = 10; i < 12; i += 1) ad.forget(`user${i}`);
    directory.confirmLoss();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', gone: 12 });
    for (let i = 12; i < 30; i += 1) ad.forget(`user${i}`);
    directory.confirmLoss();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', gone: 30 });
    expect(answerFor('user0')).toBe('enabled, fresh');
  });

  test('is not put in force when others would go in their place, be they as many', async () => {
    putMany(10);
    for (let i = 10; i < 20; i += 1) ad.forget(`user${i}`);
    directory.confirmLoss();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', gone: 10 });
    expect([answerFor('user0'), answerFor('user10')]).toEqual(['enabled, fresh', 'enabled, fresh']);
    directory.confirmLoss();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'applied', gone: 10 });
    expect([answerFor('user0'), answerFor('user10')]).toEqual(['enabled, fresh', 'unknown-user']);
  });

  test('is put in force when some of them have come back, or are only disabled', async () => {
    putMany(3);
    ad.put('user3', { isEnabled: false });
    directory.confirmLoss();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'applied', gone: 6, disabled: 1 });
    expect(answerFor('user3')).toBe('address only, fresh');
  });

  test('is not put in force for those who were to be disabled, and now are gone', async () => {
    putMany(10);
    directory.confirmLoss();
    await settle();
    for (let i = 0; i < 10; i += 1) ad.put(`user${i}`, { isEnabled: false });
    ad.instance = 'invocation-2';
    ad.drop();
    await settle();
    await pass(second);
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', disabled: 10 });
    ad.forget('user0');
    directory.confirmLoss();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', gone: 1, disabled: 9 });
  });

  test('is not confirmed before it was shown: a refresh that loses too much is held back', async () => {
    directory.confirmLoss();
    await settle();
    for (let i = 10; i < 20; i += 1) ad.forget(`user${i}`);
    directory.confirmLoss();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', gone: 10 });
  });

  test('if nobody confirms it, those who were not seen go stale and then are gone; those who were seen stay fresh', async () => {
    await pass(49 * hour);
    expect([answerFor('user0'), answerFor('user20')]).toEqual(['enabled, stale', 'enabled, fresh']);
    await pass(24 * hour);
    expect([answerFor('user0'), answerFor('user20')]).toEqual(['unknown-user', 'enabled, fresh']);
  });

  test('is over when the missing come back', async () => {
    putMany(10);
    directory.refresh();
    await settle();
    expect(directory.status).toMatchObject({ heldSinceMs: undefined, lastSweep: { outcome: 'applied', gone: 0 } });
  });

  test('may also be that all are suddenly disabled, as when an attribute may not be read any more', async () => {
    putMany(10);
    directory.confirmLoss();
    await settle();
    for (let i = 0; i < 30; i += 1) ad.put(`user${i}`, { isEnabled: undefined });
    ad.instance = 'invocation-2';
    ad.drop();
    await settle();
    await pass(second);
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', disabled: 30 });
    expect(answerFor('user3')).toBe('enabled, fresh');
  });
});

describe('users none of whom shows who is enabled', () => {
  const blind = 'shows msRTCSIP-UserEnabled: may the account read it?';
  const hide = (count: number): void => {
    for (let i = 0; i < count; i += 1) ad.put(`user${i}`, { isEnabled: undefined });
  };

  test('are not known from a first sweep, and it is tried again', async () => {
    hide(3);
    await open();
    expect(directory.status.lastSweep).toMatchObject({
      outcome: 'failed',
      why: expect.stringContaining(`none of 3 users ${blind}`),
    });
    expect(answerFor('user1')).toBe('unavailable');
    ad.put('user1', { isEnabled: true });
    await pass(second);
    expect([answerFor('user1'), answerFor('user2')]).toEqual(['enabled, fresh', 'address only, fresh']);
  });

  test('stay enabled, however few they are and whatever may be lost, until it is confirmed; then it is not held again', async () => {
    putMany(3);
    await open({ maxLoss: 1 });
    hide(3);
    await pass(second);
    expect(answerFor('user1')).toBe('enabled, fresh');
    await pass(2 * second);
    expect(directory.status.lastSweep).toMatchObject({
      outcome: 'held',
      disabled: 3,
      why: expect.stringContaining(blind),
    });
    directory.confirmLoss();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'applied', disabled: 3 });
    directory.refresh();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'applied' });
    expect(answerFor('user1')).toBe('address only, fresh');
  });

  test('are swept again, when that was held back, without being asked to', async () => {
    putMany(3);
    await open();
    hide(3);
    directory.refresh();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held' });
    for (let i = 0; i < 3; i += 1) ad.put(`user${i}`);
    for (const object of ad.objects) ad.put(object.guid, { isEnabled: true });
    await pass(61 * second);
    expect(directory.status).toMatchObject({ heldSinceMs: undefined, lastSweep: { outcome: 'applied' } });
  });

  test('are what they are where the address alone decides', async () => {
    hide(3);
    await open({}, { ...source, attributes: { ...source.attributes, decides: false } });
    expect(answerFor('user1')).toBe('address only, fresh');
  });
});

describe('a doubt', () => {
  test('that comes while a sweep runs outlives it: what is in doubt may have been read before', async () => {
    putMany(3);
    await open();
    const gate = Promise.withResolvers<void>();
    ad.sweepGate = gate.promise;
    directory.refresh();
    await settle();
    const before = ad.sweeps;
    ad.put('unit', { dn: 'OU=Unit,OU=Staff,DC=example,DC=com', addresses: [], classes: ['top', 'organizationalUnit'] });
    await pass(second);
    gate.resolve();
    await settle();
    expect(ad.sweeps).toBe(before);
    await pass(21 * second);
    expect(ad.sweeps).toBe(before + 1);
  });

  test('of a container is one for each of its names', async () => {
    putMany(3);
    await open();
    const unit = { dn: 'OU=Unit,OU=Staff,DC=example,DC=com', addresses: [], classes: ['top', 'organizationalUnit'] };
    const swept: number[] = [];
    for (const dn of [unit.dn, unit.dn, unit.dn.replace('Unit', 'Team')]) {
      ad.put('unit', { ...unit, dn });
      await pass(second);
      await pass(hour);
      swept.push(ad.sweeps);
    }
    expect(swept).toEqual([2, 2, 3]);
  });
});

describe('a word of the directory that is old when it is heard', () => {
  test('makes nobody unknown: who was renamed meanwhile is found by what they are', async () => {
    putMany(3);
    await open();
    ad.put('user1', { isEnabled: false });
    let asked = 0;
    ad.onReread = () => {
      asked += 1;
      if (asked === 1) ad.put('user1', { dn: 'CN=renamed,OU=Staff,DC=example,DC=com' });
    };
    await pass(second);
    expect(answerFor('user1')).toBe('address only, fresh');
  });

  test('is no word of another object that is called so by now', async () => {
    putMany(3);
    await open();
    ad.put('user1', { isEnabled: false });
    let asked = 0;
    ad.onReread = () => {
      asked += 1;
      if (asked > 1) return;
      ad.put('user1', { dn: 'CN=renamed,OU=Staff,DC=example,DC=com' });
      ad.put('other', { dn: 'CN=user1,OU=Staff,DC=example,DC=com', addresses: ['sip:other@example.com'] });
    };
    await pass(second);
    expect(['user1', 'other'].map(answerFor)).toEqual(['address only, fresh', 'unknown-user']);
    await pass(second);
    expect(['user1', 'other'].map(answerFor)).toEqual(['address only, fresh', 'enabled, fresh']);
  });

  test('does not take back what was notified while it was read by the poll beside', async () => {
    ad.canNotify = true;
    putMany(3);
    await open({ follow: 'notify' });
    const gate = Promise.withResolvers<void>();
    // The poll finds what no notification has told.
    ad.mute = true;
    ad.put('user1', { isEnabled: true });
    ad.mute = false;
    ad.rereadGate = gate.promise;
    await pass(15 * second);
    ad.rereadGate = Promise.resolve();
    ad.put('user1', { isEnabled: false });
    await settle();
    gate.resolve();
    await settle();
    expect(answerFor('user1')).toBe('address only, fresh');
  });
});

test('a controller whose changes have gone back is not followed from there: all users are read anew', async () => {
  putMany(3);
  await open();
  ad.usn = 50;
  await pass(second);
  expect(directory.status.lastFailure).toContain('have gone back from 103 to 50');
  await pass(second);
  expect(ad.sweeps).toBe(2);
  ad.put('user1', { isEnabled: false });
  await pass(second);
  expect(answerFor('user1')).toBe('address only, fresh');
});

test('in a small office two of three users may go at once', async () => {
  putMany(3);
  await open();
  ad.forget('user0');
  ad.forget('user1');
  directory.refresh();
  await settle();
  expect(directory.status.lastSweep?.outcome).toBe('applied');
});

describe('age', () => {
  const down = new LdapError('ldap-unreachable', 'connection refused');

  test('of what cannot be asked stands still: a source that is down for a week still answers, and says how old it is', async () => {
    ad.put('bob');
    await open();
    ad.failure = down;
    ad.drop();
    await settle();
    await pass(7 * 24 * hour);
    expect(directory.lookup('bob@example.com')).toMatchObject({
      kind: 'home',
      freshness: 'fresh',
      ageMs: expect.closeTo(7 * 24 * hour, -4),
    });
    expect(answerFor('nobody')).toBe('unknown-user');
  });

  test('of what could be asked and is not confirmed goes on: stale, then nothing is known any more', async () => {
    ad.put('bob');
    await open({ follow: 'none', sweep: { kind: 'interval', everyMs: 24 * hour } });
    ad.sweepFailure = new LdapError('ldap-refused', 'insufficientAccessRights');
    for (let h = 0; h < 49; h += 1) await pass(hour);
    expect([answerFor('bob'), answerFor('nobody')]).toEqual(['enabled, stale', 'unknown-user']);
    for (let h = 0; h < 24; h += 1) await pass(hour);
    expect([answerFor('bob'), answerFor('nobody')]).toEqual(['unavailable', 'unavailable']);
  });

  test('before anything is known the answer is that nothing could be asked, with the reason', async () => {
    ad.failure = down;
    await open();
    expect(directory.lookup('bob@example.com')).toEqual({
      kind: 'unavailable',
      why: 'ldap corp: no users have been read yet: connection refused',
    });
  });
});

describe('a clock that is set', () => {
  test.each([
    [
      'two hours back',
      -2 * hour,
      'the clock was set by 2 hours back: users grow no older by it; times before are by the old one',
    ],
    [
      'a day ahead',
      24 * hour,
      'the clock was set by 1 day ahead, or the machine slept: users grow no older by it; times before are by the old one',
    ],
  ])('%s is told once, and until users are confirmed by the new time', async (_, byMs, why) => {
    ad.put('bob');
    await open({ follow: 'none', sweep: { kind: 'interval', everyMs: hour } });
    ad.sweepFailure = new LdapError('ldap-refused', 'insufficientAccessRights');
    clock.set(byMs);
    for (let h = 0; h < 2; h += 1) await pass(hour);
    expect(warnings.filter(({ message }) => message === 'ages in the directory make no sense for now')).toEqual([
      { fields: { source: source.name, why }, message: 'ages in the directory make no sense for now' },
    ]);
    expect(directory.describe().summary).toContain(why);
    ad.sweepFailure = undefined;
    directory.refresh();
    await settle();
    expect(directory.status.clockProblem).toBeUndefined();
  });

  test('by less than a minute, as time servers do it, is not told', async () => {
    ad.put('bob');
    await open();
    for (let step = 0; step < 10; step += 1) {
      clock.set(59 * second);
      await pass(second);
    }
    expect([warnings, directory.status.clockProblem]).toEqual([[], undefined]);
  });

  test.each([
    ['two hours back', -2 * hour],
    ['two months ahead', 60 * 24 * hour],
  ])('%s keeps neither changes nor a lost server from being noticed', async (_, byMs) => {
    ad.put('bob');
    await open();
    clock.set(byMs);
    // The round that was due already is of no account.
    await pass(5 * second);
    ad.put('bob', { isEnabled: false });
    await pass(2 * second);
    expect(answerFor('bob')).toMatch(/^address only/);
    ad.failure = new LdapError('ldap-unreachable', 'gone');
    ad.drop();
    await pass(10 * second);
    ad.failure = undefined;
    clock.set(-byMs);
    ad.put('bob', { isEnabled: true });
    await pass(60 * second);
    expect(answerFor('bob')).toMatch(/^enabled/);
  });

  test.each([
    ['two hours back', -2 * hour],
    ['two months ahead', 60 * 24 * hour],
  ])('%s makes nobody older until the source has been heard by the new time', async (_, byMs) => {
    ad.put('bob');
    await open();
    await pass(5 * second);
    clock.set(byMs);
    expect([answerFor('bob'), answerFor('nobody')]).toEqual(['enabled, fresh', 'unknown-user']);
    expect(directory.lookup('bob@example.com')).toMatchObject({ ageMs: 0 });
    await pass(5 * second);
    expect([answerFor('bob'), answerFor('nobody')]).toEqual(['enabled, fresh', 'unknown-user']);
  });

  test('moves no sweep', async () => {
    ad.put('bob');
    await open();
    clock.set(-2 * hour);
    await pass(23 * hour);
    expect(ad.sweeps).toBe(1);
    await pass(2 * hour);
    expect(ad.sweeps).toBe(2);
  });
});

describe('the file of a snapshot', () => {
  let file: string;
  beforeEach(() => {
    file = join(folder, 'corp.snapshot');
  });

  /** A router that ran, swept and ended. */
  async function ranBefore(): Promise<void> {
    ad.put('bob');
    ad.put('moved', { isEnabled: false });
    await open({ file });
    await directory.stop();
    await pass(hour);
    ad.failure = new LdapError('ldap-unreachable', 'connection refused');
    warnings = [];
  }

  test('is written for its owner only, holds no address, and serves a start while the directory is down', async () => {
    await ranBefore();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'latin1')).not.toContain('bob');
    const state = await open({ file, requireFirstSync: true });
    expect(state.isReady).toBe(true);
    expect(['bob', 'moved', 'nobody'].map(answerFor)).toEqual([
      'enabled, fresh',
      'address only, fresh',
      'unknown-user',
    ]);
    expect(directory.lookup('bob@example.com')).toMatchObject({ ageMs: hour });
  });

  test('does not grow old while the router is not running and the directory is down', async () => {
    await ranBefore();
    await pass(30 * 24 * hour);
    await open({ file });
    expect(answerFor('bob')).toBe('enabled, fresh');
  });

  test('from the future is believed, counts as confirmed now, and is told until the directory confirms it', async () => {
    await ranBefore();
    clock.set(-50 * 24 * hour);
    await open({ file });
    expect(directory.lookup('bob@example.com')).toMatchObject({ kind: 'home', freshness: 'fresh', ageMs: 0 });
    const why = `${file}: its users were confirmed 2026-01-05T12:00:00.000Z, 50 days ahead of this machine's clock, and count as confirmed now: is the clock right?`;
    expect(warnings).toContainEqual({
      fields: { source: source.name, why },
      message: 'ages in the directory make no sense for now',
    });
    expect(directory.describe().summary).toContain(why);
    await pass(hour);
    expect(directory.lookup('bob@example.com')).toMatchObject({ ageMs: hour });
    ad.failure = undefined;
    directory.refresh();
    await settle();
    expect(directory.status.clockProblem).toBeUndefined();
  });

  test('is not confirmed by hearing of changes only: it may lack any that came before', async () => {
    await ranBefore();
    ad.failure = undefined;
    ad.sweepFailure = new LdapError('ldap-refused', 'insufficientAccessRights');
    await open({ file });
    for (let h = 0; h < 5; h += 1) await pass(hour);
    expect(directory.lookup('bob@example.com')).toMatchObject({ ageMs: 6 * hour });
  });

  test('is refused when it was made by other settings, or by another version', async () => {
    await ranBefore();
    await open({ file }, { ...source, filter: '(objectClass=*)' });
    expect(warnings[0]?.fields).toMatchObject({
      why: `${file} was made with another base, filter or other attributes`,
    });
    await directory.stop();
    const body = Buffer.from('{"format":"pif-router snapshot 9"}\n');
    writeFileSync(file, Buffer.concat([body, createHash('sha256').update(body).digest()]), { mode: 0o600 });
    warnings = [];
    await open({ file });
    expect(warnings[0]?.fields).toMatchObject({ why: `${file} is of another version: "pif-router snapshot 9"` });
  });

  test('of another source is neither believed nor replaced, whatever it selects, and that is told', async () => {
    await ranBefore();
    ad.failure = undefined;
    const before = readFileSync(file);
    await open({ file }, { ...source, name: 'ldap elsewhere' });
    const why = 'belongs to the source "ldap corp": name another file, or remove it if that source is gone';
    expect(warnings[0]?.fields).toMatchObject({ why: `${file} ${why}` });
    expect(answerFor('bob')).toBe('enabled, fresh');
    await directory.stop();
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(directory.status.fileProblem).toBe(`${file} cannot be written: it ${why}`);
  });

  test('keeps since when users are known', async () => {
    await ranBefore();
    ad.failure = undefined;
    await open({ file });
    expect(directory.detailsOf('bob@example.com')).toMatchObject({
      knownSinceS: startMs / 1_000,
      lastSeenS: (startMs + hour) / 1_000,
    });
  });

  test.each([
    ['an octet is wrong', (octets: Buffer) => octets.with(octets.length - 40, octets.at(-40)! ^ 1)],
    ['its end is missing', (octets: Buffer) => octets.subarray(0, -10)],
    ['it is empty', () => Buffer.alloc(0)],
  ])('is refused when %s, in clear words; the router goes on without it', async (_, damage) => {
    await ranBefore();
    writeFileSync(file, damage(readFileSync(file)));
    const state = await open({ file });
    expect(state.isReady).toBe(true);
    expect(answerFor('bob')).toBe('unavailable');
    expect(warnings[0]).toEqual({
      fields: { source: 'ldap corp', why: `${file} is damaged: its checksum is wrong` },
      message: 'the snapshot on disk is of no use',
    });
  });

  test('is refused when others may write it: they could move any user to the other side', async () => {
    await ranBefore();
    rmSync(file);
    writeFileSync(file, 'x', { mode: 0o666 });
    chmodSync(file, 0o666);
    await open({ file });
    expect(warnings[0]?.fields).toMatchObject({ why: `${file} may be written by others than its owner` });
  });

  test('is left to the source that has taken the place of one after a reload', async () => {
    ad.put('bob');
    await open({ file });
    await pass(second);
    writeFileSync(file, 'of the next source', { mode: 0o600 });
    utimesSync(file, new Date(), new Date(Date.now() + 1_000));
    await directory.stop();
    expect(readFileSync(file, 'utf8')).toBe('of the next source');
  });

  const precious = 'dn: CN=bob\n';

  test.each<[string, (path: string) => void, string]>([
    [
      'a file of something else',
      (path) => writeFileSync(path, precious, { mode: 0o600 }),
      'is a file of something else',
    ],
    ['a symbolic link', (path) => symlinkSync(join(folder, 'elsewhere'), path), 'is a symbolic link'],
    ['a directory', (path) => mkdirSync(path, { mode: 0o700 }), 'is a directory'],
  ])('is not written in the place of %s, which is told', async (_, make, why) => {
    writeFileSync(join(folder, 'elsewhere'), precious, { mode: 0o600 });
    for (const [path, reason] of [
      [file, `it ${why}`],
      [`${file}.new`, `${file}.new ${why}`],
    ] as const) {
      make(path);
      const before = lstatSync(path);
      ad.put('bob');
      await open({ file });
      expect(directory.status.fileProblem).toBe(`${file} cannot be written: ${reason}, and stays as it is`);
      expect(answerFor('bob')).toBe('enabled, fresh');
      await directory.stop();
      expect(lstatSync(path)).toMatchObject({ ino: before.ino, size: before.size, mode: before.mode });
      rmSync(path, { recursive: true });
    }
    expect(readFileSync(join(folder, 'elsewhere'), 'utf8')).toBe(precious);
  });

  test('is written over one of another version, over what one has left that was ended while it wrote, and over nothing', async () => {
    for (const left of ['{"format":"pif-router snapshot 1","source":"x', '']) {
      for (const path of [file, `${file}.new`]) writeFileSync(path, left, { mode: 0o600 });
      ad.put('bob');
      await open({ file });
      expect(directory.status.fileProblem).toBeUndefined();
      await directory.stop();
      expect(readFileSync(file, 'latin1').startsWith(snapshotStart)).toBe(true);
      expect(existsSync(`${file}.new`)).toBe(false);
    }
  });

  test('that cannot be written is told, and nothing else suffers', async () => {
    ad.put('bob');
    await open({ file: join(folder, 'not', 'there') });
    expect(directory.status.fileProblem).toMatch(/cannot be written: ENOENT/);
    expect(answerFor('bob')).toBe('enabled, fresh');
  });
});

test('a sync that has died and begins anew does not take away what is known', async () => {
  let tell: (news: SyncNews) => void = () => {};
  const startSync: StartSync = (each) => {
    tell = each;
    return { sweepNow: () => {}, change: () => {}, stop: async () => {} };
  };
  directory = new SnapshotDirectory({ source: source.name, settings: usual, startSync, clock, log: silentLog });
  directory.start();
  const table = UserTable.create(10, [1, 2]);
  table.put('a', ['bob@example.com'], 'enabled', 1);
  tell({ table: table.shared, status: { ...statusAtStart, confirmedAtMs: startMs } });
  tell({ table: undefined, status: statusAtStart });
  expect(answerFor('bob')).toBe('enabled, fresh');
});

describe('other settings, by which the same users are known', () => {
  const down = new LdapError('ldap-unreachable', 'connection refused');

  /** As a reload does it. */
  async function change(settings: Partial<SnapshotSettings> = {}, servers?: FakeActiveDirectory): Promise<void> {
    elsewhere = servers;
    directory.change({ servers: {} as LdapServersSettings, source, settings: { ...usual, ...settings } });
    await settle();
  }

  beforeEach(async () => {
    putMany(20);
    await open();
    await pass(60 * second);
  });

  test.each<[string, Partial<SnapshotSettings>, boolean]>([
    ['other servers, or another password', {}, true],
    ['another time between two questions', { followEveryMs: 2 * second }, false],
    ['both, and another share that may be lost', { followEveryMs: 2 * second, maxLoss: 0 }, true],
  ])('%s: goes on from where it stood, without a sweep, and warns of nothing', async (_, settings, isElsewhere) => {
    await change(settings, isElsewhere ? ad : undefined);
    ad.put('user3', { isEnabled: false });
    await pass(5 * second);
    expect([ad.sweeps, answerFor('user3'), answerFor('user4')]).toEqual([1, 'address only, fresh', 'enabled, fresh']);
    expect(directory.status).toMatchObject({ phase: 'following', lastFailure: undefined });
    expect(warnings).toEqual([]);
  });

  test('in an outage take away nobody, and the new servers are tried at once', async () => {
    ad.failure = down;
    ad.drop();
    await pass(2 * hour);
    expect(directory.status.phase).toBe('waiting');
    const others = new FakeActiveDirectory();
    others.failure = down;
    await change({ followEveryMs: 2 * second }, others);
    expect(answerFor('user3')).toBe('enabled, fresh');
    await pass(200 * hour);
    expect(answerFor('user3')).toBe('enabled, fresh');
    expect(directory.lookup('user3@example.com')).toMatchObject({ ageMs: expect.toSatisfy((ms) => ms >= 202 * hour) });
    const healthy = new FakeActiveDirectory();
    for (let i = 0; i < 20; i += 1) healthy.put(`user${i}`);
    await change({}, healthy);
    expect([healthy.sweeps, answerFor('user3')]).toEqual([1, 'enabled, fresh']);
  });

  test('of a server that has hardly anybody: its loss is judged like any other', async () => {
    const wrong = new FakeActiveDirectory();
    wrong.instance = 'invocation-2';
    wrong.put('user0');
    await change({}, wrong);
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', gone: 19 });
    expect(answerFor('user3')).toBe('enabled, fresh');
  });

  test('with another way of following sweep first: a mark of one way says nothing to another', async () => {
    await change({ follow: 'none' });
    expect(ad.sweeps).toBe(2);
    ad.put('user3', { isEnabled: false });
    await pass(60 * second);
    expect(answerFor('user3')).toBe('enabled, fresh');
    await change({ follow: 'poll' });
    expect([ad.sweeps, answerFor('user3')]).toEqual([3, 'address only, fresh']);
  });

  test('while a sweep runs begin it again', async () => {
    const gate = Promise.withResolvers<void>();
    ad.sweepGate = gate.promise;
    directory.refresh();
    await settle();
    expect(ad.sweeps).toBe(2);
    await change({}, ad);
    gate.resolve();
    await settle();
    expect(ad.sweeps).toBe(3);
    expect(directory.status).toMatchObject({ phase: 'following', lastSweep: { outcome: 'applied', objects: 20 } });
    expect(warnings).toEqual([]);
  });

  test('move the next sweep, and no session ends for that', async () => {
    await change({ sweep: { kind: 'interval', everyMs: hour } });
    await pass(59 * 60 * second);
    expect(ad.sweeps).toBe(1);
    await pass(2 * 60 * second);
    expect(ad.sweeps).toBe(2);
  });

  test('judge the loss of the next sweep, and leave what is held back to be confirmed', async () => {
    await change({ maxLoss: 0 });
    ad.forget('user0');
    directory.refresh();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'held', gone: 1 });
    await change({ maxLoss: 0, followEveryMs: 2 * second });
    expect(directory.status.heldSinceMs).toBeDefined();
    directory.confirmLoss();
    await settle();
    expect(directory.status.lastSweep).toMatchObject({ outcome: 'applied', gone: 1 });
    expect(answerFor('user0')).toBe('unknown-user');
  });

  test('say when answers grow old', async () => {
    ad.changesFailure = new LdapError('ldap-refused', 'no such right');
    await change({
      staleAfterMs: hour,
      expireAfterMs: 2 * hour,
      follow: 'none',
      sweep: { kind: 'interval', everyMs: 24 * hour },
    });
    await pass(90 * 60 * second);
    expect(answerFor('user3')).toBe('enabled, stale');
    await change({ follow: 'none' });
    expect(answerFor('user3')).toBe('enabled, fresh');
  });

  test('name another file, which is written at once', async () => {
    const [one, other] = [join(folder, 'one'), join(folder, 'other')];
    await change({ file: one });
    expect(existsSync(one)).toBe(true);
    await change({ file: other });
    expect([existsSync(other), directory.status.fileProblem]).toEqual([true, undefined]);
  });

  test('ask nobody once it has stopped', async () => {
    await directory.stop();
    const others = new FakeActiveDirectory();
    await change({}, others);
    await pass(hour);
    expect(others.sweeps).toBe(0);
  });
});

describe('a start', () => {
  test('waits for nothing unless it is told to', async () => {
    ad.failure = new LdapError('ldap-unreachable', 'connection refused');
    expect(await open()).toEqual({ isReady: true });
  });

  test('with require-first-sync waits until users are known', async () => {
    ad.put('bob');
    ad.failure = new LdapError('ldap-unreachable', 'connection refused');
    const state = await open({ requireFirstSync: true });
    await pass(10 * second);
    expect(state.isReady).toBe(false);
    ad.failure = undefined;
    await pass(60 * second);
    expect(state.isReady).toBe(true);
    expect(answerFor('bob')).toBe('enabled, fresh');
  });

  test('that waits for users can be stopped', async () => {
    ad.failure = new LdapError('ldap-unreachable', 'connection refused');
    const state = await open({ requireFirstSync: true });
    await directory.stop();
    await settle();
    expect(state.isReady).toBe(true);
  });
});
