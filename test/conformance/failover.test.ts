/** Failover: which failures let the next hop try, and which do not (RFC 3261 §16.7 to §16.9, RFC 3263 §4.3). */
import { expect } from 'vitest';
import { type RawMessage, responseText } from '../support/raw-message.ts';
import { type Check, conformance } from './check.ts';
import { contactAt, Talk } from './talk.ts';
import type { World } from './world.ts';

const branchOf = (message: RawMessage): string | undefined => /;branch=([^;]+)/.exec(message.header('Via') ?? '')?.[1];

/** Longest that a dead hop may keep a request from the next one. */
const soonMs = 5000;

async function secondAnswers(world: World, couple: string, method: string): Promise<void> {
  const talk = await Talk.open(world, { couple });
  const sent = talk.ask(method, { headers: [contactAt(world.cisco.tcp)], body: 'text' });
  const forwarded = await talk.at(world.couple(couple).second!, method, soonMs);
  expect(forwarded.body).toBe(sent.body);
  forwarded.reply(responseText(forwarded, 200));
  await talk.answer(200);
}

/** The first hop answers so; the second one must not hear of it. */
async function endsAtTheFirst(world: World, method: string, status: number): Promise<void> {
  const talk = await Talk.open(world, { couple: 'final.example.com' });
  await talk.exchange(method, { headers: [contactAt(world.cisco.tcp)] }, status);
  await talk.nothingAt(world.couple('final.example.com').second!, method, 100);
}

