/** Pager-mode messages and OPTIONS over every pair of transports. */
import { afterAll, beforeAll, describe, inject, test } from 'vitest';
import type { Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { directions, expectAnswer, expectExchange } from './through-router.ts';

const sides = twoSides(10);
const transports: readonly Transport[] = ['udp', 'tcp', 'tls'];
const pairs = transports.flatMap((near) => transports.map((far) => [near, far] as const));

let router: RouterProcess;
beforeAll(async () => {
  router = await RouterProcess.start({ routes: routesYaml(sides, { certificates: inject('certificates') }) });
});
afterAll(() => router?.stop());

describe.each(directions)('from %s to %s', (from) => {
  test.each(pairs)('a MESSAGE goes over %s, then %s, and its 200 comes back', async (near, far) => {
    const scenarios = { client: 'uac-message-expect-200', server: 'uas-message-answer-200' };
    await expectExchange({ sides, from, near, far, ...scenarios });
  });

  test.each(transports)("OPTIONS to a user goes on to the user's server over %s", async (transport) => {
    const scenarios = { client: 'uac-options-expect-200', server: 'uas-options-answer-200' };
    await expectExchange({ sides, from, near: transport, far: transport, ...scenarios });
  });

  test.each(transports)('OPTIONS to the router itself over %s is answered by the router', async (transport) => {
    await expectAnswer({ sides, from, near: transport, far: transport, client: 'uac-options-router-expect-200' });
  });
});
