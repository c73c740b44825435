/** One branch of a proxied request: a try at one target, what comes of it, and what is held for it. */

import type { Timer } from '../clock.ts';
import type { NextHop } from '../routing/types.ts';
import type { ClientTransaction, ClientTransactionUser } from '../sip/transaction/client-transaction.ts';
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts';
import type { Flow, Sender, Target } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import { sentByPort } from '../sip/transport/via.ts';
import type { SipResponse, Via } from '../sip-parser/index.ts';
import { AcceptedInvite, askerIn } from './accepted-invite.ts';
import { Cancelling } from './cancelling.ts';
import { badAnswer } from './own-answers.ts';
import type { Attempt, ForwardDecision, ProxyParts, ProxySettings } from './proxy-parts.ts';
import type { ContextEvent, ResponseContext } from './response-context.ts';
import type { RoutedRequest } from './route-headers.ts';
import type { HopTarget, Targets } from './targets.ts';

/** The request that a branch is a try of. */
export interface BranchOwner {
  readonly transaction: ServerTransaction;
  readonly routed: RoutedRequest;
  readonly decision: ForwardDecision;
  readonly parts: ProxyParts;
  readonly settings: ProxySettings;
  readonly targets: Targets;
  readonly context: ResponseContext;
  /** Its final answer has left, or it has come to its end without one. */
  readonly isReported: boolean;
  /** Something has happened to a branch. */
  take(event: ContextEvent): void;
}

const isStatus = (outcome: string): boolean => /^\d/.test(outcome);

const failoverIsDue = (attempt: BranchTry): void => attempt.onNoAnswer();
const timerCHasFired = (attempt: BranchTry): void => attempt.onTimerC();

export class BranchTry implements Attempt, ClientTransactionUser {
  readonly #hopTarget: HopTarget;
  readonly startedMs: number;
  outcome: string | undefined;
  ms: number | undefined;
  client: ClientTransaction | undefined;
  response: SipResponse | undefined;
  /** Octets of the response that the hop's account has been told of. */
  #held = 0;
  #failover: Timer | undefined;
  #timerC: Timer | undefined;
  /** Its silence has been told already. */
  #isSilent = false;
  readonly #owner: BranchOwner;
  readonly #index: number;

  /** @param index its number in the context of its owner */
  constructor(owner: BranchOwner, index: number, hopTarget: HopTarget, startedMs: number) {
    this.#owner = owner;
    this.#index = index;
    this.#hopTarget = hopTarget;
    this.startedMs = startedMs;
  }

  get hop(): NextHop {
    return this.#hopTarget.hop;
  }

  get target(): Target {
    return this.#hopTarget.target;
  }

  /** A response must lead back to the asker: its second Via is the asker's own (§16.7 step 3, RFC 4475 §3.3.10). */
  accepts({ vias }: SipResponse): boolean {
    const { routed, transaction } = this.#owner;
    const asked = routed.request.topVia;
    const second = vias[1];
    if (second === undefined || asked === undefined) return false;
    if (second.branch !== asked.branch || second.host !== asked.host) return false;
    const { transport } = transaction.flow;
    return second.port === asked.port || sentByPort(second, transport) === sentByPort(asked, transport);
  }

  /** A server behind a pool's address may answer by a connection of its own when the first one broke (§18.2.2). */
  mayAnswer(other: Sender): boolean {
    const { parts, decision } = this.#owner;
    return parts.rules().sideOf(other) === decision.plan.to;
  }

