/** Who is not in the access list is refused, and reaches nobody. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { newBranch, requestText } from '../support/raw-message.ts';
import { openEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';
import { credentialsOf, expectAnswer } from './through-router.ts';

const sides = twoSides(13);

let router: RouterProcess;
beforeAll(async () => {
  router = await RouterProcess.start({
    routes: routesYaml(sides, {
      certificates: inject('certificates'),
      domains: ['blocked.example.com'],
      routes: [`{ to: microsoft, pattern: blocked.example.com, next-hop: ${sides.microsoft}, block: true }`],
    }),
  });
});
afterAll(() => router?.stop());

const openSides = (transport: Transport) =>
  Promise.all(
    (['cisco', 'microsoft'] as const).map((side) =>
      openEnd({ transport, port: portOf(transport), address: sides[side], credentials: credentialsOf(side) }),
    ),
  );

test.each(['udp', 'tcp'] as const)(
  'a MESSAGE from an unknown peer over %s is refused with 403 and reaches no side',
  async (transport) => {
    const ends = await openSides(transport);
    try {
      const stranger = { from: 'cisco', address: sides.stranger, near: transport, far: transport } as const;
      await expectAnswer({ sides, ...stranger, client: 'uac-message-expect-403' });
      expect(ends.flatMap(({ inbox }) => inbox)).toEqual([]);
    } finally {
      await Promise.all(ends.map((end) => end.close()));
    }
  },
);

test('an unknown peer over tls, where a certificate is required, is closed before a word of it is read', async () => {
  const ends = await openSides('tls');
  const to = { address: sides.router, port: portOf('tls') };
  const stranger = await openEnd({
    transport: 'tls',
    address: sides.stranger,
    to,
    credentials: credentialsOf('cisco'),
  });
  try {
    stranger.send(
      requestText({
        method: 'MESSAGE',
        uri: 'sip:bob@tls.example.com',
        via: [`${stranger.via};branch=${newBranch()}`],
      }),
    );
    await until(() => stranger.isClosed);
    const refused = await until(() => router.logLines.find(({ event }) => event === 'peer-refused'));
    expect(refused).toMatchObject({ code: 'access-denied', direction: 'in', names: 'imp1.example.com' });
    expect([stranger, ...ends].flatMap(({ inbox }) => inbox)).toEqual([]);
  } finally {
    await Promise.all([stranger, ...ends].map((end) => end.close()));
  }
});

test('a MESSAGE that matches a blocked route is refused with 403 (Cisco: Block Route)', async () => {
  const blocked = { from: 'cisco', domain: 'blocked.example.com', near: 'tcp', far: 'tcp' } as const;
  await expectAnswer({ sides, ...blocked, client: 'uac-message-expect-403' });
});
