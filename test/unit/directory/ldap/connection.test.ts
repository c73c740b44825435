/** The budgets of one connection, with time standing still until the test moves it. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LdapStreamConnection } from '../../../../src/directory/ldap/connection.ts';
import {
  bindResponse,
  fakeLdapServer,
  type LdapRequest,
  pagedCookie,
  searchDone,
  searchEntry,
} from '../../../support/fake-ldap-server.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { until } from '../../../support/until.ts';

type Answer = (request: LdapRequest) => readonly Buffer[] | undefined;

/** @param answer what the server says; `requests` tells what it has heard */
async function connected(answer: Answer) {
  const requests: LdapRequest[] = [];
  const server = await fakeLdapServer((request) => {
    requests.push(request);
    return answer(request);
  });
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  const clock = new ManualClock();
  const settings = { server: 'ldap://fake', budgetMs: 1_000, keepAliveMs: 30_000 };
  const connection = new LdapStreamConnection(socket, settings, clock);
  onTestFinished(() => connection.close());
  return { clock, connection, requests, server };
}

const everything = {
  baseDn: '',
  filter: { present: 'objectClass' },
  attributes: [],
  onEntry: () => undefined,
} as const;
const silentTo =
  (...counts: readonly number[]): Answer =>
  ({ operation, messageId, count }) =>
    operation !== 'search' ? [] : counts.includes(count) ? [] : [searchDone(messageId)];

const outcomeOf = (done: Promise<unknown>): Promise<unknown> =>
  done.then(
    () => 'done',
    (error: unknown) => error,
  );

