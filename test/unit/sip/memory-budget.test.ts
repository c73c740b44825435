/** Who may make the router hold how much. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MemoryAccount, MemoryBudget } from '../../../src/sip/memory-budget.ts';

/** Takes pieces until it is refused. @returns octets that it holds then */
function fill(account: MemoryAccount, piece: number): number {
  while (account.admits(piece)) account.take(piece);
  return account.octets;
}

describe('a budget of 960 octets, an eighth of which is for those that hold little', () => {
  test('one peer that takes all it can gets half of the rest', () => {
    expect(fill(new MemoryBudget(960).accountOf('192.0.2.1'), 1)).toBe(420);
  });

  test('of two that began together each gets a third', () => {
    const budget = new MemoryBudget(960);
    const both = ['192.0.2.1', '192.0.2.2'].map((address) => budget.accountOf(address));
    for (let piece = 0; piece < 960; piece += 1) for (const each of both) if (each.admits(1)) each.take(1);
    expect(both.map(({ octets }) => octets)).toEqual([280, 280]);
  });

  test('whoever comes after a greedy one still gets a share, and the greedy one nothing more meanwhile', () => {
    const budget = new MemoryBudget(960);
    const greedy = budget.accountOf('192.0.2.1');
    fill(greedy, 10);
    const other = budget.accountOf('192.0.2.2');
    expect(fill(other, 10)).toBe(210);
    greedy.release(50);
    expect(greedy.admits(10)).toBe(false);
    other.release(210);
    expect(greedy.admits(10)).toBe(true);
  });

  test('what was refused is counted, and what is taken all the same, too', () => {
    const budget = new MemoryBudget(960);
    const account = budget.accountOf('192.0.2.1');
    expect(account.admits(421)).toBe(true);
    account.take(1_060);
    expect([account.admits(0), budget.refusals, budget.held, budget.left]).toEqual([false, 1, 1_060, -100]);
    budget.limit = 4_000;
    expect(account.admits(600)).toBe(true);
  });

  test('the addresses of one IPv6 network of 64 bits are one peer', () => {
    const budget = new MemoryBudget(960);
    budget.accountOf('2001:db8::1').take(200);
    expect(budget.accountOf('2001:db8::2').octets).toBe(200);
    expect(budget.accountOf('2001:db8:0:1::2').octets).toBe(0);
  });
});

test('however many take all they can, one after the other, whoever holds little has room for a request', () => {
  const limit = 16 * 2 ** 20;
  const budget = new MemoryBudget(limit);
  const greedy = Array.from({ length: 50 }, (_, host) => budget.accountOf(`192.0.2.${host}`));
  for (const account of greedy) for (const piece of [2 ** 20, 2 ** 14, 64, 1]) fill(account, piece);
  expect(budget.left).toBeGreaterThan(0);
  const neighbour = budget.accountOf('198.51.100.1');
  expect(neighbour.admits(2 ** 15)).toBe(true);
  neighbour.take(2 ** 15);
  expect(greedy.filter((account) => account.admits(2 ** 15))).toEqual([]);
  expect(budget.held).toBeLessThanOrEqual(limit);
});

test('accounts that hold nothing are forgotten by the thousand, the others never', () => {
  const budget = new MemoryBudget(1_000_000);
  const holding = budget.accountOf('192.0.2.1');
  const quiet = budget.accountOf('192.0.2.2');
  holding.take(5);
  for (let i = 0; i < 5_000; i += 1) budget.accountOf(`198.18.${i >> 8}.${i & 255}`);
  expect(budget.accountOf('192.0.2.1')).toBe(holding);
  expect([holding.isListed, quiet.isListed]).toEqual([true, false]);
});

test('whatever peers do, the sum is that of its parts, and nobody who is admitted takes it above the limit', () => {
  const act = fc.record({ peer: fc.nat(4), octets: fc.nat(400), gives: fc.boolean() });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
      const budget = new MemoryBudget(1_000);
      const accounts = [0, 1, 2, 3, 4].map((host) => budget.accountOf(`192.0.2.${host}`));
      for (const { peer, octets, gives } of acts) {
        const account = accounts[peer]!;
        if (gives) account.release(Math.min(octets, account.octets));
        else if (account.admits(octets)) account.take(octets);
        expect(budget.held).toBe(accounts.reduce((sum, each) => sum + each.octets, 0));
        expect(budget.held).toBeLessThanOrEqual(1_000);
      }
      for (const account of accounts) account.release(account.octets);
      expect(budget.held).toBe(0);
    }),
  );
});
