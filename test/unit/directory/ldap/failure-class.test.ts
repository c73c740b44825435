/** A server that fails is left, whatever way it fails in; what Active Directory says of a bind is told by its name. */

import { describe, expect, onTestFinished, test } from 'vitest';
import { createTimerWheel } from '../../../../src/clock.ts';
import { ldapConnections } from '../../../../src/directory/ldap/connections.ts';
import { consequenceOf } from '../../../../src/directory/ldap/failure-class.ts';
import { type LdapConnections, LdapError } from '../../../../src/directory/ldap/ldap.ts';
import { tellResult } from '../../../../src/directory/ldap/result-code.ts';
import { silentLog } from '../../../../src/log.ts';
import {
  type FakeLdapServer,
  fakeLdapServer,
  type LdapRequest,
  searchDone,
} from '../../../support/fake-ldap-server.ts';
import { until } from '../../../support/until.ts';

const isSignOfLife = ({ octets }: LdapRequest): boolean => octets.includes('1.1');

function connectionsTo(servers: readonly FakeLdapServer[]): LdapConnections {
  const clock = createTimerWheel();
  const connections = ldapConnections(
    {
      urls: servers.map(({ port }) => `ldap://127.0.0.1:${port}`),
      startTls: false,
      trust: { ca: undefined, tlsName: undefined },
      bindDn: 'CN=svc,DC=example,DC=com',
      password: 'secret',
      connectMs: 2_000,
      bindMs: 200,
      searchMs: 200,
      keepAliveMs: 30_000,
      returnAfterMs: 60_000,
      requiredAttributes: [],
    },
    { clock, random: () => 0, log: silentLog },
  );
  onTestFinished(() => {
    connections.close();
    clock.close();
  });
  return connections;
}

describe('a server that is silent', () => {
  test.each([
    [
      'to searches, but gives signs of life',
      (request: LdapRequest) => request.operation === 'bind' || isSignOfLife(request),
    ],
    ['to everything but a bind', ({ operation }: LdapRequest) => operation === 'bind'],
    ['to a bind', () => false],
  ])('%s is left, and the next is used', async (_, isAnswered) => {
    const sick = await fakeLdapServer((request) => (isAnswered(request) ? undefined : []));
    const well = await fakeLdapServer(({ operation, messageId }) =>
      operation === 'search' ? [searchDone(messageId)] : undefined,
    );
    const connections = connectionsTo([sick, well]);
    const search = {
      baseDn: 'DC=example,DC=com',
      filter: { present: 'objectClass' },
      attributes: [],
      onEntry: () => {},
    };
    const first = await connections.open('lookup');
    if (first.server.endsWith(`:${sick.port}`)) {
      for (let asked = 0; asked < 2; asked += 1) await first.search(search).done.catch(() => undefined);
      await until(() => first.closedBecause !== undefined);
    }
    const next = await connections.open('lookup');
    expect(next.server).toBe(`ldap://127.0.0.1:${well.port}`);
    await next.search(search).done;
  });

  test('about sweeps alone is left when whoever sweeps says so', async () => {
    const answering = ({ operation, messageId }: LdapRequest): Buffer[] | undefined =>
      operation === 'search' ? [searchDone(messageId)] : undefined;
    const servers = [await fakeLdapServer(answering), await fakeLdapServer(answering)];
    const connections = connectionsTo(servers);
    const { server } = await connections.open('sync');
    connections.leave(server, new LdapError('ldap-timeout', 'two sweeps in a row were not answered'));
    expect((await connections.open('sync')).server).not.toBe(server);
    expect(connections.servers().map(({ isInUse, lastFailure }) => ({ isInUse, lastFailure }))).toEqual([
      { isInUse: false, lastFailure: 'two sweeps in a row were not answered' },
      { isInUse: true, lastFailure: undefined },
    ]);
  });
});

test.each([
  ['ldap-timeout', undefined, { isLeft: true, rest: 'short', isSilence: true }],
  ['ldap-unavailable', 52, { isLeft: true, rest: 'short', isSilence: true }],
  ['ldap-bind', 49, { isLeft: true, rest: 'long for all', isSilence: true }],
  ['ldap-bind', 8, { isLeft: true, rest: 'long', isSilence: true }],
  ['ldap-closed', undefined, { isLeft: false, rest: 'short', isSilence: true }],
  ['ldap-refused', 32, { isLeft: false, rest: 'short', isSilence: false }],
] as const)('what follows from %s (%s)', (code, resultCode, wanted) =>
  expect(consequenceOf(new LdapError(code, 'why', resultCode).failure)).toMatchObject(wanted),
);

test.each([
  [49, 'AcceptSecurityContext error, data 52e, v4563', 'the password is wrong (49, data 52e)'],
  [49, 'AcceptSecurityContext error, data 52f, v4563', 'a restriction of the account'],
  [49, 'AcceptSecurityContext error, data 534, v4563', 'not been granted this type of log-on'],
  [49, 'AcceptSecurityContext error, data 568, v4563', 'too many groups'],
  [
    49,
    '80090346: LdapErr: DSID-0C090590, comment: AcceptSecurityContext error, data 80090346, v4563',
    'LdapEnforceChannelBinding',
  ],
  [
    8,
    '00002028: LdapErr: DSID-0C090255, comment: The server requires binds to turn on integrity checking if SSL\\TLS are not already active on the connection, data 0',
    'it requires signing',
  ],
])('%i %j is told by its name', (code, diagnostic, words) => expect(tellResult(code, diagnostic)).toContain(words));
