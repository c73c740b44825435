/** The look-up of a user in memory: a million users cost what a thousand do, but for what the processor's caches hold. */

import { UserTable } from '../../src/directory/table/user-table.ts';
import { type Contest, ring, timesOf } from './contest.ts';

const address = (i: number): string => `user${i}@example.com`;

/** Asks for 16,384 users from everywhere in the table, in no order. */
function lookingUp(count: number): () => void {
  const table = UserTable.create(count, [1, 2]);
  for (let i = 0; i < count; i += 1) table.put(`object ${i}`, [address(i)], 'enabled', 0);
  const keys = Array.from({ length: 16_384 }, (_, i) => address((i * 7_919) % count));
  const next = ring(keys);
  return () => {
    if (table.stateOf(next()) !== 'enabled') throw new Error('not as expected');
  };
}

export const contests = (): readonly Contest[] => [
  {
    watched: { name: '100 look-ups among 1,000,000 users', run: timesOf(100, lookingUp(1_000_000)) },
    against: { name: 'among 1,000', run: timesOf(100, lookingUp(1_000)) },
    most: 12,
  },
];
