/** One request on its way through the proxy: carries out what its response context decides, until its final answer. */

import type { Clock } from '../clock.ts';
import type { HopKnowledge, Resolve } from '../health/hop-knowledge.ts';
import type { Decision, RequestSource, Side } from '../routing/types.ts';
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts';
import type { Flow, Sender, Target } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import { sentByPort } from '../sip/transport/via.ts';
import type { SipRequest, SipResponse, Via } from '../sip-parser/index.ts';
import { AcceptedInvite, askerIn } from './accepted-invite.ts';
import { type Attempt, type BranchOwner, BranchTry } from './branch-try.ts';
import { Cancelling, type CancelRim } from './cancelling.ts';
import { forward } from './forward.ts';
import { carriesOurDiagnostics, localResponse } from './local-response.ts';
import { type ViaMarks, viaMarks } from './loop.ts';
import { badAnswer, type OwnAnswer, ownAnswer, terminated, withRetryAfter } from './own-answers.ts';
import {
  type ContextEffect,
  type ContextEvent,
  type Outcome,
  openContext,
  type ResponseContext,
  step,
} from './response-context.ts';
import type { RoutedRequest } from './route-headers.ts';
import type { Signing } from './signing.ts';
import { type HopTarget, Targets, type Unresolved } from './targets.ts';
import { upstream } from './upstream.ts';

export interface ProxySettings {
  readonly signing: Signing;
  /** Host in Warning and ms-diagnostics; an IPv6 address in brackets. */
  readonly nodeName: string;
  /** Option tags of Proxy-Require that are understood, lower case. */
  readonly proxyRequire: ReadonlySet<string>;
  /** No answer at all from a hop for so long: the next one is asked as well. */
  readonly failoverAfterMs: number;
  /** Timer C (§16.6 step 11): above 3 minutes. */
  readonly timerCMs: number;
  /** 64*T1: how long a cancelled branch may stay silent (§9.1). */
  readonly giveUpMs: number;
  /** `timers.connect`: within this a connection is open, or has failed. */
  readonly connectMs: number;
  /** RFC 5393 §5.3.3: 60. */
  readonly maxBreadth: number;
  /** §18.1.1: a larger request leaves by TCP where the hop takes it; octets. */
  readonly udpRequestBytes: number;
  readonly retryAfterS: number;
}

/** What a proxied request needs of the world. */
export interface ProxyRim extends CancelRim {
  readonly clock: Clock;
  readonly resolve: Resolve;
  readonly hopKnowledge: HopKnowledge;
  flowTo(target: Target): Flow | TransportError;
  /** Undefined for a stranger. */
  sideOf(source: RequestSource): Side | undefined;
  nextBranch(marks: ViaMarks): string;
}

/** How a request ended. `status` 0: without any response (RFC 4320 §4.2, ACK, BENOTIFY). */
export interface Ending {
  readonly status: number;
  /** Why the answer is ours; undefined for one that came from a hop. */
  readonly code: string | undefined;
  readonly attempts: readonly Attempt[];
}

export interface Journey {
  readonly transaction: ServerTransaction;
  readonly routed: RoutedRequest;
  readonly decision: Decision & { readonly kind: 'forward' };
  /** This very request came back to us after it was sent on, and was refused then. */
  hasComeBack(): boolean;
  ended(ending: Ending): void;
}

const noAnswer = (attempt: BranchTry): void => attempt.onNoAnswer();
const timerC = (attempt: BranchTry): void => attempt.onTimerC();

/** Most requests have one try, and no hop without an address: a list that is pushed to has room for sixteen. */
const none: readonly never[] = [];

export class ProxiedRequest implements BranchOwner {
  #context: ResponseContext;
  #isReported = false;
  /** For the first branch; those of a further one, which is rare, are made anew. */
  #marks: ViaMarks | undefined;
  #tries: readonly BranchTry[] = none;
  #unresolved: readonly Attempt[] = none;
  readonly #journey: Journey;
  readonly #rim: ProxyRim;
  readonly #settings: ProxySettings;
  readonly #targets: Targets;

  constructor(journey: Journey, marks: ViaMarks, rim: ProxyRim, settings: ProxySettings) {
    this.#journey = journey;
    this.#marks = marks;
    this.#rim = rim;
    this.#settings = settings;
    this.#context = openContext(journey.transaction.isInvite);
    const { callId = '' } = journey.routed.request;
    this.#targets = new Targets(journey.decision.plan.hops, rim.resolve, rim.hopKnowledge, callId);
  }

