/** CANCEL: answered here, carried on hop by hop (RFC 3261 §9, §16.10). */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { newBranch, type RawMessage, requestText, responseText } from '../support/raw-message.ts';
import type { Received, Transport } from '../support/raw-sip.ts';
import { type Check, conformance } from './check.ts';
import { openDialog } from './dialog.ts';
import { contactAt, Talk, type TalkOptions } from './talk.ts';
import type { World } from './world.ts';

/** CANCEL as §9.1 makes it of the request that it is for. */
function cancel(talk: Talk, request: RawMessage): string {
  const text = requestText({
    method: 'CANCEL',
    uri: request.requestUri ?? '',
    via: request.headers('Via').slice(0, 1),
    from: request.header('From') ?? '',
    to: request.header('To') ?? '',
    callId: talk.callId,
    cseq: Number.parseInt(request.header('CSeq') ?? '', 10),
    headers: request.headers('Route').map((route) => `Route: ${route}`),
  });
  talk.send(text);
  return text;
}

const isFinalToCancel = (message: Received): boolean =>
  (message.status ?? 0) >= 200 && /CANCEL$/.test(message.header('CSeq') ?? '');

const branchOf = (message: RawMessage): string | undefined => /;branch=([^;]+)/.exec(message.header('Via') ?? '')?.[1];

async function ringing(world: World, options: TalkOptions = {}) {
  const talk = await Talk.open(world, options);
  const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
  const forwarded = await talk.arrived('INVITE');
  forwarded.reply(responseText(forwarded, 180, { toTag: 'ring' }));
  await talk.answer(180);
  return { talk, invite, forwarded };
}

async function cancelsARingingCall(world: World, by: Transport, to: Transport): Promise<void> {
  const { talk, invite, forwarded } = await ringing(world, { by, to });
  cancel(talk, invite);
  const ok = await talk.at(talk.asker, isFinalToCancel);
  expect(ok.status).toBe(200);
  expect(ok.headers('Via')).toEqual(invite.headers('Via'));
  const onward = await talk.arrived('CANCEL');
  expect(branchOf(onward)).toBe(branchOf(forwarded));
  onward.reply(responseText(onward, 200));
  forwarded.reply(responseText(forwarded, 487, { toTag: 'ring' }));
  talk.acknowledge(invite, await talk.answer(487));
  await talk.arrived('ACK');
}

