/** Which losses a sweep may bring about unasked. */
import { expect, test } from 'vitest';
import { disbelief } from '../../../../src/directory/sync/belief.ts';

test.each([
  ['nobody goes', { gone: 0, disabled: 0, share: 0 }, 0, true],
  ['one goes, and none may', { gone: 1, disabled: 0, share: 0.001 }, 0, false],
  ['five of six go, and none may', { gone: 5, disabled: 0, share: 5 / 6 }, 0, false],
  ['one is disabled, and none may', { gone: 0, disabled: 1, share: 0.001 }, 0, false],
  ['five of six go in a small office', { gone: 3, disabled: 2, share: 5 / 6 }, 0.1, true],
  ['six of a hundred go, of ten percent', { gone: 3, disabled: 3, share: 0.06 }, 0.1, true],
  ['six of fifty go, of ten percent', { gone: 3, disabled: 3, share: 0.12 }, 0.1, false],
])('%s', (_, loss, maxLoss, isBelieved) => {
  expect(disbelief(100, loss, maxLoss) === undefined).toBe(isBelieved);
});

test('a sweep that found nobody is never believed unasked', () =>
  expect(disbelief(0, { gone: 1, disabled: 0, share: 1 }, 1)).toContain('it would drop 1 users'));