const checks: readonly Check[] = [
  ...['MESSAGE', 'INVITE', 'SUBSCRIBE', 'BYE'].map(
    (method, index): Check => ({
      id: `FO-1.${index + 1}`,
      rfc: 3263,
      section: '4.3; 3261 §16.9',
      level: 'MUST',
      title: `connection refused: ${method} goes to the next hop, whose 200 comes back`,
      run: (world) => secondAnswers(world, 'refused.example.com', method),
    }),
  ),
  {
    id: 'FO-1.5',
    rfc: 3263,
    section: '4.3; 3261 §16.9',
    level: 'MUST',
    title: 'a UDP hop whose port is closed: the next hop gets the MESSAGE',
    run: (world) => secondAnswers(world, 'refused-udp.example.com', 'MESSAGE'),
  },
  {
    id: 'FO-1.6',
    rfc: 3263,
    section: '4.3; 3261 §16.9',
    level: 'MUST',
    title: 'a TLS hop that shows the certificate of another host counts as unreachable',
    run: (world) => secondAnswers(world, 'impostor.example.com', 'MESSAGE'),
  },
  {
    id: 'FO-1.7',
    rfc: 'MS-SIP §3.5',
    section: '4.3',
    level: 'product',
    title: 'BENOTIFY finds the next hop too when the first refuses the connection',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'refused.example.com' });
      talk.ask('BENOTIFY', { headers: ['Event: presence'] });
      await talk.at(world.couple('refused.example.com').second!, 'BENOTIFY', soonMs);
      await talk.nothingAt(talk.asker);
    },
  },
  ...['MESSAGE', 'INVITE'].map(
    (method, index): Check => ({
      id: `FO-2.${index + 1}`,
      rfc: 3263,
      section: '4.3; 3261 §16.7',
      level: 'MUST',
      title: `503: ${method} goes to the next hop under another branch, and the asker sees only its 200`,
      async run(world) {
        const couple = `busy${index}.example.com`;
        const { first, second } = world.couple(couple);
        const talk = await Talk.open(world, { couple });
        talk.ask(method, { headers: [contactAt(world.cisco.tcp)], body: 'body' });
        const one = await talk.at(first!, method);
        one.reply(responseText(one, 503, { headers: ['Retry-After: 120'] }));
        const two = await talk.at(second!, method);
        expect(branchOf(two)).not.toBe(branchOf(one));
        expect(two.body).toBe('body');
        expect(two.header('Max-Forwards')).toBe(one.header('Max-Forwards'));
        two.reply(responseText(two, 200));
        await talk.answer(200);
        await talk.nothingAt(talk.asker, (message) => (message.status ?? 0) > 200);
      },
    }),
  ),
  ...['INVITE', 'MESSAGE'].map(
    (method, index): Check => ({
      id: `FO-3.${index + 1}`,
      rfc: 3263,
      section: '4.3; 3261 §16.8',
      level: 'MUST',
      title: `silence: ${method} goes to the next hop as well, whose 200 comes back`,
      async run(world) {
        const couple = `silent${index}.example.com`;
        const { first, second } = world.couple(couple);
        const talk = await Talk.open(world, { couple });
        talk.ask(method, { headers: [contactAt(world.cisco.tcp)] });
        await talk.at(first!, method);
        const two = await talk.at(second!, method);
        two.reply(responseText(two, 200));
        await talk.answer(200);
      },
    }),
  ),
  {
    id: 'FO-3.3',
    rfc: 3261,
    section: '16.7(5), 16.7(10)',
    level: 'MUST',
    title: 'the 200 of a hop that had been given up is relayed as well as that of the next one',
    async run(world) {
      const couple = 'late.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const one = await talk.at(first!, 'INVITE');
      const two = await talk.at(second!, 'INVITE');
      for (const [forwarded, toTag] of [
        [two, 'second'],
        [one, 'first'],
      ] as const) {
        forwarded.reply(responseText(forwarded, 200, { toTag, headers: [contactAt(second!)] }));
        expect((await talk.answer(200)).header('To')).toContain(`;tag=${toTag}`);
      }
    },
  },
  {
    id: 'FO-3.4',
    rfc: 3261,
    section: '16.7(10), 9.1',
    level: 'MUST',
    title:
      'a hop that rings although the next one was asked is cancelled in the end, once, and the 200 of the other counts',
    async run(world) {
      const couple = 'ringing.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const one = await talk.at(first!, 'INVITE');
      const two = await talk.at(second!, 'INVITE');
      one.reply(responseText(one, 180, { toTag: 'first' }));
      two.reply(responseText(two, 200, { toTag: 'second' }));
      expect((await talk.answer(200)).header('To')).toContain(';tag=second');
      const cancel = await talk.at(first!, 'CANCEL');
      expect(branchOf(cancel)).toBe(branchOf(one));
      cancel.reply(responseText(cancel, 200));
      one.reply(responseText(one, 487, { toTag: 'first' }));
      await talk.at(first!, 'ACK');
      await talk.nothingAt(talk.asker, 487);
    },
  },
  {
    id: 'FO-3.5',
    rfc: 3261,
    section: '16.7',
    level: 'product',
    title: 'a hop that has said 180 is waited for: no copy to the next',
    async run(world) {
      const couple = 'patient.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const one = await talk.at(first!, 'INVITE');
      one.reply(responseText(one, 180, { toTag: 'a' }));
      await talk.nothingAt(second!, 'INVITE', 2500);
      one.reply(responseText(one, 200, { toTag: 'a' }));
      await talk.answer(200);
    },
  },
  {
    id: 'FO-4',
    rfc: 3261,
    section: '16.7(5, 6)',
    level: 'MUST',
    title: 'what a hop has decided is not asked again of the next: 404, 408 to INVITE, 480, 486, 500, 504, 600, 603',
    async run(world) {
      for (const status of [404, 480, 486, 500, 504, 600, 603]) {
        await endsAtTheFirst(world, 'INVITE', status);
        await endsAtTheFirst(world, 'MESSAGE', status);
      }
    },
  },
  {
    id: 'FO-5',
    rfc: 3261,
    section: '16.7(6), 16.9',
    level: 'MUST',
    title: 'no hop can be reached: a final response says so, at once',
    async run(world) {
      for (const method of ['MESSAGE', 'INVITE']) {
        const talk = await Talk.open(world, { couple: 'dead.example.com' });
        talk.ask(method, { headers: [contactAt(world.cisco.tcp)] });
        const { status } = await talk.answer(undefined, soonMs);
        expect([500, 502, 503, 504]).toContain(status);
      }
    },
  },
  {
    id: 'FO-6',
    rfc: 3261,
    section: '16.9',
    level: 'MUST',
    title: 'a hop that breaks the connection instead of answering: the next hop gets the request',
    async run(world) {
      const couple = 'breaking.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('MESSAGE');
      await talk.at(first!, 'MESSAGE');
      await first!.close();
      const two = await talk.at(second!, 'MESSAGE');
      two.reply(responseText(two, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'FO-13',
    rfc: 3261,
    section: '16.7(6)',
    level: 'product',
    title: 'a hop that has said 180 and then 503 is not followed by another, and its 503 leaves as 500',
    async run(world) {
      const couple = 'changing.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const one = await talk.at(first!, 'INVITE');
      one.reply(responseText(one, 180, { toTag: 'a' }));
      await talk.answer(180);
      one.reply(responseText(one, 503, { toTag: 'a' }));
      await talk.answer(500);
      await talk.nothingAt(second!, 'INVITE');
    },
  },
  {
    id: 'FO-14',
    rfc: 3261,
    section: '16.7(5)',
    level: 'MUST',
    title: 'a 180 of a hop that was silent for long is relayed although the next one was asked meanwhile',
    async run(world) {
      const couple = 'sleepy.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const one = await talk.at(first!, 'INVITE');
      await talk.at(second!, 'INVITE');
      one.reply(responseText(one, 180, { toTag: 'first' }));
      await talk.answer(180);
    },
  },
  {
    id: 'FO-15',
    rfc: 3261,
    section: '16.7(5)',
    level: 'MUST',
    title: 'a 200 of a hop that was silent for long is relayed although a 486 went up meanwhile',
    async run(world) {
      const couple = 'sleepy.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const one = await talk.at(first!, 'INVITE');
      const two = await talk.at(second!, 'INVITE');
      two.reply(responseText(two, 486));
      await talk.answer(486);
      one.reply(responseText(one, 200, { headers: [contactAt(world.microsoft.tcp)] }));
      await talk.answer(200);
    },
  },
];

const ports = (domains: readonly string[], from: number) =>
  domains.map((name, index) => ({ domain: `${name}.example.com`, port: from + index }));

conformance(
  'failover',
  {
    block: 10,
    routing: { 'failover-after': '2s' },
    couples: [
      { domain: 'refused.example.com', port: 5301, down: ['first'] },
      { domain: 'refused-udp.example.com', port: 5302, down: ['first'], transport: 'udp' },
      { domain: 'impostor.example.com', port: 5303, transport: 'tls', shows: { microsoft: 'cisco' } },
      { domain: 'dead.example.com', port: 5304, down: ['first', 'second'] },
      ...ports(
        [
          'busy0',
          'busy1',
          'silent0',
          'silent1',
          'late',
          'ringing',
          'patient',
          'final',
          'breaking',
          'changing',
          'sleepy',
        ],
        5310,
      ),
    ],
  },
  checks,
);
