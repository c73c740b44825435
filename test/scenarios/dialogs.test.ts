/** What lives longer than one request: subscriptions, session-mode IM, and calls that are given up. */
import { afterAll, beforeAll, describe, inject, test } from 'vitest';
import type { Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { directions, expectExchange } from './through-router.ts';

const sides = twoSides(11);
const pairs: readonly (readonly [near: Transport, far: Transport])[] = [
  ['udp', 'udp'],
  ['tcp', 'tcp'],
  ['tls', 'tls'],
  ['tls', 'tcp'],
  ['tcp', 'tls'],
  ['udp', 'tcp'],
  ['tls', 'udp'],
];

let router: RouterProcess;
beforeAll(async () => {
  router = await RouterProcess.start({ routes: routesYaml(sides, { certificates: inject('certificates') }) });
});
afterAll(() => router?.stop());

describe.each(directions)('from %s to %s', (from) => {
  describe.each(pairs)('over %s, then %s', (near, far) => {
    test('a subscription is made, refreshed and ended; each NOTIFY comes back through the router (RFC 6665)', async () => {
      const scenarios = { client: 'uac-subscribe-expect-notify', server: 'uas-subscribe-send-notify' };
      await expectExchange({ sides, from, near, far, ...scenarios });
    });

    test('session-mode IM: INVITE, INFO, MESSAGE both ways, BYE', async () => {
      const scenarios = { client: 'uac-session-im-expect-200', server: 'uas-session-im-answer-200' };
      await expectExchange({ sides, from, near, far, ...scenarios });
    });

    test('a ringing INVITE is cancelled: 200 for the CANCEL, 487 for the INVITE (RFC 3261 §16.10)', async () => {
      const scenarios = { client: 'uac-cancel-expect-487', server: 'uas-cancel-answer-487' };
      await expectExchange({ sides, from, near, far, ...scenarios });
    });

    test('BENOTIFY arrives and is answered by nobody (MS-SIP 3.5)', async () => {
      const scenarios = { client: 'uac-subscribe-expect-benotify', server: 'uas-subscribe-send-benotify' };
      await expectExchange({ sides, from, near, far, ...scenarios });
    });
  });
});
