/** A host beside the router: it listens, connects and frames by itself, and knows nothing of the router's own code. */
import { RawFramer, RawMessage } from '../support/raw-message.ts';
import type { Network, SimulatedSocket } from './network.ts';

export type HostTransport = 'udp' | 'tcp' | 'tls';

export interface Place {
  readonly address: string;
  readonly port: number;
}

/** By which messages leave, and came. */
export interface Wire {
  readonly isOpen: boolean;
  send(text: string): void;
}

class StreamWire implements Wire {
  readonly socket: SimulatedSocket;
  readonly #framer = new RawFramer();

  constructor(socket: SimulatedSocket, onMessage: (message: RawMessage, wire: Wire) => void) {
    this.socket = socket;
    socket.on('data', (octets: Buffer) => {
      for (const text of this.#framer.push(octets.toString('latin1'))) {
        if (text !== '\r\n') onMessage(new RawMessage(text), this);
      }
    });
    socket.on('error', () => undefined);
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && !this.socket.writableEnded;
  }

  send(text: string): void {
    if (this.isOpen) this.socket.write(Buffer.from(text, 'latin1'));
  }
}

export abstract class Host {
  readonly name: string;
  readonly place: Place;
  readonly transport: HostTransport;
  protected readonly network: Network;
  readonly #wires = new Set<StreamWire>();
  /** It does nothing for now, as a process that is stopped: its connections stay open. */
  readonly #listens: boolean;
  #isHung = false;
  #isAlive = false;
  #held: (() => void)[] = [];
  #udp: ReturnType<Network['bind']> | undefined;
  #listening: { close(): void } | undefined;

  /** @param listens for connections */
  constructor(network: Network, name: string, place: Place, transport: HostTransport, listens = true) {
    this.network = network;
    this.name = name;
    this.place = place;
    this.transport = transport;
    this.#listens = listens;
    this.begin();
  }

  protected abstract onMessage(message: RawMessage, wire: Wire): void;

  begin(): void {
    if (this.#isAlive) return;
    this.#isAlive = true;
    if (this.transport === 'udp') {
      this.#udp = this.network.bind(this.place, (octets, from) => {
        const wire: Wire = { isOpen: true, send: (text) => this.sendTo(text, from) };
        this.#hear(new RawMessage(octets.toString('latin1')), wire);
      });
    } else if (this.#listens) this.#listening = this.network.listen(this.place, (socket) => void this.#wire(socket));
  }

  /** As a process that is killed: nobody listens, and all connections are reset. */
  die(): void {
    this.#isAlive = false;
    this.#udp?.close();
    this.#listening?.close();
    this.dropConnections();
    this.#held = [];
    this.#isHung = false;
  }

  dropConnections(): void {
    for (const { socket } of this.#wires) socket.resetAndDestroy();
  }

  hang(): void {
    this.#isHung = true;
  }

  wake(): void {
    this.#isHung = false;
    for (const run of this.#held.splice(0)) run();
  }

  /** For UDP hosts. */
  sendTo(text: string, to: Place): void {
    this.#udp?.send(Buffer.from(text, 'latin1'), to);
  }

  connect(to: Place): Wire {
    const socket = this.network.connect(this.place.address, to);
    return this.#wire(socket);
  }

  endConnections(): void {
    for (const { socket } of this.#wires) socket.end();
  }

  #wire(socket: SimulatedSocket): StreamWire {
    const wire = new StreamWire(socket, (message, by) => this.#hear(message, by));
    this.#wires.add(wire);
    socket.once('close', () => this.#wires.delete(wire));
    return wire;
  }

  #hear(message: RawMessage, wire: Wire): void {
    this.act(() => this.onMessage(message, wire));
  }

  /** Now, or when it does something again; never, if it dies before. */
  protected act(run: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isHung) this.#held.push(run);
    else run();
  }
}

/** `MESSAGE 3f2a` or `200 INVITE 3f2a`, for the ladder. */
export const shortOf = (message: RawMessage): string => {
  const what = message.method ?? `${message.status} ${message.header('CSeq')?.split(' ')[1]}`;
  return `${what} ${message.header('Call-ID')}`;
};
