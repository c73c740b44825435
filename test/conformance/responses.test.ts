/** Responses: which are relayed, which are chosen, which are dropped (RFC 3261 §16.7, RFC 4320 §4.2, RFC 6026). */
import { expect } from 'vitest';
import { newBranch, RawMessage, requestText, responseText } from '../support/raw-message.ts';
import type { Received } from '../support/raw-sip.ts';
import { type Check, conformance, expectResponseUntouched } from './check.ts';
import { contactAt, Talk } from './talk.ts';
import type { World } from './world.ts';

async function called(world: World) {
  const talk = await Talk.open(world);
  const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
  return { talk, invite, forwarded: await talk.arrived('INVITE') };
}

/** A reply that must be dropped comes first, the right one after it: only that may reach the asker. */
async function dropped(world: World, spoil: (reply: string, forwarded: Received) => string): Promise<void> {
  const talk = await Talk.open(world);
  talk.ask('MESSAGE');
  const forwarded = await talk.arrived('MESSAGE');
  const reply = responseText(forwarded, 200, { headers: ['X-Which: right'] });
  forwarded.reply(spoil(responseText(forwarded, 200, { headers: ['X-Which: wrong'] }), forwarded));
  forwarded.reply(reply);
  expect((await talk.answer()).header('X-Which')).toBe('right');
}

const relayedFinals = [202, 299, 300, 302, 400, 403, 404, 415, 480, 481, 486, 488, 500, 501, 513, 580, 600, 606, 699];

const tagOf = (message: RawMessage): string | undefined => /;tag=([^;]+)/.exec(message.header('To') ?? '')?.[1];

