/** The directory's endpoints over a real socket, and the commands that ask there; the sources are in memory. */

import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { directoryEndpoints, sourcesOf } from '../../../src/admin/directory.ts';
import { openAdminSocket } from '../../../src/admin/socket.ts';
import { targetUsage } from '../../../src/cli/admin-client.ts';
import type { DirectorySource, OpenDirectory } from '../../../src/directory/compose.ts';
import { type LdifSource, LivingLdif } from '../../../src/directory/ldif/source.ts';
import { SnapshotDirectory } from '../../../src/directory/snapshot-directory.ts';
import { type SyncStatus, statusAtStart } from '../../../src/directory/sync/status.ts';
import { UserTable } from '../../../src/directory/table/user-table.ts';
import { silentLog } from '../../../src/log.ts';
import { folderWith } from '../../support/configuration.ts';
import { ldifSource } from '../../support/ldif-source.ts';
import { type CommandRun, run } from '../../support/run-command.ts';
import { ldifUser } from '../../support/two-sides.ts';

const nowMs = Date.UTC(2026, 0, 5, 12);
const usual: SyncStatus = { ...statusAtStart, phase: 'following', server: 'ldaps://dc1', confirmedAtMs: nowMs - 3_000 };
const bobDn = 'CN=Bob,OU=Staff,DC=example,DC=com';

let ordered: string[];
let logged: object[];
beforeEach(() => {
  ordered = [];
  logged = [];
});

/** Knows bob, who is enabled, and eve, who only has an address. */
function snapshotSource(name: string, status: SyncStatus = usual): DirectorySource {
  const table = UserTable.create(10, [1, 2]);
  table.put('bob-guid', ['bob@example.com'], 'enabled', nowMs / 1_000 - 60);
  table.put('eve-guid', ['eve@example.com'], 'address-only', nowMs / 1_000 - 60);
  const snapshot = new SnapshotDirectory({
    source: name,
    settings: {
      follow: 'poll',
      followEveryMs: 1_000,
      sweep: { kind: 'interval', everyMs: 3_600_000 },
      sweepJitterMs: 0,
      maxLoss: 0.1,
      staleAfterMs: 3_600_000,
      expireAfterMs: 7_200_000,
      file: undefined,
      requireFirstSync: false,
    },
    startSync(tell) {
      tell({ table: table.shared, status });
      const sweepNow = (believesLoss: boolean) => void ordered.push(`${name} ${believesLoss ? 'believed' : 'judged'}`);
      return { sweepNow, change: () => undefined, stop: async () => undefined };
    },
    clock: { now: () => 0, dateMs: () => nowMs },
    log: silentLog,
  });
  snapshot.start();
  return viewOf(snapshot, { snapshot, namesOf: async (key) => (key.startsWith('bob@') ? [bobDn] : []) });
}

const viewOf = (
  inner: Pick<DirectorySource, 'lookup' | 'describe'>,
  { snapshot, namesOf }: Pick<DirectorySource, 'snapshot' | 'namesOf'>,
): DirectorySource => ({
  lookup: (key) => inner.lookup(key),
  describe: () => inner.describe(),
  snapshot,
  table: undefined,
  namesOf,
});

/** Nine users, of whom a later version has one. */
function heldFile(): DirectorySource {
  const version = (count: number): LdifSource =>
    ldifSource(Array.from({ length: count }, (_, n) => ldifUser(`u${n}@example.com`, true)).join(''));
  const file = new LivingLdif(version(9), silentLog, () => nowMs);
  file.succession(version(1))?.commit();
  return { ...viewOf(file, { snapshot: undefined, namesOf: undefined }), file };
}

/** A source that is asked for each user, and is down. */
const silentSource = viewOf(
  {
    lookup: async () => ({ kind: 'unavailable', why: 'ldap branch: connection refused' }),
    describe: () => ({ source: 'ldap branch', summary: 'cannot be asked' }),
  },
  { snapshot: undefined, namesOf: () => Promise.reject(new Error('connection refused')) },
);

const joined = (sources: readonly DirectorySource[]): OpenDirectory => ({
  lookup: (key) => sources[0]!.lookup(key),
  describe: () => sources[0]!.describe(),
  ready: async () => undefined,
  mayListen: async () => undefined,
  sources,
  snapshots: [],
  lend: () => {
    throw new Error('no other thread asks here');
  },
  successor: () => {
    throw new Error('nothing is reloaded here');
  },
  takeOver: () => undefined,
  warnings: () => [],
  close: async () => undefined,
});