  get #request(): SipRequest {
    return this.#journey.routed.request;
  }

  begin(): void {
    this.#take({ kind: 'begin' });
  }

  /** §16.10: the caller gave up. */
  cancel(): void {
    this.#take({ kind: 'cancel' });
  }

  /** A response must lead back to the asker: its second Via is the asker's own (§16.7 step 3, RFC 4475 §3.3.10). */
  isForAsker(response: SipResponse): boolean {
    const asked = this.#request.topVia;
    const second = response.vias[1];
    if (second === undefined || asked === undefined) return false;
    if (second.branch !== asked.branch || second.host !== asked.host) return false;
    const { transport } = this.#journey.transaction.flow;
    return second.port === asked.port || sentByPort(second, transport) === sentByPort(asked, transport);
  }

  /** A server behind a pool's address may answer by a connection of its own when the first one broke (§18.2.2). */
  isOfAskedSide(flow: Sender): boolean {
    return this.#rim.sideOf(flow) === this.#journey.decision.plan.to;
  }

  onResponse(branch: number, response: SipResponse): void {
    const attempt = this.#tries[branch];
    if (attempt === undefined) return;
    attempt.response = response;
    this.#rim.hopKnowledge.onAttempt(attempt.aim.target, response);
    if (response.status >= 200) this.#note(attempt, String(response.status));
    this.#take({ kind: 'response', branch, status: response.status, hasMore: this.#targets.hasMore });
    if (this.#context.isInvite && response.status >= 200 && response.status < 300) this.#letGo(attempt);
    // One that has been handed on is of no more use, and a 503 never is; any other may prove the best in the end.
    if (response.status < 200 || response.status === 503 || this.#isReported) attempt.dropResponse();
    else attempt.keepResponse();
  }

  /** The hop has done what it was asked, so nobody else is asked; the asker hears that its answer is of no use (§21.5.3). */
  onUnfitResponse(branch: number, response: SipResponse): void {
    const attempt = this.#tries[branch];
    if (attempt === undefined) return;
    this.#rim.hopKnowledge.onAttempt(attempt.aim.target, response);
    this.#note(attempt, badAnswer.code);
    this.#take({ kind: 'response', branch, status: badAnswer.status, hasMore: this.#targets.hasMore });
  }

  /** Nothing of the request is held for the 64*T1 in which its answer may be repeated. */
  #letGo({ client }: BranchTry): void {
    const asker = this.#request.topVia;
    if (asker !== undefined) client?.handOver(this.#heir(), this.#noteOf(asker));
  }

  #noteOf(asker: Via): string {
    return askerIn(asker, this.#journey.transaction.flow.transport);
  }

  #heir(): AcceptedInvite {
    const { transaction, decision } = this.#journey;
    return new AcceptedInvite(transaction.flow, decision.plan.to, this.#rim);
  }

  /** Nothing is expected of it any more, but somebody may still answer the call. */
  #abandon(branch: number): void {
    const client = this.#tries[branch]?.client;
    const asker = this.#request.topVia;
    if (asker !== undefined) client?.giveUp(this.#settings.giveUpMs, this.#heir(), this.#noteOf(asker));
  }

  onTimeout(branch: number): void {
    if (this.#context.branches[branch]?.phase !== 'lost') {
      this.#note(this.#tries[branch], 'timeout');
      this.#tellSilence(this.#tries[branch]);
    }
    this.#take({ kind: 'timeout', branch, hasMore: this.#targets.hasMore });
  }

  onTransportError(branch: number, error: TransportError): void {
    const attempt = this.#tries[branch];
    if (attempt === undefined) return;
    this.#rim.hopKnowledge.onAttempt(attempt.aim.target, error);
    // A hop that has said something of the INVITE has it, and must not get it twice.
    if (!this.#context.isInvite || !this.#context.branches[branch]?.isHeard) {
      this.#note(attempt, error.code);
      if (error.code === 'closed') this.#targets.tryAgain(attempt.aim);
    }
    const mayAnswer = attempt.client?.mayHaveArrived(error) ?? false;
    this.#take({ kind: 'transport-error', branch, hasMore: this.#targets.hasMore, mayAnswer });
  }

  flowTo(target: Target): Flow | TransportError {
    return this.#rim.flowTo(target);
  }

  #tellSilence(attempt: BranchTry | undefined): void {
    if (attempt === undefined || attempt.isSilent) return;
    attempt.isSilent = true;
    this.#rim.hopKnowledge.onAttempt(attempt.aim.target, 'silent');
  }

  #note(attempt: BranchTry | undefined, outcome: string): void {
    attempt?.note(outcome, this.#rim.clock.now());
  }

  #take(event: ContextEvent): void {
    const { next, effects } = step(this.#context, event);
    this.#context = next;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ContextEffect): void {
    switch (effect.do) {
      case 'start-branch':
        return this.#startBranch();
      case 'cancel-branch':
        return this.#cancelBranch(effect.branch);
      case 'abandon-branch':
        return this.#abandon(effect.branch);
      case 'forward-response':
        return this.#forwardResponse(effect.branch);
      case 'answer':
        return this.#answer(effect.outcome);
      case 'start-timer':
        return this.#startTimer(effect.timer, effect.branch);
      case 'stop-timer':
        return this.#stopTimer(effect.timer, effect.branch);
    }
  }

  #startBranch(): void {
    const next = this.#targets.next();
    if (next instanceof Promise) void next.then((target) => this.#open(target));
    else this.#open(next);
  }

  #open(next: HopTarget | Unresolved | undefined): void {
    if (next === undefined) return this.#take({ kind: 'exhausted' });
    if (this.#context.hasAnswered || this.#context.isCancelled) return this.#take({ kind: 'exhausted' });
    if ('error' in next) {
      const attempt = { hop: next.hop, target: undefined, startedMs: 0, outcome: next.error.code, ms: 0 };
      this.#unresolved = [...this.#unresolved, attempt];
      return this.#startBranch();
    }
    const flow = this.#rim.flowTo(next.target);
    if ('code' in flow) return this.#failAtOnce(next, flow);
    this.#send(next, flow);
  }

  #addTry(next: HopTarget): BranchTry {
    const attempt = new BranchTry(this, this.#tries.length, next, this.#rim.clock.now());
    this.#tries = this.#tries === none ? [attempt] : [...this.#tries, attempt];
    this.#take({ kind: 'started', hasMore: this.#targets.hasMore });
    return attempt;
  }

  #failAtOnce(next: HopTarget, error: TransportError): void {
    this.#addTry(next);
    this.onTransportError(this.#tries.length - 1, error);
  }

  #send(next: HopTarget, flow: Flow): void {
    const { routed, transaction, decision } = this.#journey;
    const branch = this.#nextBranch();
    const egress = flow.listener;
    const sides = { from: decision.from, to: decision.plan.to };
    const { maxBreadth, signing } = this.#settings;
    const text = forward({ routed, sides, signing, from: transaction.flow, egress, branch, maxBreadth });
    if (flow.transport === 'udp' && text.length > this.#settings.udpRequestBytes && !next.isLastResort) {
      this.#targets.preferTcp(next);
      return this.#startBranch();
    }
    const attempt = this.#addTry(next);
    const ids = { method: this.#request.method, branch };
    attempt.client = this.#rim.transactions.request(flow, text, ids, attempt, transaction.flow.account);
    this.#request.restBare();
  }

  #nextBranch(): string {
    const marks = this.#marks ?? viaMarks(this.#request, this.#settings.signing);
    this.#marks = undefined;
    return this.#rim.nextBranch(marks);
  }

  #cancelBranch(branch: number): void {
    const client = this.#tries[branch]?.client;
    if (client !== undefined) new Cancelling(client, this.#rim).send();
  }

  #forwardResponse(branch: number): void {
    const response = this.#tries[branch]?.response;
    if (response === undefined) return;
    const { transaction } = this.#journey;
    const challenges = this.#otherChallenges(branch, response.status);
    const text = upstream(response, transaction.flow, challenges);
    if (text.length > transaction.flow.maxOctets) return this.#onTooLarge(text, response.status);
    transaction.respond(response.status, text);
    if (response.status >= 200) this.#report(response.status, undefined);
  }

  /** The asker listens to datagrams, and a response cannot take another way (§18.2.2): it hears at least that there was one. */
  #onTooLarge(text: string, status: number): void {
    const { flow } = this.#journey.transaction;
    const detail = `the answer ${status} has ${text.length} octets, and a datagram holds ${flow.maxOctets}: ask over TCP`;
    this.#rim.onUndelivered(text, flow, { code: 'answer-too-large', detail });
    if (status >= 200) this.#respond(ownAnswer('answer-too-large', detail));
  }

  /** §16.7 step 7: a 401 or 407 carries the challenges of all branches, for the caller to answer at once. */
  #otherChallenges(branch: number, status: number): string {
    if (status !== 401 && status !== 407) return '';
    const lines = this.#tries.flatMap(({ response }, index) =>
      index !== branch && (response?.status === 401 || response?.status === 407) ? challengesOf(response) : [],
    );
    return lines.join('');
  }

  /** §16.7 step 6, and what RFC 3261 §16.9 and RFC 4320 §4.2 make of a request that no hop has answered. */
  #answer(outcome: Outcome | undefined): void {
    if (outcome === undefined && this.#context.isCancelled) return this.#respond(terminated);
    if (outcome === undefined || outcome.origin === 'transport-error')
      return this.#respond(this.#later(ownAnswer('hops-unreachable')));
    if (outcome.origin === 'timeout') return this.#answerTimeout(outcome.status);
    if (outcome.status === 503) return this.#respond(ownAnswer('hops-overloaded'));
    if (this.#tries[outcome.branch]?.outcome === badAnswer.code) return this.#respond(badAnswer);
    if (this.#tries[outcome.branch]?.response === undefined)
      return this.#respond(this.#later(ownAnswer('memory-limit')));
    if (outcome.status === 482 && this.#isOurLoop(outcome.branch)) return this.#respond(ownAnswer('looped-downstream'));
    this.#forwardResponse(outcome.branch);
  }

  #answerTimeout(status: number): void {
    if (this.#context.isInvite) return this.#respond(status === 487 ? terminated : ownAnswer('hops-silent'));
    this.#journey.transaction.abandon();
    this.#report(0, 'hops-silent');
  }

  /** The caller shall see "no such user", not a fault of a proxy: the 482 is our own, come back by the other side. */
  #isOurLoop(branch: number): boolean {
    const response = this.#tries[branch]?.response;
    const marks = response?.all('ms-diagnostics') ?? [];
    return this.#journey.hasComeBack() || carriesOurDiagnostics(marks, this.#settings.nodeName);
  }

  #later(answer: OwnAnswer): OwnAnswer {
    return withRetryAfter(answer, this.#settings.retryAfterS);
  }

  #respond(response: OwnAnswer): void {
    this.#journey.transaction.respond(
      response.status,
      localResponse(this.#request, this.#journey.transaction.flow, response, this.#settings.nodeName),
    );
    this.#report(response.status, response.code);
  }

  #report(status: number, code: string | undefined): void {
    if (this.#isReported) return;
    this.#isReported = true;
    const attempts = this.#unresolved.length === 0 ? this.#tries : [...this.#unresolved, ...this.#tries];
    this.#journey.ended({ status, code, attempts });
    for (const attempt of this.#tries) attempt.dropResponse();
  }

  #startTimer(timer: 'failover' | 'C' | 'cancelled', branch: number): void {
    const attempt = this.#tries[branch];
    if (attempt === undefined) return;
    const { clock } = this.#rim;
    const { failoverAfterMs, timerCMs, giveUpMs } = this.#settings;
    if (timer === 'failover') {
      attempt.failover = clock.after(failoverAfterMs, noAnswer, attempt);
      return;
    }
    attempt.timerC?.cancel();
    attempt.timerC = clock.after(timer === 'C' ? timerCMs : giveUpMs, timerC, attempt);
  }

  onTimerC(branch: number): void {
    this.#take({ kind: 'timer-c', branch });
  }

  onNoAnswer(branch: number): void {
    this.#tellSilence(this.#tries[branch]);
    this.#take({ kind: 'no-answer', branch, hasMore: this.#targets.hasMore });
  }

  #stopTimer(timer: 'failover' | 'C', branch: number): void {
    const attempt = this.#tries[branch];
    if (timer === 'failover') attempt?.failover?.cancel();
    else attempt?.timerC?.cancel();
  }
}

const challengeFields = ['WWW-Authenticate', 'Proxy-Authenticate'];

const challengesOf = (response: SipResponse): string[] =>
  challengeFields.flatMap((name) => response.all(name).map((value) => `${name}: ${value}\r\n`));
