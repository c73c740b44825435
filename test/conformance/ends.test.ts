/** The end of a connection is not that of what was said on it (RFC 3261 §9.1, §16.7(5), §17.1.1.2, §18). */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { newBranch, type RawMessage, requestText, responseText } from '../support/raw-message.ts';
import type { Cut, RawEnd, Received, Transport } from '../support/raw-sip.ts';
import { until } from '../support/until.ts';
import { type Check, conformance } from './check.ts';
import { contactAt, Talk } from './talk.ts';
import type { World } from './world.ts';

const branchOf = (message: RawMessage): string | undefined => /;branch=([^;]+)/.exec(message.header('Via') ?? '')?.[1];

/** CANCEL or ACK of the same transaction as `invite`. */
const within = (invite: RawMessage, method: string, to = invite.header('To')): string =>
  requestText({
    method,
    uri: invite.requestUri ?? '',
    via: invite.headers('Via').slice(0, 1),
    from: invite.header('From') ?? '',
    to: to ?? '',
    callId: invite.header('Call-ID') ?? '',
  });

const isAnswerTo =
  (method: string, status: number) =>
  (message: Received): boolean =>
    message.status === status && (message.header('CSeq') ?? '').endsWith(method);

/** A server behind `hop`'s address speaks by a connection of its own. */
const anewFrom = (world: World, hop: RawEnd): Promise<RawEnd> =>
  world.asker(hop.transport, { host: hop.address === world.address('second') ? 'second' : 'microsoft' });

/** An INVITE that has reached the first hop of `couple`, whose connection then ends. */
async function broken(world: World, couple: string, status: number | undefined, how: Cut = 'end') {
  const { first, second } = world.couple(couple);
  const talk = await Talk.open(world, { couple });
  const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
  const one = await talk.at(first!, 'INVITE');
  if (status !== undefined) one.reply(responseText(one, status, { toTag: 'first' }));
  if (status === 180) await talk.answer(180);
  await pause(100);
  first!.cut(how);
  await pause(200);
  return { talk, invite, one, first: first!, second: second! };
}

async function cancelsByANewConnection(world: World, couple: string, how: Cut): Promise<void> {
  const { talk, invite, one, first } = await broken(world, couple, 180, how);
  talk.send(within(invite, 'CANCEL'));
  expect((await talk.at(talk.asker, isAnswerTo('CANCEL', 200))).status).toBe(200);
  const cancel = await talk.at(first, 'CANCEL');
  expect(branchOf(cancel)).toBe(branchOf(one));
  expect(cancel.requestUri).toBe(one.requestUri);
  cancel.reply(responseText(cancel, 200));
  cancel.reply(responseText(one, 487, { toTag: 'first' }));
  const ack = await talk.at(first, 'ACK');
  expect(branchOf(ack)).toBe(branchOf(one));
  const refusal = await talk.answer(487);
  expect(refusal.header('To')).toContain(';tag=first');
  talk.acknowledge(invite, refusal);
}

/** An INVITE of an asker whose Via names a port where nobody listens, and whose connection is lost while the phone rings. */
async function leftByItsAsker(world: World, by: Transport) {
  const talk = await Talk.open(world, { by });
  const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
  const forwarded = await talk.arrived('INVITE');
  forwarded.reply(responseText(forwarded, 180, { toTag: 'bob' }));
  await talk.answer(180);
  await talk.asker.close();
  const again = await world.asker(by, { host: 'cisco' });
  return { talk, invite, forwarded, again };
}

const logLine = (world: World, callId: string) =>
  until(() => world.router.logLines.find((line) => line.event === 'undelivered' && line.callId === callId));

