/** A directory that is spread over servers which point to each other. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lookupIn } from './directory/opened.ts';
import { startOpenLdap } from './directory/openldap.ts';
import { type Relay, relayTo } from './directory/relay.ts';
import type { TestDirectory } from './directory/test-directory.ts';
import { nameOf } from './directory/users.ts';

let holder: TestDirectory;
beforeAll(async () => {
  holder = await startOpenLdap({ users: 40 });
});
afterAll(() => holder?.stop());

/** Known to the holder only; the server that is asked has fewer users. */
const elsewhere = `${nameOf(21)}@example.com`;

/** Runs with a server that points to the holder, through a relay that listens in. */
async function withReferring(run: (server: TestDirectory, relay: Relay) => Promise<void>): Promise<void> {
  const relay = await relayTo(holder.ldapUrl);
  const server = await startOpenLdap({ users: 20, referralTo: `${relay.url}/${holder.usersDn}` });
  await run(server, relay).finally(() => server.stop());
}

test('ignored, they are no part of the directory', () =>
  withReferring(async (server, relay) => {
    const directory = await lookupIn(server);
    expect(await directory.lookup(elsewhere)).toMatchObject({ kind: 'unknown-user' });
    expect(relay.accepted).toBe(0);
  }));

test('followed, they lead to the user: by one connection, bound as ourselves, and protected though the URL is ldap:', () =>
  withReferring(async (server, relay) => {
    const trust = { ca: `${server.ca}${holder.ca}`, tlsName: server.tlsName };
    const directory = await lookupIn(server, { servers: { trust }, source: { followReferrals: true } });
    const answers = await Promise.all(Array.from({ length: 10 }, () => directory.lookup(elsewhere)));
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'home', addressOnly: false });
    expect(await directory.lookup('nobody@example.com')).toMatchObject({ kind: 'unknown-user' });
    expect(relay.accepted).toBe(1);
    expect(relay.sentText).not.toContain(holder.reader.password);
  }));

test('followed to a server that we do not trust, the answer is uncertain, and it does not get our password', () =>
  withReferring(async (server, relay) => {
    const directory = await lookupIn(server, { source: { followReferrals: true } });
    expect(await directory.lookup(elsewhere)).toMatchObject({
      kind: 'unavailable',
      why: expect.stringContaining('is not trusted'),
    });
    expect(relay.sentText).not.toContain(holder.reader.password);
  }));
