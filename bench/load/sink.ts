/** Child process: the far side, which answers every request with 200 and sends a NOTIFY for each SUBSCRIBE. */
import { type Identity, type Peer, type Place, serve, type Transport } from './wire.ts';
import { answersTo, statusOf } from './work.ts';

export interface SinkOrder {
  readonly transport: Transport;
  readonly at: readonly Place[];
  readonly identity: Identity;
}

/** So many answers are kept back: with each new one the oldest leaves, and so many transactions stay in progress. */
export interface HoldOrder {
  readonly hold: number;
}

interface Held {
  readonly answers: readonly string[];
  readonly peer: Peer;
}

let hold = 0;
let held: Held[] = [];
let first = 0;

const putAll = ({ answers, peer }: Held): void => {
  for (const answer of answers) peer.put(answer);
};

function answer(answers: readonly string[], peer: Peer): void {
  if (hold === 0) return putAll({ answers, peer });
  held.push({ answers, peer });
  if (held.length - first > hold) {
    putAll(held[first]!);
    first += 1;
  }
  // A queue whose front is cut off now and then, in place of moving all at each step.
  if (first > 100_000) [held, first] = [held.slice(first), 0];
}

function letGo(): void {
  const rest = held.slice(first);
  [held, first] = [[], 0];
  for (const each of rest) putAll(each);
  for (const { peer } of rest) peer.flush();
}

async function open({ transport, at, identity }: SinkOrder): Promise<void> {
  for (const place of at) {
    await serve(transport, place, identity, (message, peer) => {
      if (statusOf(message) === 0) answer(answersTo(message, transport, place), peer);
    });
  }
}

process.on('message', async (order: SinkOrder | HoldOrder) => {
  if ('hold' in order) {
    hold = order.hold;
    if (hold === 0) letGo();
  } else await open(order);
  process.send?.('done');
});
process.on('disconnect', () => process.exit());
