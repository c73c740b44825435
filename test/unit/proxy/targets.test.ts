/** The turn of targets: the plan's order among the live ones, all others behind, and nobody left out. */
import { describe, expect, test } from 'vitest';
import { Rank } from '../../../src/health/hop-health.ts';
import type { HopKnowledge } from '../../../src/health/hop-knowledge.ts';
import { type HopTarget, Targets, type Unresolved } from '../../../src/proxy/targets.ts';
import { orderHops } from '../../../src/routing/routes/hop-order.ts';
import type { NextHop } from '../../../src/routing/types.ts';
import type { Target } from '../../../src/sip/transport/flow.ts';
import type { TransportError } from '../../../src/sip/transport/transport-error.ts';

const hop = (id: string): NextHop => ({
  id,
  transport: 'tcp',
  host: `${id}.example.com`,
  port: 5060,
  tlsName: undefined,
  tlsProfile: undefined,
});

const target = (address: string): Target => ({
  transport: 'tcp',
  address,
  port: 5060,
  tlsName: undefined,
  tlsProfile: undefined,
});

/** What DNS says of a hop, and how each address fares. */
interface World {
  /** Addresses by hop; default one, named like the hop. An error, and answers that take their time. */
  readonly dns?: Readonly<Record<string, readonly string[] | TransportError | Promise<readonly string[]>>>;
  readonly ranks?: Readonly<Record<string, Rank>>;
  readonly unresolved?: readonly string[];
}

const knowledgeOf = ({ ranks = {}, unresolved = [] }: World): HopKnowledge => ({
  isAllWell: Object.keys(ranks).length === 0 && unresolved.length === 0,
  rankOf: (_, { address }) => ranks[address] ?? Rank.live,
  isUnresolved: ({ id }) => unresolved.includes(id),
  onAttempt: () => undefined,
  onUnresolved: () => undefined,
});

const targetsOf = (hops: readonly string[], world: World = {}): Targets => {
  const resolve = ({ id }: NextHop) => {
    const found = world.dns?.[id] ?? [id];
    if (found instanceof Promise) return found.then((late) => late.map(target));
    // The resolver gives what it knows at once, and failures as what they are: late.
    return 'code' in found ? Promise.resolve(found) : found.map(target);
  };
  return new Targets(hops.map(hop), resolve, knowledgeOf(world), 'call-id');
};

const nameOf = (next: HopTarget | Unresolved): string => ('error' in next ? `${next.hop.id}!` : next.target.address);

const takeAll = async (targets: Targets): Promise<string[]> => {
  const names: string[] = [];
  for (let next = await targets.next(); next !== undefined; next = await targets.next()) names.push(nameOf(next));
  return names;
};

const noAnswer: TransportError = { code: 'unresolved', detail: 'queryA ESERVFAIL' };

describe('the turn of targets (RFC 3263 §4.3)', () => {
  test.each<[string, readonly string[], World, string]>([
    ['while all is well the plan holds', ['a', 'b', 'c'], {}, 'a b c'],
    ['each address of a hop is a target of its own', ['a', 'b'], { dns: { a: ['a1', 'a2'] } }, 'a1 a2 b'],
    ['one that is down comes last', ['a', 'b', 'c'], { ranks: { a: Rank.down } }, 'b c a'],
    [
      'a dead address does not take the others of its hop with it',
      ['a', 'b'],
      { dns: { a: ['a1', 'a2'] }, ranks: { a1: Rank.down } },
      'a2 b a1',
    ],
    [
      'behind the live ones: returning, waiting, suspect, down, drained',
      ['a', 'b', 'c', 'd', 'e', 'f'],
      {
        ranks: { a: Rank.drained, b: Rank.down, c: Rank.suspect, d: Rank.waiting, e: Rank.returning },
      },
      'f e d c b a',
    ],
    ['when all are down the plan holds again', ['a', 'b'], { ranks: { a: Rank.down, b: Rank.down } }, 'a b'],
    ['the last live one is asked although it asked for a pause', ['a'], { ranks: { a: Rank.waiting } }, 'a'],
    ['one disabled by hand is left out', ['a', 'b'], { ranks: { a: Rank.disabled } }, 'b'],
    ['a name without address is passed over', ['a', 'b'], { dns: { a: noAnswer } }, 'a! b'],
    [
      'one that DNS has been silent about is asked for behind the dead ones',
      ['a', 'b', 'c'],
      { dns: { a: Promise.resolve(['a1']) }, unresolved: ['a'], ranks: { b: Rank.down } },
      'c b a1',
    ],
    [
      'names that are looked up in time keep their place',
      ['a', 'b'],
      { dns: { a: Promise.resolve(['a1', 'a2']) } },
      'a1 a2 b',
    ],
  ])('%s', async (_, hops, world, expected) =>
    expect((await takeAll(targetsOf(hops, world))).join(' ')).toBe(expected),
  );

  test('there is more as long as one has not been asked, in whatever turn', async () => {
    const targets = targetsOf(['a', 'b'], { ranks: { a: Rank.down } });
    const more = [targets.hasMore];
    for (let next = await targets.next(); next !== undefined; next = await targets.next()) more.push(targets.hasMore);
    expect(more).toEqual([true, true, false]);
  });

  test('while all is well nothing but the flag is looked at', async () => {
    const knowledge = { ...knowledgeOf({}), rankOf: () => expect.fail('asked') };
    const targets = new Targets([hop('a')], () => [target('a')], knowledge, 'call-id');
    expect(await takeAll(targets)).toEqual(['a']);
  });
});

describe('a connection that breaks', () => {
  test('lets its target be tried once more, behind everybody else', async () => {
    const targets = targetsOf(['a', 'b'], { ranks: { b: Rank.down } });
    targets.tryAgain((await targets.next()) as HopTarget);
    const [second, again] = [(await targets.next()) as HopTarget, (await targets.next()) as HopTarget];
    expect([second, again].map(nameOf)).toEqual(['b', 'a']);
    targets.tryAgain(again);
    expect(await targets.next()).toBeUndefined();
  });
});

describe('weights (RFC 2782)', () => {
  test('the live hops of a pool share what was that of a dead one in proportion to their weights', async () => {
    const level = [
      { hop: hop('a'), weight: 50 },
      { hop: hop('b'), weight: 30 },
      { hop: hop('c'), weight: 20 },
    ];
    const firsts: Record<string, number> = {};
    const rounds = 10_000;
    for (let i = 0; i < rounds; i++) {
      const plan = orderHops([level], i / rounds).map(({ id }) => id);
      const first = nameOf((await targetsOf(plan, { ranks: { a: Rank.down } }).next()) as HopTarget);
      firsts[first] = (firsts[first] ?? 0) + 1;
    }
    expect(Object.keys(firsts).sort()).toEqual(['b', 'c']);
    expect(firsts.b! / rounds).toBeCloseTo(0.6, 2);
    expect(firsts.c! / rounds).toBeCloseTo(0.4, 2);
  });
});
