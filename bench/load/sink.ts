/** Child process: the far side, which answers every request with 200 and sends a NOTIFY for each SUBSCRIBE. */
import { type Identity, type Peer, type Place, serve, type Transport } from './wire.ts';
import { answersTo, numberOf, statusOf } from './work.ts';

export interface SinkOrder {
  readonly transport: Transport;
  readonly at: readonly Place[];
  readonly identity: Identity;
}

/**
 * From each connection that comes from now on so many answers are kept back: with each new one the oldest leaves, and so many
 * transactions stay in progress.
 */
export interface HoldOrder {
  readonly hold: number;
}

/** The answers that are kept back from one connection. */
class Queue {
  readonly #length: number;
  #answers: (readonly string[])[] = [];
  #first = 0;

  constructor(length: number) {
    this.#length = length;
  }

  /** @returns what leaves now */
  push(answers: readonly string[]): readonly string[] {
    this.#answers.push(answers);
    if (this.#answers.length - this.#first <= this.#length) return [];
    const oldest = this.#answers[this.#first]!;
    this.#first += 1;
    // The front is cut off now and then, in place of moving all at each step.
    if (this.#first > 100_000) [this.#answers, this.#first] = [this.#answers.slice(this.#first), 0];
    return oldest;
  }
}

let hold = 0;
const queues = new Map<Peer, Queue>();

function queueOf(peer: Peer): Queue {
  const queue = queues.get(peer) ?? new Queue(hold);
  queues.set(peer, queue);
  return queue;
}

function answer(request: string, transport: Transport, place: Place, peer: Peer): void {
  const answers = answersTo(request, transport, place);
  // Probes are answered at once.
  const leaving = numberOf(request) < 0 ? answers : queueOf(peer).push(answers);
  for (const each of leaving) peer.put(each);
}

async function open({ transport, at, identity }: SinkOrder): Promise<void> {
  for (const place of at) {
    await serve(transport, place, identity, (message, peer) => {
      if (statusOf(message) === 0) answer(message, transport, place, peer);
    });
  }
}

process.on('message', async (order: SinkOrder | HoldOrder) => {
  if ('hold' in order) hold = order.hold;
  else await open(order);
  process.send?.('done');
});
process.on('disconnect', () => process.exit());
