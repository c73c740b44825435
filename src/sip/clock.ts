/** Time for the SIP rooms: a monotonic reading, and timers that all hang on one wheel. */

/** A timer that was started and may be stopped. */
export interface Timer {
  /** Harmless when the timer has fired or was cancelled before. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since some fixed moment; never goes backwards. */
  now(): number;
  /** Runs `run` once, `ms` milliseconds from now or a little later, never earlier. */
  after(ms: number, run: () => void): Timer;
}

/** The production clock. Its timers do not keep the process alive. */
export interface TimerWheel extends Clock {
  /** Forgets every timer that is still armed. */
  close(): void;
}

/** RFC 3261 timers begin at T1 = 500 ms: a tenth of that is exact enough, and costs twenty wake-ups a second at most. */
const TICK_MS = 50;

/** A power of two; 512 ticks are 25.6 s, so that most timers (64*T1 = 32 s) are passed over at most once. */
const SLOTS = 512;

/** So many ticks in one turn are a stall: this process has not run, or had too much to do. */
const STALL_TICKS = 3;

/** A link of a circular list; a slot's head is such a link too, and so nothing has to be searched or tested for null. */
class Link {
  previous: Link = this;
  next: Link = this;

  insertBefore(other: Link): void {
    this.previous = other.previous;
    this.next = other;
    other.previous.next = this;
    other.previous = this;
  }

  unlink(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.previous = this;
    this.next = this;
  }
}

class WheelTimer extends Link implements Timer {
  readonly wheel: HashedWheel;
  readonly dueTick: number;
  readonly run: () => void;

  constructor(wheel: HashedWheel, dueTick: number, run: () => void) {
    super();
    this.wheel = wheel;
    this.dueTick = dueTick;
    this.run = run;
  }

  cancel(): void {
    if (this.next === this) return;
    this.unlink();
    this.wheel.armed -= 1;
  }
}

/** A timer lies in the slot of its due tick modulo the number of slots; starting and cancelling cost the same for any number. */
class HashedWheel implements TimerWheel {
  armed = 0;
  readonly #aheadMs: number;
  readonly #slots = Array.from({ length: SLOTS }, () => new Link());
  /** Timers whose tick has come. Kept between ticks: if one of them throws, the others run with the next tick. */
  readonly #due = new Link();
  #tick = 0;
  #interval: NodeJS.Timeout | undefined;

  constructor(aheadMs: number) {
    this.#aheadMs = aheadMs;
  }

  now(): number {
    return performance.now() + this.#aheadMs;
  }

  after(ms: number, run: () => void): Timer {
    const now = performance.now();
    if (this.#interval === undefined) this.#start(now);
    const dueTick = Math.max(Math.ceil((now + ms) / TICK_MS), this.#tick + 1);
    const timer = new WheelTimer(this, dueTick, run);
    timer.insertBefore(this.#slots[dueTick % SLOTS]!);
    this.armed += 1;
    return timer;
  }

  close(): void {
    this.#stop();
    for (const head of [...this.#slots, this.#due]) while (head.next !== head) (head.next as WheelTimer).cancel();
  }

  #start(now: number): void {
    this.#tick = Math.floor(now / TICK_MS);
    this.#interval = setInterval(() => this.#turn(), TICK_MS).unref();
  }

  #stop(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }

  /** The interval ends here and not with the last cancel, so that a start and a cancel per message do not touch it. */
  #turn(): void {
    const tick = Math.floor(performance.now() / TICK_MS);
    const first = Math.max(this.#tick + 1, tick - SLOTS + 1);
    const hasStalled = tick - this.#tick >= STALL_TICKS;
    this.#tick = tick;
    for (let passed = first; passed <= tick; passed += 1) this.#collect(this.#slots[passed % SLOTS]!, tick);
    // After a long turn Node runs timers before it reads. What came during our own stall is heard first: it is nobody's silence.
    if (hasStalled) setImmediate(this.#runDue);
    else this.#runDue();
    if (this.armed === 0) this.#stop();
  }

  #collect(head: Link, tick: number): void {
    for (let link = head.next; link !== head; ) {
      const timer = link as WheelTimer;
      link = link.next;
      if (timer.dueTick > tick) continue;
      timer.unlink();
      timer.insertBefore(this.#due);
    }
  }

  readonly #runDue = (): void => {
    while (this.#due.next !== this.#due) {
      const timer = this.#due.next as WheelTimer;
      timer.cancel();
      timer.run();
    }
  };
}

/** @param aheadMs added to what `now` reads: threads that share a clock have each begun at another moment */
export function createTimerWheel(aheadMs = 0): TimerWheel {
  return new HashedWheel(aheadMs);
}

/** The system's monotonic clock, the same for all threads, when this thread's `createTimerWheel` would have read 0. */
export const threadStartMs = (): number => Number(process.hrtime.bigint()) / 1e6 - performance.now();
