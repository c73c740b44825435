/** What transactions make the router hold for their peers, over real sockets: never beyond the share, and nothing at the end. */
import { afterEach, expect, test } from 'vitest';
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
const silentLog = { debug: () => undefined, info: () => undefined, warn: () => undefined };
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
      else if (method === 'INVITE') transaction.respond(486, respond(transaction.request, 486, 'Busy Here', newTag()));
      else transaction.abandon();
    },
    onCancel: (transaction) => transaction.respond(200, respond(transaction.request, 200, 'OK', newTag())),
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
afterEach(async () => {
  for (const end of ends.splice(0)) await end.close();
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
