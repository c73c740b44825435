/** The index of a cache: whatever is put and removed in whatever order, it knows what a map would know. */
import { describe, expect, test } from 'vitest';
import { AnswerIndex } from '../../../src/directory/answer-index.ts';

const users = 48;
const keyOf = (user: number): string => `user${user}@example.com`;

/** The same numbers for the same seed (Numerical Recipes' linear congruence; its upper bits are good enough here). */
const numbers = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

describe('beside a map', () => {
  test.each([1, 2, 3, 4, 5])('after 20,000 random changes of a full index (%i)', (seed) => {
    const random = numbers(seed);
    const index = new AnswerIndex(users, [seed, 2 * seed]);
    const map = new Map<string, { answer: number; trueAtMs: number }>();
    for (let change = 0; change < 20_000; change += 1) {
      const key = keyOf(random(2 * users));
      if (random(3) === 0 || (map.size === users && !map.has(key))) {
        index.remove(key);
        map.delete(key);
      } else {
        const value = { answer: random(5), trueAtMs: random(1_000_000) / 7 };
        index.put(key, value.answer, value.trueAtMs);
        map.set(key, value);
      }
      const asked = keyOf(random(2 * users));
      const place = index.find(asked);
      const found = place < 0 ? undefined : { answer: index.answer(place), trueAtMs: index.trueAtMs(place) };
      expect(found).toEqual(map.get(asked));
    }
  });
});

test('a user is marked until asked about, or put again', () => {
  const index = new AnswerIndex(users, [1, 2]);
  index.put('bob@example.com', 0, 0);
  expect(index.takeUsed('bob@example.com')).toBe(false);
  index.use(index.find('bob@example.com'));
  expect(index.takeUsed('bob@example.com')).toBe(true);
  expect(index.takeUsed('bob@example.com')).toBe(false);
  index.use(index.find('bob@example.com'));
  index.put('bob@example.com', 1, 0);
  expect(index.takeUsed('bob@example.com')).toBe(false);
  expect(index.takeUsed('nobody@example.com')).toBe(false);
});
