/** The router between two sides that are Kamailio, with user agents that are SIPp: nobody in the path but us is ours. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { directions } from '../scenarios/through-router.ts';
import { sippVersion } from '../support/sipp.ts';
import { type Kamailio, kamailioVersion } from './kamailio/kamailio.ts';
import {
  expectAnswer,
  expectFlow,
  type Servers,
  sides,
  sippOver,
  startServers,
  startSide,
  transports,
} from './kamailio/through-kamailio.ts';

const programs = `${kamailioVersion()} on both sides, ${sippVersion()} beyond`;
console.info(`met: ${programs}`);

let servers: Servers;
beforeAll(async () => {
  servers = await startServers(sippOver);
});
afterAll(() => servers?.stop());

const flows = [
  ['a MESSAGE is delivered, and its 200 comes back', 'uac-message-expect-200', 'uas-message-answer-200-behind-proxies'],
  [
    'a subscription is made, refreshed and ended, with a NOTIFY each time, in its dialog (RFC 6665)',
    'uac-subscribe-expect-notify',
    'uas-subscribe-send-notify',
  ],
  ['session-mode IM: INVITE, INFO, MESSAGE both ways, BYE', 'uac-session-im-expect-200', 'uas-session-im-answer-200'],
  [
    'a ringing INVITE is cancelled at the recipient: 200 for the CANCEL, 487 for the INVITE (RFC 3261 §16.10)',
    'uac-cancel-expect-487',
    'uas-cancel-answer-487',
  ],
] as const;

describe(programs, () => {
  describe.each(directions)('from %s to %s', (from) => {
    describe.each(transports)('over %s', (over) => {
      test.each(flows)('%s', async (_, client, server) => {
        await expectFlow({ from, over, client, server });
      });

      test('a user whom the other side sends back is told of by 404 with ms-diagnostics 1003', async () => {
        await expectAnswer({ from, over, client: 'uac-message-expect-404', user: 'nobody' });
      });
    });
  });

  // Last, because the first pool stays away.
  describe('the first Microsoft pool is gone, with its connections', () => {
    let second: Kamailio;
    beforeAll(async () => {
      const wish = { side: 'microsoft', certificate: 'fe2', address: sides.microsoft2, agentOver: sippOver } as const;
      [second] = await Promise.all([startSide(wish), servers.microsoft.stop()]);
    });
    afterAll(() => second?.stop());

    describe.each(transports)('over %s', (over) => {
      test.each(flows)('%s', async (_, client, server) => {
        await expectFlow({ from: 'cisco', over, client, server });
      });
    });
  });
});
