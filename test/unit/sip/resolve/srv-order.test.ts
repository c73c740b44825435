/** The order of SRV servers (RFC 2782). */
import { describe, expect, test } from 'vitest';
import { orderServers } from '../../../../src/sip/resolve/srv-order.ts';

const server = (name: string, priority: number, weight: number) => ({ name, priority, weight });

/** Every number of a fine grid, so that shares can be counted instead of guessed. */
const grid = Array.from({ length: 1_000 }, (_, index) => index / 1_000);

function firsts(servers: readonly ReturnType<typeof server>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const drawn of grid) {
    const first = orderServers(servers, () => drawn)[0]!.name;
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts;
}

describe('order of servers (RFC 2782)', () => {
  test('lower priorities come first, whatever their weight', () => {
    const servers = [server('c', 30, 100), server('a', 10, 0), server('b', 20, 1)];
    for (const drawn of grid) {
      expect(orderServers(servers, () => drawn).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    }
  });

  test('within a priority each comes first in proportion to its weight', () => {
    const counts = firsts([server('three', 1, 300), server('one', 1, 100)]);
    expect(counts.three! / counts.one!).toBeCloseTo(3, 1);
  });

  test('a weight of 0 is chosen rarely, but is chosen', () => {
    const counts = firsts([server('heavy', 1, 99), server('light', 1, 0)]);
    expect(counts).toEqual({ light: 10, heavy: 990 });
  });

  test('every server is in the order exactly once', () => {
    const servers = [server('a', 1, 0), server('b', 1, 0), server('c', 1, 5), server('d', 2, 5)];
    for (const drawn of grid) {
      const order = orderServers(servers, () => drawn).map(({ name }) => name);
      expect(order.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    }
  });
});
