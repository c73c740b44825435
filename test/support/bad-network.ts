/** A UDP network that loses, repeats, delays and reorders datagrams, by seed: a relay between one pair of addresses and another. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Address } from './raw-message.ts';

interface Weather {
  readonly seed: number;
  /** Parts of all datagrams, 0 to 1. */
  readonly loses: number;
  readonly repeats: number;
  /** Each copy is kept for up to so long, each for a time of its own: so they overtake each other. */
  readonly delayMs: number;
}

interface Passed {
  taken: number;
  lost: number;
  repeated: number;
}

/** The same seed gives the same weather (mulberry32). */
function chances(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const BUFFER = 4 << 20;

async function bound(at: Address): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER, sendBufferSize: BUFFER });
  socket.bind(at.port, at.address);
  await once(socket, 'listening');
  return socket;
}

/** Two faces: what is sent to `near` reaches `far` as if it came from `farFace`, and the other way round. */
export class BadNetwork {
  readonly passed: Passed = { taken: 0, lost: 0, repeated: 0 };
  readonly #sockets: readonly Socket[];
  readonly #weather: Weather;
  readonly #chance: () => number;
  #isOpen = true;

  private constructor(sockets: readonly Socket[], weather: Weather) {
    this.#sockets = sockets;
    this.#weather = weather;
    this.#chance = chances(weather.seed);
  }

  /**
   * @param nearFace where those on the near side send to
   * @param farFace where those on the far side send to
   * @param near where what comes to `farFace` goes
   * @param far where what comes to `nearFace` goes
   */
  static async open(
    { nearFace, farFace, near, far }: Readonly<Record<'nearFace' | 'farFace' | 'near' | 'far', Address>>,
    weather: Weather,
  ): Promise<BadNetwork> {
    const [nearSocket, farSocket] = await Promise.all([bound(nearFace), bound(farFace)]);
    const network = new BadNetwork([nearSocket, farSocket], weather);
    nearSocket.on('message', (datagram) => network.#pass(datagram, farSocket, far));
    farSocket.on('message', (datagram) => network.#pass(datagram, nearSocket, near));
    return network;
  }

  #pass(datagram: Buffer, out: Socket, to: Address): void {
    this.passed.taken += 1;
    if (this.#chance() < this.#weather.loses) {
      this.passed.lost += 1;
      return;
    }
    this.#send(datagram, out, to);
    if (this.#chance() >= this.#weather.repeats) return;
    this.passed.repeated += 1;
    this.#send(datagram, out, to);
  }

  #send(datagram: Buffer, out: Socket, to: Address): void {
    setTimeout(() => {
      if (this.#isOpen) out.send(datagram, to.port, to.address);
    }, this.#chance() * this.#weather.delayMs);
  }

  close(): void {
    this.#isOpen = false;
    for (const socket of this.#sockets) socket.close();
  }
}
