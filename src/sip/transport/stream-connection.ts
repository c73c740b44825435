/** One TCP or TLS connection from its beginning to its end. It knows neither listening sockets nor the pool. */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type CertificateNames, type NameBasis, nobody } from '../../certificates/names.ts';
import type { Timer } from '../../clock.ts';
import { octetsOnly } from '../../sip-parser/index.ts';
import type { MemoryAccount, MemoryBudget } from '../memory-budget.ts';
import type { DiscardCode, Flow, Listener } from './flow.ts';
import { FlowUsers } from './flow-users.ts';
import { type Expectation, isRefusal } from './peer-identity.ts';
import type { PeerRefusal } from './peer-refusal.ts';
import { ProvedNames } from './proved-names.ts';
import { socketError } from './socket-error.ts';
import type { StreamOrigin } from './stream-origin.ts';
import { type ReadConnection, type ReaderParts, StreamReader } from './stream-reader.ts';
import { isResponse, StreamWriter, type WriterParts } from './stream-writer.ts';
import { shownCertificate } from './tls.ts';
import type { TransportError } from './transport-error.ts';

/** What all connections of one transport layer share. */
export interface StreamParts extends ReaderParts, WriterParts {
  readonly memory: MemoryBudget;
  readonly registry: ConnectionRegistry;
  /** TLS is set up, and the peer is the one that was to be reached. */
  onIdentified(connection: StreamConnection): void;
  onPeerRefused(refusal: PeerRefusal, connection: StreamConnection): void;
  /** A response cannot reach its peer by the connection that brought its request. */
  undelivered(response: string, connection: StreamConnection): void;
  /** A response waited for a connection that could not be made. */
  lost(response: string, connection: StreamConnection, why: TransportError): void;
}

/** What must know how a connection can be found. */
interface ConnectionRegistry {
  /** Messages to `port` of the peer's address may use the connection too. */
  addAlias(connection: StreamConnection, port: number): void;
  /** No new message may be sent by it. */
  forget(connection: StreamConnection): void;
  /** It is closed. */
  remove(connection: StreamConnection): void;
}

/** How long a peer may take to close after us. Its last octets are read until then: left unread, they would cost it ours. */
const lingerMs = 2_000;

/**
 * After so many octets a connection lets the others have their turn. libuv reads up to 32 times in a row, 64 KiB each, what one
 * peer has sent at once, which is 100 ms and more of work.
 */
const turnOctets = 65_536;

/** After this a peer that is gone has answered our last octets with a reset, and a further write fails. */
const resetMs = 100;

export class StreamConnection implements ReadConnection {
  readonly transport: 'tcp' | 'tls';
  readonly isReliable = true;
  readonly maxOctets = Number.POSITIVE_INFINITY;
  readonly listener: Listener;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly tlsProfile: string | undefined;
  readonly isAccepted: boolean;
  readonly users = new FlowUsers();
  localAddress = '';
  localPort = 0;
  state: Flow['state'] = 'connecting';
  /** The peer has ended its side, or is not heard any more: only answers leave. */
  isEnding = false;
  /** It was made under settings that are no longer in force: no new request may be sent by it. */
  isRetired = false;
  /** As the peer has shown it, trusted or not; undefined over TCP. */
  peerCertificate: X509Certificate | undefined;

  readonly #socket: Socket;
  readonly #origin: StreamOrigin;
  readonly #parts: StreamParts;
  readonly #reader: StreamReader;
  readonly #writer: StreamWriter;
  readonly #expectedNames: string;
  readonly #names = new ProvedNames();
  #account: MemoryAccount | undefined;
  /** Requests that came by it and whose final response has not been sent. */
  #owed = 0;
  /** Nothing that comes is read any more. */
  #isMuted = false;
  /** Reading is paused: input waits in the socket. */
  #isPaused = false;
  #hasMoved = false;
  /** Octets read since others had their turn. */
  #readOctets = 0;
  /** Ends the stage that the connection is in: connecting, open (and idle), ending, or closed (and lingering). */
  #stageTimer: Timer | undefined;
  #endedBy: TransportError = { code: 'closed', detail: 'the connection is closed' };

  constructor(origin: StreamOrigin, parts: StreamParts) {
    this.transport = origin.transport;
    this.listener = origin.listener;
    this.remoteAddress = origin.remoteAddress;
    this.remotePort = origin.remotePort;
    this.tlsProfile = origin.tlsProfile;
    this.isAccepted = origin.openEvent === undefined;
    this.#expectedNames = origin.expectation?.names.join(' ') ?? '';
    this.#origin = origin;
    this.#socket = origin.socket;
    this.#parts = parts;
    this.#reader = new StreamReader(this, parts);
    this.#writer = new StreamWriter(this, origin.socket, parts);
    this.#attach();
    if (origin.openEvent === undefined) this.#open();
    else this.#awaitOpening(origin.openEvent);
  }

