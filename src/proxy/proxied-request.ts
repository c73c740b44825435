/** One request on its way through the proxy: carries out what its response context decides, until its final answer. */

import type { ServerTransaction } from '../sip/transaction/server-transaction.ts';
import type { Flow } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import type { SipResponse } from '../sip-parser/index.ts';
import { type BranchOwner, BranchTry } from './branch-try.ts';
import { upstream } from './forward.ts';
import { carriesOurDiagnostics, localResponse } from './local-response.ts';
import { type ViaMarks, viaMarks } from './loop.ts';
import { badAnswer, type OwnAnswer, ownAnswer, terminated, withRetryAfter } from './own-answers.ts';
import type { Attempt, EndingCode, ForwardDecision, ProxyParts, ProxySettings } from './proxy-parts.ts';
import { memoryKeyOf, uriFacts } from './request-facts.ts';
import {
  type ContextEffect,
  type ContextEvent,
  type Outcome,
  openContext,
  type ResponseContext,
  step,
} from './response-context.ts';
import { type RoutedRequest, uriOf } from './route-headers.ts';
import { Sending } from './sending.ts';
import type { HopTarget, Unresolved } from './targets.ts';

/** Most requests have one try, and no hop without an address: a list that is pushed to has room for sixteen. */
const none: readonly never[] = [];

/** It may last for minutes, so it holds what is needed to its end and nothing else. */
export class ProxiedRequest extends Sending implements BranchOwner {
  readonly transaction: ServerTransaction;
  context: ResponseContext;
  isReported = false;
  readonly #arrivedMs: number;
  /** For the first branch; those of a further one, which is rare, are made anew. */
  #marks: ViaMarks | undefined;
  #tries: readonly BranchTry[] = none;
  #unresolved: readonly Attempt[] = none;

  constructor(
    transaction: ServerTransaction,
    routed: RoutedRequest,
    marks: ViaMarks,
    decision: ForwardDecision,
    arrivedMs: number,
    parts: ProxyParts,
    settings: ProxySettings,
  ) {
    super(routed, decision, parts, settings);
    this.transaction = transaction;
    this.context = openContext(transaction.isInvite);
    this.#marks = marks;
    this.#arrivedMs = arrivedMs;
  }

  begin(): void {
    this.sendToNext();
  }

  /** §16.10: the caller gave up. */
  cancel(): void {
    this.take({ kind: 'cancel' });
  }

  take(event: ContextEvent): void {
    const { next, effects } = step(this.context, event);
    this.context = next;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ContextEffect): void {
    switch (effect.do) {
      case 'start-branch':
        return this.sendToNext();
      case 'cancel-branch':
        return this.#tries[effect.branch]?.cancel();
      case 'stop-repeating':
        return this.#tries[effect.branch]?.stopRepeating();
      case 'abandon-branch':
        return this.#tries[effect.branch]?.abandon();
      case 'forward-response':
        return this.#forwardResponse(effect.branch);
      case 'answer':
        return this.#answer(effect.outcome);
      case 'start-timer':
        return this.#tries[effect.branch]?.startTimer(effect.timer);
      case 'stop-timer':
        return this.#tries[effect.branch]?.stopTimer(effect.timer);
    }
  }

  protected get asker(): Flow {
    return this.transaction.flow;
  }

  protected sendToNext(): void {
    const next = this.targets.next();
    if (next instanceof Promise) void next.then((late) => this.#sendLate(late));
    else this.sendTo(next);
  }

  /** Nobody may want it any more, now that the name is resolved. */
  #sendLate(next: HopTarget | Unresolved | undefined): void {
    const { hasAnswered, isCancelled } = this.context;
    this.sendTo(hasAnswered || isCancelled ? undefined : next);
  }

  protected nextBranch(): string {
    const marks = this.#marks ?? viaMarks(this.routed.request, this.settings.signing);
    this.#marks = undefined;
    return this.parts.nextBranch(marks);
  }

  protected onExhausted(): void {
    this.take({ kind: 'exhausted' });
  }

