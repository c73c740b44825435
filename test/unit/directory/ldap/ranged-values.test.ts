/** Users with more values than Active Directory gives at once, as a server in this process gives them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { claimsTo } from '../../../../src/directory/ldap/claims.ts';
import { LdapStreamConnection } from '../../../../src/directory/ldap/connection.ts';
import type { LdapEntry } from '../../../../src/directory/ldap/ldap.ts';
import type { ServerFacts } from '../../../../src/directory/sync/server-facts.ts';
import { sweepUsers } from '../../../../src/directory/sync/sweep.ts';
import {
  fakeLdapServer,
  type LdapRequest,
  pagedCookie,
  searchDone,
  searchEntry,
} from '../../../support/fake-ldap-server.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const dn = 'CN=many,OU=Staff,DC=example,DC=com';
const attributes = { addresses: ['proxyAddresses'], enabled: 'msRTCSIP-UserEnabled', decides: true };
const where = { baseDns: ['OU=Staff,DC=example,DC=com'], scope: 'sub', filter: '(cn=*)', attributes } as const;
const valuesFrom = (from: number, until: number): string[] =>
  Array.from({ length: until - from }, (_, i) => `sip:alias${from + i}@example.com`);

/** 3,500 values, at most 1,500 at once; [MS-ADTS] 3.1.1.3.1.3.3: the last range ends with an asterisk. */
const range = (from: number): Record<string, string[]> => {
  const until = Math.min(3_500, from + 1_500);
  return { [`proxyAddresses;range=${from}-${until === 3_500 ? '*' : until - 1}`]: valuesFrom(from, until) };
};

/** @param first what the first search brings besides the ranges that are asked for later */
async function connected(later: (from: number) => Record<string, string[]> | undefined = range) {
  const wishes: string[] = [];
  const answer = ({ operation, messageId, octets }: LdapRequest): readonly Buffer[] | undefined => {
    if (operation !== 'search') return undefined;
    const [, wish] = /proxyaddresses;range=(\d+)-\*/i.exec(octets.toString('latin1')) ?? [];
    if (wish === undefined) {
      const whole = { 'msRTCSIP-UserEnabled': ['TRUE'], proxyAddresses: [], ...range(0) };
      const other = { 'msRTCSIP-UserEnabled': ['TRUE'], proxyAddresses: ['sip:eve@example.com'] };
      const entries = [searchEntry(messageId, dn, whole), searchEntry(messageId, 'CN=eve,DC=example,DC=com', other)];
      return [...entries, searchDone(messageId, 0, '', pagedCookie(''))];
    }
    wishes.push(wish);
    const more = later(Number(wish));
    return more === undefined ? [searchDone(messageId, 32)] : [searchEntry(messageId, dn, more), searchDone(messageId)];
  };
  const server = await fakeLdapServer(answer);
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  const settings = { server: 'ldap://fake', budgetMs: 1_000, keepAliveMs: 30_000 };
  const connection = new LdapStreamConnection(socket, settings, new ManualClock());
  onTestFinished(() => connection.close());
  return { connection, wishes };
}

const facts: ServerFacts = {
  kind: 'active-directory',
  identity: 'objectGUID',
  bases: [],
  namingContexts: ['DC=example,DC=com'],
  contextOfBase: ['DC=example,DC=com'],
  missingBases: [],
  instance: 'invocation-1',
  canDirSync: false,
  canNotify: false,
};

async function swept(connection: LdapStreamConnection): Promise<LdapEntry[]> {
  const entries: LdapEntry[] = [];
  const source = { ...where, name: 'ldap corp', pageSize: 1_000 };
  await sweepUsers(connection, source, facts, (entry) => entries.push(entry));
  return entries;
}

test('a sweep brings all of 3,500 addresses of one user, and the other users', async () => {
  const { connection, wishes } = await connected();
  const entries = await swept(connection);
  expect(entries.map((entry) => entry.dn).toSorted()).toEqual(['CN=eve,DC=example,DC=com', dn]);
  const many = entries.find((entry) => entry.dn === dn);
  expect(many?.texts('proxyAddresses')).toEqual(valuesFrom(0, 3_500));
  expect(many?.text('msRTCSIP-UserEnabled')).toBe('TRUE');
  expect(wishes).toEqual(['1500', '3000']);
});

test('a look-up finds a user by an address that did not come at once', async () => {
  const { connection } = await connected();
  const claims = await claimsTo('alias3333@example.com', where, [], (search) => connection.search(search).done);
  expect(claims).toEqual([{ dn, isEnabled: true, showsEnabled: true, rank: 0 }]);
});

test('a user who is deleted between two ranges counts with the values that came', async () => {
  const { connection } = await connected(() => undefined);
  const many = (await swept(connection)).find((entry) => entry.dn === dn);
  expect(many?.texts('proxyAddresses')).toHaveLength(1_500);
});

test('a server that does not go on where it stood ends the sweep: half a user is none', async () => {
  const { connection } = await connected(() => range(0));
  await expect(swept(connection)).rejects.toMatchObject({
    code: 'ldap-protocol',
    message: `the server gives no proxyaddresses of ${dn} from number 1500 on`,
  });
});
