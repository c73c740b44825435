/**
 * A peer that sends a steady load by TCP and knows several places to send it to, as IM&P and Lync do: it holds one
 * connection, and when that breaks, it takes the first place that lets it in. What was sent and not answered is lost to it;
 * what is due while it has no connection waits.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Address, newBranch, newTag, RawFramer, RawMessage, requestText } from '../../support/raw-message.ts';
import { pause } from '../../support/router-process.ts';

export interface PeerLoadResult {
  readonly answered: number;
  /** Final answers other than 200. */
  readonly refused: readonly number[];
  /** Call-ID of what was sent on a connection that broke before the answer, and how long that had been under way. */
  readonly lost: readonly { readonly callId: string; readonly agedMs: number }[];
  /** The longest time between two answers. */
  readonly gapMs: number;
  readonly sent: number;
}

interface PeerLoadOptions {
  readonly localAddress: string;
  readonly uri: string;
  /** In the order of preference. */
  readonly places: readonly Address[];
}

const connectMs = 300;

export class PeerLoad {
  readonly #options: PeerLoadOptions;
  /** Call-ID and when it was sent, on the present connection. */
  readonly #underWay = new Map<string, number>();
  readonly #lost: { callId: string; agedMs: number }[] = [];
  readonly #refused: number[] = [];
  #answered = 0;
  #sent = 0;
  #lastAnswerMs = performance.now();
  #gapMs = 0;
  #isStopped = false;

  constructor(options: PeerLoadOptions) {
    this.#options = options;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Until `stop`; resolves when nothing is under way any more. */
  async run(perSecond: number): Promise<PeerLoadResult> {
    const start = performance.now();
    let socket: Socket | undefined;
    while (!this.#isStopped || this.#underWay.size > 0) {
      if (socket === undefined || socket.destroyed) socket = await this.#connect();
      const due = this.#isStopped ? 0 : Math.floor(((performance.now() - start) / 1_000) * perSecond);
      while (this.#sent < due && socket?.writable === true) this.#send(socket);
      await pause(5);
    }
    socket?.destroy();
    return { sent: this.#sent, answered: this.#answered, refused: this.#refused, lost: this.#lost, gapMs: this.#gapMs };
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #connect(): Promise<Socket | undefined> {
    for (const { address, port } of this.#options.places) {
      const socket = connect({ host: address, port, localAddress: this.#options.localAddress });
      socket.on('error', () => socket.destroy());
      const isOpen = await Promise.race([
        once(socket, 'connect').then(
          () => true,
          () => false,
        ),
        pause(connectMs),
      ]);
      if (isOpen === true) return this.#hear(socket);
      socket.destroy();
    }
    return undefined;
  }

  #hear(socket: Socket): Socket {
    const framer = new RawFramer();
    socket.setEncoding('latin1').on('data', (chunk) => {
      for (const text of framer.push(String(chunk))) this.#take(new RawMessage(text));
    });
    socket.once('close', () => this.#giveUp());
    return socket;
  }

  #send(socket: Socket): void {
    const callId = newTag() + newTag();
    const via = [`SIP/2.0/TCP ${this.#options.localAddress}:${socket.localPort};branch=${newBranch()}`];
    this.#underWay.set(callId, performance.now());
    this.#sent += 1;
    socket.write(requestText({ method: 'MESSAGE', uri: this.#options.uri, via, callId, body: 'hello' }), 'latin1');
  }

  #take(answer: RawMessage): void {
    const { status = 0 } = answer;
    if (status < 200 || !this.#underWay.delete(answer.header('Call-ID') ?? '')) return;
    const now = performance.now();
    this.#gapMs = Math.max(this.#gapMs, now - this.#lastAnswerMs);
    this.#lastAnswerMs = now;
    if (status === 200) this.#answered += 1;
    else this.#refused.push(status);
  }

  #giveUp(): void {
    const now = performance.now();
    for (const [callId, sentAt] of this.#underWay) this.#lost.push({ callId, agedMs: now - sentAt });
    this.#underWay.clear();
  }
}
