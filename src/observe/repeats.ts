/** Events that strangers can cause at will are logged a few times, then counted, so that they cannot fill the log. */
import type { Clock } from '../clock.ts';

/** So many of one kind are told in each period. */
const told = 20;
const periodMs = 10_000;

export class Repeats {
  readonly #clock: Clock;
  readonly #summarize: (kind: string, untold: number, periodMs: number) => void;
  /** In the current period. */
  readonly #counts = new Map<string, number>();

  /** @param summarize told at the end of a period how many of a kind were only counted */
  constructor(clock: Clock, summarize: (kind: string, untold: number, periodMs: number) => void) {
    this.#clock = clock;
    this.#summarize = summarize;
  }

  /** Counts one; true when it is to be logged. */
  isTold(kind: string): boolean {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count === 1) this.#clock.after(periodMs, () => this.#endPeriod(kind));
    return count <= told;
  }

  #endPeriod(kind: string): void {
    const untold = (this.#counts.get(kind) ?? 0) - told;
    this.#counts.delete(kind);
    if (untold > 0) this.#summarize(kind, untold, periodMs);
  }
}
