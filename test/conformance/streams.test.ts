/** Framing and connections: RFC 3261 §18.3 and §7.5, keep-alive of RFC 5626, reuse of RFC 5923. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { newBranch, newTag, responseText } from '../support/raw-message.ts';
import { until } from '../support/until.ts';
import { type Check, conformance } from './check.ts';
import { Talk } from './talk.ts';
import type { World } from './world.ts';

/** Answers each MESSAGE of the talk with its own body, as it comes. */
async function echoes(talk: Talk, count: number): Promise<string[]> {
  const bodies: string[] = [];
  for (let left = count; left > 0; left--) {
    const forwarded = await talk.arrived('MESSAGE');
    bodies.push(forwarded.body);
    forwarded.reply(responseText(forwarded, 200, { body: forwarded.body }));
  }
  for (let left = count; left > 0; left--) await talk.answer(200);
  return bodies;
}

async function refusedOrClosed(world: World, spoil: (text: string) => string): Promise<void> {
  const talk = await Talk.open(world);
  talk.send(spoil(talk.request('MESSAGE', { body: 'body' }).text));
  await talk.reachedNobody();
  for (const answer of talk.waitingAt(talk.asker)) expect([400, 513]).toContain(answer.status);
  expect(await world.isAlive()).toBe(true);
}

const withLength = (value: string) => (text: string) => text.replace(/Content-Length: \d+/, `Content-Length: ${value}`);

