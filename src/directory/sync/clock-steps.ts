/** The machine's clock makes a step when somebody, or a virtual machine that slept, sets it: nothing waits by it, but ages are told by it. */
import type { DatedClock } from '../../clock.ts';

/** A clock that is kept by NTP makes no such step. */
const smallestStepMs = 60_000;

export class ClockSteps {
  readonly #clock: Pick<DatedClock, 'now' | 'dateMs'>;
  #offsetMs: number;

  constructor(clock: Pick<DatedClock, 'now' | 'dateMs'>) {
    this.#clock = clock;
    this.#offsetMs = clock.dateMs() - clock.now();
  }

  /** @returns in words the step since the last call, if it made one */
  tell(): string | undefined {
    const offsetMs = this.#clock.dateMs() - this.#clock.now();
    const stepMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(stepMs) < smallestStepMs) return undefined;
    const way = stepMs < 0 ? 'back' : 'ahead, or the machine slept';
    const before = 'times before are by the old one';
    return `the clock was set by ${textOf(stepMs)} ${way}: users grow no older by it; ${before}`;
  }
}

/** A file's time that lies ahead of the clock; in words. */
export function aheadOfClock(atMs: number, nowMs: number): string | undefined {
  if (atMs - nowMs < smallestStepMs) return undefined;
  const at = new Date(atMs).toISOString();
  return `its users were confirmed ${at}, ${textOf(atMs - nowMs)} ahead of this machine's clock, and count as confirmed now: is the clock right?`;
}

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

function textOf(ms: number): string {
  const [name, unitMs] = units.find(([, unitMs]) => Math.abs(ms) >= unitMs) ?? units[2];
  const count = Math.round(Math.abs(ms) / unitMs);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