const checks: readonly Check[] = [
  ...(['end', 'reset'] as const).map(
    (how, index): Check => ({
      id: `END-1.${index + 1}`,
      rfc: 3261,
      section: '9.1, 18.1.1, 17.1.1.3',
      level: 'MUST',
      title: `a ringing hop whose connection has ended by ${how} gets the CANCEL, and the ACK of its 487, by a new one`,
      run: (world) => cancelsByANewConnection(world, `cancel-${how}.example.com`, how),
    }),
  ),
  {
    id: 'END-1.3',
    rfc: 3261,
    section: '9.1, 18.1.1',
    level: 'MUST',
    title: 'the CANCEL goes by a new TLS connection to a hop that proves the name of the one before',
    run: (world) => cancelsByANewConnection(world, 'cancel-tls.example.com', 'end'),
  },
  {
    id: 'END-1.4',
    rfc: 3261,
    section: '9.1',
    level: 'product',
    title: 'a CANCEL that cannot reach its hop is told with its Call-ID',
    async run(world) {
      const { talk, invite, first } = await broken(world, 'gone.example.com', 180);
      await first.close();
      talk.send(within(invite, 'CANCEL'));
      expect(await logLine(world, talk.callId)).toMatchObject({
        level: 'warn',
        code: 'connect-refused',
        message: 'CANCEL',
        peer: `tcp:${first.address}:${first.port}`,
      });
    },
  },
  {
    id: 'END-2',
    rfc: 3261,
    section: '17.1.1.2, 18.2.2',
    level: 'MUST',
    title:
      'a hop that has said 100 and lost its connection answers by another: one INVITE, and its 180 and 200 are relayed',
    async run(world) {
      const { talk, one, first, second } = await broken(world, 'patient.example.com', 100);
      const anew = await anewFrom(world, first);
      anew.send(responseText(one, 180, { toTag: 'first' }));
      expect((await talk.answer(180)).header('To')).toContain(';tag=first');
      anew.send(responseText(one, 200, { toTag: 'first', headers: [contactAt(first)] }));
      expect((await talk.answer(200)).header('To')).toContain(';tag=first');
      await talk.nothingAt(first, 'INVITE');
      await talk.nothingAt(second, 'INVITE');
    },
  },
  {
    id: 'END-3.1',
    rfc: 3261,
    section: '16.7(5), 16.7(10)',
    level: 'MUST',
    title:
      'after failover-after the next hop is asked, too; the 200 of the first one is relayed and the next one cancelled',
    async run(world) {
      const { talk, one, first, second } = await broken(world, 'both.example.com', 100);
      await talk.nothingAt(second, 'INVITE', 500);
      const two = await talk.at(second, 'INVITE');
      two.reply(responseText(two, 180, { toTag: 'second' }));
      await talk.answer(180);
      (await anewFrom(world, first)).send(responseText(one, 200, { toTag: 'first', headers: [contactAt(first)] }));
      expect((await talk.answer(200)).header('To')).toContain(';tag=first');
      expect(branchOf(await talk.at(second, 'CANCEL'))).toBe(branchOf(two));
    },
  },
  {
    id: 'END-3.2',
    rfc: 3261,
    section: '16.9, 16.7(5)',
    level: 'MUST',
    title: 'a hop that had said nothing makes room for the next one at once, and its late 200 is relayed all the same',
    async run(world) {
      const { talk, one, first, second } = await broken(world, 'silent.example.com', undefined);
      const two = await talk.at(second, 'INVITE', 1_000);
      two.reply(responseText(two, 200, { toTag: 'second' }));
      expect((await talk.answer(200)).header('To')).toContain(';tag=second');
      (await anewFrom(world, first)).send(responseText(one, 200, { toTag: 'first', headers: [contactAt(first)] }));
      expect((await talk.answer(200)).header('To')).toContain(';tag=first');
    },
  },
  {
    id: 'END-3.3',
    rfc: 3261,
    section: '16.7(10), 9.1',
    level: 'MUST',
    title: 'a phone that rings at a hop that was lost is cancelled when another one has answered',
    async run(world) {
      const { talk, one, first, second } = await broken(world, 'ringing.example.com', undefined);
      const two = await talk.at(second, 'INVITE', 1_000);
      two.reply(responseText(two, 200, { toTag: 'second' }));
      await talk.answer(200);
      (await anewFrom(world, first)).send(responseText(one, 180, { toTag: 'first' }));
      expect(branchOf(await talk.at(first, 'CANCEL'))).toBe(branchOf(one));
      await talk.nothingAt(talk.asker, 180);
    },
  },
  ...(['tcp', 'tls'] as const).flatMap((by, index): Check[] => [
    {
      id: `END-4.${index + 1}`,
      rfc: 3261,
      section: '18, 18.2.2',
      level: 'SHOULD',
      title: `a connection over ${by} that owes an answer is not idle: the 200 comes by it after three times timers.idle`,
      async run(world) {
        const talk = await Talk.open(world, { by });
        talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
        const forwarded = await talk.arrived('INVITE');
        forwarded.reply(responseText(forwarded, 180, { toTag: 'bob' }));
        await talk.answer(180);
        await pause(3_500);
        expect(talk.asker.isClosed).toBe(false);
        forwarded.reply(responseText(forwarded, 200, { toTag: 'bob' }));
        await talk.answer(200);
        await until(() => talk.asker.isClosed);
      },
    },
    {
      id: `END-5.${index + 1}`,
      rfc: 3261,
      section: '17.2.1, 18.2.2',
      level: 'product',
      title: `an INVITE that is sent again on a new connection over ${by} is the same one, and its answers come by that connection`,
      async run(world) {
        const { talk, invite, forwarded, again } = await leftByItsAsker(world, by);
        again.send(invite.text);
        await talk.at(again, 180);
        forwarded.reply(responseText(forwarded, 200, { toTag: 'bob', headers: [contactAt(talk.callee)] }));
        await talk.at(again, 200);
        // As long as the callee has heard no ACK.
        forwarded.reply(responseText(forwarded, 200, { toTag: 'bob', headers: [contactAt(talk.callee)] }));
        await talk.at(again, 200);
        await talk.nothingAt(talk.callee, 'INVITE', 50);
      },
    },
    {
      id: `END-6.${index + 1}`,
      rfc: 3261,
      section: '9.2, 18.2.2',
      level: 'product',
      title: `an asker that has lost its connection over ${by} cancels on a new one, and gets the 487 there`,
      async run(world) {
        const { talk, invite, forwarded, again } = await leftByItsAsker(world, by);
        again.send(within(invite, 'CANCEL'));
        await talk.at(again, isAnswerTo('CANCEL', 200));
        const cancel = await talk.arrived('CANCEL');
        expect(branchOf(cancel)).toBe(branchOf(forwarded));
        cancel.reply(responseText(cancel, 200));
        forwarded.reply(responseText(forwarded, 487, { toTag: 'bob' }));
        const refusal = await talk.at(again, isAnswerTo('INVITE', 487));
        again.send(within(invite, 'ACK', refusal.header('To')));
        await talk.nothingAt(
          talk.callee,
          (message) => message.method === 'ACK' && branchOf(message) !== branchOf(forwarded),
        );
      },
    },
  ]),
  {
    id: 'END-7.1',
    rfc: 3261,
    section: '18.2.2',
    level: 'product',
    title: 'an answer that finds its asker nowhere is told with code, Call-ID and size',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      await talk.asker.close();
      await world.isAlive();
      const reply = responseText(forwarded, 200);
      forwarded.reply(reply);
      expect(await logLine(world, talk.callId)).toMatchObject({
        level: 'warn',
        code: 'connect-refused',
        message: '200 to MESSAGE',
        peer: `tcp:${talk.asker.address}:${talk.asker.port}`,
        octets: expect.any(Number),
      });
    },
  },
  ...(['INVITE', 'MESSAGE'] as const).map(
    (method, index): Check => ({
      id: `END-8.${index + 1}`,
      rfc: 3261,
      section: '18.2.2, 18.1.1',
      level: 'product',
      title: `an answer to ${method} that no datagram holds becomes 500 answer-too-large for an asker over UDP, and is told`,
      async run(world) {
        const talk = await Talk.open(world, { by: 'udp' });
        const invite = talk.ask(method, { headers: [contactAt(world.cisco.udp)] });
        const forwarded = await talk.arrived(method);
        forwarded.reply(responseText(forwarded, 200, { toTag: 'bob', body: 'x'.repeat(70_000) }));
        const answer = await talk.answer(500);
        expect(answer.header('Warning')).toContain('answer-too-large: the answer 200 has ');
        if (method === 'INVITE') talk.acknowledge(invite, answer);
        const line = await logLine(world, talk.callId);
        expect(line).toMatchObject({ code: 'answer-too-large', message: `200 to ${method}` });
        expect(line.octets).toBeGreaterThan(70_000);
      },
    }),
  ),
  {
    id: 'END-9',
    rfc: 3261,
    section: '17.2.3',
    level: 'MUST',
    title: 'a copy of an INVITE with the same branch from another peer does not take its answer',
    async run(world) {
      const talk = await Talk.open(world);
      const via = [`SIP/2.0/TCP ${world.address('cisco')}:${talk.asker.port};branch=${newBranch()}`];
      const invite = talk.ask('INVITE', { via, headers: [contactAt(world.cisco.tcp)] });
      const forwarded = await talk.arrived('INVITE');
      forwarded.reply(responseText(forwarded, 180, { toTag: 'bob' }));
      await talk.answer(180);
      const other = await world.asker('tcp', { host: 'second' });
      other.send(invite.text);
      await talk.answer(180);
      forwarded.reply(responseText(forwarded, 200, { toTag: 'bob' }));
      await talk.answer(200);
      await talk.nothingAt(other);
    },
  },
];

const names = ['cancel-end', 'cancel-reset', 'gone', 'patient', 'both', 'silent', 'ringing'];

conformance(
  'connections that end',
  {
    block: 20,
    routing: { 'failover-after': '1500ms' },
    timers: { idle: '1s' },
    couples: [
      ...names.map((name, index) => ({ domain: `${name}.example.com`, port: 5310 + index })),
      { domain: 'cancel-tls.example.com', port: 5330, transport: 'tls' },
    ],
  },
  checks,
);
