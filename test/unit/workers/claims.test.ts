/** The table of INVITEs that workers share. */
import { describe, expect, test } from 'vitest';
import { Claims, sharedClaims } from '../../../src/workers/claims.ts';

const keyOf = (call: number): string => `z9hG4bK${call} INVITE 192.0.2.${call % 200}:5060`;

describe('claims', () => {
  test('are known to the other workers with their owner, and not to the owner as those of another', () => {
    const storage = sharedClaims();
    const [zero, one, two] = [0, 1, 63].map((number) => new Claims(storage, number));
    zero!.claim('a');
    two!.claim('b');
    expect([zero, one, two].map((claims) => claims!.ownerOf('a'))).toEqual([undefined, 0, 0]);
    expect([zero, one, two].map((claims) => claims!.ownerOf('b'))).toEqual([63, 63, undefined]);
    expect(one!.ownerOf('c')).toBeUndefined();
  });

  test('end when they are released, and their places serve again', () => {
    const storage = sharedClaims();
    const [zero, one] = [new Claims(storage, 0), new Claims(storage, 1)];
    const calls = Array.from({ length: 200_000 }, (_, call) => call);
    const held = calls.map((call) => zero.claim(keyOf(call)));
    // Less than one in ten thousand finds its bucket full.
    const known = calls.filter((call) => one.ownerOf(keyOf(call)) === 0);
    expect(known.length).toBeGreaterThan(calls.length - 20);
    for (const claim of held) zero.release(claim);
    expect(calls.filter((call) => one.ownerOf(keyOf(call)) !== undefined)).toEqual([]);
    expect(new Int32Array(storage.buffer).every((word) => word === 0)).toBe(true);
  });

  test('that find their bucket full are no claims: releasing one changes nothing', () => {
    const storage = sharedClaims();
    const [zero, one] = [new Claims(storage, 0), new Claims(storage, 1)];
    // The same key nine times: a bucket has eight places.
    const held = Array.from({ length: 9 }, () => zero.claim('a'));
    expect(new Set(held).size).toBe(9);
    zero.release(held[8]!);
    expect(one.ownerOf('a')).toBe(0);
    for (const claim of held.slice(0, 8)) zero.release(claim);
    expect(one.ownerOf('a')).toBeUndefined();
  });
});
