/** A transaction as far as its timers go. No machine has more than one of each kind running, so three slots do. */
import type { Clock, Timer } from '../../clock.ts';
import type { TimerName } from './machine.ts';

type Slot = 'repeat' | 'giveUp' | 'linger';

const slotOf: Readonly<Record<TimerName, Slot>> = {
  A: 'repeat',
  E: 'repeat',
  G: 'repeat',
  trying: 'repeat',
  B: 'giveUp',
  C: 'giveUp',
  F: 'giveUp',
  H: 'giveUp',
  D: 'linger',
  I: 'linger',
  J: 'linger',
  K: 'linger',
  L: 'linger',
  M: 'linger',
};

/** One function for each timer, and not one for each time that it is started. */
const ringing = (name: TimerName) => (of: TimedTransaction) => of.onTimer(name);

const ring = Object.fromEntries(Object.keys(slotOf).map((name) => [name, ringing(name as TimerName)])) as Readonly<
  Record<TimerName, (of: TimedTransaction) => void>
>;

export abstract class TimedTransaction {
  #repeat: Timer | undefined;
  #giveUp: Timer | undefined;
  #linger: Timer | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  abstract onTimer(name: TimerName): void;

  protected startTimer(name: TimerName, ms: number): void {
    this.stopTimer(name);
    const timer = this.#clock.after(ms, ring[name], this);
    const slot = slotOf[name];
    if (slot === 'repeat') this.#repeat = timer;
    else if (slot === 'giveUp') this.#giveUp = timer;
    else this.#linger = timer;
  }

  protected stopTimer(name: TimerName): void {
    const slot = slotOf[name];
    if (slot === 'repeat') this.#repeat?.cancel();
    else if (slot === 'giveUp') this.#giveUp?.cancel();
    else this.#linger?.cancel();
  }

  protected stopTimers(): void {
    this.#repeat?.cancel();
    this.#giveUp?.cancel();
    this.#linger?.cancel();
  }
}
