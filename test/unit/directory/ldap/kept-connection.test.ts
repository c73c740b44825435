/** The one connection that look-ups use, with servers that do as the test says and time that stands still. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { OwnedConnections } from '../../../../src/directory/ldap/connections.ts';
import { KeptConnection } from '../../../../src/directory/ldap/kept-connection.ts';
import { type LdapConnection, LdapError } from '../../../../src/directory/ldap/ldap.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

class FakeConnection implements LdapConnection {
  readonly server: string;
  closedBecause: LdapError | undefined;
  readonly #listeners: ((why: LdapError) => void)[] = [];

  constructor(server: string) {
    this.server = server;
  }

  onClosed(run: (why: LdapError) => void): void {
    this.#listeners.push(run);
  }

  end(why: string): void {
    if (this.closedBecause !== undefined) return;
    this.closedBecause = new LdapError('ldap-closed', why);
    for (const listener of this.#listeners) listener(this.closedBecause);
  }

  close(): void {
    this.end('closed by us');
  }

  search(): never {
    throw new Error('nothing is asked here');
  }

  searchPaged(): never {
    throw new Error('nothing is asked here');
  }
}

/** Attempts wait until the test lets them succeed or fail. */
class FakeServers implements OwnedConnections {
  readonly attempts: PromiseWithResolvers<LdapConnection>[] = [];
  mayReturn = false;
  rest = 0;

  open(): Promise<LdapConnection> {
    const attempt = Promise.withResolvers<LdapConnection>();
    this.attempts.push(attempt);
    return attempt.promise;
  }

  isReturnDue(): boolean {
    return this.mayReturn;
  }

  restMs(): number {
    return this.rest;
  }

  openReferral(): never {
    throw new Error('nothing refers here');
  }

  leave(): void {}

  tryAtOnce(): void {
    this.rest = 0;
  }

  servers(): readonly [] {
    return [];
  }

  close(): void {}
}

let clock: ManualClock;
let servers: FakeServers;
let kept: KeptConnection;

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const succeed = async (connection: FakeConnection): Promise<FakeConnection> => {
  servers.attempts.at(-1)?.resolve(connection);
  await settle();
  return connection;
};

const fail = async (why: string): Promise<void> => {
  servers.attempts.at(-1)?.reject(new LdapError('ldap-unreachable', why));
  await settle();
};

const pass = async (ms: number): Promise<void> => {
  clock.advance(ms);
  await settle();
};

beforeEach(async () => {
  clock = new ManualClock();
  servers = new FakeServers();
  kept = new KeptConnection(servers, clock);
  void kept.start();
  await settle();
});

describe('a kept connection', () => {
  test('is opened before it is needed, and who asks meanwhile waits for it', async () => {
    const asked = kept.get();
    const first = await succeed(new FakeConnection('dc1'));
    expect(await asked).toBe(first);
    expect([servers.attempts.length, kept.whyNone]).toEqual([1, undefined]);
  });

  test('that cannot be had says why at once, and is tried again when the servers have rested', async () => {
    servers.rest = 700;
    await fail('refused');
    await expect(kept.get()).rejects.toMatchObject({ message: 'refused' });
    expect(kept.whyNone?.message).toBe('refused');
    await pass(699);
    expect(servers.attempts).toHaveLength(1);
    await pass(1);
    expect(servers.attempts).toHaveLength(2);
    await succeed(new FakeConnection('dc1'));
    expect((await kept.get()).server).toBe('dc1');
  });

  test('is tried at once when an operator wants it, and not again when the rest would have ended', async () => {
    servers.rest = 60_000;
    await fail('wrong password');
    kept.tryAtOnce();
    await settle();
    expect(servers.attempts).toHaveLength(2);
    const own = await succeed(new FakeConnection('dc1'));
    await pass(60_000);
    kept.tryAtOnce();
    await settle();
    expect([servers.attempts.length, await kept.get()]).toEqual([2, own]);
  });

  test('that is lost after a second is replaced at once, sooner only after a quarter of a second', async () => {
    const first = await succeed(new FakeConnection('dc1'));
    clock.advance(1_000);
    first.end('restart');
    const asked = kept.get();
    await settle();
    expect(servers.attempts).toHaveLength(2);
    const second = await succeed(new FakeConnection('dc2'));
    expect(await asked).toBe(second);
    second.end('too many');
    await settle();
    expect(servers.attempts).toHaveLength(2);
    expect(kept.whyNone?.message).toBe('too many');
    await pass(250);
    expect(servers.attempts).toHaveLength(3);
  });

  test('moves to a better server when that may be used, and is used until it has: nobody waits', async () => {
    const second = await succeed(new FakeConnection('dc2'));
    servers.mayReturn = true;
    await pass(1_000);
    expect(await kept.get()).toBe(second);
    const first = await succeed(new FakeConnection('dc1'));
    expect(await kept.get()).toBe(first);
    expect(servers.attempts).toHaveLength(2);
    expect(second.closedBecause?.message).toBe('closed by us');
  });

  test('stays where it is when the better server cannot be had after all', async () => {
    const second = await succeed(new FakeConnection('dc2'));
    servers.mayReturn = true;
    await pass(1_000);
    await fail('refused again');
    expect(await kept.get()).toBe(second);
    expect(kept.whyNone).toBeUndefined();
  });

  test('is not opened any more once it is stopped, and one that comes too late is closed', async () => {
    const late = new FakeConnection('dc1');
    kept.stop();
    await succeed(late);
    await pass(60_000);
    expect(late.closedBecause?.message).toBe('closed by us');
    expect(servers.attempts).toHaveLength(1);
    await expect(kept.get()).rejects.toMatchObject({ code: 'ldap-unreachable' });
  });
});
