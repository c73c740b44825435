/** Ends of patience. T1 is 100 ms here, so that 64*T1 is 6.4 s and not 32. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { responseText } from '../support/raw-message.ts';
import { type Check, conformance } from './check.ts';
import { contactAt, Talk } from './talk.ts';

const checks: readonly Check[] = [
  ...(['udp', 'tcp'] as const).map(
    (to, index): Check => ({
      id: `TX-6.${index + 1}`,
      rfc: 4320,
      section: '4.2',
      level: 'MUST',
      title: `a MESSAGE that nobody answers over ${to} gets no 408: nothing at all`,
      async run(world) {
        const talk = await Talk.open(world, { by: 'udp', to });
        talk.ask('MESSAGE');
        await talk.nothingAt(talk.asker, (message) => (message.status ?? 0) >= 200, 9000);
      },
    }),
  ),
  {
    id: 'TX-6.3',
    rfc: 4320,
    section: '4.2',
    level: 'MUST',
    title: 'an answer to a MESSAGE that comes after the transaction has ended is not forwarded',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp', to: 'tls' });
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      await talk.nothingAt(talk.asker, (message) => (message.status ?? 0) >= 200, 8500);
      forwarded.reply(responseText(forwarded, 200));
      await talk.nothingAt(talk.asker, 200);
    },
  },
  {
    id: 'TX-14',
    rfc: 3261,
    section: '16.8, 17.1.1.2',
    level: 'MUST',
    title: 'an INVITE that no hop answers ends with 408 after Timer B, over UDP after seven copies at most',
    async run(world) {
      const talk = await Talk.open(world, { to: 'udp' });
      const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      talk.acknowledge(invite, await talk.answer(408, 9000));
      // The seventh falls due only 100 ms before Timer B.
      expect([6, 7]).toContain(talk.waitingAt(talk.callee, 'INVITE').length);
    },
  },
  {
    id: 'TX-15',
    rfc: 3261,
    section: '17.1.2.2',
    level: 'MUST',
    title: 'Timer E doubles up to T2: a silent UDP hop sees eleven copies of a MESSAGE at most',
    async run(world) {
      const talk = await Talk.open(world, { by: 'tcp', to: 'udp' });
      talk.ask('MESSAGE');
      await talk.nothingAt(talk.asker, (message) => (message.status ?? 0) >= 200, 7500);
      // The eleventh falls due only 100 ms before Timer F.
      expect([10, 11]).toContain(talk.waitingAt(talk.callee, 'MESSAGE').length);
    },
  },
  {
    id: 'TX-16',
    rfc: 3261,
    section: '17.2.1',
    level: 'MUST',
    title: 'a 486 over UDP that is never acknowledged is repeated until Timer H ends it',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      await talk.exchange('INVITE', { headers: [contactAt(world.cisco.udp)] }, 486);
      await pause(7500);
      const seen = talk.waitingAt(talk.asker, 486).length;
      expect(seen).toBeGreaterThanOrEqual(8);
      await pause(1500);
      expect(talk.waitingAt(talk.asker, 486)).toHaveLength(seen);
    },
  },
  {
    id: 'CAN-14',
    rfc: 3261,
    section: '9.1',
    level: 'MUST',
    title: 'a call that was cancelled while ringing, and never ended by the callee, ends with 487 after 64*T1',
    async run(world) {
      const talk = await Talk.open(world);
      const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const forwarded = await talk.arrived('INVITE');
      forwarded.reply(responseText(forwarded, 180));
      await talk.answer(180);
      talk.send(invite.text.replace(/INVITE/g, 'CANCEL').replace(/Contact: .*\r\n/, ''));
      const cancel = await talk.arrived('CANCEL');
      cancel.reply(responseText(cancel, 200));
      await talk.at(talk.asker, (message) => message.status === 487, 9000);
    },
  },
];

conformance(
  'timeouts',
  {
    block: 17,
    timers: { t1: '100ms', t2: '800ms' },
    routing: { 'failover-after': '30s' },
  },
  checks,
);
