/** When a source was down: what could not be asked does not grow old. Plain values, for they travel between threads. */

export interface Outage {
  readonly fromMs: number;
  /** Undefined while it lasts. */
  readonly untilMs: number | undefined;
}

/** Milliseconds of `[fromMs, untilMs]` in which the source was down. */
export function downWithin(outages: readonly Outage[], fromMs: number, untilMs: number): number {
  let sum = 0;
  for (const outage of outages) {
    const overlap = Math.min(outage.untilMs ?? untilMs, untilMs) - Math.max(outage.fromMs, fromMs);
    sum += Math.max(0, overlap);
  }
  return sum;
}

/** More of them only means that some age is counted that was frozen. */
const mostOutages = 1_000;

export const begin = (outages: readonly Outage[], nowMs: number): readonly Outage[] =>
  isDown(outages) ? outages : [...outages.slice(1 - mostOutages), { fromMs: nowMs, untilMs: undefined }];

export const end = (outages: readonly Outage[], nowMs: number): readonly Outage[] =>
  outages.map((outage) => (outage.untilMs === undefined ? { ...outage, untilMs: nowMs } : outage));

export const isDown = (outages: readonly Outage[]): boolean =>
  outages.at(-1)?.untilMs === undefined && outages.length > 0;
