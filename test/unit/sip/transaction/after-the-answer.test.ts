/** Transactions that have had their final response, over real sockets: what they still do, and what they no longer hold. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../../../src/log.ts';
import type { AcceptedUser } from '../../../../src/sip/transaction/answered-clients.ts';
import type { ClientTransactionUser } from '../../../../src/sip/transaction/client-transaction.ts';
import type { ServerTransaction } from '../../../../src/sip/transaction/server-transaction.ts';
import { rfcTimers } from '../../../../src/sip/transaction/timers.ts';
import { type Cancelled, TransactionLayer } from '../../../../src/sip/transaction/transaction-layer.ts';
import { createTransportLayer, type ReconfigurableTransports } from '../../../../src/sip/transport/transport-layer.ts';
import { respond, type SipRequest, type SipResponse } from '../../../../src/sip-parser/index.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { doorFor, flowTo, settingsFor } from '../../../support/open-transports.ts';
import { newBranch, newTag, requestText, responseText } from '../../../support/raw-message.ts';
import { openEnd, type RawEnd } from '../../../support/raw-sip.ts';
import { until } from '../../../support/until.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const areCollected = (held: readonly WeakRef<object>[]): boolean => {
  collectGarbage();
  return held.every((reference) => reference.deref() === undefined);
};

const giveUpMs = 64 * rfcTimers.t1Ms;
/** A transaction layer on a transport layer, and all that its user is told. */
class World {
  readonly clock = new ManualClock();
  readonly requests: ServerTransaction[] = [];
  readonly cancels: (Cancelled | undefined)[] = [];
  readonly unanswered: SipRequest[] = [];
  readonly strays: string[] = [];
  readonly transport: ReconfigurableTransports;
  readonly transactions: TransactionLayer;
  readonly ends: RawEnd[] = [];

  constructor() {
    const wishes = settingsFor({ listen: [{ transport: 'udp', address: '127.0.151.1' }] });
    const handler = {
      onRequest: (request: SipRequest, flow: ServerTransaction['flow']) => this.transactions.onRequest(request, flow),
      onResponse: (response: SipResponse, flow: ServerTransaction['flow']) =>
        this.transactions.onResponse(response, flow),
      onUnfitResponse: (response: SipResponse, flow: ServerTransaction['flow']) =>
        this.transactions.onUnfitResponse(response, flow),
      onLostRequest: () => undefined,
      onDiscarded: () => undefined,
    };
    this.transport = createTransportLayer(wishes, doorFor({}), handler, this.clock, silentLog);
    this.transactions = new TransactionLayer(
      rfcTimers,
      this.clock,
      (text, request, flow) => this.transport.sendResponse(text, request, flow),
      {
        onRequest: (transaction) => void this.requests.push(transaction),
        onCancel: (transaction, cancelled) => {
          this.cancels.push(cancelled);
          transaction.respond(200, respond(transaction.request, 200, 'OK', newTag()));
        },
        onUnanswered: (request) => void this.unanswered.push(request),
        onMemoryShort: () => undefined,
        onUnmatchable: () => undefined,
        onUnacknowledged: () => undefined,
        onStrayResponse: (_response, _from, why) => void this.strays.push(why),
      },
    );
  }

  async end(address: string): Promise<RawEnd> {
    const { port } = this.transport.listeners[0]!;
    const end = await openEnd({ transport: 'udp', address, to: { address: '127.0.151.1', port } });
    this.ends.push(end);
    return end;
  }

  async close(): Promise<void> {
    for (const end of this.ends) await end.close();
    await this.transport.close(0);
  }
}

let world: World;
afterEach(() => world.close());

async function open(): Promise<World> {
  world = new World();
  await world.transport.open();
  return world;
}

const uri = 'sip:bob@example.com';
const askOf = (end: RawEnd, method: string, branch = newBranch(), callId = newTag()): string =>
  requestText({ method, uri, via: [`${end.via};branch=${branch}`], callId });

const answer = (transaction: ServerTransaction, status: number): void =>
  transaction.respond(status, respond(transaction.request, status, 'Test', 'tag'));

