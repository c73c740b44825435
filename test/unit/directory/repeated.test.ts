import { expect, test } from 'vitest';
import { Repeated } from '../../../src/directory/repeated.ts';

const told = (repeated: Repeated, text: (n: number) => string, times: number): readonly number[] =>
  Array.from({ length: times }, (_, n) => repeated.come(text(n))).filter((count) => count !== undefined);

test('is told at once, and then after ten, a hundred and a thousand times', () =>
  expect(told(new Repeated(), () => 'connection refused', 5_000)).toEqual([1, 10, 100, 1_000]));

test('is the same with other numbers', () =>
  expect(told(new Repeated(), (n) => `no answer within ${n} ms`, 9)).toEqual([1]));

test('another one is news', () => {
  const repeated = new Repeated();
  told(repeated, () => 'connection refused', 50);
  expect(told(repeated, () => 'no answer', 9)).toEqual([1]);
});

test('once it is over, the next one is news', () => {
  const repeated = new Repeated();
  told(repeated, () => 'connection refused', 50);
  expect([repeated.end(), repeated.end(), repeated.come('connection refused')]).toEqual([50, 0, 1]);
});
