/** Loops end, spirals pass (RFC 3261 §16.3 step 4, RFC 5393), also when the other side hides what came back. */
import { expect } from 'vitest';
import { newBranch, type RawMessage, responseText } from '../support/raw-message.ts';
import type { RawEnd, Received } from '../support/raw-sip.ts';
import { type Check, conformance } from './check.ts';
import { contactAt, Talk } from './talk.ts';
import type { World } from './world.ts';

/** The Microsoft server sends the request back as a proxy would: own Via on top, one hop fewer. */
const sentBack = (forwarded: RawMessage, by: RawEnd): string =>
  forwarded.text
    .replace('\r\n', `\r\nVia: ${by.via};branch=${newBranch()}\r\n`)
    .replace(/Max-Forwards: (\d+)/, (_, left) => `Max-Forwards: ${Number(left) - 1}`);

/** As a B2BUA would that keeps the ids of the call: all Vias are its own. */
const withoutVias = (forwarded: RawMessage, by: RawEnd): string =>
  forwarded.text.replace(/(?:Via: .*\r\n)+/, `Via: ${by.via};branch=${newBranch()}\r\n`);

/** What a looping server gets when it sends back what was forwarded to it. */
async function answerToTheLooper(world: World, talk: Talk, looped: (by: RawEnd) => string): Promise<Received> {
  const looper = await world.asker('tcp', { host: 'microsoft' });
  looper.send(looped(looper));
  return talk.at(looper, (message) => (message.status ?? 0) >= 200);
}

async function loopEndsAtTheAsker(
  world: World,
  method: string,
  comeBack: (forwarded: RawMessage, by: RawEnd) => string,
): Promise<void> {
  const talk = await Talk.open(world);
  const sent = talk.ask(method, { headers: [contactAt(world.cisco.tcp)] });
  const forwarded = await talk.arrived(method);
  const refusal = await answerToTheLooper(world, talk, (by) => comeBack(forwarded, by));
  expect(refusal.status).toBe(482);
  expect(talk.waitingAt(world.cisco.tcp)).toEqual([]);
  forwarded.reply(responseText(forwarded, 482, { reason: 'Loop Detected' }));
  const answer = await talk.answer(404);
  expect(answer.header('ms-diagnostics')).toMatch(/^1003;/);
  if (method === 'INVITE') talk.acknowledge(sent, answer);
  await talk.reachedNobody().catch((error: Error) => {
    // The ACK for the 482 belongs to the forwarded INVITE.
    if (!/: ACK [^|]*$/.test(error.message)) throw error;
  });
}

