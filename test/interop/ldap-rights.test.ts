/** An account that may not read all that the router needs: nobody is gone, and nobody is routed, by what it does not see. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { newBranch, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';
import { addUser, change, followed, remove, set } from './directory/followed.ts';
import { lookupIn, sourceOf } from './directory/opened.ts';
import { type OpenLdapDirectory, startOpenLdap } from './directory/openldap.ts';
import { type SambaDirectory, startSambaAd } from './directory/samba-ad.ts';
import type { TestDirectory } from './directory/test-directory.ts';
import { nameOf, userDn } from './directory/users.ts';

const enabled = nameOf(1);
const blind = 'shows msRTCSIP-UserEnabled: may the account read it?';

/** The reader sees nothing of `what`. */
const hidden = ({ reader }: TestDirectory, what: string): string =>
  `access to ${what} by dn.exact="${reader.dn}" none by * break\n`;

describe('who is enabled', () => {
  let server: OpenLdapDirectory;
  beforeEach(async () => {
    server = await startOpenLdap({ users: 60 });
  });
  afterEach(() => server?.stop());

  const restart = async (rights: string): Promise<void> => {
    await server.kill();
    server.restrict(rights);
    await server.start();
  };
  const hide = (): Promise<void> => restart(hidden(server, 'attrs=msRTCSIP-UserEnabled'));

  test('may not be read when a look-up begins: it cannot tell, and says why; who has no address is unknown', async () => {
    await hide();
    const directory = await lookupIn(server);
    expect(await directory.lookup(`${enabled}@example.com`)).toEqual({
      kind: 'unavailable',
      why: expect.stringContaining(`ldap corp: nobody ${blind}`),
    });
    expect(await directory.lookup('nobody@example.com')).toMatchObject({ kind: 'unknown-user' });
  });

  test('may not be read any more: a look-up has the last known home, and tells who is enabled when it may again', async () => {
    const directory = await lookupIn(server, { cache: { staleMs: 60_000 } });
    const ask = async () => directory.lookup(`${enabled}@example.com`);
    expect(await ask()).toMatchObject({ kind: 'home', addressOnly: false, freshness: 'fresh' });
    await hide();
    await expect
      .poll(() => directory.lookup(`${nameOf(2)}@example.com`), { timeout: 20_000 })
      .toMatchObject({ why: expect.stringContaining(blind) });
    expect(await ask()).toMatchObject({ kind: 'home', addressOnly: false, freshness: 'stale' });
    await restart('');
    await expect.poll(ask, { timeout: 20_000 }).toMatchObject({ addressOnly: false, freshness: 'fresh' });
  });

  test('may not be read when the first sweep is made: no users are known, and it is told why', async () => {
    await hide();
    const it = await followed(server, {});
    expect(it.snapshot.status.lastSweep).toMatchObject({ outcome: 'failed', why: expect.stringContaining(blind) });
    expect([enabled, 'nobody'].map(it.is)).toEqual(['unavailable', 'unavailable']);
    await restart('');
    await until(() => it.is(enabled) === 'enabled');
  });

  test('has no meaning with microsoft-user: address: nobody need have it', async () => {
    await hide();
    const { attributes } = sourceOf(server);
    const source = { attributes: { ...attributes, decides: false } };
    expect(await (await lookupIn(server, { source })).lookup(`${enabled}@example.com`)).toMatchObject({ kind: 'home' });
    const it = await followed(server, {}, source);
    expect(it.is(enabled)).toBe('address only');
  });

  test.each(['notify', 'poll'] as const)(
    'may not be read any more, under %s: who was enabled stays so, be they changed; a sweep is held back and says why',
    async (follow) => {
      const it = await followed(server, { follow, maxLoss: 1 });
      expect(it.is(enabled)).toBe('enabled');
      await hide();
      await change(server, set(userDn(1, server.suffix), 'department', 'other'));
      await until(() => it.snapshot.status.lastSweep?.outcome === 'held');
      expect(it.snapshot.status.lastSweep?.why).toContain(blind);
      expect(it.is(enabled)).toBe('enabled');
      await restart('');
      await change(server, set(userDn(1, server.suffix), 'msRTCSIP-UserEnabled', 'FALSE'));
      await until(() => it.is(enabled) === 'address only');
      it.snapshot.refresh();
      await until(() => it.snapshot.status.heldSinceMs === undefined);
    },
  );

  test('is told for one user who has lost it, where others show it', async () => {
    const it = await followed(server, { follow: 'poll' });
    await change(server, set(userDn(1, server.suffix), 'msRTCSIP-UserEnabled'));
    await until(() => it.is(enabled) === 'address only');
    const directory = await lookupIn(server);
    expect(await directory.lookup(`${enabled}@example.com`)).toMatchObject({ kind: 'home', addressOnly: true });
  });

  test.each(['notify', 'poll'] as const)(
    'stands in a unit that may not be read any more, under %s: the sweep that misses them is held back',
    async (follow) => {
      const it = await followed(server, { follow });
      await restart(hidden(server, `dn.subtree="${server.usersDn}"`));
      await until(() => it.snapshot.status.phase === 'following');
      it.snapshot.refresh();
      await until(() => it.snapshot.status.lastSweep?.outcome === 'held');
      expect(it.is(enabled)).toBe('enabled');
    },
  );

  test('stands below a base that may not be read any more: nobody is asked for there, and all stay', async () => {
    const it = await followed(server, { follow: 'poll' }, { baseDns: [server.usersDn] });
    await restart(hidden(server, `dn.subtree="${server.usersDn}"`));
    await until(() => `${it.snapshot.status.lastFailure}`.includes('or the account may not see it'));
    expect(it.is(enabled)).toBe('enabled');
  });
});

