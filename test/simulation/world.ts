/** Time that moves when nothing is left to do, and the story of what happened. */
import type { DatedClock, Timer, TimerWheel } from '../../src/clock.ts';
import type { Chance } from './chance.ts';
import { settle } from './seeded-platform.ts';

interface Event {
  readonly atMs: number;
  /** Events of one moment come in the order in which they were arranged. */
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** A binary heap. */
class Agenda {
  readonly #events: Event[] = [];

  add(event: Event): void {
    this.#events.push(event);
    for (let at = this.#events.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIf(at, parent)) return;
      at = parent;
    }
  }

  get first(): Event | undefined {
    return this.#events[0];
  }

  takeFirst(): Event | undefined {
    const [first] = this.#events;
    const last = this.#events.pop();
    if (first === undefined || last === undefined || first === last) return first;
    this.#events[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const least = this.#isBefore(right, left) ? right : left;
      if (!this.#swapIf(least, at)) return first;
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#events[a], this.#events[b]];
    return first !== undefined && second !== undefined && isBefore(first, second);
  }

  #swapIf(lower: number, upper: number): boolean {
    if (!this.#isBefore(lower, upper)) return false;
    [this.#events[lower], this.#events[upper]] = [this.#events[upper]!, this.#events[lower]!];
    return true;
  }
}

/** The date when each world begins. */
const beginsMs = Date.UTC(2026, 0, 5, 12);

export class World {
  readonly chance: Chance;
  readonly story: string[] = [];
  readonly #agenda = new Agenda();
  #nowMs = 0;
  #order = 0;
  /** Of the router's own: armed, and not yet fired or cancelled. */
  #timers = 0;
  /** How far the machine's clock was set. */
  #setByMs = 0;

  constructor(chance: Chance) {
    this.chance = chance;
  }

  /** Milliseconds since the beginning. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get armedTimers(): number {
    return this.#timers;
  }

  after(ms: number, run: () => void): { cancel(): void } {
    this.#order += 1;
    const event: Event = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order, run, isCancelled: false };
    this.#agenda.add(event);
    return {
      cancel: () => {
        event.isCancelled = true;
      },
    };
  }

  /** A line of the ladder. */
  tell(what: string): void {
    this.story.push(`${(this.#nowMs / 1_000).toFixed(3).padStart(9)}  ${what}`);
  }

  setClock(byMs: number): void {
    this.#setByMs += byMs;
  }

  /** Runs all events up to this moment. */
  async runUntil(ms: number): Promise<void> {
    await settle();
    for (let next = this.#agenda.first; next !== undefined && next.atMs <= ms; next = this.#agenda.first) {
      this.#agenda.takeFirst();
      if (next.isCancelled) continue;
      this.#nowMs = next.atMs;
      next.run();
      await settle();
    }
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  /** For the router: as the wheel, a timer may come a little late, and never early. */
  readonly clock: TimerWheel & DatedClock = {
    now: () => this.#nowMs,
    dateMs: () => beginsMs + this.#nowMs + this.#setByMs,
    after: <Subject>(ms: number, run: (subject: Subject) => void, subject?: Subject): Timer => {
      this.#timers += 1;
      let isArmed = true;
      const disarm = (): void => {
        if (isArmed) this.#timers -= 1;
        isArmed = false;
      };
      const event = this.after(ms + this.chance.below(tickMs), () => {
        disarm();
        run(subject as Subject);
      });
      return {
        cancel() {
          disarm();
          event.cancel();
        },
      };
    },
    close: () => undefined,
  };
}

/** Of the wheel in `src/clock.ts`. */
const tickMs = 50;
