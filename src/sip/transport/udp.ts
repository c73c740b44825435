/** A listening UDP port, and the remote addresses that talk with it. */
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Log } from '../../log.ts';
import { isUnicast } from '../../net/special-address.ts';
import { octetsOnly, parseMessage } from '../../sip-parser/index.ts';
import type { MemoryAccount, MemoryBudget } from '../memory-budget.ts';
import { RecentMap } from '../recent-map.ts';
import type { Door } from './door.ts';
import { handUpResponse } from './fit-response.ts';
import type { Flow, Listener, MessageHandler } from './flow.ts';
import { type FlowUser, FlowUsers } from './flow-users.ts';
import type { ListenSetting, PortSharing, TransportLimits } from './settings.ts';
import type { Sockets } from './sockets.ts';
import type { TransportError } from './transport-error.ts';

/** One remote address. It does not die before its port, so what fails is only ever one message. */
class UdpFlow implements Flow {
  readonly transport = 'udp';
  readonly isReliable = false;
  readonly isEnding = false;
  readonly verifiedNames: readonly string[] = [];
  readonly users = new FlowUsers();
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly listener: Listener;
  readonly #port: UdpPort;
  #account: MemoryAccount | undefined;

  constructor(port: UdpPort, listener: Listener, remoteAddress: string, remotePort: number) {
    this.#port = port;
    this.listener = listener;
    this.localAddress = listener.address;
    this.localPort = listener.port;
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  get state(): 'open' | 'closed' {
    return this.#port.isOpen ? 'open' : 'closed';
  }

  get account(): MemoryAccount {
    if (this.#account?.isListed !== true) this.#account = this.#port.memory.accountOf(this.remoteAddress);
    return this.#account;
  }

  get maxOctets(): number {
    return this.#port.maxOctets;
  }

  owe(change: 1 | -1): void {
    this.#port.owe(change);
  }

  send(message: string, sender?: FlowUser): void {
    const error = this.#port.send(message, this.remoteAddress, this.remotePort, this.#onSent);
    if (error?.code === 'closed') this.users.tellSoon(error);
    else if (error !== undefined && sender !== undefined) this.users.tellOneSoon(sender, error);
  }

  /** One function for all messages of the flow. */
  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.users.tell({ code: 'send-failed', detail: error.message });
  };
}

export class UdpPort {
  readonly memory: MemoryBudget;
  readonly #limits: TransportLimits;
  readonly #door: Door;
  readonly #handler: MessageHandler;
  readonly #log: Log;
  readonly #flows: RecentMap<UdpFlow>;
  readonly #sharing: PortSharing;
  readonly #sockets: Sockets;
  readonly #socket: Socket;
  #listener: Listener | undefined;
  /** Requests whose answer has not been sent. */
  #owed = 0;
  /** Of former words, while somebody waits on them. */
  #former: readonly UdpFlow[] = [];
  isOpen = false;

  constructor(
    setting: ListenSetting,
    limits: TransportLimits,
    memory: MemoryBudget,
    door: Door,
    handler: MessageHandler,
    log: Log,
    sockets: Sockets,
    sharing: PortSharing = 'sole',
  ) {
    this.#limits = limits;
    this.memory = memory;
    this.#door = door;
    this.#handler = handler;
    this.#log = log;
    this.#flows = new RecentMap(limits.udpFlows);
    this.#sharing = sharing;
    this.#sockets = sockets;
    this.#socket = sockets.createUdpSocket(setting, sharing !== 'sole');
  }

