/** When the next sweep is due: every so often, or at a time of day or of a week, spread so that many routers do not ask at once. */

type Schedule =
  | { readonly kind: 'interval'; readonly everyMs: number }
  /** Local time; `weekday` 0 is Sunday; undefined: every day. */
  | { readonly kind: 'at'; readonly weekday: number | undefined; readonly minuteOfDay: number };

/**
 * @param nowMs since 1970
 * @param jitterMs at most so much later
 * @param random in [0, 1)
 * @returns since 1970, later than `nowMs`
 */
export function nextSweep(schedule: Schedule, jitterMs: number, nowMs: number, random: () => number): number {
  const dueMs = schedule.kind === 'interval' ? nowMs + schedule.everyMs : nextAt(schedule, nowMs);
  return dueMs + Math.floor(random() * jitterMs);
}

/** By the calendar, not by adding hours: a day with a change of clocks has 23 or 25 of them. */
function nextAt({ weekday, minuteOfDay }: Extract<Schedule, { kind: 'at' }>, nowMs: number): number {
  const now = new Date(nowMs);
  for (let day = 0; ; day += 1) {
    const at = new Date(now.getFullYear(), now.getMonth(), now.getDate() + day, 0, minuteOfDay);
    if (at.getTime() > nowMs && (weekday === undefined || at.getDay() === weekday)) return at.getTime();
  }
}
