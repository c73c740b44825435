import { describe, expect, test } from 'vitest';
import { begin, downWithin, end, isDown } from '../../../../src/directory/sync/outages.ts';
import { nextSweep } from '../../../../src/directory/sync/schedule.ts';

/** Local time, as an operator writes it. */
const at = (...[year, month, day, hour, minute]: [number, number, number, number, number]): number =>
  new Date(year, month - 1, day, hour, minute).getTime();

const never = (): number => 0;
const daily = { kind: 'at', weekday: undefined, minuteOfDay: 3 * 60 + 30 } as const;
const sundays = { kind: 'at', weekday: 0, minuteOfDay: 3 * 60 + 30 } as const;

describe('the next sweep', () => {
  test('of an interval is due when it has passed', () => {
    expect(nextSweep({ kind: 'interval', everyMs: 5_000 }, 0, 1_000, never)).toBe(6_000);
  });

  test.each([
    ['today, when the time is still to come', at(2026, 1, 5, 3, 29), at(2026, 1, 5, 3, 30)],
    ['tomorrow, at the very minute', at(2026, 1, 5, 3, 30), at(2026, 1, 6, 3, 30)],
    ['tomorrow, over the end of a year', at(2025, 12, 31, 12, 0), at(2026, 1, 1, 3, 30)],
  ])('of a time of day is due %s', (_, now, due) => {
    expect(nextSweep(daily, 0, now, never)).toBe(due);
  });

  // 5 January 2026 is a Monday.
  test.each([
    ['the coming Sunday', at(2026, 1, 5, 12, 0), at(2026, 1, 11, 3, 30)],
    ['the same day before the time', at(2026, 1, 11, 3, 0), at(2026, 1, 11, 3, 30)],
    ['a week later after the time', at(2026, 1, 11, 4, 0), at(2026, 1, 18, 3, 30)],
  ])('of a day of the week is due %s', (_, now, due) => {
    expect(nextSweep(sundays, 0, now, never)).toBe(due);
  });

  test('is later by a random part of the jitter', () => {
    expect(nextSweep({ kind: 'interval', everyMs: 5_000 }, 1_000, 0, () => 0.25)).toBe(5_250);
  });
});

describe('outages', () => {
  const twice = begin(end(begin([], 100), 200), 400);

  test('count as far as they lie within the time that is looked at', () => {
    expect(downWithin(twice, 0, 1_000)).toBe(700);
    expect(downWithin(twice, 150, 450)).toBe(100);
    expect(downWithin(twice, 200, 400)).toBe(0);
    expect(downWithin(twice, 250, 300)).toBe(0);
    expect(downWithin(end(twice, 500), 0, 1_000)).toBe(200);
  });

  test('do not begin while one lasts', () => {
    expect(begin(twice, 600)).toBe(twice);
    expect([isDown([]), isDown(twice), isDown(end(twice, 500))]).toEqual([false, true, false]);
  });
});