/** Runs `pif-router directory ARGS` against a socket with these sources behind it. */
async function ask(sources: readonly DirectorySource[], ...args: readonly string[]): Promise<CommandRun> {
  const path = join(folderWith({}), 'admin.sock');
  const log = { info: (fields: object) => logged.push(fields), warn: (fields: object) => logged.push(fields) };
  const socket = await openAdminSocket(
    path,
    directoryEndpoints(() => joined(sources), log),
  );
  onTestFinished(() => socket.close());
  return run(undefined, ['directory', ...args, '--socket', path]);
}

describe('refresh', () => {
  test('has every source that keeps its users in memory swept, under the guard, and says which', async () => {
    const sources = [snapshotSource('ldap corp'), silentSource, snapshotSource('ldap lab')];
    expect(await ask(sources, 'refresh')).toEqual({
      code: 0,
      out: ['ldap corp, ldap lab: all users are read anew; pif-router status says what came of it'],
      err: [],
    });
    expect(ordered).toEqual(['ldap corp judged', 'ldap lab judged']);
    expect(logged).toContainEqual({ event: 'directory-refresh', source: 'ldap lab' });
  });

  test('says so and answers 1 where no source does', async () =>
    expect(await ask([silentSource], 'refresh')).toMatchObject({
      code: 1,
      out: [expect.stringContaining('no source has a server')],
    }));

  test('has the servers of a source tried that is asked for each user', async () => {
    const tried: string[] = [];
    const asked = { ...silentSource, refresh: () => void tried.push('branch') };
    expect(await ask([asked], 'refresh')).toMatchObject({
      code: 0,
      out: ['ldap branch: servers are tried at once; pif-router status says how they are'],
    });
    expect([tried, logged]).toEqual([['branch'], [{ event: 'directory-refresh', source: 'ldap branch' }]]);
  });
});

describe('confirm', () => {
  test('believes the loss of the source whose sweep is held back, and of no other', async () => {
    const held = snapshotSource('ldap lab', { ...usual, heldSinceMs: nowMs });
    expect(await ask([snapshotSource('ldap corp'), held], 'confirm', '--json')).toMatchObject({
      code: 0,
      out: ['{"sweeping":["ldap lab"]}'],
    });
    expect(ordered).toEqual(['ldap lab believed']);
    expect(logged).toEqual([{ event: 'directory-confirm', source: 'ldap lab' }]);
  });

  test('puts the version of an LDIF file in force that is held back, beside what is swept', async () => {
    const file = heldFile();
    expect(await ask([snapshotSource('ldap corp'), file], 'confirm')).toEqual({
      code: 0,
      out: ['ldif users.ldif: the version that was held back is in force'],
      err: [],
    });
    expect(await file.lookup('u8@example.com')).toMatchObject({ kind: 'unknown-user' });
    expect(logged).toEqual([{ event: 'directory-confirm', source: 'ldif users.ldif' }]);
    const held = snapshotSource('ldap lab', { ...usual, heldSinceMs: nowMs });
    expect(await ask([held, heldFile()], 'confirm', '--json')).toMatchObject({
      code: 0,
      out: ['{"sweeping":["ldap lab"],"confirmed":["ldif users.ldif"]}'],
    });
    expect(ordered).toEqual(['ldap lab believed']);
    expect(await ask([file], 'confirm')).toMatchObject({ code: 1 });
  });

  test('of nothing does nothing, so that no later loss is believed unseen', async () => {
    expect(await ask([snapshotSource('ldap corp')], 'confirm')).toMatchObject({
      code: 1,
      out: ['no sweep and no file is held back: there is nothing to confirm'],
    });
    expect([ordered, logged]).toEqual([[], []]);
  });
});

