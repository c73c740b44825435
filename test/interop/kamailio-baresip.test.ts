/** The router between two sides that are Kamailio, with baresip as the user agent of each: nobody in the path but us is ours. */
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { directions, type Side } from '../scenarios/through-router.ts';
import { domainOf } from '../support/two-sides.ts';
import { type Baresip, baresipVersion, startBaresip } from './kamailio/baresip.ts';
import { kamailioVersion } from './kamailio/kamailio.ts';
import {
  agents,
  otherSide,
  type Servers,
  sides,
  startServers,
  transports,
  users,
} from './kamailio/through-kamailio.ts';

const programs = `${kamailioVersion()} on both sides, ${baresipVersion()} beyond`;
console.info(`met: ${programs}`);

let servers: Servers;
beforeAll(async () => {
  servers = await startServers('udp');
});
afterAll(() => servers?.stop());

const agentOf = (side: Side, domain: string): Promise<Baresip> =>
  startBaresip({
    address: agents[side],
    self: `${users[side]}@${domain}`,
    contact: `${users[otherSide(side)]}@${domain}`,
    server: sides[side],
  });

describe.each(transports)(`${programs}, over %s`, (over) => {
  const domain = domainOf(over);
  let started: Record<Side, Baresip>;
  beforeAll(async () => {
    const [cisco, microsoft] = await Promise.all([agentOf('cisco', domain), agentOf('microsoft', domain)]);
    started = { cisco, microsoft };
  });
  afterAll(() => Promise.all([started?.cisco.stop(), started?.microsoft.stop()]));

  describe.each(directions)('from %s to %s', (from, to) => {
    const ends = (): { caller: Baresip; callee: Baresip } => {
      const { [from]: caller, [to]: callee } = started;
      onTestFailed(() => console.error(caller.output, callee.output));
      return { caller, callee };
    };

    test('who has subscribed is notified of each change of presence (RFC 3856)', async () => {
      const { caller, callee } = ends();
      callee.command('presence_offline');
      await caller.received(/^NOTIFY /, /<basic>closed</);
      callee.command('presence_online');
      await caller.received(/^NOTIFY /, /<basic>open</);
    });

    test('a MESSAGE arrives as it was written', async () => {
      const { caller, callee } = ends();
      caller.command('message', 'Hello, is this on?');
      expect(await callee.received(/^MESSAGE /)).toMatch(/\n\r?\nHello, is this on\?$/);
      await caller.received(/^SIP\/2.0 200 /, /^CSeq: \d+ MESSAGE/m);
    });

    test('a call is set up, held and resumed by re-INVITE, and ended by the callee', async () => {
      const { caller, callee } = ends();
      caller.command('dial', `sip:${users[to]}@${domain}`);
      await caller.event('CALL_RINGING');
      callee.command('accept');
      await Promise.all([caller.event('CALL_ESTABLISHED'), callee.event('CALL_ESTABLISHED')]);
      caller.command('hold');
      await callee.received(/^INVITE /, /^To: .*;tag=/m, /^a=sendonly/m);
      await caller.received(/^SIP\/2.0 200 /, /^CSeq: \d+ INVITE/m, /^a=recvonly/m);
      caller.command('resume');
      await callee.received(/^INVITE /, /^To: .*;tag=/m, /^a=sendrecv/m);
      await caller.received(/^SIP\/2.0 200 /, /^CSeq: \d+ INVITE/m, /^a=sendrecv/m);
      callee.command('hangup');
      await caller.event('CALL_CLOSED');
      await callee.received(/^SIP\/2.0 200 /, /^CSeq: \d+ BYE/m);
    });

    test('a ringing call is given up: CANCEL arrives, and 487 comes back (RFC 3261 §9)', async () => {
      const { caller, callee } = ends();
      caller.command('dial', `sip:${users[to]}@${domain}`);
      await caller.event('CALL_RINGING');
      caller.command('hangup');
      await callee.received(/^CANCEL /);
      await Promise.all([caller.event('CALL_CLOSED'), callee.event('CALL_CLOSED')]);
      await caller.received(/^SIP\/2.0 487 /);
    });

    test('a user whom the other side sends back is told of by 404 with ms-diagnostics 1003', async () => {
      const { caller } = ends();
      caller.command('dial', `sip:nobody@${domain}`);
      expect(await caller.received(/^SIP\/2.0 404 /)).toMatch(/^ms-diagnostics: 1003;/m);
      expect(await caller.event('CALL_CLOSED')).toMatchObject({ param: '404 Not Found' });
    });
  });
});
