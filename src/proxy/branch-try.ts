/** One branch of a proxied request: a try at one target, and what has come of it. */

import type { Timer } from '../clock.ts';
import type { NextHop } from '../routing/types.ts';
import type { ClientTransaction, ClientTransactionUser } from '../sip/transaction/client-transaction.ts';
import type { Flow, Sender, Target } from '../sip/transport/flow.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import type { SipResponse } from '../sip-parser/index.ts';
import type { HopTarget } from './targets.ts';

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

/** Told what happens to its branches, by their numbers. */
export interface BranchOwner {
  isForAsker(response: SipResponse): boolean;
  isOfAskedSide(flow: Sender): boolean;
  onResponse(branch: number, response: SipResponse): void;
  onUnfitResponse(branch: number, response: SipResponse): void;
  onTimeout(branch: number): void;
  onTransportError(branch: number, error: TransportError): void;
  /** Nothing has come within `failover-after`. */
  onNoAnswer(branch: number): void;
  onTimerC(branch: number): void;
  flowTo(target: Target): Flow | TransportError;
}

const isStatus = (outcome: string): boolean => /^\d/.test(outcome);

export class BranchTry implements Attempt, ClientTransactionUser {
  readonly aim: HopTarget;
  readonly startedMs: number;
  outcome: string | undefined;
  ms: number | undefined;
  client: ClientTransaction | undefined;
  response: SipResponse | undefined;
  /** Octets of the response that the hop's account has been told of. */
  #held = 0;
  failover: Timer | undefined;
  timerC: Timer | undefined;
  /** Its silence has been told already. */
  isSilent = false;
  readonly #owner: BranchOwner;
  readonly #index: number;

  constructor(owner: BranchOwner, index: number, aim: HopTarget, startedMs: number) {
    this.#owner = owner;
    this.#index = index;
    this.aim = aim;
    this.startedMs = startedMs;
  }

  get hop(): NextHop {
    return this.aim.hop;
  }

  get target(): Target {
    return this.aim.target;
  }

  /** The first one counts; but a hop that had been lost may answer after all. */
  note(outcome: string, nowMs: number): void {
    if (this.outcome !== undefined && !(isStatus(outcome) && !isStatus(this.outcome))) return;
    this.outcome = outcome;
    this.ms = nowMs - this.startedMs;
  }

  /** The response may have to be handed on later; where the hop makes us hold too much already, it is not. */
  keepResponse(): void {
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

  accepts(response: SipResponse): boolean {
    return this.#owner.isForAsker(response);
  }

  mayAnswer(flow: Sender): boolean {
    return this.#owner.isOfAskedSide(flow);
  }

  onResponse(response: SipResponse): void {
    this.#owner.onResponse(this.#index, response);
  }

  onUnfitResponse(response: SipResponse): void {
    this.#owner.onUnfitResponse(this.#index, response);
  }

  onTimeout(): void {
    this.#owner.onTimeout(this.#index);
  }

  onTransportError(error: TransportError): void {
    this.#owner.onTransportError(this.#index, error);
  }

  flowAgain(): Flow | TransportError {
    return this.#owner.flowTo(this.target);
  }

  onNoAnswer(): void {
    this.#owner.onNoAnswer(this.#index);
  }

  onTimerC(): void {
    this.#owner.onTimerC(this.#index);
  }
}