const checks: readonly Check[] = [
  {
    id: 'LOOP-1',
    rfc: 5393,
    section: '4.2.2',
    level: 'MUST',
    title: 'a request that comes back unchanged gets 482 and is not forwarded again',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      const refusal = await answerToTheLooper(world, talk, (by) => sentBack(forwarded, by));
      expect(refusal.status).toBe(482);
      await talk.reachedNobody();
    },
  },
  {
    id: 'LOOP-2',
    rfc: 5393,
    section: '4.2.2; 3261 §16.6(8)',
    level: 'MUST',
    title: 'a spiral passes: the request comes back with another Request-URI',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      const server = await world.asker('tcp', { host: 'microsoft' });
      server.send(sentBack(forwarded, server).replace(talk.uri, `sip:carol@${talk.domain}`));
      const spiral = await talk.at(world.cisco.tcp, 'MESSAGE');
      expect(spiral.headers('Via')).toHaveLength(4);
      spiral.reply(responseText(spiral, 200));
      const back = await talk.at(server, 200);
      forwarded.reply(back.text.replace(/Via: .*\r\n/, ''));
      await talk.answer(200);
    },
  },
  ...(['MESSAGE', 'INVITE', 'SUBSCRIBE'] as const).map(
    (method, index): Check => ({
      id: `LOOP-3.${index + 1}`,
      rfc: 'product',
      section: '16.3(4)',
      level: 'product',
      title: `a looped ${method} ends as 404 with ms-diagnostics 1003 at the asker, and as 482 at the looping server`,
      run: (world) => loopEndsAtTheAsker(world, method, sentBack),
    }),
  ),
  ...(['MESSAGE', 'INVITE'] as const).map(
    (method, index): Check => ({
      id: `LOOP-4.${index + 1}`,
      rfc: 'product',
      section: '16.3(4)',
      level: 'product',
      title: `a looped ${method} is known again when a B2BUA has taken the Vias away`,
      run: (world) => loopEndsAtTheAsker(world, method, withoutVias),
    }),
  ),
  {
    id: 'LOOP-5',
    rfc: 'product',
    section: '16.3(4)',
    level: 'product',
    title: "a request from Microsoft that carries Cisco's marker does not go to Cisco again",
    async run(world) {
      const talk = await Talk.open(world, { from: 'microsoft' });
      talk.ask('MESSAGE', { headers: ['User-Agent: Cisco-Systems-Partitioned 8.0'] });
      await talk.answer(482);
      await talk.reachedNobody();
    },
  },
  {
    id: 'LOOP-6',
    rfc: 'product',
    section: '16.6',
    level: 'product',
    title: "Cisco's marker passes untouched on its way to Microsoft",
    async run(world) {
      const talk = await Talk.open(world);
      const headers = ['User-Agent: Cisco-Systems-Partitioned 8.0'];
      const { forwarded } = await talk.exchange('MESSAGE', { headers });
      expect(forwarded.headers('User-Agent')).toEqual(['Cisco-Systems-Partitioned 8.0']);
    },
  },
  {
    id: 'LOOP-7',
    rfc: 5393,
    section: '4.2.2',
    level: 'MUST',
    title: 'the next request of the same Call-ID and From tag is no loop',
    async run(world) {
      const talk = await Talk.open(world);
      for (const cseq of [1, 2, 3]) await talk.exchange('MESSAGE', { cseq });
    },
  },
  {
    id: 'LOOP-8',
    rfc: 5393,
    section: '4.2',
    level: 'MUST',
    title: 'an answer request of the other side with the same Call-ID and CSeq but its own From tag is no loop',
    async run(world) {
      const talk = await Talk.open(world);
      await talk.exchange('MESSAGE');
      const server = await world.asker('tcp', { host: 'microsoft' });
      server.send(
        talk.request('MESSAGE', {
          uri: `sip:alice@${talk.domain}`,
          from: `<sip:bob@${talk.domain}>;tag=other`,
          via: [`${server.via};branch=${newBranch()}`],
        }).text,
      );
      const forwarded = await talk.at(world.cisco.tcp, 'MESSAGE');
      forwarded.reply(responseText(forwarded, 200));
      await talk.at(server, 200);
    },
  },
  {
    id: 'LOOP-9',
    rfc: 'product',
    section: '16.3(4)',
    level: 'product',
    title: 'a Via that names our host with a branch of another making is no loop, but a forgery: 403',
    async run(world) {
      const talk = await Talk.open(world);
      const old = `SIP/2.0/TCP router.example.com:5060;branch=${newBranch()}`;
      talk.ask('MESSAGE', { via: [talk.via(), old] });
      const refused = await talk.answer(403);
      expect(refused.header('Warning')).toContain('via-forged');
      await talk.reachedNobody();
    },
  },
  {
    id: 'LOOP-10',
    rfc: 'MS-SIP §3.5',
    section: '16.3(4)',
    level: 'MUST',
    title: 'a looped BENOTIFY is dropped without an answer',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('BENOTIFY');
      const forwarded = await talk.arrived('BENOTIFY');
      const server = await world.asker('tcp', { host: 'microsoft' });
      server.send(sentBack(forwarded, server));
      await talk.reachedNobody();
      expect(talk.waitingAt(server)).toEqual([]);
    },
  },
];

conformance('loops and spirals', { block: 3 }, checks);
