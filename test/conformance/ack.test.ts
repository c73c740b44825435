/** ACK: hop by hop after a refusal, end to end after a 2xx (RFC 3261 §13.2.2.4, §17.1.1.3, RFC 6026). */
import { expect } from 'vitest';
import { newBranch, type RawMessage, requestText, responseText } from '../support/raw-message.ts';
import { type Check, conformance } from './check.ts';
import { openDialog, requestWithin } from './dialog.ts';
import { contactAt, Talk, type TalkOptions } from './talk.ts';
import type { World } from './world.ts';

const branchOf = (message: RawMessage): string | undefined => /;branch=([^;]+)/.exec(message.header('Via') ?? '')?.[1];

async function refused(world: World, status: number, options: TalkOptions = {}) {
  const talk = await Talk.open(world, options);
  const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
  const forwarded = await talk.arrived('INVITE');
  const refusal = responseText(forwarded, status, { toTag: 'refused', headers: ['Contact: <sip:x@example.net>'] });
  forwarded.reply(refusal);
  return { talk, invite, forwarded, refusal, answer: await talk.answer(status) };
}

const checks: readonly Check[] = [
  ...(['udp', 'tcp', 'tls'] as const).map(
    (to, index): Check => ({
      id: `ACK-1.${index + 1}`,
      rfc: 3261,
      section: '17.1.1.3, 16.7(10)',
      level: 'MUST',
      title: `a 486 that came over ${to} is acknowledged by us, and the ACK of the asker goes no further`,
      async run(world) {
        const { talk, invite, forwarded, answer } = await refused(world, 486, { to });
        talk.acknowledge(invite, answer);
        const ack = await talk.arrived('ACK');
        expect(ack.headers('Via')).toHaveLength(1);
        expect(branchOf(ack)).toBe(branchOf(forwarded));
        expect(ack.header('To')).toContain(';tag=refused');
        expect(ack.requestUri).toBe(forwarded.requestUri);
        expect(ack.header('CSeq')).toBe('1 ACK');
        for (const name of ['From', 'Call-ID']) expect(ack.headers(name)).toEqual(forwarded.headers(name));
        await talk.nothingAt(talk.callee, 'ACK');
      },
    }),
  ),
  {
    id: 'ACK-1.4',
    rfc: 3261,
    section: '17.1.1.3',
    level: 'MUST',
    title: 'final responses of each class from 3xx to 6xx are acknowledged hop by hop',
    async run(world) {
      for (const status of [302, 404, 501, 603]) {
        const { talk } = await refused(world, status);
        await talk.arrived('ACK');
      }
    },
  },
  {
    id: 'ACK-1.5',
    rfc: 3261,
    section: '17.1.1.3',
    level: 'MUST',
    title: 'our ACK carries the Route values of the INVITE that we sent',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      const { talk, caller } = dialog;
      const next = `<sip:${world.address('second')}:5060;transport=tcp;lr>`;
      caller.out.send(requestWithin(dialog, caller, 'INVITE', { routes: [...caller.routes, next] }));
      const forwarded = await talk.at(world.second.tcp, 'INVITE');
      forwarded.reply(responseText(forwarded, 488));
      await talk.answer(488);
      const ack = await talk.at(world.second.tcp, 'ACK');
      expect(ack.headers('Route')).toEqual([next]);
      expect(ack.requestUri).toBe(caller.target);
    },
  },
  {
    id: 'ACK-2',
    rfc: 6026,
    section: '7, 8.4; 3261 §13.2.2.4',
    level: 'MUST',
    title: 'every retransmitted 200 passes, every ACK to it goes end to end, and we make none',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp', to: 'udp' });
      const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.udp)] });
      const forwarded = await talk.arrived('INVITE');
      const ok = responseText(forwarded, 200, { toTag: 'ok', headers: [contactAt(talk.callee)] });
      for (const _ of [1, 2, 3]) {
        forwarded.reply(ok);
        const answer = await talk.answer(200);
        talk.send(
          requestText({
            method: 'ACK',
            uri: `sip:${talk.callee.address}:5060;transport=udp`,
            via: [talk.via()],
            from: invite.header('From')!,
            to: answer.header('To')!,
            callId: talk.callId,
            headers: answer.headers('Record-Route').map((route) => `Route: ${route}`),
          }),
        );
        expect((await talk.arrived('ACK')).headers('Via')).toHaveLength(2);
      }
      await talk.nothingAt(talk.callee, 'ACK');
    },
  },
  {
    id: 'ACK-2.1',
    rfc: 3261,
    section: '16.11, 13.2.2.4',
    level: 'MUST',
    title: 'the branch of a forwarded ACK to a 2xx is not that of the INVITE',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      dialog.caller.out.send(requestWithin(dialog, dialog.caller, 'ACK'));
      const ack = await dialog.talk.at(dialog.callee.at, 'ACK');
      expect(branchOf(ack)).toMatch(/^z9hG4bK/);
      expect(branchOf(ack)).not.toBe(branchOf(dialog.forwarded));
    },
  },
  {
    id: 'ACK-3',
    rfc: 3261,
    section: '17.1.1.2',
    level: 'MUST',
    title: 'a retransmitted 486 over UDP is acknowledged again and not relayed again',
    async run(world) {
      const { talk, invite, forwarded, refusal, answer } = await refused(world, 486, { by: 'tcp', to: 'udp' });
      talk.acknowledge(invite, answer);
      await talk.arrived('ACK');
      for (const _ of [1, 2]) {
        forwarded.reply(refusal);
        await talk.arrived('ACK');
      }
      await talk.nothingAt(talk.asker, 486);
    },
  },
  {
    id: 'ACK-4',
    rfc: 3261,
    section: '17.2.1',
    level: 'MUST',
    title: 'a 486 over UDP is repeated (Timer G) until the ACK comes, and no longer',
    async run(world) {
      const { talk, invite, answer } = await refused(world, 486, { by: 'udp' });
      await talk.answer(486, 800);
      await talk.answer(486, 1400);
      talk.acknowledge(invite, answer);
      await talk.heard();
      await talk.nothingAt(talk.asker, 486, 2500);
    },
  },
  {
    id: 'ACK-4.1',
    rfc: 3261,
    section: '17.2.1',
    level: 'MUST',
    title: 'a 486 over TCP is sent once',
    async run(world) {
      const { talk } = await refused(world, 486, { by: 'tcp' });
      await talk.nothingAt(talk.asker, 486, 1200);
    },
  },
  {
    id: 'ACK-4.2',
    rfc: 3261,
    section: '17.2.1',
    level: 'MUST',
    title: "the router's own refusal of an INVITE over UDP is repeated until its ACK, which goes no further",
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const invite = talk.ask('INVITE', { maxForwards: 0 });
      const refusal = await talk.answer(483);
      await talk.answer(483, 800);
      talk.acknowledge(invite, refusal);
      await talk.heard();
      await talk.nothingAt(talk.asker, 483, 1500);
      await talk.reachedNobody();
    },
  },
  {
    id: 'ACK-5',
    rfc: 3261,
    section: '17, 8.2',
    level: 'MUST',
    title: 'a stray ACK is never answered, whether anything can be done with it or not',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      for (const uri of [talk.uri, 'sip:bob@stranger.example.net', 'gopher:x', `sip:${world.address('router')}`]) {
        talk.ask('ACK', { uri });
      }
      talk.send(`ACK ${talk.uri} SIP/2.0\r\nVia: ${talk.via()}\r\nCall-ID: ${talk.callId}\r\n\r\n`);
      await talk.nothingAt(talk.asker);
    },
  },
  {
    id: 'ACK-6',
    rfc: 6026,
    section: '7.1',
    level: 'MUST',
    title: 'the INVITE retransmitted after its 200 is absorbed (Accepted), not forwarded anew',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp', to: 'tcp' });
      const via = [`${talk.asker.via};branch=${newBranch()}`];
      const { sent } = await talk.exchange('INVITE', { via, headers: [contactAt(world.cisco.udp)] });
      talk.send(sent);
      talk.send(sent);
      await talk.nothingAt(talk.callee, 'INVITE');
    },
  },
  {
    id: 'ACK-7',
    rfc: 3261,
    section: '17.1.1.3',
    level: 'MUST',
    title: 'an ACK for our own refusal matches by branch even with another Max-Forwards and header order',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const invite = talk.ask('INVITE', { uri: 'gopher:x', to: `<${talk.uri}>` });
      const refusal = await talk.answer(416);
      talk.send(
        [
          'ACK gopher:x SIP/2.0',
          `CSeq: 1 ACK`,
          `To: ${refusal.header('To')}`,
          `From: ${invite.header('From')}`,
          'Max-Forwards: 12',
          `Call-ID: ${talk.callId}`,
          `v: ${invite.header('Via')}`,
          '\r\n',
        ].join('\r\n'),
      );
      await talk.heard();
      await talk.nothingAt(talk.asker, 416, 1200);
    },
  },
];

conformance('ACK', { block: 7 }, checks);
