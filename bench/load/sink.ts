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

/** The answers that are kept back from one connection, in a ring: nothing else of what was answered stays in memory. */
class Ring {
  readonly #answers: (readonly string[])[];
  #oldest = 0;

  constructor(length: number) {
    this.#answers = new Array(length).fill([]);
  }

  /** @returns what leaves in its place */
  exchange(answers: readonly string[]): readonly string[] {
    const leaving = this.#answers[this.#oldest]!;
    this.#answers[this.#oldest] = answers;
    this.#oldest = (this.#oldest + 1) % this.#answers.length;
    return leaving;
  }
}

let hold = 0;
const rings = new Map<Peer, Ring>();

function ringOf(peer: Peer): Ring {
  const ring = rings.get(peer) ?? new Ring(hold);
  rings.set(peer, ring);
  return ring;
}

function answer(request: string, transport: Transport, place: Place, peer: Peer): void {
  const answers = answersTo(request, transport, place);
  // Probes are answered at once.
  const leaving = hold === 0 || numberOf(request) < 0 ? answers : ringOf(peer).exchange(answers);
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
