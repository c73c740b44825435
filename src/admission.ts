/** Whether the node begins anything new, and how long it takes until it has nothing left to do. */

import type { Clock } from './clock.ts';
import { whileDraining } from './routing/drain.ts';
import type { Policy } from './routing/policy.ts';
import type { Decision, RequestFacts } from './routing/types.ts';

/** A dialog that has moved within this time may well move again: stopping waits for it. */
const dialogQuietMs = 1_000;

/** How often a draining router looks whether it is done. */
const lookMs = 50;

export class Admission {
  isDraining = false;
  #lastInDialogMs = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The decision as it stands in the node's present state. */
  readonly admit = (decision: Decision, facts: RequestFacts, policy: Policy): Decision => {
    if (facts.hasToTag) this.#lastInDialogMs = this.#clock.now();
    return this.isDraining ? whileDraining(decision, facts, policy) : decision;
  };

  /** Resolves when no transaction is open and dialogs are quiet, at the latest after `ms`. */
  async untilQuiet(countOpen: () => number, ms: number): Promise<void> {
    const deadline = this.#clock.now() + ms;
    const isBusy = () => countOpen() > 0 || this.#clock.now() - this.#lastInDialogMs < dialogQuietMs;
    while (isBusy() && this.#clock.now() < deadline) {
      await new Promise<void>((resolve) => this.#clock.after(lookMs, resolve));
    }
  }
}
