/** The seam between transports and everything above them: where a message came from, and where one can be sent. */
import type { Transport } from '../../net/ports.ts';
import type { SipRequest, SipResponse } from '../../sip-parser/index.ts';
import type { MemoryAccount } from '../memory-budget.ts';
import type { discards, undeliveredAnswers } from '../reasons.ts';
import type { FlowUser, FlowUsers } from './flow-users.ts';
import type { PeerRefusal } from './peer-refusal.ts';
import type { TransportError, TransportErrorCode } from './transport-error.ts';

/** A local address that is listened on, with the words that Via and Record-Route need (made once, at start). */
export interface Listener {
  readonly transport: Transport;
  /** IP address as bound, without brackets; may be a wildcard (`0.0.0.0`, `::`). */
  readonly address: string;
  /** The bound port (never 0 once listening). */
  readonly port: number;
  readonly family: 4 | 6;
  /** Host and port for Via sent-by and Record-Route: `router.example.com:5060`, `[2001:db8::1]:5060`. */
  readonly sentBy: string;
  /** `sentBy` in its parts: lower case, an IPv6 address without brackets. */
  readonly sentByHost: string;
  readonly sentByPort: number;
  /** Name of the TLS profile; undefined unless transport is tls. */
  readonly tlsProfile: string | undefined;
}

/** Where a request is to be sent: a resolved address. */
export interface Target {
  readonly transport: Transport;
  /** IPv4 or IPv6 address, no brackets. */
  readonly address: string;
  readonly port: number;
  /** The name that the far certificate must carry (RFC 5922); TLS only. */
  readonly tlsName: string | undefined;
  /** Names that will do as well; TLS only. */
  readonly otherTlsNames?: readonly string[];
  readonly tlsProfile: string | undefined;
}

/** One of these the far certificate must carry; none: any certificate of a trusted CA. */
export const expectedNames = ({ tlsName, otherTlsNames = [] }: Target): readonly string[] =>
  tlsName === undefined ? [] : [tlsName, ...otherTlsNames];

/** One UDP remote address, or one stream connection. One object for its whole life, so verdicts may be kept with it. */
export interface Flow {
  readonly transport: Transport;
  /** TCP and TLS: no retransmissions. */
  readonly isReliable: boolean;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The listener that received this (inbound), or whose words stand in our Via (outbound). */
  readonly listener: Listener;
  /**
   * Names in the peer's verified certificate (SAN URI hosts, else SAN DNS; CN if there is no SAN and the profile says so),
   * lower case; wildcards, where they count, as `*.example.com`; [] otherwise.
   */
  readonly verifiedNames: readonly string[];
  readonly state: 'connecting' | 'open' | 'closed';
  /** The peer has ended its side, or is not heard any more: what leaves by it can only be answers that are owed. */
  readonly isEnding: boolean;
  /** A longer message cannot leave by it. */
  readonly maxOctets: number;
  /**
   * Told once, with the reason, when the flow dies, a message cannot be sent, or the peer ends its side of a stream (no
   * response can come by it then); each user is then forgotten. A user may add and delete itself at any time; while there
   * is one, the flow is not closed for idleness.
   */
  readonly users: FlowUsers;
  /** What its peer makes us hold, by all its flows together. The same object as long as it holds anything. */
  readonly account: MemoryAccount;
  /**
   * One more answer is owed by it from now on (1), or one less, because it has been given to `send` or never comes (-1). While
   * any is owed, the flow is not closed for idleness.
   */
  owe(change: 1 | -1): void;
  /**
   * Sends one whole message (latin1 text). Queued while connecting. Throws for a text that is no octets, which is a bug, and
   * never else: failures reach `users`, always after this call has returned. Where only this message cannot go (too long for a
   * datagram), `sender` alone is told.
   */
  send(message: string, sender?: FlowUser): void;
}

/** The sender of a message that needs no answer. */
export type Sender = Pick<Flow, 'transport' | 'remoteAddress' | 'remotePort' | 'verifiedNames'>;

/** Why a stream cannot be read on: `framing-lost` is answered with 400, the others with 513 (RFC 3261 §18.3, §21.5.7). */
export interface ReadFailure {
  readonly code: 'framing-lost' | 'header-too-large' | 'body-too-large';
  readonly status: 400 | 513;
  /** For people; fit for a reason phrase. */
  readonly detail: string;
}

/** What the transport layer calls upwards; none of these may throw. */
export interface MessageHandler {
  onRequest(request: SipRequest, flow: Flow): void;
  onResponse(response: SipResponse, flow: Flow): void;
  /** Told behind `onDiscarded`: a response that cannot be sent on, but may tell whose it is. Not to be read for more. */
  onUnfitResponse(response: SipResponse, flow: Flow): void;
  /**
   * A request that is too large, or after which the start of the next one is unknown: the text of it that has come.
   * @returns the answer; the connection is closed then
   */
  onLostRequest(request: SipRequest, flow: Flow, loss: ReadFailure): string | undefined;
  /**
   * Counted and logged: something that came in and was not a usable message. `what` is a stable code.
   * @param callId as far as it is known
   */
  onDiscarded(what: DiscardCode, flow: Flow, detail: string, callId?: string): void;
  /** A TLS peer, of either direction, is not the one that it must be. `onDiscarded` is not called for its connection. */
  onPeerRefused?(refusal: PeerRefusal, flow: Flow, direction: 'in' | 'out'): void;
  /** The peer of an open flow has proved its verified names; called again every minute while it is open. */
  onProved?(flow: Flow): void;
  /**
   * Why a peer with these verified names and this address may not speak at all; undefined: it may, or is refused in SIP.
   * Asked for peers that had to show a certificate, before their first octet is read and after every change of settings.
   */
  refusalOf?(flow: Flow): PeerRefusal | undefined;
  /** A response that could not be given to who asked: told as far as it is known. `flow` brought its request, or its peer did. */
  onUndelivered?(text: string, flow: Sender, why: Undelivered): void;
}

/** Why a message did not reach its peer. */
export interface Undelivered {
  readonly code: TransportErrorCode | keyof typeof undeliveredAnswers;
  /** For people. */
  readonly detail: string;
}

export type DiscardCode = keyof typeof discards;

export interface TransportLayer {
  /** Listeners that are open, in configured order. */
  readonly listeners: readonly Listener[];
  /** Opens all listeners or none; rejects with a ListenError that names address, port, transport and what to do. */
  open(): Promise<void>;
  /**
   * The flow to a target: an open connection to it (also one that the peer opened, RFC 5923), or a new one that starts
   * to connect now. Returns an error instead when no listener fits.
   */
  flowTo(target: Target): Flow | TransportError;
  /** The next `flowTo` this target makes a new connection; requests that went by the old one may still be answered there. */
  leave(target: Target): void;
  /**
   * Sends a response to where its request came from (RFC 3261 §18.2.2, RFC 3581 §4): by the flow of the request; when that
   * is a closed stream, by a connection to its peer's sent-by port. Never throws; a response that can go nowhere is
   * dropped and told, and the client's timers deal with it.
   * @param text the whole response, latin1
   * @param request undefined when it has been forgotten: the response carries its Via
   * @param flow the one that brought the request
   */
  sendResponse(text: string, request: SipRequest | undefined, flow: Flow): void;
  /**
   * Accepts no more connections, closes those that are idle, and ends when all are closed, at the latest after `graceMs`. Until
   * then messages are still passed up.
   */
  close(graceMs: number): Promise<void>;
}
