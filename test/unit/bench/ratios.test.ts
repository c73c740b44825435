/** What is hot costs at most so many times what it is compared with, in the same process and at the same moments: no times. */
import { describe, expect, test } from 'vitest';
import { compare } from '../../../bench/micro/contest.ts';
import { groups } from '../../../bench/micro/contests.ts';

/** Short, because the machine is shared; what is measured on a quiet one is told by `npm run bench -- micro`. */
const effort = { rounds: 9, roundMs: 15 };

describe.each(Object.entries(groups))('%s', (_, make) => {
  test('no ratio is above its limit', () => {
    for (const contest of make()) {
      const { ratio } = compare(contest, effort);
      const { watched, against, most } = contest;
      const told = `${watched.name} beside ${against.name}: ${ratio.toPrecision(3)} times`;
      expect(ratio, told).toBeLessThan(most);
    }
  });
});
