/**
 * The network of a simulated world: streams and datagrams between addresses, with delays, losses, repeats, cuts and resets. The
 * router has its sockets from it by `socketsOf`; the hosts beside it use it as it is.
 */
import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { RawFramer } from '../support/raw-message.ts';
import type { World } from './world.ts';

interface Place {
  readonly address: string;
  readonly port: number;
}

/** How an address answers a connection that is asked of it. */
export type Reachability = 'open' | 'refused' | 'silent';

export interface Conditions {
  /** One way. */
  readonly leastDelayMs: number;
  readonly mostDelayMs: number;
  /** Of datagrams, each a probability. */
  loss: number;
  repeat: number;
  /** That what is written at once comes in pieces. */
  readonly cut: number;
}

type Datagram = (octets: Buffer, from: Place) => void;

const textOf = ({ address, port }: Place): string => `${address} ${port}`;

const firstOwnPort = 40_000;

/** So long does a system try before it gives a connection up. */
const patienceMs = 120_000;

/** A segment that was lost is sent again. */
const retryMs = 200;

const systemError = (code: string, syscall: string, place: Place): NodeJS.ErrnoException =>
  Object.assign(new Error(`${syscall} ${code} ${textOf(place)}`), { code, syscall });

export class Network {
  readonly world: World;
  readonly conditions: Conditions;
  /** What each address shows as its certificate (DER), where TLS is spoken. */
  readonly certificates = new Map<string, Buffer>();
  readonly sockets = new Set<SimulatedSocket>();
  /** Of this address, every message that is sent is made of these, if a fault is planted. */
  sabotaged: { readonly address: string; readonly change: (text: string) => readonly string[] } | undefined;
  readonly #listening = new Map<string, (socket: SimulatedSocket) => void>();
  readonly #bound = new Map<string, Datagram>();
  readonly #reachability = new Map<string, Reachability>();
  /** Addresses that no packet comes from or goes to. */
  readonly #cutOff = new Set<string>();
  #lastPort = firstOwnPort;

  constructor(world: World, conditions: Conditions) {
    this.world = world;
    this.conditions = conditions;
  }