describe('silence', () => {
  test('ends a search with its budget, tells the server so (RFC 4511 §4.11), and asks for a sign of life', async () => {
    const { clock, connection, requests } = await connected(silentTo(1));
    const outcome = outcomeOf(connection.search(everything).done);
    await until(() => requests.length === 1);
    clock.advance(999);
    clock.advance(1);
    expect(await outcome).toMatchObject({ code: 'ldap-timeout', message: 'ldap://fake did not answer within 1000 ms' });
    await until(() => requests.length === 3);
    expect(requests.map(({ operation }) => operation)).toEqual(['search', 'abandon', 'search']);
    expect(connection.closedBecause).toBeUndefined();
  });

  test('that goes on ends the connection, and everything that waits on it', async () => {
    const { clock, connection, requests } = await connected(silentTo(1, 2, 3));
    const patient = outcomeOf(connection.search({ ...everything, budgetMs: 60_000 }).done);
    const outcome = outcomeOf(connection.search(everything).done);
    clock.advance(1_000);
    await outcome;
    await until(() => requests.length === 4);
    clock.advance(1_000);
    expect(await patient).toMatchObject({ code: 'ldap-timeout', message: expect.stringContaining('no sign of life') });
    expect(connection.closedBecause).toMatchObject({ code: 'ldap-timeout' });
  });

  test('about two searches in a row ends the connection, though the server gives signs of life', async () => {
    const isSignOfLife = ({ octets }: LdapRequest): boolean => octets.includes('1.1');
    const { clock, connection, requests } = await connected((request) =>
      isSignOfLife(request) ? [searchDone(request.messageId)] : [],
    );
    const first = outcomeOf(connection.search(everything).done);
    await until(() => requests.length === 1);
    clock.advance(1_000);
    expect(await first).toMatchObject({ code: 'ldap-timeout' });
    await until(() => requests.some(isSignOfLife));
    expect(connection.closedBecause).toBeUndefined();
    const second = outcomeOf(connection.search(everything).done);
    clock.advance(1_000);
    expect(await second).toMatchObject({ code: 'ldap-timeout' });
    expect(connection.closedBecause).toMatchObject({
      code: 'ldap-timeout',
      message: 'ldap://fake is silent: 2 requests in a row were not answered within 1000 ms each',
    });
  });

  test('after a part of a message is silence: it is no sign of life', async () => {
    const { clock, connection, requests } = await connected(({ operation, messageId, count }) =>
      operation === 'search' && count === 1 ? [searchEntry(messageId, 'CN=a', {}).subarray(0, 6)] : [],
    );
    const outcome = outcomeOf(connection.search(everything).done);
    await until(() => requests.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.advance(1_000);
    expect(await outcome).toMatchObject({ code: 'ldap-timeout' });
    await until(() => requests.length === 3);
    clock.advance(1_000);
    await until(() => connection.closedBecause !== undefined);
    expect(connection.closedBecause).toMatchObject({ code: 'ldap-timeout' });
  });

  test('about one search does not count while others are answered', async () => {
    const { clock, connection, requests } = await connected(silentTo(1));
    const forgotten = outcomeOf(connection.search(everything).done);
    clock.advance(500);
    await connection.search(everything).done;
    clock.advance(500);
    expect(await forgotten).toMatchObject({ code: 'ldap-timeout' });
    await connection.search(everything).done;
    expect(requests.filter(({ operation }) => operation === 'search')).toHaveLength(3);
  });

  test('is counted from the last entry: a long search that goes on is left alone', async () => {
    let id = 0;
    let send: (octets: Buffer) => void = () => undefined;
    const server = await fakeLdapServer(({ messageId }, socket) => {
      id = messageId;
      send = (octets) => socket.write(octets);
      return [];
    });
    const socket = connect(server.port, '127.0.0.1');
    const clock = new ManualClock();
    const connection = new LdapStreamConnection(socket, { server: 'x', budgetMs: 1_000, keepAliveMs: 30_000 }, clock);
    onTestFinished(() => connection.close());
    let seen = 0;
    const onEntry = (): void => {
      seen += 1;
    };
    const outcome = outcomeOf(connection.search({ ...everything, onEntry }).done);
    await until(() => id > 0);
    for (let count = 1; count <= 5; count += 1) {
      clock.advance(900);
      send(searchEntry(id, 'CN=a', {}));
      await until(() => seen === count);
    }
    send(searchDone(id));
    expect(await outcome).toBe('done');
  });

  test('of a quiet connection is broken after the keep-alive time', async () => {
    const { clock, requests } = await connected(silentTo());
    clock.advance(29_999);
    expect(requests).toHaveLength(0);
    clock.advance(1);
    await until(() => requests.length === 1);
  });
});

describe('the end', () => {
  test('of a connection is told once, to whoever asks, before or after', async () => {
    const { connection } = await connected(silentTo());
    const told: string[] = [];
    connection.onClosed(({ code }) => told.push(code));
    connection.close();
    connection.close();
    connection.onClosed(({ code }) => told.push(`late ${code}`));
    expect(told).toEqual(['ldap-closed', 'late ldap-closed']);
  });

  test('leaves no timer behind', async () => {
    const { clock, connection } = await connected(silentTo(1));
    const outcome = outcomeOf(connection.search(everything).done);
    connection.close();
    expect(await outcome).toMatchObject({ code: 'ldap-closed' });
    expect(clock.pending).toBe(0);
  });

  test('that the server announces is told in its words (RFC 4511 §4.4.1)', async () => {
    const { connection } = await connected(({ operation }) =>
      operation === 'search' ? [searchDone(0, 52, 'shutting down')] : [],
    );
    expect(await outcomeOf(connection.search(everything).done)).toMatchObject({
      code: 'ldap-closed',
      message: 'ldap://fake ends the connection: unavailable (52); the server says "shutting down"',
    });
  });

  test('of a search whose entries we cannot bear is our own error, and the connection lives on', async () => {
    const { connection } = await connected(({ operation, messageId }) =>
      operation === 'search' ? [searchEntry(messageId, 'CN=a', {}), searchDone(messageId)] : [],
    );
    const onEntry = (): never => {
      throw new Error('not this one');
    };
    expect(await outcomeOf(connection.search({ ...everything, onEntry }).done)).toMatchObject({
      message: 'not this one',
    });
    expect(await outcomeOf(connection.search(everything).done)).toBe('done');
  });
});

test('without a name or a password nothing is sent: such a bind would succeed and mean nobody (RFC 4513 §5.1.2)', async () => {
  const { connection, requests } = await connected(() => undefined);
  await expect(connection.bind('CN=a', '', 1_000)).rejects.toMatchObject({ code: 'ldap-bind' });
  await expect(connection.bind('', 'secret', 1_000)).rejects.toMatchObject({ code: 'ldap-bind' });
  expect(requests).toEqual([]);
});

describe('a server that says that it cannot serve', () => {
  test.each([
    [1, 'operationsError'],
    [51, 'busy'],
    [52, 'unavailable'],
    [53, 'unwillingToPerform'],
    [80, 'other'],
  ])('to a search, with %i, is left: the connection ends', async (code, name) => {
    const { connection } = await connected(({ operation, messageId }) =>
      operation === 'search' ? [searchDone(messageId, code)] : [],
    );
    const ended: string[] = [];
    connection.onClosed((why) => ended.push(why.code));
    expect(await outcomeOf(connection.search(everything).done)).toMatchObject({
      code: 'ldap-unavailable',
      resultCode: code,
      message: expect.stringContaining(name),
    });
    expect(ended).toEqual(['ldap-unavailable']);
  });

  test.each([
    [51, 'ldap-unavailable'],
    [52, 'ldap-unavailable'],
    [49, 'ldap-bind'],
    [8, 'ldap-bind'],
  ])('to a bind, with %i, is %s', async (code, expected) => {
    const { connection } = await connected(({ operation, messageId }) =>
      operation === 'bind' ? [bindResponse(messageId, code)] : [],
    );
    await expect(connection.bind('CN=a', 'secret', 1_000)).rejects.toMatchObject({ code: expected, resultCode: code });
  });

  test('that there is no such object, or too many, is an answer: the connection goes on', async () => {
    const { connection } = await connected(({ operation, messageId, count }) =>
      operation === 'search' ? [searchDone(messageId, [32, 4, 0][count - 1] ?? 0)] : [],
    );
    const codes = [
      await outcomeOf(connection.search(everything).done),
      await outcomeOf(connection.search(everything).done),
    ];
    expect(codes).toMatchObject([{ code: 'ldap-refused' }, { code: 'ldap-refused' }]);
    expect(await outcomeOf(connection.search(everything).done)).toBe('done');
  });
});

test('a server that gives empty pages for ever is not asked for ever; some thousand with entries between are no fault', async () => {
  const pages = (hasEntry: (count: number) => boolean, last: number): Answer => {
    return ({ operation, messageId, count }) => {
      if (operation !== 'search') return undefined;
      const entries = hasEntry(count) ? [searchEntry(messageId, `CN=${count}`, { cn: ['a'] })] : [];
      return [...entries, searchDone(messageId, 0, '', pagedCookie(count === last ? '' : 'more'))];
    };
  };
  const endless = await connected(pages(() => false, Number.POSITIVE_INFINITY));
  expect(await outcomeOf(endless.connection.searchPaged(everything, 10).done)).toMatchObject({
    code: 'ldap-protocol',
    message: 'ldap://fake has given 1000 empty pages in a row, and no end',
  });
  const long = await connected(pages((count) => count % 900 === 0, 2_000));
  expect(await outcomeOf(long.connection.searchPaged(everything, 10).done)).toBe('done');
});
