/** A user whom neither side knows: Microsoft's server sends the request back, and the router must end it. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startReturningServer } from '../support/returning-server.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { expectAnswer } from './through-router.ts';

const sides = twoSides(14);

let router: RouterProcess;
beforeAll(async () => {
  router = await RouterProcess.start({ routes: routesYaml(sides, { certificates: inject('certificates') }) });
});
afterAll(() => router?.stop());

describe.each(['udp', 'tcp'] as const)('over %s, in basic mode', (transport) => {
  test.each([
    ['adds its Via to the others', true],
    ['starts a transaction of its own', false],
  ])('a server that %s is told 482, and who asked is told 404 with ms-diagnostics 1003', async (_, keepsVia) => {
    const server = await startReturningServer({
      transport,
      at: { address: sides.microsoft, port: 5060 },
      router: { address: sides.router, port: 5060 },
      keepsVia,
    });
    try {
      const nobody = { user: 'nobody', calls: 2, client: 'uac-message-expect-404' };
      await expectAnswer({ sides, from: 'cisco', near: transport, far: transport, ...nobody });
      expect(server.answers.map(({ status }) => status)).toEqual([482, 482]);
      expect(server.received.map(({ method }) => method)).toEqual(['MESSAGE', 'MESSAGE']);
    } finally {
      await server.close();
    }
  });
});