  onResponse(response: SipResponse): void {
    const owner = this.#owner;
    const { status } = response;
    this.response = response;
    owner.parts.hopKnowledge.onAttempt(this.#hopTarget.target, response);
    if (status >= 200) this.#note(String(status));
    owner.take({ kind: 'response', branch: this.#index, status, hasMore: owner.targets.hasMore });
    if (owner.context.isInvite && status >= 200 && status < 300) this.#handOver();
    // One that has been sent on is not needed any more, and a 503 never is; any other may turn out to be the best.
    if (status < 200 || status === 503 || owner.isReported) this.dropResponse();
    else this.#keepResponse();
  }

  /** The hop has handled the request, so no other is asked; the asker hears that the answer is unusable (§21.5.3). */
  onUnfitResponse(response: SipResponse): void {
    const { parts, targets } = this.#owner;
    parts.hopKnowledge.onAttempt(this.#hopTarget.target, response);
    this.#note(badAnswer.code);
    this.#owner.take({
      kind: 'response',
      branch: this.#index,
      status: badAnswer.status,
      hasMore: targets.hasMore,
    });
  }

  onTimeout(): void {
    const { context, targets } = this.#owner;
    if (context.branches[this.#index]?.phase !== 'lost') {
      this.#note('timeout');
      this.#tellSilence();
    }
    this.#owner.take({ kind: 'timeout', branch: this.#index, hasMore: targets.hasMore });
  }

  onTransportError(error: TransportError): void {
    const { parts, context, targets } = this.#owner;
    parts.hopKnowledge.onAttempt(this.#hopTarget.target, error);
    // A hop that has responded to the INVITE has it, and must not get it twice.
    if (!context.isInvite || !context.branches[this.#index]?.isHeard) {
      this.#note(error.code);
      if (error.code === 'closed') targets.tryAgain(this.#hopTarget);
    }
    const mayAnswer = this.client?.mayHaveArrived(error) ?? false;
    this.#owner.take({ kind: 'transport-error', branch: this.#index, hasMore: targets.hasMore, mayAnswer });
  }

  flowAgain(): Flow | TransportError {
    return this.#owner.parts.transport.flowTo(this.#hopTarget.target);
  }

  /** Nothing has come within `failover-after`. */
  onNoAnswer(): void {
    this.#tellSilence();
    const { hasMore } = this.#owner.targets;
    this.#owner.take({ kind: 'no-answer', branch: this.#index, hasMore });
  }

  onTimerC(): void {
    this.#owner.take({ kind: 'timer-c', branch: this.#index });
  }

  startTimer(timer: 'failover' | 'C' | 'cancelled'): void {
    const { clock } = this.#owner.parts;
    const { failoverAfterMs, timerCMs, giveUpMs } = this.#owner.settings;
    if (timer === 'failover') {
      this.#failover = clock.after(failoverAfterMs, failoverIsDue, this);
      return;
    }
    this.#timerC?.cancel();
    this.#timerC = clock.after(timer === 'C' ? timerCMs : giveUpMs, timerCHasFired, this);
  }

  stopTimer(timer: 'failover' | 'C'): void {
    if (timer === 'failover') this.#failover?.cancel();
    else this.#timerC?.cancel();
  }

  /** §9.1. */
  cancel(): void {
    if (this.client !== undefined) new Cancelling(this.client, this.#owner.parts).send();
  }

  stopRepeating(): void {
    this.client?.stopRepeating();
  }

  /** Nothing is expected of it any more, but somebody may still answer the call. */
  abandon(): void {
    const asker = this.#owner.routed.request.topVia;
    if (asker !== undefined)
      this.client?.giveUp(this.#owner.settings.giveUpMs, this.#acceptedInvite(), this.#noteOf(asker));
  }

  /** Nothing of the request is held for the 64*T1 in which its answer may be repeated. */
  #handOver(): void {
    const asker = this.#owner.routed.request.topVia;
    if (asker !== undefined) this.client?.handOver(this.#acceptedInvite(), this.#noteOf(asker));
  }

  #noteOf(asker: Via): string {
    return askerIn(asker, this.#owner.transaction.flow.transport);
  }

  #acceptedInvite(): AcceptedInvite {
    const { transaction, decision, parts } = this.#owner;
    return new AcceptedInvite(transaction.flow, decision.plan.to, parts);
  }

  #tellSilence(): void {
    if (this.#isSilent) return;
    this.#isSilent = true;
    this.#owner.parts.hopKnowledge.onAttempt(this.#hopTarget.target, 'silent');
  }

  /** The first one counts; but a hop that had been lost may answer after all. */
  #note(outcome: string): void {
    if (this.outcome !== undefined && !(isStatus(outcome) && !isStatus(this.outcome))) return;
    this.outcome = outcome;
    this.ms = this.#owner.parts.clock.now() - this.startedMs;
  }

  /** It may have to be sent on later, but is not kept where too much is held for the hop already. */
  #keepResponse(): void {
    const account = this.client?.flow.account;
    const { length } = this.response?.text ?? '';
    if (account === undefined || !account.admits(length)) return this.dropResponse();
    account.take(length);
    this.#held += length;
  }

  dropResponse(): void {
    this.response = undefined;
    if (this.#held > 0) this.client?.flow.account.release(this.#held);
    this.#held = 0;
  }
}
