/** The timer values of RFC 3261 §17 (table 4) and what follows from them, in milliseconds. */

export interface Timers {
  /** T1: round-trip estimate; RFC default 500 ms. */
  readonly t1Ms: number;
  /** T2: longest retransmission interval of non-INVITE requests and INVITE responses; RFC default 4 s. */
  readonly t2Ms: number;
  /** T4: how long a message stays in the network; RFC default 5 s. */
  readonly t4Ms: number;
}

export const rfcTimers: Timers = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000 };

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