const checks: readonly Check[] = [
  {
    id: 'RSP-1',
    rfc: 3261,
    section: '16.7(5)',
    level: 'MUST',
    title: 'provisional responses are relayed in order with their bodies and fields, then the 200',
    async run(world) {
      const { talk, forwarded } = await called(world);
      const replies = [
        responseText(forwarded, 180, { toTag: 'a', headers: ['X-Ring: 1', 'Alert-Info: <http://example.com/r>'] }),
        responseText(forwarded, 183, { toTag: 'a', headers: ['Content-Type: application/sdp'], body: 'v=0\r\n' }),
        responseText(forwarded, 182, { toTag: 'a', reason: 'Queued, 2 ahead' }),
        responseText(forwarded, 200, { toTag: 'a', headers: [contactAt(talk.callee)] }),
      ];
      for (const reply of replies) forwarded.reply(reply);
      const seen: Received[] = [];
      for (const _ of replies) seen.push(await talk.at(talk.asker, (message) => (message.status ?? 0) > 100));
      expect(seen.map(({ status }) => status)).toEqual([180, 183, 182, 200]);
      expect(seen[1]?.body).toBe('v=0\r\n');
      expect(seen[0]?.header('X-Ring')).toBe('1');
    },
  },
  {
    id: 'RSP-1.1',
    rfc: 3261,
    section: '16.7(5)',
    level: 'MUST',
    title: 'every provisional response from 101 to 199 is relayed, known or not',
    async run(world) {
      const { talk, forwarded } = await called(world);
      for (const status of [101, 150, 181, 199]) {
        forwarded.reply(responseText(forwarded, status, { toTag: 'a' }));
        await talk.answer(status);
      }
    },
  },
  {
    id: 'RSP-1.2',
    rfc: 3261,
    section: '16.7(5)',
    level: 'MUST',
    title: 'provisional responses of several forks, with their own To tags, all pass',
    async run(world) {
      const { talk, forwarded } = await called(world);
      for (const tag of ['one', 'two', 'three']) {
        forwarded.reply(responseText(forwarded, 180, { toTag: tag }));
        expect(tagOf(await talk.answer(180))).toBe(tag);
      }
    },
  },
  {
    id: 'RSP-1.3',
    rfc: 3261,
    section: '16.7(5)',
    level: 'MUST',
    title: 'a second 200 to INVITE from another fork is relayed too',
    async run(world) {
      const { talk, forwarded } = await called(world);
      for (const tag of ['one', 'two']) {
        forwarded.reply(responseText(forwarded, 200, { toTag: tag, headers: [contactAt(talk.callee)] }));
        expect(tagOf(await talk.answer(200))).toBe(tag);
      }
    },
  },
  {
    id: 'RSP-2',
    rfc: 3261,
    section: '16.7(6)',
    level: 'SHOULD',
    title: '503 of every hop is not handed upstream: 500 is',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'overloaded.example.com' });
      const { first, second } = world.couple('overloaded.example.com');
      talk.ask('MESSAGE');
      for (const hop of [first!, second!]) {
        const forwarded = await talk.at(hop, 'MESSAGE');
        forwarded.reply(responseText(forwarded, 503, { headers: ['Retry-After: 10'] }));
      }
      expect((await talk.answer()).status).toBe(500);
    },
  },
  {
    id: 'RSP-2.1',
    rfc: 3261,
    section: '16.7(6), 17.1.1.3',
    level: 'SHOULD',
    title: '503 to an INVITE is acknowledged at each hop, and leaves as 500',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'overloaded2.example.com' });
      const { first, second } = world.couple('overloaded2.example.com');
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      for (const hop of [first!, second!]) {
        const forwarded = await talk.at(hop, 'INVITE');
        forwarded.reply(responseText(forwarded, 503));
        await talk.at(hop, 'ACK');
      }
      expect((await talk.answer()).status).toBe(500);
    },
  },
  {
    id: 'RSP-3',
    rfc: 3261,
    section: '16.7(5, 6)',
    level: 'MUST',
    title: '603 ends the search: it is relayed, and the second hop is not asked',
    async run(world) {
      for (const method of ['MESSAGE', 'INVITE']) {
        const talk = await Talk.open(world);
        await talk.exchange(method, { headers: [contactAt(world.cisco.tcp)] }, 603, { reason: 'Decline' });
        await talk.nothingAt(world.second.tcp);
      }
    },
  },
  {
    id: 'RSP-4',
    rfc: 3261,
    section: '16.7(7)',
    level: 'MUST',
    title: 'challenges of 401 and 407 reach the asker unchanged',
    async run(world) {
      const challenges: readonly (readonly [status: number, fields: readonly string[]])[] = [
        [401, ['WWW-Authenticate: Digest realm="a, b", nonce="x", algorithm=MD5', 'WWW-Authenticate: NTLM realm="c"']],
        [407, ['Proxy-Authenticate: Kerberos realm="d", targetname="sip/fe1.example.com", version=4']],
      ];
      for (const [status, headers] of challenges) {
        const { reply, answer } = await (await Talk.open(world)).exchange('MESSAGE', {}, status, { headers });
        expectResponseUntouched(reply, answer);
      }
    },
  },
  {
    id: 'RSP-5',
    rfc: 3261,
    section: '16.7(4), 16.5',
    level: 'MUST',
    title: 'a 302 is relayed with its Contacts, and nobody is asked in our name',
    async run(world) {
      const talk = await Talk.open(world);
      const headers = [`Contact: <sip:bob@${world.address('second')}:5060;transport=tcp>;q=0.7, <sip:b@example.net>`];
      const { reply, answer } = await talk.exchange('INVITE', {}, 302, { headers });
      expectResponseUntouched(reply, answer);
      await talk.nothingAt(world.second.tcp);
    },
  },
  {
    id: 'RSP-6',
    rfc: 3261,
    section: '16.7(5, 6)',
    level: 'MUST',
    title: `final responses of all classes are relayed as they are, and the second hop is not asked: ${relayedFinals.join(' ')}`,
    async run(world) {
      for (const status of relayedFinals) {
        const talk = await Talk.open(world);
        const { reply, answer } = await talk.exchange('MESSAGE', {}, status, { headers: ['Warning: 399 x "y"'] });
        expectResponseUntouched(reply, answer);
        expect(talk.waitingAt(world.second.tcp)).toEqual([]);
      }
    },
  },
  {
    id: 'RSP-7',
    rfc: 4320,
    section: '4.2',
    level: 'MUST',
    title: 'a 408 of a hop to a MESSAGE is not sent on',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'timing.example.com' });
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      forwarded.reply(responseText(forwarded, 408));
      await talk.nothingAt(talk.asker, 408, 700);
    },
  },
  {
    id: 'RSP-7.1',
    rfc: 4320,
    section: '4.2',
    level: 'MUST',
    title: 'after a 408 of the only hop, retransmissions of the MESSAGE are absorbed and not sent on again',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp', couple: 'timing.example.com' });
      const sent = talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      forwarded.reply(responseText(forwarded, 408));
      await talk.nothingAt(talk.asker, 408, 200);
      talk.send(sent);
      talk.send(sent);
      await talk.nothingAt(talk.callee, 'MESSAGE');
    },
  },
  {
    id: 'RSP-8',
    rfc: 4475,
    section: '3.3.10',
    level: 'SHOULD',
    title: 'O-4: a response whose second Via is not that of the asker is dropped, and the right one after it passes',
    run: (world) =>
      dropped(world, (reply, forwarded) =>
        reply.replace(`Via: ${forwarded.headers('Via')[1]}`, `Via: SIP/2.0/UDP 255.255.255.255;branch=${newBranch()}`),
      ),
  },
  {
    id: 'RSP-8.1',
    rfc: 3261,
    section: '18.1.2',
    level: 'MUST',
    title: 'a response whose topmost Via is not ours is dropped',
    run: (world) =>
      dropped(world, (reply, forwarded) =>
        reply.replace(`Via: ${forwarded.header('Via')}`, `Via: SIP/2.0/TCP 192.0.2.1:5060;branch=${newBranch()}`),
      ),
  },
  {
    id: 'RSP-8.2',
    rfc: 3261,
    section: '16.7(3)',
    level: 'MUST',
    title: 'a response with our Via alone is for us, and not relayed',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      forwarded.reply(responseText(forwarded, 200).replace(`Via: ${forwarded.headers('Via')[1]}\r\n`, ''));
      await talk.nothingAt(talk.asker, 200);
    },
  },
  {
    id: 'RSP-9',
    rfc: 4475,
    section: '3.1.2.19, 3.1.2.5',
    level: 'MUST',
    title: 'O-5: a response with a status above 699 or a CSeq beyond 2**32-1 is dropped',
    async run(world) {
      await dropped(world, (reply) => reply.replace('SIP/2.0 200', 'SIP/2.0 4294967301'));
      await dropped(world, (reply) => reply.replace('SIP/2.0 200', 'SIP/2.0 700'));
      await dropped(world, (reply) => reply.replace('SIP/2.0 200', 'SIP/2.0 099'));
      await dropped(world, (reply) => reply.replace('CSeq: 1 ', 'CSeq: 9292394834772304023312 '));
    },
  },
  {
    id: 'RSP-10',
    rfc: 3261,
    section: '8.1.3.3, 18.3',
    level: 'MUST',
    title: 'malformed responses are dropped and answered by nobody',
    async run(world) {
      for (const spoil of [/CSeq: .*\r\n/, /Via: .*\r\n/g, /SIP\/2\.0 200/]) {
        const talk = await Talk.open(world, { to: 'udp' });
        talk.ask('MESSAGE');
        const forwarded = await talk.arrived('MESSAGE');
        forwarded.reply(
          responseText(forwarded, 200).replace(spoil, spoil.source.startsWith('SIP') ? 'SIP/9.0 abc' : ''),
        );
        forwarded.reply(responseText(forwarded, 202));
        expect((await talk.answer()).status).toBe(202);
        expect(talk.waitingAt(talk.callee, (message) => message.status !== undefined)).toEqual([]);
      }
    },
  },
  {
    id: 'RSP-11',
    rfc: 3261,
    section: '16.7',
    level: 'MUST',
    title: 'a refusal after the 200 to INVITE is not relayed',
    async run(world) {
      const { talk, forwarded } = await called(world);
      forwarded.reply(responseText(forwarded, 200, { toTag: 'a' }));
      await talk.answer(200);
      forwarded.reply(responseText(forwarded, 486, { toTag: 'b' }));
      await talk.nothingAt(talk.asker, 486);
    },
  },
  {
    id: 'RSP-12',
    rfc: 3261,
    section: '16.7(9), 8.2.6.2',
    level: 'MUST',
    title: 'a response over UDP that lost its Content-Length and has a body is relayed whole to UDP',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp', to: 'udp' });
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      const reply = responseText(forwarded, 200, { headers: ['Content-Type: a/b'], body: 'body text' });
      forwarded.reply(reply.replace(/Content-Length: \d+\r\n/, ''));
      expect((await talk.answer(200)).body).toBe('body text');
    },
  },
  {
    id: 'RSP-13',
    rfc: 3261,
    section: '16.7, 13.3.1.4',
    level: 'MUST',
    title: 'INVITE refused, its late copy: nothing of it is forwarded to the callee again',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const { sent, answer } = await talk.exchange('INVITE', { headers: [contactAt(world.cisco.udp)] }, 486);
      talk.acknowledge(sent, answer);
      talk.send(sent);
      await talk.nothingAt(talk.callee, 'INVITE');
    },
  },
  {
    id: 'RSP-14',
    rfc: 3261,
    section: '18.2.2, 16.7(9)',
    level: 'MUST',
    title: 'answers to many askers at once each find their own',
    async run(world) {
      const talks = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          Talk.open(world, { by: (['udp', 'tcp', 'tls'] as const)[index % 3]!, to: index % 2 ? 'tcp' : 'udp' }),
        ),
      );
      await Promise.all(
        talks.map(async (talk, index) => {
          const { answer } = await talk.exchange('MESSAGE', { body: `to ${index}` }, 200, { body: `for ${index}` });
          expect(answer.body).toBe(`for ${index}`);
        }),
      );
    },
  },
  {
    id: 'RSP-15',
    rfc: 3261,
    section: '16.7(1)',
    level: 'MUST',
    title: 'a response that comes back on another connection than the request left by is matched by its branch',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      const other = await world.asker('tcp', { host: 'microsoft' });
      other.send(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  ...(['MESSAGE', 'INVITE'] as const).map(
    (method, index): Check => ({
      id: `RSP-15.${index + 1}`,
      rfc: 3261,
      section: '18.1.2, 18.2.2',
      level: 'product',
      title: `a response to ${method} whose Vias have lost the usual port is still ours, and that of its asker`,
      async run(world) {
        const talk = await Talk.open(world);
        const via = [`SIP/2.0/TCP ${talk.asker.address}:5060;branch=${newBranch()}`];
        talk.ask(method, { via, headers: [contactAt(world.cisco.tcp)] });
        const forwarded = await talk.arrived(method);
        expect(forwarded.headers('Via').every((value) => value.includes(':5060'))).toBe(true);
        const reply = responseText(forwarded, 200, { toTag: 'bob' }).replace(/^(Via: \S+ [^;]*):5060/gm, '$1');
        for (const _ of method === 'INVITE' ? ['first', 'again'] : ['first']) {
          forwarded.reply(reply);
          expect((await talk.answer(200)).header('Via')).toBe(via[0]?.replace(':5060', ''));
        }
      },
    }),
  ),
  {
    id: 'RSP-15.3',
    rfc: 3261,
    section: '16.7',
    level: 'product',
    title: 'a 180 with an empty tag in To is sent on as it is',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const forwarded = await talk.arrived('INVITE');
      const ringing = responseText(forwarded, 180, { toTag: 'x' }).replace(';tag=x', ';tag=');
      forwarded.reply(ringing);
      expectResponseUntouched(new RawMessage(ringing), await talk.answer(180));
      forwarded.reply(responseText(forwarded, 486, { toTag: 'bob' }));
      await talk.answer(486);
    },
  },
  {
    id: 'RSP-16',
    rfc: 3261,
    section: '17.1.1.3, 16.7',
    level: 'MUST',
    title: 'the INVITE that is refused with 401 and sent again with credentials is a new transaction',
    async run(world) {
      const talk = await Talk.open(world);
      const { sent, answer } = await talk.exchange('INVITE', {}, 401);
      talk.acknowledge(sent, answer);
      await talk.exchange('INVITE', { cseq: 2, headers: ['Authorization: NTLM realm="x"'] });
      const ack = requestText({
        method: 'ACK',
        uri: talk.uri,
        via: [talk.via()],
        callId: talk.callId,
        cseq: 2,
        from: sent.header('From')!,
        to: `<${talk.uri}>;tag=z`,
      });
      talk.send(ack);
      await talk.at(talk.callee, (message) => message.method === 'ACK' && message.headers('Via').length === 2);
    },
  },
];

conformance(
  'responses',
  {
    block: 9,
    couples: [
      { domain: 'overloaded.example.com', port: 5101 },
      { domain: 'overloaded2.example.com', port: 5102 },
      { domain: 'timing.example.com', port: 5103 },
    ],
    routing: { 'failover-after': '5s' },
  },
  checks,
);
