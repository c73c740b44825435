/** How many searches run and wait at a time. */
import { expect, test } from 'vitest';
import { SearchSlots } from '../../../../src/directory/ldap/search-slots.ts';

/** Searches that end when the test says so. */
function searches(limit: number, longestWaitMs = 100) {
  let nowMs = 0;
  const slots = new SearchSlots(limit, longestWaitMs, () => nowMs);
  const ends: ((value: string) => void)[] = [];
  const begin = () => slots.run(() => new Promise<string>((resolve) => ends.push(resolve)));
  return {
    slots,
    begin,
    started: () => ends.length,
    end: (index: number) => ends[index]?.('answer'),
    wait: (ms: number) => {
      nowMs += ms;
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('only so many run at a time; the next begins when one ends', async () => {
  const { begin, started, end, slots } = searches(2);
  const answers = [begin(), begin(), begin()];
  await settle();
  expect(started()).toBe(2);
  end(0);
  await settle();
  expect([started(), slots.running]).toEqual([3, 2]);
  end(1);
  end(2);
  expect(await Promise.all(answers)).toEqual(['answer', 'answer', 'answer']);
  expect(slots.running).toBe(0);
});

test('who would have to wait behind too many is turned away at once', async () => {
  const { begin, end, started } = searches(1);
  const first = begin();
  const waiting = Array.from({ length: 4 }, begin);
  expect(await begin()).toBeUndefined();
  for (let index = 0; index < 5; index += 1) {
    await settle();
    end(index);
  }
  expect(await Promise.all([first, ...waiting])).toEqual(Array(5).fill('answer'));
  expect(started()).toBe(5);
});

test('who has waited too long is turned away, and does not search for nobody', async () => {
  const { begin, end, started, wait, slots } = searches(1, 100);
  const first = begin();
  const late = begin();
  wait(60);
  const inTime = begin();
  wait(60);
  await settle();
  end(0);
  expect(await late).toBeUndefined();
  await settle();
  expect(started()).toBe(2);
  end(1);
  expect(await Promise.all([first, inTime])).toEqual(['answer', 'answer']);
  expect(slots.running).toBe(0);
});

test('a search that fails gives its place back', async () => {
  const slots = new SearchSlots(1, 100, () => 0);
  await expect(slots.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.run(() => Promise.resolve('yes'))).toBe('yes');
});