  /** Rejects with the system's error, or with the ListenError of `describe`. */
  async open(setting: ListenSetting, describe: (port: number) => Listener): Promise<Listener> {
    try {
      if (this.#sharing === 'first') await bindOnce(this.#sockets, setting);
      await bind(this.#socket, setting);
      this.#listener = describe(this.#socket.address().port);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
    this.isOpen = true;
    this.#socket.on('error', ({ message }) => this.#log.warn({ message, port: setting.port }, 'UDP socket error'));
    this.#socket.on('message', this.#onDatagram);
    return this.#listener;
  }

  /** From now on peers are told these words; answers to what came before leave with the old ones. */
  use(listener: Listener): void {
    this.#flows.resize(this.#limits.udpFlows);
    if (listener === this.#listener) return;
    this.#listener = listener;
    this.#former = [...this.#former, ...this.#flows.values()].filter(isAwaited);
    this.#flows.clear();
  }

  close(): void {
    this.isOpen = false;
    this.#socket.close();
  }

  owe(change: 1 | -1): void {
    this.#owed += change;
  }

  /** Octets of the longest datagram. */
  get maxOctets(): number {
    return this.#limits.udpDatagramBytes;
  }

  /** No response is awaited by UDP, on either side. */
  get isAtRest(): boolean {
    if (this.#owed > 0 || this.#former.some(isAwaited)) return false;
    for (const flow of this.#flows.values()) if (isAwaited(flow)) return false;
    return true;
  }

  flowTo(address: string, port: number): UdpFlow | TransportError {
    const known = this.#flows.get(`${address} ${port}`);
    if (known !== undefined) return known;
    const isOwnFamily = address.includes(':') === (this.#listener!.family === 6);
    if (isOwnFamily && isUnicast(address) && port > 0 && port < 65_536) return this.#addFlow(address, port);
    return { code: 'send-failed', detail: `no datagram can be sent to ${address} port ${port}` };
  }

  /** Only peers that are let in are remembered: strangers, whose number is unlimited, would displace them. */
  #meet(address: string, port: number): UdpFlow {
    const isStranger = this.#door.prospectOf(address, 'udp') !== 'admitted';
    return isStranger ? new UdpFlow(this, this.#listener!, address, port) : this.#addFlow(address, port);
  }

  #addFlow(address: string, port: number): UdpFlow {
    const flow = new UdpFlow(this, this.#listener!, address, port);
    this.#flows.set(`${address} ${port}`, flow);
    return flow;
  }

  send(
    message: string,
    address: string,
    port: number,
    whenSent: (error: Error | null) => void,
  ): TransportError | undefined {
    if (!this.isOpen) return { code: 'closed', detail: 'the UDP port is closed' };
    if (message.length > this.maxOctets) {
      return { code: 'send-failed', detail: `${message.length} octets do not fit in a datagram` };
    }
    this.#socket.send(Buffer.from(octetsOnly(message), 'latin1'), port, address, whenSent);
    return undefined;
  }

  readonly #onDatagram = (datagram: Buffer, { address, port }: RemoteInfo): void => {
    const flow = this.#flows.get(`${address} ${port}`) ?? this.#meet(address, port);
    const text = datagram.toString('latin1');
    const message = parseMessage(text);
    if (message === undefined) this.#onOther(text, flow);
    else if (message.kind === 'request') this.#handler.onRequest(message, flow);
    else handUpResponse(message, flow, this.#handler);
  };

  /** RFC 5626 §3.5.1 asks for this on streams; some peers keep their NAT binding open with it on UDP too. */
  #onOther(text: string, flow: UdpFlow): void {
    if (text === '\r\n\r\n') {
      if (this.#door.admits(flow)) flow.send('\r\n');
    } else if (text !== '\r\n')
      this.#handler.onDiscarded('not-sip', flow, `${text.length} octets without a SIP start line`);
  }
}

const isAwaited = ({ users }: UdpFlow): boolean => users.size > 0;

const bind = (socket: Socket, { address, port }: ListenSetting): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, resolve);
  });

/** Rejects with the system's error when anybody else has the port. */
async function bindOnce(sockets: Sockets, setting: ListenSetting): Promise<void> {
  const socket = sockets.createUdpSocket(setting, false);
  try {
    await bind(socket, setting);
  } finally {
    socket.close();
  }
}