/** What `end` has sent before has been handled now: datagrams between two sockets keep their order on loopback. */
async function handled(end: RawEnd): Promise<void> {
  const callId = newTag();
  end.send(askOf(end, 'ACK', newBranch(), callId));
  await until(() => world.unanswered.some((request) => request.callId === callId));
}

describe('server transactions', () => {
  test('copies of a MESSAGE over UDP get the same final response for 64*T1, and then are a new request (Timer J, §17.2.2)', async () => {
    const { transactions, requests, clock } = await open();
    const end = await world.end('127.0.151.2');
    const message = askOf(end, 'MESSAGE');
    end.send(message);
    answer(await until(() => requests[0]), 202);
    const { text } = await end.take(202);
    clock.advance(giveUpMs - 1);
    expect(transactions.counts.servers).toBe(1);
    expect(transactions.countOpen()).toBe(0);
    end.send(message);
    expect((await end.take(202)).text).toBe(text);
    expect(requests).toHaveLength(1);
    clock.advance(1);
    expect(transactions.counts.servers).toBe(0);
    end.send(message);
    await until(() => requests.length === 2);
  });

  test('the copy is answered where the first was: at the sent-by port when there is no rport (§18.2.2)', async () => {
    const { requests } = await open();
    const [source, sentBy] = [await world.end('127.0.151.2'), await world.end('127.0.151.2')];
    const message = askOf(sentBy, 'MESSAGE');
    source.send(message);
    answer(await until(() => requests[0]), 202);
    const { text } = await sentBy.take(202);
    source.send(message);
    expect((await sentBy.take(202)).text).toBe(text);
  });

  test('given up without an answer, copies are absorbed without a word for 64*T1 (RFC 4320 §4.2)', async () => {
    const { requests, clock } = await open();
    const end = await world.end('127.0.151.2');
    const message = askOf(end, 'MESSAGE');
    end.send(message);
    (await until(() => requests[0])).abandon();
    clock.advance(giveUpMs - 1);
    end.send(message);
    await handled(end);
    expect(requests).toHaveLength(1);
    expect(end.inbox).toHaveLength(0);
    clock.advance(1);
    end.send(message);
    await until(() => requests.length === 2);
  });

  test('after a 2xx copies of the INVITE are absorbed for 64*T1, and its ACK passes (Timer L, RFC 6026 §7.1)', async () => {
    const { transactions, requests, unanswered, clock } = await open();
    const end = await world.end('127.0.151.2');
    const branch = newBranch();
    const callId = newTag();
    const invite = askOf(end, 'INVITE', branch, callId);
    end.send(invite);
    answer(await until(() => requests[0]), 200);
    await end.take(200);
    end.send(askOf(end, 'ACK', branch, callId));
    await until(() => unanswered.some((ack) => ack.callId === callId));
    clock.advance(giveUpMs - 1);
    end.send(invite);
    await handled(end);
    expect(requests).toHaveLength(1);
    expect(end.inbox).toHaveLength(0);
    expect(transactions.counts.servers).toBe(1);
    expect(transactions.countOpen()).toBe(0);
    clock.advance(1);
    end.send(invite);
    await until(() => requests.length === 2);
  });

  test('a CANCEL that comes too late means a transaction of that peer in which nothing is open (§9.2)', async () => {
    const { requests, cancels } = await open();
    const end = await world.end('127.0.151.2');
    const branch = newBranch();
    end.send(askOf(end, 'INVITE', branch));
    const invite = await until(() => requests[0]);
    end.send(askOf(end, 'CANCEL', branch));
    await until(() => cancels.length === 1);
    answer(invite, 200);
    end.send(askOf(end, 'CANCEL', branch));
    end.send(askOf(end, 'CANCEL', newBranch()));
    await until(() => cancels.length === 2);
    expect(cancels).toEqual([{ flow: invite.flow, open: invite }, undefined]);
  });

  test('nothing of a request is held when it has been answered', async () => {
    await open();
    await bothAreLetGo(answered);
    expect(world.transactions.counts.servers).toBe(2);
  });
});