const checks: readonly Check[] = [
  ...(['tcp', 'tls'] as const).map(
    (by, index): Check => ({
      id: `STR-1.${index + 1}`,
      rfc: 3261,
      section: '18.3',
      level: 'MUST',
      title: `three MESSAGEs with bodies in one write over ${by} are three`,
      async run(world) {
        const talk = await Talk.open(world, { by });
        const bodies = ['one', 'two\r\n\r\nMESSAGE sip:x SIP/2.0\r\n', ''];
        talk.send(bodies.map((body, index) => talk.request('MESSAGE', { body, cseq: index + 1 }).text).join(''));
        expect((await echoes(talk, 3)).sort()).toEqual([...bodies].sort());
      },
    }),
  ),
  {
    id: 'STR-1.3',
    rfc: 3261,
    section: '18.3',
    level: 'MUST',
    title: 'two hundred MESSAGEs in one write arrive in their order',
    async run(world) {
      const talk = await Talk.open(world);
      const bodies = Array.from({ length: 200 }, (_, index) => `number ${index}`);
      talk.send(bodies.map((body, index) => talk.request('MESSAGE', { body, cseq: index + 1 }).text).join(''));
      expect(await echoes(talk, 200)).toEqual(bodies);
    },
  },
  {
    id: 'STR-2',
    rfc: 3261,
    section: '18.3',
    level: 'MUST',
    title:
      'a MESSAGE cut in start line, header name, CRLF, end of head and body, with the next one behind it: both arrive',
    async run(world) {
      const talk = await Talk.open(world);
      const first = talk.request('MESSAGE', { body: 'first body' }).text;
      const text = first + talk.request('MESSAGE', { body: 'second', cseq: 2 }).text;
      const head = first.indexOf('\r\n\r\n');
      const cuts = [5, text.indexOf('Call-ID') + 3, text.indexOf('\r\nTo:') + 1, head + 1, head + 3, head + 8];
      let from = 0;
      for (const cut of [...cuts.sort((a, b) => a - b), text.length]) {
        talk.send(text.slice(from, cut));
        from = cut;
        await pause(60);
      }
      expect(await echoes(talk, 2)).toEqual(['first body', 'second']);
    },
  },
  {
    id: 'STR-3',
    rfc: 3261,
    section: '18.3',
    level: 'MUST',
    title: 'a MESSAGE that comes octet by octet is one MESSAGE',
    async run(world) {
      const talk = await Talk.open(world);
      for (const octet of talk.request('MESSAGE', { body: 'slow' }).text) {
        talk.send(octet);
        await new Promise(setImmediate);
      }
      expect(await echoes(talk, 1)).toEqual(['slow']);
    },
  },
  {
    id: 'STR-4',
    rfc: 3261,
    section: '7.5',
    level: 'SHOULD',
    title: 'CRLFs before a start line are ignored, over TCP, TLS and UDP',
    async run(world) {
      for (const by of ['tcp', 'tls', 'udp'] as const) {
        const talk = await Talk.open(world, { by });
        talk.send(`\r\n\r\n\r\n${talk.request('MESSAGE', { body: 'x' }).text}`);
        expect(await echoes(talk, 1)).toEqual(['x']);
      }
    },
  },
  ...(['tcp', 'tls'] as const).map(
    (by, index): Check => ({
      id: `STR-5.${index + 1}`,
      rfc: 5626,
      section: '3.5.1, 4.4.1',
      level: 'MUST',
      title: `a double CRLF over ${by} is answered with a single one, and a single one with nothing`,
      async run(world) {
        const asker = await world.asker(by);
        asker.send('\r\n\r\n');
        await until(() => asker.keepAlives === 1);
        // What the single one might bring would come before the answer to the MESSAGE.
        const talk = await Talk.open(world, { asker });
        talk.send(`\r\n${talk.request('MESSAGE').text}`);
        await echoes(talk, 1);
        expect(asker.keepAlives).toBe(1);
      },
    }),
  ),
  {
    id: 'STR-5.3',
    rfc: 5626,
    section: '3.5.1',
    level: 'MUST',
    title: 'a double CRLF right behind a MESSAGE in the same segment is answered too',
    async run(world) {
      const talk = await Talk.open(world);
      talk.send(`${talk.request('MESSAGE', { body: 'x' }).text}\r\n\r\n`);
      await echoes(talk, 1);
      await until(() => talk.asker.keepAlives === 1);
    },
  },
  {
    id: 'STR-5.4',
    rfc: 3261,
    section: '7.5, 18.3',
    level: 'MUST',
    title: 'datagrams of nothing, of CRLFs and of a NUL bring no answer and no harm',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      for (const text of ['', '\r\n', '\0', '   ', '\r\n\r\n\r\n\r\n\r\n']) talk.send(text);
      await pause(200);
      expect(talk.asker.inbox.filter((message) => message.status !== undefined)).toEqual([]);
      await talk.exchange('MESSAGE');
    },
  },
  {
    id: 'STR-6',
    rfc: 3261,
    section: '18.3, 20.14',
    level: 'MUST',
    title: 'a request without Content-Length over TCP is refused, or taken to have no body',
    async run(world) {
      const talk = await Talk.open(world);
      talk.send(talk.request('MESSAGE').text.replace(/Content-Length: \d+\r\n/, ''));
      const seen = await Promise.race([talk.answer(), talk.arrived('MESSAGE')]);
      if (seen.method === undefined) expect(seen.status).toBe(400);
      expect(await world.isAlive()).toBe(true);
    },
  },
  ...['-1', 'abc', '4 4', '0x4', '99999999999999999999', ''].map(
    (value, index): Check => ({
      id: `STR-7.${index + 1}`,
      rfc: 3261,
      section: '18.3, 7.4',
      level: 'MUST',
      title: `Content-Length "${value}" on a stream is refused with 400 or ends the connection`,
      run: (world) => refusedOrClosed(world, withLength(value)),
    }),
  ),
  {
    id: 'STR-7.7',
    rfc: 3261,
    section: '7.3.1, 20.14',
    level: 'MUST',
    title: 'two Content-Length fields that differ are refused or end the connection',
    run: (world) => refusedOrClosed(world, withLength('4\r\nContent-Length: 2')),
  },
  {
    id: 'STR-8',
    rfc: 4475,
    section: '3.1.2.2; 3261 §18.3',
    level: 'MUST',
    title: 'a UDP datagram shorter than its Content-Length gets 400 and is not forwarded',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      talk.send(withLength('9999')(talk.request('MESSAGE', { body: 'four' }).text));
      await talk.answer(400);
      await talk.reachedNobody();
    },
  },
  {
    id: 'STR-9',
    rfc: 3261,
    section: '18.3',
    level: 'MUST',
    title: 'without Content-Length the body of a UDP request reaches to the end of the datagram',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp', to: 'udp' });
      talk.send(talk.request('MESSAGE', { body: 'to the end' }).text.replace(/Content-Length: \d+\r\n/, ''));
      expect(await echoes(talk, 1)).toEqual(['to the end']);
    },
  },
  {
    id: 'STR-10',
    rfc: 4475,
    section: '3.1.1.8; 3261 §18.3',
    level: 'MUST',
    title: 'O-6: what stands behind the body in a UDP datagram is ignored, a second request too',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const second = talk.request('MESSAGE', { body: 'behind', cseq: 2 }).text;
      talk.send(talk.request('MESSAGE', { body: 'first' }).text + second);
      expect(await echoes(talk, 1)).toEqual(['first']);
      await talk.nothingAt(talk.callee, 'MESSAGE');
    },
  },
  {
    id: 'STR-11',
    rfc: 3261,
    section: '18.3',
    level: 'MUST',
    title: 'responses that come in one segment, cut in the middle, are relayed one by one',
    async run(world) {
      // A connection of its own: the halves of a message must not meet the replies of other checks.
      const talk = await Talk.open(world, { couple: 'pieces.example.com' });
      for (const cseq of [1, 2, 3]) talk.ask('MESSAGE', { cseq });
      const forwarded = [await talk.arrived('MESSAGE'), await talk.arrived('MESSAGE'), await talk.arrived('MESSAGE')];
      const replies = forwarded.map((message, index) => responseText(message, 200, { body: `body ${index}` })).join('');
      forwarded[0]!.reply(replies.slice(0, 300));
      await pause(50);
      forwarded[0]!.reply(replies.slice(300));
      const bodies = [await talk.answer(200), await talk.answer(200), await talk.answer(200)].map(({ body }) => body);
      expect(bodies).toEqual(['body 0', 'body 1', 'body 2']);
    },
  },
  {
    id: 'STR-12',
    rfc: 5923,
    section: '5; 3261 §18.1.1',
    level: 'SHOULD',
    title: 'requests to one hop share one connection',
    async run(world) {
      const talks = [await Talk.open(world, { to: 'tls' }), await Talk.open(world, { to: 'tls' })];
      const ports: number[] = [];
      for (const talk of talks) ports.push((await talk.exchange('MESSAGE')).forwarded.from.port);
      expect(ports[0]).toBe(ports[1]);
    },
  },
  {
    id: 'STR-13',
    rfc: 5923,
    section: '5',
    level: 'MUST',
    title: 'the hop may send its own requests over the connection that we opened',
    async run(world) {
      for (const to of ['tcp', 'tls'] as const) {
        const talk = await Talk.open(world, { to });
        const { forwarded } = await talk.exchange('MESSAGE');
        const own = talk.request('MESSAGE', {
          uri: `sip:alice@${talk.domain}`,
          from: `<sip:bob@${talk.domain}>;tag=${newTag()}`,
          via: [`${talk.callee.via};branch=${newBranch()}`],
        });
        forwarded.reply(own.text);
        const arrived = await talk.at(world.cisco[to], 'MESSAGE');
        arrived.reply(responseText(arrived, 200));
        await talk.at(talk.callee, 200);
      }
    },
  },
  {
    id: 'STR-14',
    rfc: 3261,
    section: '18.3',
    level: 'MUST',
    title: 'a connection that ends in the middle of a message leaves nothing behind: the half is not forwarded',
    async run(world) {
      const talk = await Talk.open(world);
      talk.send(talk.request('MESSAGE', { body: 'never comes whole' }).text.slice(0, -5));
      await pause(100);
      await talk.asker.close();
      await talk.reachedNobody();
      expect(await world.isAlive()).toBe(true);
    },
  },
  {
    id: 'STR-15',
    rfc: 3261,
    section: '18.3',
    level: 'MUST',
    title: 'a malformed request does not spoil the framing: the next one on the connection passes',
    async run(world) {
      const talk = await Talk.open(world);
      talk.send(talk.request('MESSAGE', { body: 'bad' }).text.replace(/From: .*\r\n/, ''));
      talk.send(talk.request('MESSAGE', { body: 'good', cseq: 2 }).text);
      const forwarded = await talk.arrived('MESSAGE');
      expect(forwarded.body).toBe('good');
    },
  },
];

conformance('streams and datagrams', { block: 11, couples: [{ domain: 'pieces.example.com', port: 5101 }] }, checks);
