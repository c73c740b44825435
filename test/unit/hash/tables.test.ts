/**
 * The tables whose keys peers choose, filled with keys that collided by the hash of before, whichever low octet its seed had.
 * Counted is how often a table reads its own arrays, which no clock and no other process disturbs.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { RecentSeals } from '../../../src/proxy/recent-seals.ts';
import { MemoryBudget } from '../../../src/sip/memory-budget.ts';
import { KeyTable } from '../../../src/sip/transaction/key-table.ts';
import { Lingering } from '../../../src/sip/transaction/lingering.ts';
import type { Flow } from '../../../src/sip/transport/flow.ts';
import { collidingBranches } from '../../support/colliding-branches.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let reads = 0;

/** An array that counts what is read of it by index. */
const counted = <Items extends object>(items: Items): Items =>
  new Proxy(items, {
    get(target, name) {
      if (typeof name === 'string' && name.charCodeAt(0) < 58) reads += 1;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function'
        ? (...args: unknown[]) => {
            const result = (value as (...args: unknown[]) => unknown).apply(target, args);
            return result === target ? counted(items) : result;
          }
        : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });

/** While it runs, arrays are made that count. */
const countingReads = (run: () => void): number => {
  const makers = { Int32Array, Array };
  for (const [name, Maker] of Object.entries(makers)) {
    const Counting = new Proxy(Maker, { construct: (_, args: [number]) => counted(new Maker(...args)) });
    vi.stubGlobal(name, Counting);
  }
  reads = 0;
  try {
    run();
  } finally {
    vi.unstubAllGlobals();
  }
  return reads;
};
afterEach(() => {
  vi.unstubAllGlobals();
});

const perSet = 256;
/** With one entry for two slots a look-up reads a few of them; a table of colliding keys reads half of all, 128. */
const fewReads = 24;

/** One of them would collide, whatever the start was. */
const sets = Array.from({ length: 256 }, (_, lowOctet) => collidingBranches(lowOctet, Math.log2(perSet)));

describe('keys that collided by FNV-1a, for each low octet of its start', () => {
  test('are found by the table of transactions in few steps', () => {
    for (const keys of sets) {
      const octets = countingReads(() => {
        const table = new KeyTable<number>();
        for (const [place, key] of keys.entries()) table.set(key, place);
        for (const [place, key] of keys.entries()) expect(table.get(key)).toBe(place);
        for (const key of keys) table.delete(key);
        expect(table.size).toBe(0);
      });
      expect(octets).toBeGreaterThan(3 * perSet);
      expect(octets / (3 * perSet)).toBeLessThan(fewReads);
    }
  });

  test('are found among what lingers in few steps, and forgotten in few', () => {
    const account = new MemoryBudget(2 ** 30).accountOf('192.0.2.1');
    const flow = {} as Flow;
    for (const keys of sets) {
      const clock = new ManualClock();
      const steps = countingReads(() => {
        const left = new Lingering<undefined>(clock);
        for (const key of keys) left.add(key, 1_000, { flow, user: undefined, text: '' }, account);
        for (const key of keys) expect(left.find(key)).toBeDefined();
        clock.advance(1_000);
        expect(left.size).toBe(0);
      });
      expect(steps).toBeGreaterThan(3 * perSet);
      expect(steps / (3 * perSet)).toBeLessThan(fewReads);
    }
  });

  test('do not drive each other out of the seals that are remembered', () => {
    for (const keys of sets) {
      const seals = new RecentSeals();
      for (const key of keys) seals.remember(key, 'a seal');
      // Of 256 keys in 4,096 places some eight share one by chance.
      expect(keys.filter((key) => seals.find('a', key) !== undefined).length).toBeGreaterThan(perSet - 40);
    }
  });
});