describe('the running router, from a cold start, of a directory that does not show who is enabled', () => {
  const sides = twoSides(55);
  let server: OpenLdapDirectory;
  let [cisco, microsoft]: RawEnd[] = [];
  beforeAll(async () => {
    server = await startOpenLdap({ users: 40, hidden: 'msRTCSIP-UserEnabled' });
    process.env.PIF_TEST_PASSWORD = server.reader.password;
    microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
    microsoft.respond((request) => responseText(request, 200));
  });
  afterAll(async () => {
    await microsoft?.close();
    await server?.stop();
  });

  const start = async (mode: string, microsoftUser: string): Promise<RouterProcess> => {
    const { ldapsUrl, tlsName, caFile, reader, suffix } = server;
    const source = `{ kind: ldap, mode: ${mode}, urls: [${ldapsUrl}], tls-name: ${tlsName}, ca: ${caFile}, bind-dn: "${reader.dn}", password-env: PIF_TEST_PASSWORD, base: ["${suffix}"] }`;
    const routes = ['cisco', 'microsoft'] as const;
    const yaml = routesYaml(sides, {
      mode: 'advanced',
      certificates: inject('certificates'),
      transports: ['tcp'],
      domains: ['example.com'],
      routes: routes.map((side) => `{ to: ${side}, pattern: example.com, next-hop: ${sides[side]}, transport: tcp }`),
    })
      .replace(/^directory:\n.*\n/m, `directory:\n  sources:\n    - ${source}\n`)
      .replace(
        'mode: advanced',
        `mode: advanced\n  when-directory-unavailable: reject\n  microsoft-user: ${microsoftUser}`,
      );
    const router = await RouterProcess.start({ routes: yaml });
    onTestFinished(() => router.stop().then(() => undefined));
    cisco = await openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
    onTestFinished(() => cisco!.close());
    return router;
  };

  const send = async (callId: string): Promise<number | undefined> => {
    const via = [`${cisco!.via};branch=${newBranch()}`];
    cisco!.send(requestText({ method: 'MESSAGE', uri: `sip:${enabled}@example.com`, via, callId, body: 'hello' }));
    const answer = await cisco!.take((message) => message.header('Call-ID') === callId && (message.status ?? 0) >= 200);
    return answer.status;
  };

  test.each(['lookup', 'snapshot'])(
    'mode %s: a MESSAGE is refused for now (503), not sent back as not enabled',
    async (mode) => {
      const router = await start(mode, 'enabled');
      expect(await send(`blind-${mode}`)).toBe(503);
      if (mode === 'snapshot') await until(() => router.output.includes(blind));
    },
  );

  test.each(['lookup', 'snapshot'])('mode %s, microsoft-user: address: it is delivered', async (mode) => {
    await start(mode, 'address');
    let status = await send(`address-${mode}`);
    for (let count = 0; status === 503; count += 1) status = await send(`address-${mode}-${count}`);
    expect(status).toBe(200);
  });
});

describe('Samba AD: what is left of deleted users may not be read', () => {
  let server: SambaDirectory;
  beforeAll(async () => {
    server = await startSambaAd({ users: 100 });
  });
  afterAll(() => server?.stop());

  test.each(['notify', 'poll', 'dirsync'] as const)('under %s a deleted user stays until a sweep', async (follow) => {
    const [user, other] = [`unseen.${follow}`, `seen.${follow}`];
    const dn = (name: string): string => `CN=${name},${server.usersDn}`;
    await change(server, addUser(dn(user), user), addUser(dn(other), other));
    const it = await followed({ ...server, reader: server.plain }, { follow });
    await change(server, remove(dn(user)), set(dn(other), 'msRTCSIP-UserEnabled', 'FALSE'));
    await until(() => it.is(other) === 'address only');
    expect(it.is(user)).toBe('enabled');
    it.snapshot.refresh();
    await until(() => it.is(user) === 'unknown-user');
  });
});
