/** The timer values of RFC 3261 §17 (table 4) and what follows from them, in milliseconds. */
import type { ObjectOf } from '../../settings/declared.ts';
import { called, defaultsOf, withDefault } from '../../settings/reader.ts';
import { SECOND } from '../../settings/units.ts';
import { duration } from '../../settings/values.ts';

/** T1 is an estimate of the round trip, T2 and T4 are multiples of it (RFC 3261 §17.1.1.1). */
export const timerFields = {
  /** Round-trip estimate. */
  t1Ms: called('t1', withDefault(duration(10, 10 * SECOND), 500)),
  /** Longest retransmission interval of non-INVITE requests and INVITE responses. */
  t2Ms: called('t2', withDefault(duration(10, 60 * SECOND), 4 * SECOND)),
  /** How long a message stays in the network. */
  t4Ms: called('t4', withDefault(duration(10, 60 * SECOND), 5 * SECOND)),
};

export type Timers = ObjectOf<typeof timerFields>;

export const rfcTimers: Timers = defaultsOf(timerFields);

/** 64*T1: timers B, F, H, J, L and M. */
export const giveUpMs = (timers: Timers): number => 64 * timers.t1Ms;

/** Timer D: at least 32 s on unreliable transports. */
export const timerDMs = (timers: Timers): number => Math.max(32_000, giveUpMs(timers));

/** The next interval of timers E and G: doubled up to T2. */
export const doubledUpToT2 = (intervalMs: number, timers: Timers): number => Math.min(2 * intervalMs, timers.t2Ms);

/** When a client's Timer E has been reset to T2: before it no 100 may, after it a 100 must answer a non-INVITE (RFC 4320 §4.1). */
export const tryingDelayMs = (timers: Timers): number => {
  let total = 0;
  for (let interval = timers.t1Ms; interval < timers.t2Ms; interval *= 2) total += interval;
  return total;
};
