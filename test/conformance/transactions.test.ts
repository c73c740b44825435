/** Transactions: what is repeated, absorbed, timed out and never said (RFC 3261 §17, RFC 4320, RFC 6026). */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { newBranch, type RawMessage, responseText } from '../support/raw-message.ts';
import { type Check, conformance } from './check.ts';
import { contactAt, Talk } from './talk.ts';

const branchOf = (message: RawMessage): string | undefined => /;branch=([^;]+)/.exec(message.header('Via') ?? '')?.[1];

const checks: readonly Check[] = [
  {
    id: 'TX-1',
    rfc: 3261,
    section: '17.2.2, 16.6',
    level: 'MUST',
    title: 'copies of a MESSAGE over UDP reach the callee once, and after the answer each gets the same 200',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const sent = talk.ask('MESSAGE');
      talk.send(sent);
      talk.send(sent);
      const forwarded = await talk.arrived('MESSAGE');
      await talk.nothingAt(talk.callee, 'MESSAGE', 100);
      forwarded.reply(responseText(forwarded, 200));
      const first = await talk.answer(200);
      talk.send(sent);
      expect((await talk.answer(200)).text).toBe(first.text);
      await talk.nothingAt(talk.callee, 'MESSAGE', 100);
    },
  },
  {
    id: 'TX-2',
    rfc: 3261,
    section: '17.2.1',
    level: 'MUST',
    title: 'a retransmitted INVITE is absorbed and answered with the last provisional response',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const sent = talk.ask('INVITE', { headers: [contactAt(world.cisco.udp)] });
      const forwarded = await talk.arrived('INVITE');
      await talk.answer(100);
      talk.send(sent);
      await talk.answer(100);
      forwarded.reply(responseText(forwarded, 183, { toTag: 'early', body: 'v=0' }));
      const early = await talk.answer(183);
      talk.send(sent);
      expect((await talk.answer(183)).text).toBe(early.text);
      await talk.nothingAt(talk.callee, 'INVITE', 100);
    },
  },
  ...(['udp', 'tcp', 'tls'] as const).map(
    (by, index): Check => ({
      id: `TX-3.${index + 1}`,
      rfc: 3261,
      section: '17.2.1, 16.2',
      level: 'MUST',
      title: `an INVITE over ${by} gets 100 within 200 ms, without a To tag of ours`,
      async run(world) {
        const talk = await Talk.open(world, { by });
        const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco[by])] });
        const trying = await talk.answer(100, 300);
        expect(trying.headers('Via')).toEqual(invite.headers('Via'));
        expect(trying.header('To')).toBe(invite.header('To'));
        for (const name of ['From', 'Call-ID', 'CSeq']) expect(trying.headers(name)).toEqual(invite.headers(name));
      },
    }),
  ),
  {
    id: 'TX-3.4',
    rfc: 3261,
    section: '16.7(5)',
    level: 'MUST',
    title: 'a 100 of the callee is not relayed',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const forwarded = await talk.arrived('INVITE');
      await talk.answer(100);
      forwarded.reply(responseText(forwarded, 100, { headers: ['X-Callee: yes'] }));
      await talk.nothingAt(talk.asker, 100);
    },
  },
  {
    id: 'TX-3.5',
    rfc: 3261,
    section: '8.2.6.1',
    level: 'MUST',
    title: 'Timestamp is copied into the 100',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp), 'Timestamp: 54.123'] });
      expect((await talk.answer(100)).header('Timestamp')).toMatch(/^54\.123/);
    },
  },
  {
    id: 'TX-4',
    rfc: 4320,
    section: '4.1',
    level: 'MUST',
    title:
      'no 100 to a MESSAGE over UDP before Timer E would reach T2 (3.5 s), then a 100, and a late 200 still passes',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp', couple: 'slow.example.com' });
      const startMs = performance.now();
      const sent = talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      await pause(1000);
      talk.send(sent);
      const trying = await talk.at(talk.asker, () => true);
      const ms = performance.now() - startMs;
      expect(ms).toBeGreaterThanOrEqual(3_500);
      expect(ms).toBeLessThan(4_200);
      expect(trying.status).toBe(100);
      expect(trying.header('To')).toBe(sent.header('To'));
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'TX-4.1',
    rfc: 4320,
    section: '4.1',
    level: 'MUST',
    title: 'a 180 to a MESSAGE is not relayed: nothing but 100 may precede the final response',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      forwarded.reply(responseText(forwarded, 180));
      forwarded.reply(responseText(forwarded, 183));
      await talk.nothingAt(talk.asker, (message) => (message.status ?? 0) > 100);
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'TX-5',
    rfc: 3261,
    section: '17.1.2.2',
    level: 'MUST',
    title: 'a MESSAGE to a silent UDP hop is repeated after T1 and 2*T1, with the same branch',
    async run(world) {
      const talk = await Talk.open(world, { to: 'udp' });
      const startMs = performance.now();
      talk.ask('MESSAGE');
      const first = await talk.arrived('MESSAGE');
      for (const due of [500, 1500]) {
        const copy = await talk.arrived('MESSAGE', due + 400);
        expect(performance.now() - startMs).toBeGreaterThanOrEqual(due);
        expect(copy.text).toBe(first.text);
      }
      first.reply(responseText(first, 200));
      await talk.answer(200);
      await talk.heard(talk.callee, first.reply);
      await talk.nothingAt(talk.callee, 'MESSAGE', 2200);
    },
  },
  {
    id: 'TX-5.1',
    rfc: 3261,
    section: '17.1.1.2',
    level: 'MUST',
    title: 'an INVITE to a silent UDP hop is repeated (Timer A) until a provisional response comes',
    async run(world) {
      const talk = await Talk.open(world, { to: 'udp' });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const first = await talk.arrived('INVITE');
      expect((await talk.arrived('INVITE', 900)).text).toBe(first.text);
      first.reply(responseText(first, 100));
      await talk.heard(talk.callee, first.reply);
      await talk.nothingAt(talk.callee, 'INVITE', 1800);
    },
  },
  {
    id: 'TX-5.2',
    rfc: 3261,
    section: '17.1.1.2, 17.1.2.2',
    level: 'MUST',
    title: 'nothing is repeated over TCP',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'patient.example.com' });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      talk.ask('MESSAGE', { cseq: 2 });
      await talk.arrived('INVITE');
      await talk.arrived('MESSAGE');
      await talk.nothingAt(talk.callee, undefined, 1700);
    },
  },
  {
    id: 'TX-7',
    rfc: 3261,
    section: '17.2.3',
    level: 'MUST',
    title: 'the same branch from another sent-by is another transaction',
    async run(world) {
      const branch = newBranch();
      const talks = await Promise.all([Talk.open(world, { by: 'udp' }), Talk.open(world, { by: 'udp' })]);
      await Promise.all(talks.map((talk) => talk.exchange('MESSAGE', { via: [`${talk.asker.via};branch=${branch}`] })));
    },
  },
  {
    id: 'TX-8',
    rfc: 3261,
    section: '17.2.3',
    level: 'MUST',
    title: 'the same branch with another method is another transaction',
    async run(world) {
      const talk = await Talk.open(world);
      const via = [talk.via()];
      await talk.exchange('MESSAGE', { via });
      await talk.exchange('INFO', { via, cseq: 2 });
    },
  },
  {
    id: 'TX-9',
    rfc: 3261,
    section: '17.2.3',
    level: 'MUST',
    title: 'without the magic cookie, copies are known by Request-URI, tags, Call-ID, CSeq and Via',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const sent = talk.ask('MESSAGE', { via: [`${talk.asker.via};branch=1`] });
      talk.send(sent);
      const forwarded = await talk.arrived('MESSAGE');
      await talk.nothingAt(talk.callee, 'MESSAGE', 150);
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
      const { answer } = await talk.exchange('MESSAGE', { via: [`${talk.asker.via};branch=1`], cseq: 2 });
      expect(answer.header('CSeq')).toBe('2 MESSAGE');
    },
  },
  {
    id: 'TX-10',
    rfc: 3261,
    section: '17.2.2',
    level: 'MUST',
    title: "the router's own final answer is given again to a copy of the request, with the same To tag",
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const sent = talk.ask('MESSAGE', { maxForwards: 0 });
      const first = await talk.answer(483);
      talk.send(sent);
      expect((await talk.answer(483)).text).toBe(first.text);
    },
  },
  {
    id: 'TX-11',
    rfc: 3261,
    section: '17.1.2.2',
    level: 'MUST',
    title: 'a repeated final response of the callee is not relayed again',
    async run(world) {
      const talk = await Talk.open(world, { to: 'udp' });
      const { forwarded, reply } = await talk.exchange('MESSAGE');
      forwarded.reply(reply.text);
      forwarded.reply(responseText(forwarded, 500));
      await talk.nothingAt(talk.asker);
    },
  },
  {
    id: 'TX-12',
    rfc: 3261,
    section: '17.1.3',
    level: 'MUST',
    title: 'a response matches by branch and CSeq method: one with a wrong method is dropped',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      const reply = responseText(forwarded, 200);
      forwarded.reply(reply.replace('CSeq: 1 MESSAGE', 'CSeq: 1 INFO'));
      forwarded.reply(reply.replace(branchOf(forwarded)!, `${branchOf(forwarded)}x`));
      await talk.nothingAt(talk.asker);
      forwarded.reply(reply);
      await talk.answer(200);
    },
  },
  {
    id: 'TX-13',
    rfc: 6026,
    section: '7.2, 8.6',
    level: 'MUST',
    title: 'a 200 to an INVITE that nobody sent is dropped, not forwarded by its Via',
    async run(world) {
      const talk = await Talk.open(world);
      const server = await world.asker('tcp', { host: 'microsoft' });
      const victim = world.cisco.tcp;
      const { forwarded } = await talk.exchange('MESSAGE');
      const own = (forwarded.header('Via') ?? '').replace(/branch=[^;]+/, `branch=${newBranch()}`);
      server.send(
        [
          'SIP/2.0 200 OK',
          `Via: ${own}`,
          `Via: ${victim.via};branch=${newBranch()}`,
          `From: <sip:alice@example.com>;tag=1`,
          'To: <sip:bob@example.com>;tag=2',
          `Call-ID: ${talk.callId}`,
          'CSeq: 1 INVITE',
          'Content-Length: 0',
          '\r\n',
        ].join('\r\n'),
      );
      await pause(200);
      expect(talk.waitingAt(victim)).toEqual([]);
    },
  },
];

conformance(
  'transactions',
  {
    block: 8,
    // The checks look at timers of one hop; the next hop shall not come into it.
    routing: { 'failover-after': '30s' },
    couples: [
      { domain: 'slow.example.com', port: 5101 },
      { domain: 'patient.example.com', port: 5102 },
    ],
  },
  checks,
);
