/** What transactions make the router hold for their peers, over real sockets: never beyond the share, and nothing at the end. */

import { afterAll, expect, test } from 'vitest';
import { silentLog } from '../../../../src/log.ts';
import { rfcTimers } from '../../../../src/sip/transaction/timers.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/transaction-layer.ts';
import { createTransportLayer } from '../../../../src/sip/transport/transport-layer.ts';
import { respond, type SipRequest, type SipResponse } from '../../../../src/sip-parser/index.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { doorFor, settingsFor } from '../../../support/open-transports.ts';
import { newBranch, newTag, requestText } from '../../../support/raw-message.ts';
import { openEnd, type RawEnd } from '../../../support/raw-sip.ts';
import { until } from '../../../support/until.ts';

const memoryBytes = 4 * 2 ** 20;
const at = '127.0.153.1';

const ends: RawEnd[] = [];
const clock = new ManualClock();
let served = 0;
let refused = 0;

const handler = {
  onRequest: (request: SipRequest, flow: Parameters<TransactionLayer['onRequest']>[1]) =>
    transactions.onRequest(request, flow),
  onResponse: (response: SipResponse, flow: Parameters<TransactionLayer['onResponse']>[1]) =>
    transactions.onResponse(response, flow),
  onUnfitResponse: () => undefined,
  onLostRequest: () => undefined,
  onDiscarded: () => undefined,
};
const limits = { ...settingsFor({}).limits, memoryBytes };
const transport = createTransportLayer(
  settingsFor({ listen: [{ transport: 'udp', address: at }], limits }),
  doorFor({}),
  handler,
  clock,
  silentLog,
);
const transactions = new TransactionLayer(
  rfcTimers,
  clock,
  (text, request, flow) => transport.sendResponse(text, request, flow),
  {
    onRequest(transaction) {
      served += 1;
      const { method } = transaction.request;
      if (method === 'OPTIONS') transaction.respond(200, respond(transaction.request, 200, 'OK', newTag()));
      else if (method === 'SUBSCRIBE') return;
      else if (transaction.request.requestUri.startsWith('sip:twice@')) {
        for (const tag of ['first', 'another']) transaction.respond(200, respond(transaction.request, 200, 'OK', tag));
      } else if (method === 'INVITE')
        transaction.respond(486, respond(transaction.request, 486, 'Busy Here', newTag()));
      else transaction.abandon();
    },
    onCancel(transaction) {
      served += 1;
      transaction.respond(200, respond(transaction.request, 200, 'OK', newTag()));
    },
    onUnanswered: () => undefined,
    onMemoryShort() {
      refused += 1;
    },
    onUnmatchable: () => undefined,
    onUnacknowledged: () => undefined,
    onStrayResponse: () => undefined,
  },
);

await transport.open();
afterAll(async () => {
  for (const end of ends) await end.close();
  await transport.close(0);
});

test('answers over UDP are kept up to the share of their peer, requests beyond it refused, and 64*T1 later nothing is held', async () => {
  const { port } = transport.listeners[0]!;
  const [greedy, other] = await Promise.all(
    ['127.0.153.2', '127.0.153.3'].map((address) => openEnd({ transport: 'udp', address, to: { address: at, port } })),
  );
  ends.push(greedy!, other!);
  const send = (end: RawEnd, method: string, via: readonly string[]): void =>
    end.send(
      requestText({ method, uri: `sip:${at}`, via: [`${end.via};branch=${newBranch()}`, ...via], callId: newTag() }),
    );
  const long = Array.from({ length: 150 }, (_, hop) => `SIP/2.0/UDP 192.0.2.${hop};branch=z9hG4bK${'x'.repeat(200)}`);
  for (let number = 0; refused < 20; number += 1) {
    expect(number).toBeLessThan(1_000);
    const before = served + refused;
    send(greedy!, 'OPTIONS', long);
    await until(() => served + refused > before);
  }
  expect(transport.memory.held).toBeGreaterThan(memoryBytes / 4);
  expect(transport.memory.held).toBeLessThanOrEqual(memoryBytes / 2);
  for (const method of ['OPTIONS', 'INVITE', 'MESSAGE']) {
    const before = served;
    send(other!, method, []);
    await until(() => served > before);
  }
  clock.advance(64 * rfcTimers.t1Ms + 10_000);
  expect(transport.memory.held).toBe(0);
  expect(transactions.counts).toEqual({ servers: 0, clients: 0 });
});

test('CANCELs of nothing are refused as all else is beyond the share of their peer; that of an open request is not, and others are served', async () => {
  const { port } = transport.listeners[0]!;
  const [greedy, other] = await Promise.all(
    ['127.0.153.4', '127.0.153.5'].map((address) => openEnd({ transport: 'udp', address, to: { address: at, port } })),
  );
  ends.push(greedy!, other!);
  const sendAs = async (end: RawEnd, method: string, branch: string): Promise<'served' | 'refused'> => {
    const before = { served, refused };
    end.send(requestText({ method, uri: `sip:${at}`, via: [`${end.via};branch=${branch}`], callId: newTag() }));
    await until(() => served + refused > before.served + before.refused);
    return refused > before.refused ? 'refused' : 'served';
  };
  const open = newBranch();
  expect(await sendAs(greedy!, 'SUBSCRIBE', open)).toBe('served');
  const long = 'b'.repeat(30_000);
  let verdict: string = 'served';
  // Of what can be held for one, the branches alone of 150 are more.
  for (let number = 0; number < 150 && verdict === 'served'; number += 1) {
    verdict = await sendAs(greedy!, 'CANCEL', `${newBranch()}${long}`);
  }
  expect(verdict).toBe('refused');
  expect(transport.memory.held).toBeLessThanOrEqual(memoryBytes / 2);
  expect(await sendAs(greedy!, 'CANCEL', `${newBranch()}${long}`)).toBe('refused');
  expect(await sendAs(greedy!, 'CANCEL', open)).toBe('served');
  expect(await sendAs(other!, 'OPTIONS', newBranch())).toBe('served');
});

test('a second 2xx to an INVITE, of another length and after it is over, changes nothing of what is held', async () => {
  const { port } = transport.listeners[0]!;
  const asker = await openEnd({ transport: 'udp', address: '127.0.153.6', to: { address: at, port } });
  ends.push(asker);
  clock.advance(64 * rfcTimers.t1Ms + 10_000);
  const before = transport.memory.held;
  const via = [`${asker.via};branch=${newBranch()}`];
  asker.send(requestText({ method: 'INVITE', uri: `sip:twice@${at}`, via, callId: newTag() }));
  for (const tag of ['first', 'another']) await asker.take(({ text }) => text.includes(`tag=${tag}`));
  clock.advance(64 * rfcTimers.t1Ms + 10_000);
  expect(transport.memory.held).toBe(before);
});
