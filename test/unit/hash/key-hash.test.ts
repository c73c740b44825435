/** Keys that peers have chosen so that they collide: an unkeyed hash, or one whose seed takes part in a few bits only, puts them in one place. */
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../../src/hash/key-hash.ts';
import { collidingBranches, fnv1a } from '../../support/colliding-branches.ts';

describe('the hash of branches', () => {
  test.each([0, 1, 77, 255])('branches that collide by FNV-1a (low octet %i of its start) are spread', (lowOctet) => {
    const branches = collidingBranches(lowOctet, 12);
    const start = 0x5eed_0000 | lowOctet;
    expect(new Set(branches.map((branch) => fnv1a(start, branch))).size).toBe(1);
    const hashes = branches.map(hashOf);
    // Of 4,096 values of 32 bits two are alike with a probability of 0.2 %, three pairs with less than 1e-8.
    expect(new Set(hashes).size).toBeGreaterThan(4_093);
    const perSlot = new Map<number, number>();
    for (const hash of hashes) perSlot.set(hash & 8_191, (perSlot.get(hash & 8_191) ?? 0) + 1);
    // By chance the fullest of 8,192 places holds five of them, or six.
    expect(Math.max(...perSlot.values())).toBeLessThan(16);
  });

  test('a key has one hash, asked for in turn with others', () => {
    const [first, second] = [hashOf('z9hG4bK1'), hashOf('z9hG4bK2')];
    expect([hashOf('z9hG4bK1'), hashOf('z9hG4bK2')]).toEqual([first, second]);
  });
});
