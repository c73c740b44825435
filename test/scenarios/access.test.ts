/** Who is not in the access list is refused, and reaches nobody. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { openEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { credentialsOf, expectAnswer } from './through-router.ts';

const sides = twoSides(13);
const transports: readonly Transport[] = ['udp', 'tcp', 'tls'];

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

test.each(transports)(
  'a MESSAGE from an unknown peer over %s is refused with 403 and reaches no side',
  async (transport) => {
    const listen = { transport, port: portOf(transport) } as const;
    const ends = await Promise.all([
      openEnd({ ...listen, address: sides.cisco, credentials: credentialsOf('cisco') }),
      openEnd({ ...listen, address: sides.microsoft, credentials: credentialsOf('microsoft') }),
    ]);
    try {
      const stranger = { from: 'cisco', address: sides.stranger, near: transport, far: transport } as const;
      await expectAnswer({ sides, ...stranger, client: 'uac-message-expect-403' });
      expect(ends.flatMap(({ inbox }) => inbox)).toEqual([]);
    } finally {
      await Promise.all(ends.map((end) => end.close()));
    }
  },
);

test('a MESSAGE that matches a blocked route is refused with 403 (Cisco: Block Route)', async () => {
  const blocked = { from: 'cisco', domain: 'blocked.example.com', near: 'tcp', far: 'tcp' } as const;
  await expectAnswer({ sides, ...blocked, client: 'uac-message-expect-403' });
});