  protected onUnresolved({ hop, error }: Unresolved): void {
    const attempt = { hop, target: undefined, startedMs: 0, outcome: error.code, ms: 0 };
    this.#unresolved = [...this.#unresolved, attempt];
  }

  protected onNoFlow(next: HopTarget, error: TransportError): void {
    this.#addTry(next).onTransportError(error);
  }

  protected send(next: HopTarget, flow: Flow, text: string, branch: string): void {
    const attempt = this.#addTry(next);
    const { request } = this.routed;
    const ids = { method: request.method, branch };
    attempt.client = this.parts.transactions.request(flow, text, ids, attempt, this.transaction.flow.account);
    request.restBare();
  }

  #addTry(next: HopTarget): BranchTry {
    const attempt = new BranchTry(this, this.#tries.length, next, this.parts.clock.now());
    this.#tries = this.#tries === none ? [attempt] : [...this.#tries, attempt];
    this.take({ kind: 'started', hasMore: this.targets.hasMore });
    return attempt;
  }

  #forwardResponse(branch: number): void {
    const response = this.#tries[branch]?.response;
    if (response === undefined) return;
    const { transaction } = this;
    const challenges = this.#otherChallenges(branch, response.status);
    const text = upstream(response, transaction.flow, challenges);
    if (text.length > transaction.flow.maxOctets) return this.#onTooLarge(text, response.status);
    transaction.respond(response.status, text);
    if (response.status >= 200) this.#report(response.status, undefined);
  }

  /** The asker listens to datagrams, and a response cannot take another way (§18.2.2): it hears at least that there was one. */
  #onTooLarge(text: string, status: number): void {
    const { flow } = this.transaction;
    const detail = `the answer ${status} has ${text.length} octets, and a datagram holds ${flow.maxOctets}: ask over TCP`;
    this.parts.onUndelivered(text, flow, { code: 'answer-too-large', detail });
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
    if (outcome === undefined && this.context.isCancelled) return this.#respond(terminated);
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
    if (this.context.isInvite) return this.#respond(status === 487 ? terminated : ownAnswer('hops-silent'));
    this.transaction.abandon();
    this.#report(0, 'hops-silent');
  }

  /** The caller shall see "no such user", not a fault of a proxy: the 482 is our own, come back by the other side. */
  #isOurLoop(branch: number): boolean {
    const response = this.#tries[branch]?.response;
    const marks = response?.all('ms-diagnostics') ?? [];
    return this.#hasComeBack() || carriesOurDiagnostics(marks, this.settings.nodeName);
  }

  /** This very request came back to us after it was sent on, and was refused then. */
  #hasComeBack(): boolean {
    const { loopMemory, clock } = this.parts;
    const key = memoryKeyOf(this.routed.request, uriFacts(uriOf(this.routed)));
    return key !== undefined && loopMemory.wasLooped(key, clock.now());
  }

  #later(answer: OwnAnswer): OwnAnswer {
    return withRetryAfter(answer, this.settings.retryAfterS);
  }

  #respond(response: OwnAnswer): void {
    this.transaction.respond(
      response.status,
      localResponse(this.routed.request, this.transaction.flow, response, this.settings.nodeName),
    );
    this.#report(response.status, response.code);
  }

  #report(status: number, code: EndingCode | undefined): void {
    if (this.isReported) return;
    this.isReported = true;
    const attempts = this.#unresolved.length === 0 ? this.#tries : [...this.#unresolved, ...this.#tries];
    const { decision } = this;
    const { request, flow } = this.transaction;
    const ending = { status, code, attempts };
    this.parts.observer.onEnded({ request, flow, decision, refusal: undefined, ending, arrivedMs: this.#arrivedMs });
    for (const attempt of this.#tries) attempt.dropResponse();
  }
}

const challengeFields = ['WWW-Authenticate', 'Proxy-Authenticate'];

const challengesOf = (response: SipResponse): string[] =>
  challengeFields.flatMap((name) => response.all(name).map((value) => `${name}: ${value}\r\n`));
