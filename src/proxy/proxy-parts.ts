/** What the proxy works with, the rules that it goes by, and what it reports of each request. */

import type { Clock } from '../clock.ts';
import type { HopKnowledge, Resolve } from '../health/hop-knowledge.ts';
import type { Peer, Refused } from '../routing/checks/access.ts';
import type { LoopMemory } from '../routing/loops/loop-memory.ts';
import type { Decision, HopAt, NextHop, RequestFacts, RequestSource, Side } from '../routing/types.ts';
import type { StrayCode } from '../sip/transaction/matching.ts';
import type { TransactionLayer } from '../sip/transaction/transaction-layer.ts';
import type { Flow, Sender, Target, TransportLayer, Undelivered } from '../sip/transport/flow.ts';
import type { TransportErrorCode } from '../sip/transport/transport-error.ts';
import type { SipMessage, SipRequest, SipResponse } from '../sip-parser/index.ts';
import type { IsOwn, ViaMarks } from './loop.ts';
import type { OwnAnswer, RefusalCode } from './own-answers.ts';
import type { Signing } from './signing.ts';

export interface ProxySettings {
  readonly signing: Signing;
  /** Host in Warning and ms-diagnostics; an IPv6 address in brackets. */
  readonly nodeName: string;
  /** Option tags of Proxy-Require that are understood, lower case. */
  readonly proxyRequire: ReadonlySet<string>;
  /** No answer at all from a hop for so long: the next one is asked as well. */
  readonly failoverAfterMs: number;
  /** Timer C (RFC 3261 §16.6 step 11): above 3 minutes. */
  readonly timerCMs: number;
  /** 64*T1: how long a cancelled branch may stay silent (RFC 3261 §9.1). */
  readonly giveUpMs: number;
  /** `timers.connect`: within this a connection is open, or has failed. */
  readonly connectMs: number;
  /** RFC 5393 §5.3.3: 60. */
  readonly maxBreadth: number;
  /** RFC 3261 §18.1.1: a larger request leaves by TCP where the hop takes it; octets. */
  readonly udpRequestBytes: number;
  readonly retryAfterS: number;
}

export type ForwardDecision = Decision & { readonly kind: 'forward' };

/** @param peer by the same rules */
export type Route = (facts: RequestFacts, peer: Peer) => Decision | Promise<Decision>;

/** One version of the configuration. A request takes it once, when it comes, and keeps it to its end. */
export interface Rules {
  readonly settings: ProxySettings;
  readonly route: Route;
  /** Who a source is, or what it gets for anything it sends when it may not speak with us. Asked once for each request. */
  knownAs(source: RequestSource): Peer | Refused;
  /** Undefined for a source that may not speak with us. */
  sideOf(source: RequestSource): Side | undefined;
  /** @param host as the parser gives it */
  isSharedDomain(host: string): boolean;
}

/** One try at one target, for the decision record. */
export interface Attempt {
  readonly hop: NextHop;
  /** Undefined: the hop has no address. */
  readonly target: Target | undefined;
  readonly startedMs: number;
  /** `200`, `timeout`, `connect-refused`, ...; undefined while nothing has come. */
  readonly outcome: string | undefined;
  readonly ms: number | undefined;
}

export type EndingCode = RefusalCode | TransportErrorCode;

/** How a request ended. `status` 0: without any response (RFC 4320 §4.2, ACK, BENOTIFY). */
export interface Ending {
  readonly status: number;
  /** Why the answer is ours, or why there is none; undefined for one that came from a hop. */
  readonly code: EndingCode | undefined;
  readonly attempts: readonly Attempt[];
}

/** What is told of every request, once, when it has ended. */
export interface RequestReport {
  readonly request: SipRequest;
  readonly flow: Flow;
  /** Undefined: refused by validation. */
  readonly decision: Decision | undefined;
  readonly refusal: OwnAnswer | undefined;
  readonly ending: Ending;
  readonly arrivedMs: number;
}

export interface ProxyObserver {
  onEnded(report: RequestReport): void;
  onStrayResponse(response: SipResponse, from: Sender, why: StrayCode): void;
  onUnacknowledged(request: SipRequest): void;
  /** A response, or a CANCEL of ours, that did not reach its peer. */
  onUndelivered(message: SipRequest | SipResponse, peer: Sender, why: Undelivered): void;
  /** Something that must not happen; a request got a 500. */
  onBug(error: unknown, message: SipMessage): void;
}

export interface ProxyParts {
  readonly clock: Clock;
  readonly transport: Pick<TransportLayer, 'flowTo'>;
  readonly transactions: TransactionLayer;
  readonly resolve: Resolve;
  readonly hopKnowledge: HopKnowledge;
  readonly loopMemory: LoopMemory;
  readonly observer: ProxyObserver;
  readonly isOwn: IsOwn;
  readonly hopsAt: (address: string) => readonly HopAt[];
  /** Those in force. */
  rules(): Rules;
  nextBranch(marks: ViaMarks): string;
  /** A message of ours has not reached its peer. */
  onUndelivered(text: string, peer: Sender, why: Undelivered): void;
  /** Offered each response that no transaction here waits for; true: another worker has it now. Undefined: there is none. */
  readonly passOn: ((response: SipResponse, from: Sender) => boolean) | undefined;
}
