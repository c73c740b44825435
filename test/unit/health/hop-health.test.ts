/** The health of a target: what makes it suspect, down and up again, and in which turn it is asked. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  askedLastMs,
  bestState,
  type HealthRules,
  isWell,
  type Observation,
  observe,
  Rank,
  rankOf,
  settled,
  shareOf,
  type TargetHealth,
  unknownHealth,
} from '../../../src/health/hop-health.ts';

const rules: HealthRules = {
  downAfter: 2,
  upAfter: 2,
  slowReturnMs: 10_000,
  retryAfterCapMs: 60_000,
  flapMemoryMs: 600_000,
};

const good: Observation = { kind: 'good', what: 'OPTIONS: 200' };
const silent: Observation = { kind: 'bad', what: 'OPTIONS: timeout' };
const refused: Observation = { kind: 'unreachable', what: 'connect-refused' };
const overloaded = (retryAfterMs?: number): Observation => ({ kind: 'bad', what: '503', retryAfterMs });

/** What comes of observations that are a second apart, from 1000 on. */
const having = (observations: readonly Observation[], start = unknownHealth(0)): TargetHealth =>
  observations.reduce((health, observation, i) => observe(health, observation, (i + 1) * 1_000, rules), start);

const down = having([silent, silent]);

describe('observed states', () => {
  test.each<[string, readonly Observation[], Partial<TargetHealth>]>([
    ['before anything is known a target is up', [], { state: 'up', sinceMs: 0, reason: 'not asked yet' }],
    ['a good answer leaves it up', [good], { state: 'up', sinceMs: 0, reason: 'OPTIONS: 200' }],
    ['one bad sign makes it suspect', [silent], { state: 'suspect', sinceMs: 1_000, reason: 'OPTIONS: timeout' }],
    ['down-after bad signs in a row make it down', [silent, silent], { state: 'down', sinceMs: 2_000 }],
    ['a good one between them starts the count anew', [silent, good, silent], { state: 'suspect', sinceMs: 3_000 }],
    ['one good sign clears a suspicion', [silent, good], { state: 'up', sinceMs: 2_000, returnedMs: undefined }],
    ['a refused connection needs no second sign', [refused], { state: 'down', reason: 'connect-refused' }],
    ['a 503 counts as a bad sign', [overloaded(), overloaded()], { state: 'down', reason: '503' }],
    ['one good sign does not bring it back', [refused, good], { state: 'down', sinceMs: 1_000 }],
    ['up-after good signs in a row do', [refused, good, good], { state: 'up', sinceMs: 3_000, returnedMs: 3_000 }],
    ['a bad one between them starts the count anew', [refused, good, silent, good], { state: 'down', sinceMs: 1_000 }],
    ['being refused again is no second fall', [refused, refused], { state: 'down', sinceMs: 1_000, falls: 1 }],
    ['rested, an unprobed target is tried again', [refused, { kind: 'rested' }], { state: 'up', returnedMs: 2_000 }],
    ['rest ends a suspicion', [silent, { kind: 'rested' }], { state: 'up', returnedMs: undefined }],
    ['rest means nothing to one that is up', [{ kind: 'rested' }], { state: 'up', reason: 'not asked yet' }],
  ])('%s', (_, observations, expected) => expect(having(observations)).toMatchObject(expected));

  test('two futures of one state', () => {
    const suspect = having([silent]);
    expect(observe(suspect, good, 5_000, rules).state).toBe('up');
    expect(observe(suspect, silent, 5_000, rules).state).toBe('down');
    expect(suspect.state).toBe('suspect');
  });

  test('what is well and answers as before is the very same object', () => {
    const well = having([good]);
    expect(observe(well, good, 9_000, rules)).toBe(well);
    expect(settled(well, 9_000, rules)).toBe(well);
  });

  test('with down-after 1 there is no suspicion', () =>
    expect(observe(unknownHealth(0), silent, 1, { ...rules, downAfter: 1 }).state).toBe('down'));

  test('no state is left by hand only: enough good signs, or rest, end each of them', () => {
    const anything = fc.array(
      fc.constantFrom(good, silent, refused, overloaded(30_000), { kind: 'rested' } as Observation),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(anything, (observations) => {
        const health = having(observations);
        expect(having(Array<Observation>(32).fill(good), health).state).toBe('up');
        expect(observe(health, { kind: 'rested' }, 100_000, rules).state).toBe('up');
      }),
    );
  });
});

