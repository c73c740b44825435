/** Two workers on the same ports: whichever of them a connection belongs to, and whichever hears the answer, the traffic is one. */
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { credentials } from '../support/development-certificates.ts';
import { newBranch, newTag, type RawMessage, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Transport } from '../support/raw-sip.ts';
import { startReturningServer } from '../support/returning-server.ts';
import { RouterProcess } from '../support/router-process.ts';
import { domainOf, portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { endsOfBoth, logged, statusOf, twoWorkers } from '../support/two-workers.ts';
import { until } from '../support/until.ts';

const sides = twoSides(140);
const ends: RawEnd[] = [];
let router: RouterProcess;

beforeAll(async () => {
  const certificates = inject('certificates');
  router = await RouterProcess.start({ routes: routesYaml(sides, { certificates }) + twoWorkers });
});
afterAll(() => router?.stop());
afterEach(async () => {
  for (const end of ends.splice(0)) await end.close();
});

const end = async (options: Parameters<typeof openEnd>[0]): Promise<RawEnd> => {
  const opened = await openEnd(options);
  ends.push(opened);
  return opened;
};

const asker = (transport: Transport) => (): Promise<RawEnd> =>
  end({
    transport,
    address: sides.cisco,
    to: { address: sides.router, port: portOf(transport) },
    credentials: credentials(inject('certificates'), 'imp1'),
  });

const server = (transport: Transport): Promise<RawEnd> =>
  end({
    transport,
    address: sides.microsoft,
    port: portOf(transport),
    credentials: credentials(inject('certificates'), 'fe1'),
  });

const contact = (transport: Transport): string => `Contact: <sip:alice@${sides.cisco};transport=${transport}>`;

interface Call {
  readonly end: RawEnd;
  readonly callId: string;
  readonly branch: string;
  readonly text: string;
}

const inviteFrom = (from: RawEnd): Call => {
  const { transport } = from;
  const [callId, branch] = [newTag(), newBranch()];
  const text = requestText({
    method: 'INVITE',
    uri: `sip:bob@${domainOf(transport)}`,
    via: [`${from.via};branch=${branch};rport`],
    from: '<sip:alice@example.com>;tag=alice',
    callId,
    headers: [contact(transport)],
  });
  return { end: from, callId, branch, text };
};

const follow = (call: Call, method: string, cseq: number, answer: RawMessage): string =>
  requestText({
    method,
    uri: `sip:bob@${sides.microsoft}:${portOf(call.end.transport)};transport=${call.end.transport}`,
    via: [`${call.end.via};branch=${newBranch()};rport`],
    from: '<sip:alice@example.com>;tag=alice',
    to: answer.header('To') ?? '',
    callId: call.callId,
    cseq,
    headers: answer.headers('Record-Route').map((value) => `Route: ${value}`),
  });

const cancelOf = ({ text }: Call): string =>
  text
    .replace(/^INVITE/, 'CANCEL')
    .replace(/^CSeq: 1 INVITE/m, 'CSeq: 1 CANCEL')
    .replace(/^Contact:.*\r\n/m, '');

const ackOf = ({ text }: Call, refusal: RawMessage): string =>
  text
    .replace(/^INVITE/, 'ACK')
    .replace(/^CSeq: 1 INVITE/m, 'CSeq: 1 ACK')
    .replace(/^Contact:.*\r\n/m, '')
    .replace(/^To:.*$/m, `To: ${refusal.header('To')}`);

const of =
  ({ callId }: Call, cseq: string, status: number) =>
  (message: RawMessage): boolean =>
    message.header('Call-ID') === callId && message.header('CSeq') === cseq && message.status === status;

/** INVITE 180 200 ACK BYE 200. */
async function talk(call: Call): Promise<void> {
  call.end.send(call.text);
  await call.end.take(of(call, '1 INVITE', 180));
  const answer = await call.end.take(of(call, '1 INVITE', 200));
  call.end.send(follow(call, 'ACK', 1, answer));
  call.end.send(follow(call, 'BYE', 2, answer));
  await call.end.take(of(call, '2 BYE', 200));
}

/** INVITE 180 CANCEL 200 487 ACK. */
async function giveUp(call: Call): Promise<void> {
  call.end.send(call.text);
  await call.end.take(of(call, '1 INVITE', 180));
  call.end.send(cancelOf(call));
  await call.end.take(of(call, '1 CANCEL', 200));
  const refusal = await call.end.take(of(call, '1 INVITE', 487));
  call.end.send(ackOf(call, refusal));
}

describe.each(['udp', 'tcp', 'tls'] as const)('over %s', (transport) => {
  test('both workers carry dialogs: INVITE, ACK and BYE, on connections of either', async () => {
    const microsoft = await server(transport);
    const acks = new Set<string>();
    microsoft.respond((request) => {
      if (request.method === 'ACK') acks.add(request.header('Call-ID') ?? '');
      if (request.method === 'INVITE') request.reply(responseText(request, 180, { toTag: 'bob' }));
      const isAnswered = request.method === 'INVITE' || request.method === 'BYE';
      return isAnswered ? responseText(request, 200, { toTag: 'bob' }) : undefined;
    });
    const byWorker = await endsOfBoth(router, sides.router, asker(transport), 3);
    const calls = byWorker.flat().flatMap((from) => [inviteFrom(from), inviteFrom(from), inviteFrom(from)]);
    await Promise.all(calls.map(talk));
    expect([...acks].sort()).toEqual(calls.map(({ callId }) => callId).sort());
  });

  test('a caller of either gives up: CANCEL finds the INVITE, and its ACK too (RFC 3261 §9.2)', async () => {
    const microsoft = await server(transport);
    const invites = new Map<string, (text: string) => void>();
    microsoft.respond((request) => {
      const callId = request.header('Call-ID') ?? '';
      if (request.method === 'INVITE') {
        invites.set(callId, () => request.reply(responseText(request, 487, { toTag: 'bob' })));
        return responseText(request, 180, { toTag: 'bob' });
      }
      if (request.method !== 'CANCEL') return undefined;
      request.reply(responseText(request, 200, { toTag: 'bob' }));
      invites.get(callId)?.('');
      return undefined;
    });
    const byWorker = await endsOfBoth(router, sides.router, asker(transport));
    await Promise.all(byWorker.flat().map((from) => giveUp(inviteFrom(from))));
  });
});

/** A next hop that rings for every INVITE, and ends it with 487 when its CANCEL comes. What has come to it is kept. */
async function ringingServer(transport: Transport): Promise<RawEnd> {
  const microsoft = await server(transport);
  const endings = new Map<string, () => void>();
  microsoft.respond((request) => {
    const branch = request.header('Via') ?? '';
    if (request.method === 'INVITE') {
      endings.set(branch, () => request.reply(responseText(request, 487, { toTag: 'bob' })));
      return responseText(request, 180, { toTag: 'bob' });
    }
    if (request.method === 'CANCEL') {
      request.reply(responseText(request, 200, { toTag: 'bob' }));
      endings.get(branch)?.();
    }
    return undefined;
  });
  return microsoft;
}

/** By number of the worker that has the INVITE, and of the one that hears what comes of it. */
const pairs = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

describe.each(['udp', 'tcp', 'tls'] as const)(
  'an asker that goes on by another connection or port, over %s',
  (transport) => {
    test('CANCEL and ACK find their INVITE, whichever worker has it (RFC 3261 §9.2, §17.2.3)', async () => {
      const microsoft = await ringingServer(transport);
      const byWorker = await endsOfBoth(router, sides.router, asker(transport), 4);
      for (const [has, hears] of pairs) {
        const [first, second] = [byWorker[has].pop()!, byWorker[hears].pop()!];
        const call = inviteFrom(first);
        first.send(call.text);
        await first.take(of(call, '1 INVITE', 180));
        // Over UDP the answer goes to the port that the INVITE came from.
        const answered = transport === 'udp' ? first : second;
        if (transport !== 'udp') await first.close();
        second.send(cancelOf(call));
        await second.take(of(call, '1 CANCEL', 200));
        const refusal = await answered.take(of(call, '1 INVITE', 487));
        second.send(ackOf(call, refusal));
        // What is handed over is there before what comes behind it has been answered.
        const { callId, text } = messageFrom(second);
        second.send(text);
        const last = await microsoft.take((message) => message.header('Call-ID') === callId);
        last.reply(responseText(last, 200));
        const ofCall = () => microsoft.inbox.filter((message) => message.header('Call-ID') === call.callId);
        // The router's own, for the 487.
        await until(() => ofCall().some(({ method }) => method === 'ACK'));
        const came = ofCall();
        expect(came.map(({ method }) => method)).toEqual(['INVITE', 'CANCEL', 'ACK']);
        expect(new Set(came.map((message) => message.header('Via'))).size).toBe(1);
      }
    });
  },
);

test.each(['tcp', 'tls'] as const)(
  'over %s an INVITE that an asker sends again on a new connection is the same one, and its answers come there',
  async (transport) => {
    const microsoft = await ringingServer(transport);
    const byWorker = await endsOfBoth(router, sides.router, asker(transport), 4);
    for (const [has, hears] of pairs) {
      const [first, second] = [byWorker[has].pop()!, byWorker[hears].pop()!];
      const call = inviteFrom(first);
      first.send(call.text);
      await first.take(of(call, '1 INVITE', 180));
      await first.close();
      second.send(call.text);
      await second.take(of(call, '1 INVITE', 180));
      const isOfCall = (message: RawMessage) => message.header('Call-ID') === call.callId;
      const [invite, ...copies] = microsoft.inbox.filter(isOfCall);
      expect(copies).toEqual([]);
      for (const _ of ['the answer', 'and as long as no ACK comes']) {
        invite!.reply(responseText(invite!, 200, { toTag: 'bob' }));
        await second.take(of(call, '1 INVITE', 200));
      }
    }
  },
);

const messageFrom = (from: RawEnd): { callId: string; text: string } => {
  const callId = newTag() + newTag();
  const via = [`${from.via};branch=${newBranch()};rport`];
  return { callId, text: requestText({ method: 'MESSAGE', uri: `sip:bob@${domainOf(from.transport)}`, via, callId }) };
};

test('a response by a connection that the far side opened for it is brought to the worker that waits (RFC 3261 §18.2.2)', async () => {
  const microsoft = await server('tcp');
  const open = () => end({ transport: 'tcp', address: sides.microsoft, to: { address: sides.router, port: 5060 } });
  const back = (await endsOfBoth(router, sides.router, open)).flat();
  let turn = 0;
  microsoft.respond((request) => {
    back[turn++ % back.length]?.send(responseText(request, 200));
    return undefined;
  });
  const askers = (await endsOfBoth(router, sides.router, asker('tcp'))).flat();
  for (const from of askers) {
    for (const _ of back) {
      const { callId, text } = messageFrom(from);
      from.send(text);
      await from.take((message) => message.status === 200 && message.header('Call-ID') === callId);
    }
  }
});

test.each(['udp', 'tcp'] as const)(
  'over %s a request that comes back by another worker is known again, and ended',
  async (transport) => {
    const returning = await startReturningServer({
      transport,
      at: { address: sides.microsoft, port: 5060 },
      router: { address: sides.router, port: 5060 },
      keepsVia: false,
    });
    try {
      for (const from of (await endsOfBoth(router, sides.router, asker(transport))).flat()) {
        const { callId, text } = messageFrom(from);
        from.send(text);
        const refusal = await from.take((message) => message.status === 404 && message.header('Call-ID') === callId);
        expect(refusal.header('ms-diagnostics')).toMatch(/^1003/);
      }
      expect(returning.received).toHaveLength(returning.answers.length);
      expect(new Set(returning.answers.map(({ status }) => status))).toEqual(new Set([482]));
    } finally {
      await returning.close();
    }
  },
);

test('status sums over the workers, and every request of either has its line in one log', async () => {
  const before = await statusOf(router);
  const microsoft = await server('tcp');
  microsoft.respond((request) => responseText(request, 200));
  const askers = (await endsOfBoth(router, sides.router, asker('tcp'))).flat();
  const ids = new Set<string>();
  for (let count = 0; count < 50; count += 1) {
    for (const from of askers) {
      const { callId, text } = messageFrom(from);
      from.send(text);
      ids.add(`${callId} 1`);
    }
  }
  for (const from of askers) for (let count = 0; count < 50; count += 1) await from.take(200);

  const { load, workers } = await statusOf(router);
  expect(workers).toHaveLength(2);
  for (const of of ['requests', 'openRequests', 'connections'] as const) {
    expect(load[of]).toBe(workers[0]![of] + workers[1]![of]);
  }
  const done = (number: number) => workers[number]!.requests - before.workers[number]!.requests;
  expect(done(0) + done(1)).toBeGreaterThanOrEqual(ids.size);
  for (const worker of [0, 1]) expect(done(worker)).toBeGreaterThanOrEqual(100);
  const records = await logged(router, ids.size, ({ event, id }) => event === 'request' && ids.has(String(id)));
  expect(new Set(records.map(({ id }) => id))).toEqual(ids);
});

test('a second router on the same ports is told that they are in use, although workers share them', async () => {
  const routes = routesYaml(sides, { certificates: inject('certificates') }) + twoWorkers;
  const second = RouterProcess.start({ routes });
  await expect(second).rejects.toThrow(/port 5060\/udp on 127\.0\.140\.1 is in use by another program/);
});
