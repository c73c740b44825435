/** Who is not in the access list is refused, and reaches nobody. */
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { newBranch, requestText } from '../support/raw-message.ts';
import { openEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { closePeers, connectPeer } from '../support/stream-peer.ts';
import { portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';
import { credentialsOf, expectAnswer } from './through-router.ts';

const sides = twoSides(13);
/** Only as fe1.example.com is anybody let in from there. */
const provable = '127.0.13.77';

let router: RouterProcess;
beforeAll(async () => {
  router = await RouterProcess.start({
    routes: routesYaml(sides, {
      certificates: inject('certificates'),
      domains: ['blocked.example.com'],
      routes: [`{ to: microsoft, pattern: blocked.example.com, next-hop: ${sides.microsoft}, block: true }`],
    }).replace(/^access:$/m, `access:\n  - { side: microsoft, from: ${provable}, tls-name: fe1.example.com }`),
  });
});
afterEach(closePeers);
afterAll(() => router?.stop());

const transports: readonly Transport[] = ['udp', 'tcp', 'tls'];

const nobodyHears = async (during: () => Promise<void>): Promise<void> => {
  const listening = transports.flatMap((transport) =>
    (['cisco', 'microsoft'] as const).map((side) =>
      openEnd({ transport, port: portOf(transport), address: sides[side], credentials: credentialsOf(side) }),
    ),
  );
  const ends = await Promise.all(listening);
  try {
    await during();
    expect(ends.flatMap(({ inbox }) => inbox)).toEqual([]);
  } finally {
    await Promise.all(ends.map((end) => end.close()));
  }
};

test('a MESSAGE from an unknown peer over UDP is refused with 403 and reaches no side', async () => {
  const stranger = { from: 'cisco', address: sides.stranger, near: 'udp', far: 'udp' } as const;
  await nobodyHears(() => expectAnswer({ sides, ...stranger, client: 'uac-message-expect-403' }));
});

test.each(['tcp', 'tls'] as const)(
  'a connection of an unknown peer over %s is closed before it is heard, which the log tells',
  async (transport) => {
    await nobodyHears(async () => {
      const peer = connectPeer({ address: sides.router, port: portOf(transport) }, sides.stranger);
      await until(() => peer.isClosed);
      expect(peer.text).toBe('');
    });
    const told = await until(() =>
      router.logLines.find(({ what, from }) => what === 'stranger' && String(from).startsWith(`${transport}:`)),
    );
    expect(told).toMatchObject({
      event: 'discarded',
      detail: `no access rule could let in ${sides.stranger} over ${transport}`,
    });
  },
);

test('who could prove a name, and proves another, is closed before a word of it is read', async () => {
  await nobodyHears(async () => {
    const stranger = await openEnd({
      transport: 'tls',
      address: provable,
      to: { address: sides.router, port: portOf('tls') },
      credentials: credentialsOf('cisco'),
    });
    const via = [`${stranger.via};branch=${newBranch()}`];
    stranger.send(requestText({ method: 'MESSAGE', uri: 'sip:bob@tls.example.com', via }));
    await until(() => stranger.isClosed);
    expect(stranger.inbox).toEqual([]);
  });
  const refused = await until(() => router.logLines.find(({ event }) => event === 'peer-refused'));
  expect(refused).toMatchObject({ code: 'access-denied', direction: 'in', names: 'imp1.example.com' });
});

test('a MESSAGE that matches a blocked route is refused with 403 (Cisco: Block Route)', async () => {
  const blocked = { from: 'cisco', domain: 'blocked.example.com', near: 'tcp', far: 'tcp' } as const;
  await expectAnswer({ sides, ...blocked, client: 'uac-message-expect-403' });
});
