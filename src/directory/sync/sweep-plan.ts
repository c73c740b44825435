/** When the next sweep is due: by its schedule, soon after one that failed, and brought forward where something is in doubt. */
import { isDeepStrictEqual } from 'node:util';
import type { DatedClock } from '../../clock.ts';
import { retryMs } from './retry.ts';
import { nextSweep } from './schedule.ts';
import type { SnapshotSettings } from './snapshot-settings.ts';

type Times = Pick<SnapshotSettings, 'sweep' | 'sweepJitterMs'>;

/** Doubt is settled by a sweep, but sweeps for that reason take a twentieth of the time at most; for a mere suspicion less. */
const doubtRest = { leastMs: 2_000, sweeps: 20 } as const;
const suspicionRest = { leastMs: 60_000, sweeps: 100 } as const;

export class SweepPlan {
  readonly #clock: DatedClock;
  readonly #random: () => number;
  #times: Times;
  /** By the clock that only grows, as all that is waited for. */
  #dueMs = 0;
  #failures = 0;
  #beganMs = 0;
  #endedMs = 0;
  /** How long the last one took. */
  #tookMs = 0;
  /** Something has happened, since the last sweep began, that only a sweep can tell. */
  #doubt: typeof doubtRest | typeof suspicionRest | undefined;

  /** @param random in [0, 1) */
  constructor(clock: DatedClock, random: () => number, times: Times) {
    this.#clock = clock;
    this.#random = random;
    this.#times = times;
  }

  /** Milliseconds; none: it is due. */
  get leftMs(): number {
    return this.#dueMs - this.#clock.now();
  }

  /** Milliseconds since 1970. */
  get dueDateMs(): number {
    return this.#clock.dateMs() + this.leftMs;
  }

  bringForward(): void {
    this.#dueMs = 0;
  }

  /** @param isLikely false: it is a mere suspicion */
  doubt(isLikely: boolean): void {
    this.#doubt = isLikely || this.#doubt === doubtRest ? doubtRest : suspicionRest;
    this.#settle();
  }

  begun(): void {
    this.#beganMs = this.#clock.now();
    this.#doubt = undefined;
  }

  ended(hasFailed: boolean): void {
    this.#endedMs = this.#clock.now();
    this.#tookMs = this.#endedMs - this.#beganMs;
    this.#dueMs = hasFailed ? this.#endedMs + retryMs(this.#failures) : this.#scheduledMs();
    this.#failures = hasFailed ? this.#failures + 1 : 0;
    this.#settle();
  }

  /** By other times than before; one that is due, or under way, or to be made again, stays so. @returns whether it moved */
  change(times: Times): boolean {
    const isSame = isDeepStrictEqual(times.sweep, this.#times.sweep);
    this.#times = times;
    if (isSame || this.leftMs <= 0 || this.#failures > 0) return false;
    this.#dueMs = this.#scheduledMs();
    this.#settle();
    return true;
  }

  #scheduledMs(): number {
    const nowMs = this.#clock.dateMs();
    const { sweep, sweepJitterMs } = this.#times;
    return this.#clock.now() + nextSweep(sweep, sweepJitterMs, nowMs, this.#random) - nowMs;
  }

  #settle(): void {
    if (this.#doubt === undefined) return;
    const { leastMs, sweeps } = this.#doubt;
    this.#dueMs = Math.min(this.#dueMs, this.#endedMs + Math.max(leastMs, sweeps * this.#tookMs));
  }
}
