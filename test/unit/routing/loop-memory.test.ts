/** What was sent to which side is remembered for the life of a transaction, and then forgotten. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LoopMemory, sharedLoopStorage } from '../../../src/routing/loops/loop-memory.ts';
import type { RememberOrder } from '../../support/loop-memory-thread.ts';

describe('loop memory', () => {
  test('keeps a request for 64*T1 of the settings in force, and forgets it by twice that', () => {
    const memory = new LoopMemory();
    memory.keepFor(128_000);
    memory.remember('a', 'cisco', 0);
    expect(memory.sentBeforeTo('a', 127_999)).toBe('cisco');
    memory.keepFor(6_400);
    memory.remember('b', 'cisco', 300_000);
    expect(memory.sentBeforeTo('b', 306_399)).toBe('cisco');
    expect(memory.sentBeforeTo('b', 312_800)).toBeUndefined();
  });

  test('knows the side that a request was sent to, and nothing of others', () => {
    const memory = new LoopMemory();
    memory.remember('a', 'microsoft', 0);
    expect(memory.sentBeforeTo('a', 1)).toBe('microsoft');
    expect(memory.sentBeforeTo('b', 1)).toBeUndefined();
  });

  test('the side that a request was sent to last counts', () => {
    const memory = new LoopMemory();
    memory.remember('a', 'microsoft', 0);
    memory.remember('a', 'cisco', 40_000);
    expect(memory.sentBeforeTo('a', 40_001)).toBe('cisco');
  });

  test('an entry lives at least 64*T1 and less than twice as long, however often it is asked for (RFC 3261 §17.1.2.2)', () => {
    const times = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 20 });
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 20 }), (gaps, rememberAt) => {
        const memory = new LoopMemory();
        let now = 1_000;
        let rememberedAt: number | undefined;
        for (const [step, gap] of [...gaps, 64_000].entries()) {
          if (step === rememberAt) {
            memory.remember('a', 'cisco', now);
            rememberedAt = now;
          }
          now += gap;
          const isKnown = memory.sentBeforeTo('a', now) !== undefined;
          const age = rememberedAt === undefined ? undefined : now - rememberedAt;
          if (age === undefined || age >= 64_000) expect(isKnown).toBe(false);
          else if (age < 32_000) expect(isKnown).toBe(true);
        }
      }),
    );
  });

  test('a request that came back is marked as long as it is remembered', () => {
    const memory = new LoopMemory();
    memory.remember('a', 'microsoft', 0);
    expect(memory.wasLooped('a', 0)).toBe(false);
    memory.markLooped('a');
    expect(memory.wasLooped('a', 31_999)).toBe(true);
    expect(memory.wasLooped('a', 64_000)).toBe(false);
  });

  test('the mark holds when the request was remembered a generation ago', () => {
    const memory = new LoopMemory();
    memory.remember('a', 'microsoft', 0);
    memory.remember('b', 'microsoft', 33_000);
    memory.markLooped('a');
    expect(memory.wasLooped('a', 33_000)).toBe(true);
  });

  test('what was never sent cannot be marked', () => {
    const memory = new LoopMemory();
    memory.markLooped('a');
    memory.remember('a', 'microsoft', 0);
    expect(memory.wasLooped('a', 0)).toBe(false);
  });

  test('a full memory forgets the oldest half and knows what is newest', () => {
    const memory = new LoopMemory({ maxEntries: 10 });
    for (let index = 0; index < 25; index += 1) memory.remember(`${index}`, 'cisco', index);
    const known = Array.from({ length: 25 }, (_, index) => memory.sentBeforeTo(`${index}`, 25) !== undefined);
    expect(known.indexOf(true)).toBe(10);
    expect(known.lastIndexOf(false)).toBe(9);
  });
});

describe('a loop memory that is shared', () => {
  test('what one has remembered or marked the other knows', () => {
    const storage = sharedLoopStorage();
    const one = new LoopMemory({}, storage);
    const other = new LoopMemory({}, storage);
    one.remember('a', 'microsoft', 0);
    expect(other.sentBeforeTo('a', 1)).toBe('microsoft');
    other.markLooped('a');
    expect(one.wasLooped('a', 2)).toBe(true);
  });

  test('it grows old for both, whoever is asked', () => {
    const storage = sharedLoopStorage();
    const one = new LoopMemory({}, storage);
    const other = new LoopMemory({}, storage);
    one.remember('a', 'microsoft', 0);
    other.remember('b', 'microsoft', 33_000);
    expect(one.sentBeforeTo('a', 33_000)).toBe('microsoft');
    expect(other.sentBeforeTo('c', 65_000)).toBeUndefined();
    expect(one.sentBeforeTo('a', 65_000)).toBeUndefined();
    expect(one.sentBeforeTo('b', 65_000)).toBe('microsoft');
  });

  test('threads that write at the same time lose nothing', async () => {
    const storage = sharedLoopStorage();
    const count = 50_000;
    const remember = async (name: string): Promise<number> => {
      const workerData: RememberOrder = { storage, name, count };
      const thread = new Worker(new URL('../../support/loop-memory-thread.ts', import.meta.url), { workerData });
      const [known] = (await once(thread, 'message')) as [number];
      return known;
    };
    expect(await Promise.all([remember('one'), remember('two')])).toEqual([count, count]);
    const memory = new LoopMemory({}, storage);
    const lost = Array.from({ length: count }, (_, index) => index).filter((index) => {
      const side = index % 2 === 0 ? 'cisco' : 'microsoft';
      return memory.sentBeforeTo(`one ${index}`, 50) !== side || memory.sentBeforeTo(`two ${index}`, 50) !== side;
    });
    expect(lost).toEqual([]);
  });
});
