/** A clock for tests: time stands still until `advance` moves it. */
import type { DatedClock, Timer } from '../../src/clock.ts';

interface Armed extends Timer {
  readonly due: number;
  readonly run: () => void;
}

export class ManualClock implements DatedClock {
  #now: number;
  /** How far it was set. */
  #setByMs = 0;
  #armed: Armed[] = [];

  constructor(now = 0) {
    this.#now = now;
  }

  /** How many timers are armed. */
  get pending(): number {
    return this.#armed.length;
  }

  now(): number {
    return this.#now;
  }

  dateMs(): number {
    return this.#now + this.#setByMs;
  }

  /** Sets it, as an administrator does: no timer is touched. */
  set(byMs: number): void {
    this.#setByMs += byMs;
  }

  after<Subject>(ms: number, run: (subject: Subject) => void, subject?: Subject): Timer {
    const fire = () => run(subject as Subject);
    const timer: Armed = { due: this.#now + ms, run: fire, cancel: () => this.#forget(timer) };
    this.#armed.push(timer);
    return timer;
  }

  /** Moves time on; every timer that comes due runs at its own moment, those of one moment in the order of their start. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let timer = this.#earliest(end); timer !== undefined; timer = this.#earliest(end)) {
      this.#forget(timer);
      this.#now = Math.max(this.#now, timer.due);
      timer.run();
    }
    this.#now = end;
  }

  #earliest(end: number): Armed | undefined {
    let best: Armed | undefined;
    for (const timer of this.#armed) if (timer.due <= end && (best === undefined || timer.due < best.due)) best = timer;
    return best;
  }

  #forget(timer: Armed): void {
    this.#armed = this.#armed.filter((other) => other !== timer);
  }
}