  listen(place: Place, accept: (socket: SimulatedSocket) => void): { close(): void } {
    const text = textOf(place);
    if (this.#listening.has(text)) throw systemError('EADDRINUSE', 'listen', place);
    this.#listening.set(text, accept);
    return { close: () => void this.#listening.delete(text) };
  }

  setReachability(address: string, reachability: Reachability): void {
    this.#reachability.set(address, reachability);
  }

  /** Until it is joined again nothing passes; streams wait, datagrams are lost. */
  cutOff(address: string): void {
    this.#cutOff.add(address);
  }

  join(address: string): void {
    this.#cutOff.delete(address);
  }

  isCut(a: string, b: string): boolean {
    return this.#cutOff.has(a) || this.#cutOff.has(b);
  }

  delayMs(): number {
    const { leastDelayMs, mostDelayMs } = this.conditions;
    return this.world.chance.between(leastDelayMs, mostDelayMs);
  }

  connect(from: string, to: Place): SimulatedSocket {
    this.#lastPort += 1;
    const socket = new SimulatedSocket(this, { address: from, port: this.#lastPort }, to);
    this.#knock(socket, to, this.world.nowMs + patienceMs);
    return socket;
  }

  #knock(socket: SimulatedSocket, to: Place, untilMs: number): void {
    this.world.after(this.delayMs(), () => {
      if (socket.destroyed) return;
      const reachability = this.#reachability.get(to.address) ?? 'open';
      if (reachability === 'silent' || this.isCut(socket.local.address, to.address)) {
        if (this.world.nowMs >= untilMs) socket.destroy(systemError('ETIMEDOUT', 'connect', to));
        // The packet that asks is sent again.
        else this.world.after(1_000, () => this.#knock(socket, to, untilMs));
        return;
      }
      const accept = reachability === 'refused' ? undefined : this.#listening.get(textOf(to));
      if (accept === undefined) {
        this.world.after(this.delayMs(), () => socket.destroy(systemError('ECONNREFUSED', 'connect', to)));
        return;
      }
      const other = new SimulatedSocket(this, to, socket.local);
      socket.join(other);
      other.join(socket);
      other.opened();
      accept(other);
      socket.arrive(this.delayMs(), () => socket.opened());
    });
  }

  bind(place: Place, onDatagram: Datagram): { send(octets: Buffer, to: Place): void; close(): void } {
    const text = textOf(place);
    if (this.#bound.has(text)) throw systemError('EADDRINUSE', 'bind', place);
    this.#bound.set(text, onDatagram);
    return {
      send: (octets, to) => {
        for (const each of this.sabotage(place.address, octets)) this.#throw(each, place, to);
      },
      close: () => void this.#bound.delete(text),
    };
  }

  /** What is written at once holds whole messages. */
  sabotage(address: string, octets: Buffer): readonly Buffer[] {
    if (this.sabotaged?.address !== address) return [octets];
    const { change } = this.sabotaged;
    const texts = new RawFramer().push(octets.toString('latin1'));
    return texts.flatMap((text) => change(text)).map((text) => Buffer.from(text, 'latin1'));
  }

  #throw(octets: Buffer, from: Place, to: Place): void {
    const { chance } = this.world;
    const copies = chance.is(this.conditions.loss) ? 0 : chance.is(this.conditions.repeat) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.world.after(this.delayMs(), () => {
        if (!this.isCut(from.address, to.address)) this.#bound.get(textOf(to))?.(Buffer.from(octets), from);
      });
    }
  }
}

/** As much of a TCP socket, and of a TLS socket whose peer has shown a certificate, as the router uses. */
export class SimulatedSocket extends Duplex {
  readonly local: Place;
  readonly remote: Place;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly authorized = true;
  readonly #network: Network;
  #other: SimulatedSocket | undefined;
  /** When the last of what was sent arrives: nothing overtakes it. */
  #lastArrivalMs = 0;
  readonly #arriving: { readonly atMs: number; readonly run: () => void }[] = [];
  #isResetting = false;
  #isOpen = false;
  /** What was written before. */
  readonly #early: (() => void)[] = [];
  /** Of the other side, whose octets wait until they are asked for. */
  readonly #waiting: (Buffer | null)[] = [];
  #mayPush = true;

  constructor(network: Network, local: Place, remote: Place) {
    super({ allowHalfOpen: false });
    this.#network = network;
    this.local = local;
    this.remote = remote;
    this.localAddress = local.address;
    this.localPort = local.port;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    network.sockets.add(this);
    this.once('close', () => network.sockets.delete(this));
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  resetAndDestroy(): this {
    this.#isResetting = true;
    return this.destroy();
  }

  getPeerCertificate(): { readonly raw?: Buffer } {
    const raw = this.#network.certificates.get(this.remoteAddress);
    return raw === undefined ? {} : { raw };
  }

  join(other: SimulatedSocket): void {
    this.#other = other;
  }

  opened(): void {
    if (this.destroyed) return;
    this.#isOpen = true;
    this.emit('connect');
    for (const send of this.#early.splice(0)) send();
  }

  /** In the order in which it was sent, and not while the way is cut. */
  arrive(delayMs: number, run: () => void): void {
    const { world } = this.#network;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, world.nowMs + delayMs);
    this.#arriving.push({ atMs: this.#lastArrivalMs, run });
    if (this.#arriving.length === 1) this.#awaitFirst(0);
  }

  #awaitFirst(leastMs: number): void {
    const [first] = this.#arriving;
    const { world } = this.#network;
    if (first === undefined) return;
    world.after(Math.max(leastMs, first.atMs - world.nowMs), () => {
      if (this.#network.isCut(this.local.address, this.remote.address)) return this.#awaitFirst(retryMs);
      this.#arriving.shift();
      first.run();
      this.#awaitFirst(0);
    });
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#whenOpen(() => {
      const octets = Buffer.concat(this.#network.sabotage(this.localAddress, chunk));
      for (const piece of this.#pieces(octets)) this.#send(piece);
      done();
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#whenOpen(() => {
      this.#send(null);
      done();
    });
  }

  override _read(): void {
    this.#mayPush = true;
    this.#pushWaiting();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const other = this.#other;
    // What the peer still sends to a closed socket is answered with a reset.
    if (other !== undefined && (this.#isResetting || !this.writableFinished)) other.#end(this.#isResetting);
    done(error);
  }

  #whenOpen(run: () => void): void {
    if (this.#isOpen) run();
    else this.#early.push(run);
  }

  /** @param octets null: the other side has ended */
  #send(octets: Buffer | null): void {
    const other = this.#other;
    other?.arrive(this.#network.delayMs(), () => other.#take(octets, this));
  }

  #take(octets: Buffer | null, from: SimulatedSocket): void {
    if (this.destroyed) {
      if (octets !== null) from.#end(true);
      return;
    }
    this.#waiting.push(octets);
    this.#pushWaiting();
  }

  #pushWaiting(): void {
    while (this.#mayPush && this.#waiting.length > 0 && !this.destroyed)
      this.#mayPush = this.push(this.#waiting.shift());
  }

  #end(isReset: boolean): void {
    this.arrive(this.#network.delayMs(), () => {
      if (this.destroyed) return;
      if (isReset) this.destroy(systemError('ECONNRESET', 'read', this.remote));
      else this.#take(null, this);
    });
  }

  #pieces(chunk: Buffer): readonly Buffer[] {
    const { chance } = this.#network.world;
    if (chunk.length < 2 || !chance.is(this.#network.conditions.cut)) return [Buffer.from(chunk)];
    const at = 1 + chance.below(chunk.length - 1);
    return [Buffer.from(chunk.subarray(0, at)), ...this.#pieces(chunk.subarray(at))];
  }
}

/** As much of a UDP socket as the router uses. */
export class SimulatedUdpSocket extends EventEmitter {
  readonly #network: Network;
  #place: Place = { address: '', port: 0 };
  #bound: ReturnType<Network['bind']> | undefined;

  constructor(network: Network) {
    super();
    this.#network = network;
  }

  bind(place: Place, done: () => void): void {
    try {
      this.#bound = this.#network.bind(place, (octets, { address, port }) => {
        this.emit('message', octets, { address, port, family: 'IPv4', size: octets.length });
      });
      this.#place = place;
      queueMicrotask(done);
    } catch (error) {
      queueMicrotask(() => this.emit('error', error));
    }
  }

  address(): Place {
    return this.#place;
  }

  send(octets: Buffer, port: number, address: string, done: (error: Error | null) => void): void {
    this.#bound?.send(octets, { address, port });
    queueMicrotask(() => done(null));
  }

  close(): void {
    this.#bound?.close();
  }
}
