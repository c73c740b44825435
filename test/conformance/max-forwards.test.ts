/** Max-Forwards (RFC 3261 §16.3 step 3, §16.6 step 3) and Max-Breadth (RFC 5393 §5.3.3). */
import { expect } from 'vitest';
import { type Check, conformance } from './check.ts';
import { Talk } from './talk.ts';
import type { World } from './world.ts';

async function refusedWithNoHopsLeft(world: World, method: string): Promise<void> {
  const talk = await Talk.open(world);
  const sent = talk.ask(method, { maxForwards: 0 });
  const refusal = await talk.answer(483);
  if (method === 'INVITE') talk.acknowledge(sent, refusal);
  await talk.reachedNobody();
}

const checks: readonly Check[] = [
  ...['MESSAGE', 'INVITE', 'SUBSCRIBE', 'OPTIONS'].map(
    (method, index): Check => ({
      id: `MF-1.${index + 1}`,
      rfc: 3261,
      section: '16.3(3)',
      level: 'MUST',
      title: `${method} with Max-Forwards 0 gets 483 and is not forwarded, nor is an ACK`,
      run: (world) => refusedWithNoHopsLeft(world, method),
    }),
  ),
  {
    id: 'MF-2',
    rfc: 3261,
    section: '16.6(3)',
    level: 'MUST',
    title: 'Max-Forwards is decremented by one',
    async run(world) {
      for (const [received, left] of [
        [255, '254'],
        [70, '69'],
        [12, '11'],
        [10, '9'],
        [1, '0'],
      ] as const) {
        const talk = await Talk.open(world);
        const { forwarded } = await talk.exchange('MESSAGE', { maxForwards: received });
        expect(forwarded.headers('Max-Forwards')).toEqual([left]);
      }
    },
  },
  {
    id: 'MF-2.1',
    rfc: 3261,
    section: '16.6(3)',
    level: 'MUST',
    title: 'a request without Max-Forwards leaves with 70',
    async run(world) {
      const talk = await Talk.open(world);
      const { forwarded } = await talk.exchange('MESSAGE', { maxForwards: null });
      expect(forwarded.headers('Max-Forwards')).toEqual(['70']);
    },
  },
  {
    id: 'MF-3',
    rfc: 3261,
    section: '16.3(1), 20.22',
    level: 'MUST',
    title: 'a Max-Forwards that is no number is refused with 400',
    async run(world) {
      for (const value of ['abc', '-1', '']) {
        const talk = await Talk.open(world);
        const sent = talk.request('MESSAGE');
        talk.send(sent.text.replace('Max-Forwards: 70', `Max-Forwards: ${value}`));
        await talk.answer(400);
        await talk.reachedNobody(50);
      }
    },
  },
  {
    id: 'MF-4',
    rfc: 3261,
    section: '16.3(3)',
    level: 'MUST',
    title: 'BENOTIFY and ACK with Max-Forwards 0 vanish without an answer',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('BENOTIFY', { maxForwards: 0 });
      talk.ask('ACK', { maxForwards: 0 });
      await talk.reachedNobody();
      expect(talk.waitingAt(talk.asker)).toEqual([]);
    },
  },
  {
    id: 'MF-5',
    rfc: 3261,
    section: '16.3(3), 11',
    level: 'MAY',
    title:
      'OPTIONS to the router itself with Max-Forwards 0 has come to its end and gets 200, whatever Route it carries',
    async run(world) {
      const talk = await Talk.open(world);
      const own = { uri: `sip:${world.address('router')}`, maxForwards: 0 };
      talk.ask('OPTIONS', own);
      await talk.answer(200);
      const further = `Route: <sip:${world.address('microsoft')}:5060;transport=tcp;lr>`;
      talk.ask('OPTIONS', { ...own, headers: [further], cseq: 2 });
      await talk.answer(200);
      await talk.reachedNobody();
    },
  },
  {
    id: 'MB-1',
    rfc: 5393,
    section: '5.3.3',
    level: 'MUST',
    title: 'a request without Max-Breadth leaves with one, and 60 is the value',
    async run(world) {
      const { forwarded } = await (await Talk.open(world)).exchange('MESSAGE');
      expect(forwarded.headers('Max-Breadth')).toEqual(['60']);
    },
  },
  {
    id: 'MB-2',
    rfc: 5393,
    section: '5.3.3',
    level: 'MUST',
    title: 'a Max-Breadth of 0 is refused with 440 and not forwarded',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE', { headers: ['Max-Breadth: 0'] });
      await talk.answer(440);
      await talk.reachedNobody();
    },
  },
  {
    id: 'MB-3',
    rfc: 5393,
    section: '5.3.3',
    level: 'MUST',
    title: 'the breadth of a branch is never above the breadth received',
    async run(world) {
      for (const breadth of [1, 7, 60]) {
        const talk = await Talk.open(world);
        const { forwarded } = await talk.exchange('MESSAGE', { headers: [`Max-Breadth: ${breadth}`] });
        expect(forwarded.headers('Max-Breadth')).toEqual([String(breadth)]);
      }
    },
  },
];

conformance('Max-Forwards and Max-Breadth', { block: 2 }, checks);