describe('show', () => {
  test('tells where a user is at home, by which source, since when, and the name of their object', async () =>
    expect(await ask([snapshotSource('ldap corp')], 'show', 'sip:Bob@Example.com')).toEqual({
      code: 0,
      out: [
        'sip:Bob@Example.com: at home on the microsoft side (ldap corp, 3 s ago, fresh)',
        'ldap corp: at home on the microsoft side (ldap corp, 3 s ago, fresh)',
        '  in memory since 2026-01-05T11:59:00.000Z, last seen 2026-01-05T11:59:00.000Z',
        `  ${bobDn}`,
      ],
      err: [],
    }));

  test('tells who only has an address from who is enabled', async () =>
    expect((await ask([snapshotSource('ldap corp')], 'show', 'eve@example.com')).out[0]).toContain(
      'has an address only, not enabled on the microsoft side',
    ));

  test('does not mix "unknown" with "could not be asked", and answers 1 to both', async () => {
    const { code, out } = await ask([snapshotSource('ldap corp'), silentSource], 'show', 'nobody@example.com');
    expect({ code, out }).toEqual({
      code: 1,
      out: [
        'nobody@example.com: unknown (ldap corp, 3 s ago)',
        'ldap corp: unknown (ldap corp, 3 s ago)',
        'ldap branch: the directory cannot answer: ldap branch: connection refused',
        '  its name cannot be asked for: connection refused',
      ],
    });
  });

  test('with --json is for scripts: the whole answer in one line', async () => {
    const { out } = await ask([snapshotSource('ldap corp')], 'show', 'bob@example.com', '--json');
    expect(JSON.parse(out[0] ?? '')).toMatchObject({
      address: 'bob@example.com',
      answer: { kind: 'home', side: 'microsoft', source: 'ldap corp', ageMs: 3_000 },
      sources: [{ known: { state: 'enabled', isShared: false }, names: [bobDn] }],
    });
  });

  test.each(['bob', 'tel:+4930123', 'bob@exa mple.com'])('refuses %j, which is no SIP address', async (address) =>
    expect(await ask([snapshotSource('ldap corp')], 'show', address)).toMatchObject({
      code: 2,
      out: [],
      err: [`"${address}" is no SIP address: pif-router directory show sip:bob@example.com`],
    }),
  );

  test.each([[[]], [['--json']]])('with %j answers 2 and the usage', async (args) =>
    expect(await run(undefined, ['directory', 'show', ...args])).toEqual({
      code: 2,
      out: [],
      err: [
        'ADDRESS is missing',
        `usage: pif-router directory show ADDRESS [--json] ${targetUsage} [FILE]`,
        'pif-router directory show --help says more',
      ],
    }),
  );
});

test('an order that does not exist answers 2 and names those that do', async () =>
  expect(await run(undefined, ['directory', 'forget'])).toMatchObject({
    code: 2,
    err: [
      'there is no command "directory forget": known here: check, show, refresh, confirm',
      'pif-router --help names all commands',
    ],
  }));

test('the status of a snapshot has its last sweep with times in ISO 8601; that of another source has none', () => {
  const lastSweep: SyncStatus['lastSweep'] = {
    server: 'ldaps://dc1',
    instance: 'invocation-1',
    startedAtMs: nowMs - 2_000,
    endedAtMs: nowMs,
    outcome: 'held',
    why: 'it would drop 10 users',
    objects: 20,
    gone: 10,
    disabled: 0,
    skippedCount: 1,
    skipped: [{ dn: 'CN=broken', reason: 'no SIP address' }],
    duplicateCount: 0,
    duplicates: [],
  };
  const held = snapshotSource('ldap corp', { ...usual, heldSinceMs: nowMs - 2_000, lastSweep });
  const { startedAtMs: _, endedAtMs: __, ...report } = lastSweep;
  expect(sourcesOf(joined([held, silentSource]))).toEqual([
    {
      source: 'ldap corp',
      summary: expect.stringContaining('2 addresses, 1 of them enabled'),
      snapshot: {
        phase: 'following',
        server: 'ldaps://dc1',
        confirmedAt: '2026-01-05T11:59:57.000Z',
        heldSince: '2026-01-05T11:59:58.000Z',
        lastSweep: { ...report, startedAt: '2026-01-05T11:59:58.000Z', endedAt: '2026-01-05T12:00:00.000Z' },
      },
    },
    { source: 'ldap branch', summary: 'cannot be asked', snapshot: undefined },
  ]);
  expect(sourcesOf(joined([heldFile()]))).toEqual([
    {
      source: 'ldif users.ldif',
      summary: expect.stringMatching(/^9 users, .*, a version of the file is held back since 2026-01-05T12:00:00/),
      held: { since: '2026-01-05T12:00:00.000Z', gone: 8, disabled: 0, why: expect.stringContaining('drop 8 users') },
    },
  ]);
});