/** @param act makes a transaction of a method, and tells what should not be held when it is over */
async function bothAreLetGo(act: (method: string) => Promise<WeakRef<object>[]>): Promise<void> {
  const held = [...(await act('MESSAGE')), ...(await act('INVITE'))];
  await until(() => areCollected(held));
}

/** A transaction that has had its answer, its request, and what the user of the transaction keeps with it. */
async function answered(method: string): Promise<WeakRef<object>[]> {
  const end = await world.end('127.0.151.2');
  end.send(askOf(end, method));
  await until(() => world.requests.length === 1);
  const transaction = world.requests.pop()!;
  transaction.context = { call: 'of the transaction user' };
  answer(transaction, 200);
  await end.take(200);
  return [transaction, transaction.request, transaction.context as object].map((held) => new WeakRef(held));
}

/** Keeps what it is told. */
class Asker implements ClientTransactionUser, AcceptedUser {
  readonly statuses: number[] = [];
  readonly unfit: number[] = [];
  readonly notes: string[] = [];

  accepts(response: SipResponse, note?: string): boolean {
    if (note !== undefined) this.notes.push(note);
    return response.toTag !== 'nobody-we-know';
  }

  mayAnswer(): boolean {
    return false;
  }

  onResponse({ status }: SipResponse): void {
    this.statuses.push(status);
  }

  onUnfitResponse({ status }: SipResponse): void {
    this.unfit.push(status);
  }

  onTimeout(): void {}

  onTransportError(): void {}
}

/** Sends a request of ours to `end` and has it there. */
async function ask(end: RawEnd, method: string, user: Asker) {
  const flow = flowTo(world.transport, { transport: 'udp', address: end.address, port: end.port });
  const branch = newBranch();
  const via = `SIP/2.0/UDP ${flow.listener.sentBy};branch=${branch}`;
  const client = world.transactions.request(flow, requestText({ method, uri, via: [via] }), { method, branch }, user);
  return { client, request: await end.take(method) };
}