const checks: readonly Check[] = [
  ...(['udp', 'tcp', 'tls'] as const).flatMap((by) =>
    (['udp', 'tcp', 'tls'] as const).map(
      (to, index): Check => ({
        id: `CAN-1.${['udp', 'tcp', 'tls'].indexOf(by) * 3 + index + 1}`,
        rfc: 3261,
        section: '16.10, 9.2',
        level: 'MUST',
        title: `a ringing call is cancelled from ${by} to ${to}: 200 from here, CANCEL to there, its 487 back`,
        run: (world) => cancelsARingingCall(world, by, to),
      }),
    ),
  ),
  {
    id: 'CAN-2',
    rfc: 3261,
    section: '9.1, 16.10',
    level: 'MUST',
    title: 'CANCEL waits for a provisional response',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'silent.example.com' });
      const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const forwarded = await talk.arrived('INVITE');
      cancel(talk, invite);
      await talk.at(talk.asker, isFinalToCancel);
      await talk.nothingAt(talk.callee, 'CANCEL', 600);
      forwarded.reply(responseText(forwarded, 180));
      const onward = await talk.arrived('CANCEL');
      expect(branchOf(onward)).toBe(branchOf(forwarded));
      onward.reply(responseText(onward, 200));
      forwarded.reply(responseText(forwarded, 487));
      await talk.answer(487);
      await talk.nothingAt(talk.callee, 'CANCEL', 50);
    },
  },
  {
    id: 'CAN-3',
    rfc: 3261,
    section: '9.1',
    level: 'MUST',
    title:
      'the CANCEL that goes on has the Request-URI, Call-ID, To, From, CSeq number and Route of the INVITE, and one Via',
    async run(world) {
      const { talk, invite, forwarded } = await ringing(world);
      cancel(talk, invite);
      const onward = await talk.arrived('CANCEL');
      expect(onward.requestUri).toBe(forwarded.requestUri);
      for (const name of ['To', 'From', 'Call-ID']) expect(onward.headers(name)).toEqual(forwarded.headers(name));
      expect(onward.header('CSeq')).toBe('1 CANCEL');
      expect(onward.headers('Via')).toEqual(forwarded.headers('Via').slice(0, 1));
      expect(onward.headers('Route')).toEqual(forwarded.headers('Route'));
      for (const name of ['Require', 'Proxy-Require']) expect(onward.headers(name)).toEqual([]);
      expect(Number(onward.header('Max-Forwards'))).toBeGreaterThan(0);
    },
  },
  {
    id: 'CAN-3.1',
    rfc: 3261,
    section: '9.1',
    level: 'MUST',
    title: 'CANCEL within a dialog carries the Route values of the re-INVITE',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      const { talk, caller } = dialog;
      const next = `<sip:${world.address('second')}:5060;transport=tcp;lr>`;
      const invite = talk.request('INVITE', {
        uri: caller.target,
        from: caller.from,
        to: caller.to,
        cseq: 2,
        headers: [...caller.routes, next].map((route) => `Route: ${route}`),
      });
      talk.send(invite);
      const forwarded = await talk.at(world.second.tcp, 'INVITE');
      forwarded.reply(responseText(forwarded, 180));
      await talk.answer(180);
      cancel(talk, invite);
      const onward = await talk.at(world.second.tcp, 'CANCEL');
      expect(onward.headers('Route')).toEqual([next]);
      expect(onward.requestUri).toBe(caller.target);
    },
  },
  {
    id: 'CAN-4',
    rfc: 3261,
    section: '9.1, 9.2',
    level: 'MUST',
    title: 'CANCEL after the final response gets 200 and goes no further',
    async run(world) {
      const { talk, invite, forwarded } = await ringing(world);
      forwarded.reply(responseText(forwarded, 200, { toTag: 'ring' }));
      await talk.answer(200);
      cancel(talk, invite);
      const answer = await talk.at(talk.asker, isFinalToCancel);
      expect([200, 481]).toContain(answer.status);
      await talk.nothingAt(talk.callee, 'CANCEL');
    },
  },
  {
    id: 'CAN-5',
    rfc: 3261,
    section: '9.1',
    level: 'SHOULD',
    title: 'CANCEL of a MESSAGE changes nothing: the MESSAGE is not cancelled and its 200 comes back',
    async run(world) {
      const talk = await Talk.open(world);
      const message = talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      cancel(talk, message);
      expect([200, 481]).toContain((await talk.at(talk.asker, isFinalToCancel)).status);
      await talk.nothingAt(talk.callee, 'CANCEL');
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'CAN-6',
    rfc: 3261,
    section: '16.10',
    level: 'MUST',
    title: 'CANCEL of an INVITE that nobody knows is never answered with 200 by us: it is forwarded or gets 481',
    async run(world) {
      const talk = await Talk.open(world);
      cancel(talk, talk.request('INVITE'));
      const seen = await Promise.race([talk.at(talk.asker, isFinalToCancel), talk.arrived('CANCEL')]);
      if (seen.method === undefined) expect(seen.status).toBe(481);
      else seen.reply(responseText(seen, 481));
    },
  },
  {
    id: 'CAN-7',
    rfc: 3261,
    section: '9.2, 8.2.6.2',
    level: 'MUST',
    title: 'the 200 to CANCEL copies From, Call-ID and CSeq, and its To has a tag',
    async run(world) {
      const { talk, invite } = await ringing(world);
      cancel(talk, invite);
      const ok = await talk.at(talk.asker, isFinalToCancel);
      expect(ok.header('From')).toBe(invite.header('From'));
      expect(ok.header('CSeq')).toBe('1 CANCEL');
      expect(ok.header('To')).toMatch(/;tag=./);
    },
  },
  {
    id: 'CAN-8',
    rfc: 3261,
    section: '17.2.2, 16.10',
    level: 'MUST',
    title: 'a CANCEL that is retransmitted over UDP gets its 200 again, and goes on once',
    async run(world) {
      const { talk, invite } = await ringing(world, { by: 'udp' });
      const text = cancel(talk, invite);
      const onward = await talk.arrived('CANCEL');
      onward.reply(responseText(onward, 200));
      talk.send(text);
      for (const _ of [1, 2]) expect((await talk.at(talk.asker, isFinalToCancel)).status).toBe(200);
      await talk.nothingAt(talk.callee, 'CANCEL');
    },
  },
  {
    id: 'CAN-9',
    rfc: 3261,
    section: '16.7(5), 9.1',
    level: 'MUST',
    title: 'a 200 that crosses the CANCEL is relayed, and its ACK goes through',
    async run(world) {
      const { talk, invite, forwarded } = await ringing(world);
      cancel(talk, invite);
      await talk.arrived('CANCEL');
      forwarded.reply(responseText(forwarded, 200, { toTag: 'ring', headers: [contactAt(talk.callee)] }));
      const answer = await talk.at(
        talk.asker,
        (message) => message.status === 200 && /INVITE$/.test(message.header('CSeq') ?? ''),
      );
      expect(answer.header('To')).toContain('tag=ring');
    },
  },
  {
    id: 'CAN-10',
    rfc: 3261,
    section: '16.10, 16.7',
    level: 'MUST',
    title: 'after a CANCEL no further hop is tried, whatever the first one answers',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'refusing.example.com' });
      const { second } = world.couple('refusing.example.com');
      const invite = talk.ask('INVITE');
      const forwarded = await talk.arrived('INVITE');
      forwarded.reply(responseText(forwarded, 100));
      await pause(100);
      cancel(talk, invite);
      await talk.at(talk.asker, isFinalToCancel);
      forwarded.reply(responseText(forwarded, 503));
      const final = await talk.answer();
      expect(final.status).toBeGreaterThanOrEqual(400);
      expect(final.status).not.toBe(503);
      await talk.nothingAt(second!, 'INVITE');
    },
  },
  {
    id: 'CAN-11',
    rfc: 3261,
    section: '9.2, 17.2.3',
    level: 'MUST',
    title: 'a CANCEL with another branch does not cancel the call',
    async run(world) {
      const { talk, invite, forwarded } = await ringing(world);
      const other = invite.text.replace(/INVITE/g, 'CANCEL').replace(/branch=[^;\r]+/, `branch=${newBranch()}`);
      talk.send(other);
      await pause(200);
      const cancelled = talk.waitingAt(
        talk.callee,
        (m) => m.method === 'CANCEL' && branchOf(m) === branchOf(forwarded),
      );
      expect(cancelled).toEqual([]);
      forwarded.reply(responseText(forwarded, 200, { toTag: 'ring' }));
      await talk.at(talk.asker, (m) => m.status === 200 && /INVITE$/.test(m.header('CSeq') ?? ''));
    },
  },
  {
    id: 'CAN-11.1',
    rfc: 3261,
    section: '9.2, 17.2.3',
    level: 'product',
    title: 'a CANCEL whose Via leaves out the usual port cancels, one with another port does not',
    async run(world) {
      const talk = await Talk.open(world);
      const via = [`SIP/2.0/TCP ${talk.asker.address}:5060;branch=${newBranch()}`];
      const invite = talk.ask('INVITE', { via, headers: [contactAt(world.cisco.tcp)] });
      const forwarded = await talk.arrived('INVITE');
      forwarded.reply(responseText(forwarded, 180, { toTag: 'ring' }));
      await talk.answer(180);
      const withPort = (port: string) =>
        invite.text.replace(/INVITE/g, 'CANCEL').replace(':5060;branch', `${port};branch`);
      talk.send(withPort(':5066'));
      const other = await talk.arrived('CANCEL');
      expect(branchOf(other)).not.toBe(branchOf(forwarded));
      other.reply(responseText(other, 481));
      expect((await talk.at(talk.asker, isFinalToCancel)).status).toBe(481);
      talk.send(withPort(''));
      expect(branchOf(await talk.arrived('CANCEL'))).toBe(branchOf(forwarded));
    },
  },
  {
    id: 'CAN-12',
    rfc: 3261,
    section: '9.2',
    level: 'MUST',
    title: 'responses to our CANCEL are not passed on: the asker gets one 200 only',
    async run(world) {
      const { talk, invite, forwarded } = await ringing(world);
      cancel(talk, invite);
      const onward = await talk.arrived('CANCEL');
      onward.reply(responseText(onward, 481));
      forwarded.reply(responseText(forwarded, 487));
      await talk.at(talk.asker, isFinalToCancel);
      await talk.answer(487);
      await talk.nothingAt(talk.asker, isFinalToCancel);
    },
  },
  {
    id: 'CAN-13',
    rfc: 3261,
    section: '9.2',
    level: 'MUST',
    title: 'a CANCEL finds its INVITE whatever Proxy-Require it carries: no 420 for a CANCEL',
    async run(world) {
      const { talk, invite } = await ringing(world);
      talk.send(
        invite.text.replace(/INVITE/g, 'CANCEL').replace('Max-Forwards', 'Proxy-Require: gabba\r\nMax-Forwards'),
      );
      await talk.arrived('CANCEL');
      expect((await talk.at(talk.asker, isFinalToCancel)).status).toBe(200);
    },
  },
  {
    id: 'CAN-15',
    rfc: 3261,
    section: '16.10, 9.1',
    level: 'MUST',
    title: 'an INVITE with its CANCEL right behind it in one segment ends with 487, and the callee is not left ringing',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'silent.example.com' });
      const invite = talk.request('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      talk.send(invite.text + invite.text.replace(/INVITE/g, 'CANCEL').replace(/Contact: .*\r\n/, ''));
      expect((await talk.at(talk.asker, isFinalToCancel)).status).toBe(200);
      const forwarded = await talk.arrived('INVITE');
      forwarded.reply(responseText(forwarded, 180));
      const onward = await talk.arrived('CANCEL');
      onward.reply(responseText(onward, 200));
      forwarded.reply(responseText(forwarded, 487));
      await talk.answer(487);
    },
  },
  {
    id: 'CAN-16',
    rfc: 3261,
    section: '9.2',
    level: 'SHOULD',
    title: 'CANCEL and the copies of its INVITE match whatever their Max-Forwards, header order and compact forms',
    async run(world) {
      const { talk, invite } = await ringing(world, { by: 'udp' });
      talk.send(
        [
          `CANCEL ${invite.requestUri} SIP/2.0`,
          'Max-Forwards: 9',
          'cseq: 1 CANCEL',
          `i: ${talk.callId}`,
          `t: ${invite.header('To')}`,
          `f: ${invite.header('From')}`,
          `v: ${invite.header('Via')}`,
          '\r\n',
        ].join('\r\n'),
      );
      await talk.arrived('CANCEL');
      expect((await talk.at(talk.asker, isFinalToCancel)).status).toBe(200);
    },
  },
];

conformance(
  'CANCEL',
  {
    block: 6,
    couples: [
      { domain: 'silent.example.com', port: 5101 },
      { domain: 'refusing.example.com', port: 5102 },
    ],
    routing: { 'failover-after': '3s' },
  },
  checks,
);
