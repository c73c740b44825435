/** The near side of a fuzz campaign: sends what it is given from a Cisco host, and frames all that comes back. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Flaw, frameDatagram, StrictStream } from '../support/strict-framer.ts';
import { type Places, port } from './places.ts';

/** How a connection ends after its burst. */
export type Goodbye = 'end' | 'reset' | 'stay';

/** Thrown when the router does not answer any more. */
class NoAnswer extends Error {}

const fencePatienceMs = 10_000;
const fenceRepeatMs = 200;

export class NearSide {
  readonly flaws: Flaw[] = [];
  /** Responses framed. */
  framed = 0;
  readonly #at: Places;
  readonly #udp: UdpSocket[];
  readonly #open = new Set<Socket>();
  #fence: { readonly branch: string; readonly pass: () => void } | undefined;
  #fences = 0;

  private constructor(at: Places, udp: UdpSocket[]) {
    this.#at = at;
    this.#udp = udp;
    for (const socket of udp) socket.on('message', (datagram) => this.#onDatagram(datagram.toString('latin1')));
  }

  static async open(at: Places): Promise<NearSide> {
    const sockets = at.senders.map(async (address) => {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
      socket.bind(port, address);
      await once(socket, 'listening');
      return socket;
    });
    return new NearSide(at, await Promise.all(sockets));
  }

  sendDatagrams(sender: number, texts: readonly string[]): void {
    const socket = this.#udp[sender]!;
    for (const text of texts) socket.send(Buffer.from(text, 'latin1'), port, this.#at.router);
  }

  /** One new connection, the pieces one after the other in writes of their own, then the goodbye. */
  async sendStream(sender: number, pieces: readonly string[], goodbye: Goodbye): Promise<void> {
    const socket = connect({ host: this.#at.router, port, localAddress: this.#at.senders[sender]!, noDelay: true });
    this.#listen(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    for (const piece of pieces) if (socket.writable) socket.write(piece, 'latin1');
    if (goodbye === 'end') socket.end();
    else if (goodbye === 'reset') setImmediate(() => socket.resetAndDestroy());
  }

  #listen(socket: Socket): void {
    const stream = new StrictStream();
    this.#open.add(socket);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      if (stream.flaw !== undefined) return;
      this.framed += stream.push(chunk).length;
      if (stream.flaw !== undefined) this.flaws.push(stream.flaw);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#open.delete(socket));
  }

  /** Closes what stayed open. */
  hangUp(): void {
    for (const socket of this.#open) socket.destroy();
  }

  close(): void {
    this.hangUp();
    for (const socket of this.#udp) socket.close();
  }

  /** Passes when the router has answered an OPTIONS that was sent behind everything else; gives the milliseconds it took. */
  async fence(): Promise<number> {
    const began = performance.now();
    this.#fences += 1;
    const branch = `z9hG4bKfence${this.#fences}`;
    const passed = new Promise<true>((resolve) => {
      this.#fence = { branch, pass: () => resolve(true) };
    });
    const { router, senders } = this.#at;
    const text = `OPTIONS sip:${router}:${port} SIP/2.0\r\nVia: SIP/2.0/UDP ${senders[0]}:${port};branch=${branch}\r\nMax-Forwards: 70\r\nFrom: <sip:fence@example.com>;tag=1\r\nTo: <sip:${router}>\r\nCall-ID: ${branch}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`;
    while (performance.now() - began < fencePatienceMs) {
      this.sendDatagrams(0, [text]);
      if (await within(passed, fenceRepeatMs)) return performance.now() - began;
    }
    throw new NoAnswer(`the router has not answered an OPTIONS for ${fencePatienceMs} ms`);
  }

  #onDatagram(text: string): void {
    if (this.#fence !== undefined && text.includes(this.#fence.branch)) return this.#fence.pass();
    // A ping is answered by a CRLF (RFC 5626 §3.5.1).
    if (text === '\r\n') return;
    this.framed += 1;
    const message = frameDatagram(text);
    if ('why' in message) this.flaws.push(message);
  }
}

async function within(done: Promise<true>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const isDone = await Promise.race([done, late]);
  clearTimeout(timer);
  return isDone;
}
