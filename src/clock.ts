/** Time for all rooms: a monotonic reading, and timers that all hang on one wheel. */

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
  /** The same with `subject` handed in: whoever starts a timer for each message needs no function for each. */
  after<Subject>(ms: number, run: (subject: Subject) => void, subject: Subject): Timer;
}

/** A clock that also tells the date, for what is dated: the dates outlive the process. */
export interface DatedClock extends Clock {
  /** Milliseconds since 1970. They jump when somebody sets the machine's clock: nothing waits by them. */
  dateMs(): number;
}

/** The production clock. Its timers do not keep the process alive. */
export interface TimerWheel extends Clock {
  /** Forgets every timer that is still armed. */
  close(): void;
}

/** RFC 3261 timers begin at T1 = 500 ms: a tenth of that is exact enough, and costs twenty wake-ups a second at most, none while nothing is due. */
const tickMs = 50;

/** A power of two; 512 ticks are 25.6 s, so that most timers (64*T1 = 32 s) are passed over at most once. */
const slotCount = 512;

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
  readonly run: (subject: unknown) => void;
  readonly subject: unknown;

  constructor(wheel: HashedWheel, dueTick: number, run: (subject: unknown) => void, subject: unknown) {
    super();
    this.wheel = wheel;
    this.dueTick = dueTick;
    this.run = run;
    this.subject = subject;
  }

  cancel(): void {
    if (this.next === this) return;
    this.unlink();
    this.wheel.armed -= 1;
  }
}

const isEmpty = (head: Link): boolean => head.next === head;

/** A timer lies in the slot of its due tick modulo the number of slots; starting and cancelling cost the same for any number. */
class HashedWheel implements TimerWheel {
  armed = 0;
  /** The global name is a getter: kept here, it is not called for every reading. */
  readonly #performance = performance;
  readonly #aheadMs: number;
  readonly #slots = Array.from({ length: slotCount }, () => new Link());
  /** Timers whose tick has come. Kept between ticks: if one of them throws, the others run with the next tick. */
  readonly #due = new Link();
  #tick = 0;
  /** Fires at `#wakeTick`, or a moment after it. */
  #alarm: NodeJS.Timeout | undefined;
  #wakeTick = Number.POSITIVE_INFINITY;

  constructor(aheadMs: number) {
    this.#aheadMs = aheadMs;
  }

  now(): number {
    return this.#performance.now() + this.#aheadMs;
  }

  after<Subject>(ms: number, run: (subject: Subject) => void, subject?: Subject): Timer {
    const now = this.#performance.now();
    const dueTick = Math.max(Math.ceil((now + ms) / tickMs), this.#tick + 1);
    const timer = new WheelTimer(this, dueTick, run as (subject: unknown) => void, subject);
    timer.insertBefore(this.#slots[dueTick % slotCount]!);
    this.armed += 1;
    if (dueTick < this.#wakeTick) this.#wakeAt(dueTick);
    return timer;
  }

  close(): void {
    this.#sleep();
    for (const head of [...this.#slots, this.#due]) while (!isEmpty(head)) (head.next as WheelTimer).cancel();
  }

  /** Node counts from when it last looked at the clock, and in whole milliseconds: too late by one is better than for nothing. */
  #wakeAt(tick: number): void {
    clearTimeout(this.#alarm);
    this.#wakeTick = tick;
    const inMs = Math.max(Math.ceil(tick * tickMs - this.#performance.now()), 0) + 1;
    this.#alarm = setTimeout(this.#turn, inMs).unref();
  }

  #sleep(): void {
    clearTimeout(this.#alarm);
    this.#wakeTick = Number.POSITIVE_INFINITY;
  }

  /** The alarm is set anew here and not with a cancel, so that a start and a cancel per message do not touch it. */
  readonly #turn = (): void => {
    const tick = Math.floor(this.#performance.now() / tickMs);
    const first = Math.max(this.#tick + 1, tick - slotCount + 1);
    this.#tick = tick;
    for (let passed = first; passed <= tick; passed += 1) this.#collect(this.#slots[passed % slotCount]!, tick);
    // What is started from here to the end of the turn is due after this tick, and waits for that end.
    this.#wakeTick = tick;
    // After a long turn Node runs timers before it reads. What came before them is heard first: it is nobody's silence.
    if (isEmpty(this.#due)) this.#rest();
    else setImmediate(this.#runDue);
  };

  #rest(): void {
    if (this.armed === 0) this.#sleep();
    else this.#wakeAt(this.#nextTick());
  }

  /** The first that has a timer in its slot, be it for a later round. */
  #nextTick(): number {
    let next = this.#tick + 1;
    if (!isEmpty(this.#due)) return next;
    for (const last = this.#tick + slotCount; next < last && isEmpty(this.#slots[next % slotCount]!); ) next += 1;
    return next;
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
    try {
      while (!isEmpty(this.#due)) {
        const timer = this.#due.next as WheelTimer;
        timer.cancel();
        timer.run(timer.subject);
      }
    } finally {
      this.#rest();
    }
  };
}

/** @param aheadMs added to what `now` reads: threads that share a clock have each begun at another moment */
export function createTimerWheel(aheadMs = 0): TimerWheel {
  return new HashedWheel(aheadMs);
}

/** The system's monotonic clock, the same for all threads, when this thread's `createTimerWheel` would have read 0. */
export const threadStartMs = (): number => Number(process.hrtime.bigint()) / 1e6 - performance.now();