describe('Retry-After (RFC 3261 §20.33)', () => {
  test('puts a target behind the live ones until its time is over, whatever it answers meanwhile', () => {
    const asked = having([overloaded(30_000), good]);
    expect(asked).toMatchObject({ state: 'up', waitUntilMs: 31_000 });
    expect(rankOf(asked, 0, 30_999, rules)).toBe(Rank.waiting);
    expect(rankOf(asked, 0, 31_000, rules)).toBe(Rank.live);
  });

  test('is capped', () => expect(having([overloaded(86_400_000)]).waitUntilMs).toBe(61_000));

  test('is forgotten when it is over', () => {
    const asked = having([overloaded(30_000), good]);
    expect(settled(asked, 30_999, rules)).toBe(asked);
    expect(isWell(asked)).toBe(false);
    expect(isWell(settled(asked, 31_000, rules))).toBe(true);
  });

  test('counts less than being down: the last live target is asked first although it asked to be left alone', () =>
    expect(rankOf(having([overloaded(30_000), good]), 0, 3_000, rules)).toBeLessThan(rankOf(down, 0, 3_000, rules)));
});

describe('slow return', () => {
  const back = having([refused, good, good]);

  test.each([
    [3_000, 0],
    [5_500, 0.25],
    [8_000, 0.5],
    [13_000, 1],
    [99_000, 1],
  ])('at %i ms its share is %d', (now, share) => {
    expect(shareOf(back, now, rules)).toBe(share);
    expect(rankOf(back, share - 0.01, now, rules)).toBe(Rank.live);
    if (share < 1) expect(rankOf(back, share + 0.01, now, rules)).toBe(Rank.returning);
  });

  test('is over after slow-return', () => {
    expect(settled(back, 12_999, rules)).toBe(back);
    expect(isWell(settled(back, 13_000, rules))).toBe(true);
  });

  test('0 gives the whole share at once', () => {
    const atOnce = { ...rules, slowReturnMs: 0 };
    const health = [refused, good, good].reduce((before, it) => observe(before, it, 1_000, atOnce), unknownHealth(0));
    expect(isWell(health)).toBe(true);
    expect(rankOf(health, 0.99, 1_000, atOnce)).toBe(Rank.live);
  });

  test('a target that fails while it returns is down again', () =>
    expect(observe(back, refused, 4_000, rules)).toMatchObject({
      state: 'down',
      sinceMs: 4_000,
      returnedMs: undefined,
    }));
});

describe('flap damping', () => {
  /** How many good signs it takes to come back after so many falls at one moment. */
  const goodSignsAfter = (falls: number, pauseMs = 0): number => {
    let health = unknownHealth(0);
    let now = 0;
    let signs = 0;
    for (let fallen = 0; fallen < falls; fallen++) {
      health = observe(health, refused, now, rules);
      now += pauseMs;
      for (signs = 0; health.state === 'down'; signs++) health = observe(health, good, now, rules);
    }
    return signs;
  };

  test.each([
    [1, 2],
    [2, 4],
    [3, 8],
    [4, 16],
    [5, 32],
    [9, 32],
  ])('after %i falls it takes %i good signs to come back', (falls, signs) => expect(goodSignsAfter(falls)).toBe(signs));

  test('falls that lie far apart cost nothing', () => expect(goodSignsAfter(5, 20 * rules.flapMemoryMs)).toBe(2));

  test('an unprobed target rests longer after each fall', () => {
    const twice = observe(observe(down, { kind: 'rested' }, 3_000, rules), refused, 4_000, rules);
    expect(askedLastMs(down, 10_000, 2_000, rules)).toBe(10_000);
    expect(askedLastMs(twice, 10_000, 4_000, rules)).toBe(20_000);
  });
});

describe('the turn in which targets are asked', () => {
  test('live, then returning, waiting, suspect and down ones', () => {
    const turns = [
      unknownHealth(0),
      having([refused, good, good]),
      having([overloaded(30_000), good]),
      having([silent]),
      down,
    ].map((health) => rankOf(health, 0.5, 3_000, rules));
    expect(turns).toEqual([Rank.live, Rank.returning, Rank.waiting, Rank.suspect, Rank.down]);
    expect(turns).toEqual(turns.toSorted());
  });

  test.each<[string, readonly TargetHealth[], string]>([
    ['without a target', [], 'down'],
    ['of one that is down and one that is suspect', [down, having([silent])], 'suspect'],
    ['of one that is down and one that is up', [down, unknownHealth(0)], 'up'],
  ])('a hop %s is %s', (_, targets, expected) => expect(bestState(targets)).toBe(expected));
});
