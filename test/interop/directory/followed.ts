/** A source kept in memory as the product keeps it, in its thread, and the means to change its directory under it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';
import type { LdapSourceSettings } from '../../../src/directory/ldap/settings.ts';
import type { SnapshotDirectory } from '../../../src/directory/snapshot-directory.ts';
import { until } from '../../support/until.ts';
import { type OpenedDirectory, openedDirectory, sourceOf, usualSnapshot } from './opened.ts';
import type { TestDirectory } from './test-directory.ts';

interface Followed {
  readonly directory: OpenedDirectory;
  readonly snapshot: SnapshotDirectory;
  /** `enabled`, `address only`, `unknown-user`, `unavailable`. */
  readonly is: (user: string) => string;
  /** When the last sweep that was applied began. */
  readonly sweptAtMs: () => number;
}

/** @param wish of the snapshot; @param source beside it */
export async function followed(
  server: TestDirectory,
  wish: Partial<LdapSourceSettings['snapshot']>,
  source: Partial<LdapSourceSettings> = {},
): Promise<Followed> {
  const settings = sourceOf(server, { source: { mode: 'snapshot', snapshot: { ...usualSnapshot, ...wish } } });
  const directory = await openedDirectory([{ ...settings, ...source }]);
  const snapshot = directory.snapshots[0]!;
  const is = (user: string): string => {
    const answer = directory.lookup(`${user}@example.com`);
    if (answer instanceof Promise) throw new Error('a snapshot answers at once');
    return answer.kind === 'home' ? (answer.addressOnly ? 'address only' : 'enabled') : answer.kind;
  };
  await until(() => snapshot.status.lastSweep !== undefined);
  const sweptAtMs = (): number =>
    snapshot.status.lastSweep?.outcome === 'applied' ? snapshot.status.lastSweep.startedAtMs : 0;
  return { directory, snapshot, is, sweptAtMs };
}

/** Changes made by OpenLDAP's own tool, one after the other on one connection: the router writes little, and never deletes. */
export async function change(server: TestDirectory, ...records: readonly string[]): Promise<void> {
  const { ldapsUrl, writer } = server;
  const args = ['-x', '-H', ldapsUrl, '-D', writer.dn, '-w', writer.password];
  const env = { ...process.env, LDAPTLS_REQCERT: 'never' };
  const tool = spawn('ldapmodify', args, { stdio: ['pipe', 'ignore', 'pipe'], env });
  let said = '';
  tool.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(tool, 'close');
  tool.stdin.end(records.map((record) => `${record}\n\n`).join(''));
  const [code] = await ended;
  expect([code, said]).toEqual([0, '']);
}

/** Undone when the test is over, as far as that is still possible. */
export async function changeForNow(
  server: TestDirectory,
  done: readonly string[],
  undone: readonly string[],
): Promise<void> {
  onTestFinished(() => change(server, ...undone).catch(() => undefined));
  await change(server, ...done);
}

export const move = (dn: string, newParent: string, newRdn = dn.split(',')[0]!): string =>
  `dn: ${dn}\nchangetype: modrdn\nnewrdn: ${newRdn}\ndeleteoldrdn: 1\nnewsuperior: ${newParent}`;

export const rename = (dn: string, newRdn: string): string =>
  `dn: ${dn}\nchangetype: modrdn\nnewrdn: ${newRdn}\ndeleteoldrdn: 1`;

export const remove = (dn: string): string => `dn: ${dn}\nchangetype: delete`;

/** @param values none: the attribute is removed */
export const set = (dn: string, attribute: string, ...values: readonly string[]): string =>
  `dn: ${dn}\nchangetype: modify\nreplace: ${attribute}${values.map((value) => `\n${attribute}: ${value}`).join('')}`;

export const addUnit = (dn: string): string =>
  `dn: ${dn}\nchangetype: add\nobjectClass: organizationalUnit\nou: ${dn.split(',')[0]!.slice(3)}`;

/** @param user `sip:USER@example.com` is the address, and it is enabled */
export const addUser = (dn: string, user: string): string =>
  [
    `dn: ${dn}`,
    'changetype: add',
    'objectClass: user',
    `cn: ${dn.split(',')[0]!.slice(3)}`,
    `sAMAccountName: ${user}`,
    `msRTCSIP-PrimaryUserAddress: sip:${user}@example.com`,
    'msRTCSIP-UserEnabled: TRUE',
  ].join('\n');

export const addGroup = (server: TestDirectory, dn: string, member: string): string =>
  [
    `dn: ${dn}`,
    'changetype: add',
    `objectClass: ${server.kind === 'samba' ? 'group' : 'groupOfNames'}`,
    `cn: ${dn.split(',')[0]!.slice(3)}`,
    `member: ${member}`,
  ].join('\n');

export const addMember = (dn: string, member: string): string =>
  `dn: ${dn}\nchangetype: modify\nadd: member\nmember: ${member}`;

export const removeMember = (dn: string, member: string): string =>
  `dn: ${dn}\nchangetype: modify\ndelete: member\nmember: ${member}`;
