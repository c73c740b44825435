/** Bounds how many searches are under way at a time, and how many wait: a flood of unknown users must not become one of searches. */

interface Waiting {
  readonly sinceMs: number;
  readonly go: (mayRun: boolean) => void;
}

export class SearchSlots {
  readonly #limit: number;
  readonly #longestWaitMs: number;
  readonly #nowMs: () => number;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  /** @param longestWaitMs who has waited longer is not let in any more: nobody is there to hear the answer */
  constructor(limit: number, longestWaitMs: number, nowMs: () => number) {
    this.#limit = limit;
    this.#longestWaitMs = longestWaitMs;
    this.#nowMs = nowMs;
  }

  get running(): number {
    return this.#running;
  }

  /** @returns undefined when there was no place in time: nothing was run then */
  async run<Value>(search: () => Promise<Value>): Promise<Value | undefined> {
    if (!(await this.#enter())) return undefined;
    try {
      return await search();
    } finally {
      this.#leave();
    }
  }

  #enter(): boolean | Promise<boolean> {
    if (this.#running < this.#limit) {
      this.#running += 1;
      return true;
    }
    if (this.#waiting.length >= this.#limit * queueFactor) return false;
    return new Promise((resolve) => this.#waiting.push({ sinceMs: this.#nowMs(), go: resolve }));
  }

  /** Hands the place on to the first who still wants it. */
  #leave(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const isInTime = this.#nowMs() - next.sinceMs <= this.#longestWaitMs;
      next.go(isInTime);
      if (isInTime) return;
    }
    this.#running -= 1;
  }
}

/** At a millisecond a search, who waits behind four others waits a few milliseconds. */
const queueFactor = 4;