  get verifiedNames(): readonly string[] {
    return this.#names.list;
  }

  get nameBasis(): NameBasis {
    return this.#names.basis;
  }

  get account(): MemoryAccount {
    if (this.#account?.isListed !== true) this.#account = this.#parts.memory.accountOf(this.remoteAddress);
    return this.#account;
  }

  /** The names that it was opened for, as one text; empty where the peer opened it. */
  get expectedNames(): string {
    return this.#expectedNames;
  }

  /** No response is awaited on it, and every request that came by it is answered. */
  get isAtRest(): boolean {
    return this.users.size === 0 && this.#owed === 0;
  }

  /** Requests on it are served until it has been quiet for as long as a peer may wait for an answer. */
  retire(): void {
    this.isRetired = true;
    this.onNewTimeouts();
  }

  /** The timeouts in force have changed; an idle period begins anew with them. */
  onNewTimeouts(): void {
    this.#keepAlive();
    if (this.state === 'open' && !this.isEnding) this.#watchIdleness();
  }

  /** Whether the peer has proved to be `name`. */
  hasProved(name: string): boolean {
    return this.#names.has(name);
  }

  send(message: string): void {
    octetsOnly(message);
    if (this.state === 'closed') this.users.tellSoon(this.#endedBy);
    else if (this.#writer.add(message)) this.#hasMoved = true;
    else this.#overflow(message);
  }

  /** Closes it when its output has been written. */
  close(detail: string): void {
    this.#finish({ code: 'closed', detail });
  }

  /** Closes it at once. */
  destroy(detail: string): void {
    this.#die({ code: 'closed', detail });
  }

  giveUp(code: DiscardCode, detail: string, callId?: string): void {
    this.#parts.handler.onDiscarded(code, this, detail, callId);
    this.#isMuted = true;
    if (this.#isPaused) this.readOn();
    this.#endOnceAnswered({ code: 'closed', detail });
  }

  get owesAnswers(): boolean {
    return this.#owed > 0;
  }

  pauseReading(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  readOn(): void {
    this.#isPaused = false;
    this.#socket.resume();
  }

  onAlias(port: number): void {
    this.#parts.registry.addAlias(this, port);
  }

  owe(change: 1 | -1): void {
    this.#owed += change;
    if (this.isEnding && this.#owed === 0 && this.state === 'open') this.#proveDelivery();
  }

  /**
   * Whether the peer has ended its side only, or closed for good, is not told until a second write fails. A CRLF between
   * messages means nothing to who still reads (RFC 3261 §7.5).
   */
  #proveDelivery(): void {
    this.#enterStage(resetMs, () => {
      this.#socket.write('\r\n');
      this.#enterStage(resetMs, () => this.#finish(this.#endedBy));
    });
  }

  #attach(): void {
    // A peer that has ended its side may still wait for answers.
    this.#socket.allowHalfOpen = true;
    this.#socket.setNoDelay(true);
    this.#keepAlive();
    this.#socket.on('data', this.#onData);
    this.#socket.on('drain', () => this.#writer.onDrained());
    this.#socket.on('end', this.#onEnd);
    this.#socket.on('error', (error) => this.#die(socketError(error, this)));
    this.#socket.on('close', this.#onClose);
  }

  #keepAlive(): void {
    const { keepAliveMs } = this.#parts.timeouts;
    if (keepAliveMs !== undefined) this.#socket.setKeepAlive(true, keepAliveMs);
  }

  #awaitOpening(event: 'connect' | 'secureConnect'): void {
    const { connectMs } = this.#parts.timeouts;
    this.#socket.once(event, () => this.#open());
    this.#enterStage(connectMs, () => {
      const detail = `no connection to ${this.remoteAddress} port ${this.remotePort} within ${connectMs} ms`;
      this.#die({ code: 'connect-timeout', detail });
    });
  }

  #open(): void {
    const identity = this.#origin.identify?.() ?? nobody;
    if (isRefusal(identity)) return this.#refusePeer(identity);
    this.state = 'open';
    this.#writer.onOpened();
    this.localAddress = this.#socket.localAddress ?? '';
    this.localPort = this.#socket.localPort ?? 0;
    if (this.transport === 'tls') this.peerCertificate = shownCertificate(this.#socket as TLSSocket);
    this.#names.learn(identity);
    this.#watchIdleness();
    this.#writer.flush();
    if (this.transport === 'tls') this.#parts.onIdentified(this);
  }

  /** RFC 5922 §7.3: nothing has been written yet. */
  #refusePeer(refusal: PeerRefusal): void {
    this.#parts.onPeerRefused(refusal, this);
    const detail = `TLS with ${this.remoteAddress} port ${this.remotePort}: ${refusal.detail}`;
    this.#die({ code: 'tls-failed', detail });
  }

  /**
   * Judges the peer anew. One that may not stay is not heard any more, and nobody waits for it; answers that it is owed may
   * still leave, for they answer what it was allowed to ask.
   * @param judge with the socket, and what it was made for
   */
  reexamine(judge: (socket: TLSSocket, expectation: Expectation) => CertificateNames | PeerRefusal): void {
    const { expectation } = this.#origin;
    if (expectation === undefined || this.state !== 'open') return;
    const identity = judge(this.#socket as TLSSocket, expectation);
    if (isRefusal(identity)) this.expel(identity);
    else this.#names.learn(identity);
  }

  /** As `reexamine` does with a peer that may not stay. */
  expel(refusal: PeerRefusal): void {
    if (this.#isMuted) return;
    this.#parts.onPeerRefused(refusal, this);
    this.#isMuted = true;
    this.#endOnceAnswered({ code: 'closed', detail: refusal.detail });
  }

  #enterStage(ms: number, atEnd: () => void): void {
    this.#stageTimer?.cancel();
    this.#stageTimer = this.#parts.clock.after(ms, atEnd);
  }

  /** A flag and a timer per idle period, in place of a timer per message. */
  #watchIdleness(): void {
    const { idleMs, halfOpenMs } = this.#parts.timeouts;
    this.#hasMoved = false;
    this.#enterStage(this.isRetired ? Math.min(halfOpenMs, idleMs) : idleMs, () => {
      if (this.#hasMoved || !this.isAtRest) this.#watchIdleness();
      else this.#leaveIdle('nothing has moved on the connection');
    });
  }

  #leaveIdle(detail: string): void {
    this.#parts.handler.onDiscarded('idle', this, detail);
    this.close(detail);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.state === 'closed' || this.#isMuted) return;
    this.#hasMoved = true;
    const { writeTurn } = this.#parts;
    writeTurn.beginRead();
    try {
      this.#reader.read(chunk.toString('latin1'));
    } finally {
      writeTurn.endRead();
    }
    this.#readOctets += chunk.length;
    if (this.#readOctets >= turnOctets) this.#giveWay();
  };

  #giveWay(): void {
    this.#readOctets = 0;
    this.#socket.pause();
    setImmediate(() => {
      if (!this.#isPaused) this.#socket.resume();
    });
  }

  readonly #onEnd = (): void => {
    // While TLS is being set up, an error follows that says so.
    if (this.state !== 'open' || this.isEnding) return;
    const error: TransportError = { code: 'closed', detail: `${this.remoteAddress} has ended the connection` };
    if (this.#reader.isMidMessage) {
      const { unfinishedCallId } = this.#reader;
      const detail = 'the stream ended inside a message';
      this.#parts.handler.onDiscarded('incomplete-message', this, detail, unfinishedCallId);
    }
    this.#endOnceAnswered(error);
  };

  /** Nothing more is read, but the peer may still read: answers that are owed leave before it is closed. */
  #endOnceAnswered(error: TransportError): void {
    if (this.#owed === 0) return this.#finish(error);
    this.#reader.stop();
    this.isEnding = true;
    this.#endedBy = error;
    this.#parts.registry.forget(this);
    this.#enterStage(this.#parts.timeouts.halfOpenMs, () => this.#finish(error));
    this.users.tell(error);
  }

  readonly #onClose = (): void => {
    this.#die({ code: 'closed', detail: `the connection with ${this.remoteAddress} is closed` });
    this.#stageTimer?.cancel();
  };

  /** Users are told when `send`, which this is part of, has returned. */
  #overflow(message: string): void {
    const detail = `${this.remoteAddress} does not read: ${this.#writer.waiting} octets wait for it`;
    this.#leave({ code: 'write-queue-full', detail });
    this.#socket.destroy();
    this.users.tellSoon(this.#endedBy);
    if (isResponse(message)) this.#parts.undelivered(message, this);
  }

  #finish(error: TransportError): void {
    if (this.state === 'closed') return;
    this.#writer.flush();
    this.#leave(error);
    this.#socket.end();
    this.#enterStage(lingerMs, () => this.#socket.destroy());
    this.users.tell(error);
  }

  #die(error: TransportError): void {
    if (this.state === 'closed') return;
    const wasMade = this.state === 'open';
    this.#leave(error);
    this.#socket.destroy();
    for (const answer of this.#writer.takeDoubtful()) {
      if (wasMade) this.#parts.undelivered(answer, this);
      else this.#parts.lost(answer, this, error);
    }
    this.users.tell(error);
  }

  #leave(error: TransportError): void {
    this.state = 'closed';
    this.#endedBy = error;
    this.#stageTimer?.cancel();
    this.#reader.stop();
    this.#writer.stop();
    this.#parts.registry.remove(this);
  }
}