describe('client transactions', () => {
  test('copies of the final response to a MESSAGE over UDP are absorbed for T4, and then are strays (Timer K, §17.1.2.2)', async () => {
    const { transactions, clock, strays } = await open();
    const end = await world.end('127.0.151.2');
    const user = new Asker();
    const { request } = await ask(end, 'MESSAGE', user);
    const response = responseText(request, 200);
    end.send(response);
    await until(() => user.statuses.length === 1);
    clock.advance(rfcTimers.t4Ms - 1);
    end.send(response);
    await handled(end);
    expect(strays).toEqual([]);
    expect(transactions.counts.clients).toBe(1);
    clock.advance(1);
    end.send(response);
    await until(() => strays.length === 1);
    expect(strays).toEqual(['no-transaction']);
    expect(user.statuses).toEqual([200]);
    expect(transactions.counts.clients).toBe(0);
  });

  test('each 2xx to an INVITE goes up for 64*T1, with the note that was left, and other responses are absorbed (Timer M, RFC 6026 §7.2)', async () => {
    const { transactions, clock, strays } = await open();
    const end = await world.end('127.0.151.2');
    const [user, heir] = [new Asker(), new Asker()];
    const { client, request } = await ask(end, 'INVITE', user);
    client.handOver(heir, 'note');
    end.send(responseText(request, 200));
    await until(() => user.statuses.length === 1);
    clock.advance(giveUpMs - 1);
    end.send(responseText(request, 180));
    end.send(responseText(request, 486));
    end.send(responseText(request, 202));
    await until(() => heir.statuses.length === 1);
    expect(heir).toMatchObject({ statuses: [202], notes: ['note', 'note', 'note'] });
    expect(strays).toEqual([]);
    expect(transactions.counts.clients).toBe(1);
    clock.advance(1);
    end.send(responseText(request, 200));
    await until(() => strays.length === 1);
    expect(strays).toEqual(['no-transaction']);
    expect(user.statuses).toEqual([200]);
    expect(transactions.counts.clients).toBe(0);
  });

  test('an INVITE that was given up is silent for 64*T1, but for a 2xx, which goes up (RFC 3261 §16.7 step 5)', async () => {
    const { transactions, clock, strays } = await open();
    const end = await world.end('127.0.151.2');
    const [user, heir] = [new Asker(), new Asker()];
    const { client, request } = await ask(end, 'INVITE', user);
    client.giveUp(giveUpMs, heir, 'note');
    end.send(responseText(request, 180));
    end.send(responseText(request, 200));
    await until(() => heir.statuses.length === 1);
    clock.advance(giveUpMs - 1);
    await handled(end);
    expect(end.inbox, 'the INVITE is not sent again').toEqual([]);
    end.send(responseText(request, 200));
    await until(() => heir.statuses.length === 2);
    expect(user.statuses).toEqual([]);
    clock.advance(1);
    end.send(responseText(request, 200));
    await until(() => strays.length === 1);
    expect(transactions.counts.clients).toBe(0);
  });

  test.each(['MESSAGE', 'INVITE'])(
    'after the answer to a %s, too, a response counts only from the peer that was asked, with our Via and the method',
    async (method) => {
      const { strays } = await open();
      const [end, other] = [await world.end('127.0.151.2'), await world.end('127.0.151.3')];
      const [user, heir] = [new Asker(), new Asker()];
      const { client, request } = await ask(end, method, user);
      client.handOver(heir, 'note');
      const response = responseText(request, 200);
      end.send(response);
      await until(() => user.statuses.length === 1);
      for (const [from, text] of [
        [other, response],
        [end, response.replace('127.0.151.1', '127.0.151.9')],
        [end, response.replace(`1 ${method}`, '1 BYE')],
      ] as const) {
        from.send(text);
        await handled(from);
      }
      expect(strays).toEqual(['not-from-the-hop', 'other-sent-by', 'other-method']);
      expect(heir.statuses).toEqual([]);
    },
  );

  test.each(['MESSAGE', 'INVITE'])(
    'a final response to a %s that cannot be sent on ends its transaction and is told, a provisional one is not; nobody else may send it',
    async (method) => {
      const { transactions, strays } = await open();
      const [end, other] = [await world.end('127.0.151.2'), await world.end('127.0.151.3')];
      const user = new Asker();
      const { request } = await ask(end, method, user);
      const unfit = (status: number) => responseText(request, status, { headers: ['X: a\nb'] });
      end.send(unfit(180));
      other.send(unfit(200));
      await handled(end);
      await handled(other);
      expect(user.unfit).toEqual([]);
      end.send(unfit(200));
      await until(() => user.unfit.length === 1);
      expect(transactions.counts.clients).toBe(0);
      end.send(responseText(request, 200));
      await until(() => strays.length === 1);
      expect(user).toMatchObject({ unfit: [200], statuses: [] });
    },
  );

  test('a 2xx that is not for the asker is a stray after the first one, too', async () => {
    const { strays } = await open();
    const end = await world.end('127.0.151.2');
    const [user, heir] = [new Asker(), new Asker()];
    const { client, request } = await ask(end, 'INVITE', user);
    client.handOver(heir, 'note');
    end.send(responseText(request, 200));
    await until(() => user.statuses.length === 1);
    end.send(responseText(request, 200, { toTag: 'nobody-we-know' }));
    await until(() => strays.length === 1);
    expect(strays).toEqual(['not-for-the-asker']);
    expect(heir.statuses).toEqual([]);
  });

  test('who asked is not held when the answer has come', async () => {
    await open();
    await bothAreLetGo(asked);
    expect(world.transactions.counts.clients).toBe(2);
  });
});

/** Who has asked and had an answer, and the transaction. */
async function asked(method: string): Promise<WeakRef<object>[]> {
  const end = await world.end('127.0.151.2');
  const user = new Asker();
  const { client, request } = await ask(end, method, user);
  end.send(responseText(request, 200));
  await until(() => user.statuses.length === 1);
  return [new WeakRef(user), new WeakRef(client)];
}
