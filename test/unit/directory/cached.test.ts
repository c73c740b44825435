/** A cache round a directory: lives, one question at a time, a budget of time, and never "unknown" for "could not ask". */
import { beforeEach, describe, expect, test } from 'vitest';
import { CachedDirectory, type CacheSettings, cached } from '../../../src/directory/cached.ts';
import type { Directory } from '../../../src/directory/directory.ts';
import type { DirectoryAnswer } from '../../../src/routing/types.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const bob = 'bob@example.com';
const home = {
  kind: 'home',
  side: 'microsoft',
  addressOnly: false,
  freshness: 'fresh',
  source: 'fake',
  ageMs: 0,
} as const;
const unknown = { kind: 'unknown-user', source: 'fake', ageMs: 0 } as const;
const unavailable = { kind: 'unavailable', why: 'connection refused' } as const;

/** A directory that answers when the test says so. */
class SlowDirectory implements Directory {
  readonly asked: string[] = [];
  #waiting: PromiseWithResolvers<DirectoryAnswer>[] = [];

  lookup(key: string): Promise<DirectoryAnswer> {
    this.asked.push(key);
    const question = Promise.withResolvers<DirectoryAnswer>();
    this.#waiting.push(question);
    return question.promise;
  }

  answer(answer: DirectoryAnswer): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(answer);
  }

  fail(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  describe() {
    return { source: 'fake', summary: 'slow' };
  }
}

const settings: CacheSettings = { size: 10, foundMs: 600_000, unknownMs: 30_000, staleMs: 86_400_000, budgetMs: 150 };

let clock: ManualClock;
let slow: SlowDirectory;
let cache: Directory;

beforeEach(() => {
  clock = new ManualClock(5_000);
  slow = new SlowDirectory();
  cache = cached(slow, settings, clock);
});

/** Asks through the cache, with this answer from the directory if it is asked. */
const learn = async (answer: DirectoryAnswer, key = bob): Promise<DirectoryAnswer> => {
  const asked = cache.lookup(key);
  slow.answer(answer);
  return asked;
};

describe('lives', () => {
  test('a home is believed for as long as configured, at once, and tells its age', async () => {
    await learn(home);
    clock.advance(599_999);
    expect(cache.lookup(bob)).toEqual({ ...home, ageMs: 599_999 });
    clock.advance(1);
    expect(cache.lookup(bob)).toBeInstanceOf(Promise);
    expect(slow.asked).toEqual([bob, bob]);
  });

  test('"no such user" is believed for its own, shorter time', async () => {
    await learn(unknown);
    clock.advance(29_999);
    expect(cache.lookup(bob)).toEqual({ ...unknown, ageMs: 29_999 });
    clock.advance(1);
    expect(cache.lookup(bob)).toBeInstanceOf(Promise);
  });

  test('the age that an answer has when it comes counts', async () => {
    await learn({ ...home, ageMs: 500_000 });
    clock.advance(99_999);
    expect(cache.lookup(bob)).toEqual({ ...home, ageMs: 599_999 });
    clock.advance(1);
    expect(cache.lookup(bob)).toBeInstanceOf(Promise);
  });

  test('a user who moved is seen after the life of the old answer', async () => {
    await learn(home);
    clock.advance(600_000);
    expect(await learn({ ...home, addressOnly: true })).toMatchObject({ addressOnly: true });
    expect(cache.lookup(bob)).toMatchObject({ addressOnly: true });
  });

  test('the users asked for longest ago go first when the cache is full', async () => {
    cache = cached(slow, { ...settings, size: 2 }, clock);
    await learn(home, 'a@example.com');
    await learn(home, 'b@example.com');
    cache.lookup('a@example.com');
    await learn(home, 'c@example.com');
    expect(cache.lookup('a@example.com')).toMatchObject({ kind: 'home' });
    expect(cache.lookup('b@example.com')).toBeInstanceOf(Promise);
    expect(cache.describe().summary).toBe('slow; 2 of at most 2 answers cached');
  });

  test('a full cache takes a new user also when all of its users are asked for', async () => {
    const all = Array.from({ length: 40 }, (_, user) => `user${user}@example.com`);
    cache = cached(slow, { ...settings, size: all.length }, clock);
    for (const key of all) await learn(home, key);
    for (const key of all) cache.lookup(key);
    await learn(home);
    expect(cache.lookup(bob)).toEqual(home);
    expect(cache.describe().summary).toBe('slow; 40 of at most 40 answers cached');
    expect(all.filter((key) => !(cache.lookup(key) instanceof Promise))).toHaveLength(39);
  });
});

describe('one question at a time', () => {
  test('a burst for one user asks once, and all get the answer', async () => {
    const all = [cache.lookup(bob), cache.lookup(bob), cache.lookup(bob)];
    slow.answer(home);
    expect(await Promise.all(all)).toEqual([home, home, home]);
    expect(slow.asked).toEqual([bob]);
  });

  test('two users are asked for side by side', () => {
    cache.lookup(bob);
    cache.lookup('alice@example.com');
    expect(slow.asked).toEqual([bob, 'alice@example.com']);
  });

  test('a failed question may be asked again', async () => {
    await learn(unavailable);
    expect(await learn(home)).toEqual(home);
  });
});

describe('the budget of time', () => {
  test('a request waits 150 ms and no longer', async () => {
    const asked = cache.lookup(bob);
    clock.advance(149);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    expect(await asked).toEqual({ kind: 'unavailable', why: 'no answer within 150 ms' });
  });

  test('the budget is a setting', async () => {
    cache = cached(slow, { ...settings, budgetMs: 20 }, clock);
    const asked = cache.lookup(bob);
    clock.advance(20);
    expect(await asked).toMatchObject({ kind: 'unavailable' });
  });

  test('an answer in time leaves no timer behind', async () => {
    await learn(home);
    expect(clock.pending).toBe(0);
  });

  test('an answer that comes too late serves the next request', async () => {
    const asked = cache.lookup(bob);
    clock.advance(150);
    await asked;
    slow.answer(home);
    await Promise.resolve();
    expect(cache.lookup(bob)).toEqual(home);
  });

  test('a second request on the same question has a budget of its own', async () => {
    const first = cache.lookup(bob);
    clock.advance(100);
    const second = cache.lookup(bob);
    clock.advance(50);
    expect(await first).toMatchObject({ kind: 'unavailable' });
    slow.answer(home);
    expect(await second).toEqual(home);
  });
});

describe('when the directory cannot be asked', () => {
  const failures: [string, (directory: SlowDirectory) => void][] = [
    ['says that it is unavailable', (directory) => directory.answer(unavailable)],
    ['fails', (directory) => directory.fail(new Error('socket hang up'))],
    ['is silent', () => clock.advance(150)],
  ];

  test.each(failures)('the last home serves, marked stale, when the directory %s', async (_how, happens) => {
    await learn(home);
    clock.advance(700_000);
    const asked = cache.lookup(bob);
    happens(slow);
    const ageMs = clock.now() - 5_000;
    expect(await asked).toEqual({ ...home, freshness: 'stale', ageMs });
  });

  test.each(failures)(
    'nothing is known of a user who was never asked for when the directory %s',
    async (_how, happens) => {
      const asked = cache.lookup(bob);
      happens(slow);
      expect(await asked).toMatchObject({ kind: 'unavailable' });
    },
  );

  test('a home that is too old does not serve', async () => {
    await learn(home);
    clock.advance(86_400_001);
    expect(await learn(unavailable)).toEqual(unavailable);
  });

  test('that a user was unknown long ago does not serve: it would refuse a user who may exist by now', async () => {
    await learn(unknown);
    clock.advance(30_000);
    expect(await learn(unavailable)).toEqual(unavailable);
  });

  test('"could not ask" is not kept, and does not push a home out', async () => {
    await learn(home);
    clock.advance(600_000);
    await learn(unavailable);
    expect(await learn(unavailable)).toMatchObject({ kind: 'home', freshness: 'stale' });
    expect(await learn(home)).toEqual(home);
  });

  test('the reason of a failure is told', async () => {
    const asked = cache.lookup(bob);
    slow.fail(new Error('socket hang up'));
    expect(await asked).toEqual({ kind: 'unavailable', why: 'socket hang up' });
  });

  test('a stale answer of a cache below is not made fresh', async () => {
    await learn({ ...home, freshness: 'stale', ageMs: 700_000 });
    expect(cache.lookup(bob)).toBeInstanceOf(Promise);
  });
});

describe('a directory that knows at once', () => {
  const atOnce = (answer: () => DirectoryAnswer): Directory => ({
    lookup: answer,
    describe: () => ({ source: 'fake', summary: 'at once' }),
  });

  test('is answered for at once', () => {
    expect(
      cached(
        atOnce(() => home),
        settings,
        clock,
      ).lookup(bob),
    ).toEqual(home);
  });

  test('is asked once in the life of its answer', () => {
    let questions = 0;
    const inner = atOnce(() => {
      questions += 1;
      return home;
    });
    cache = cached(inner, settings, clock);
    cache.lookup(bob);
    cache.lookup(bob);
    expect(questions).toBe(1);
  });

  test('serves stale when it throws', () => {
    let isBroken = false;
    const inner = atOnce(() => {
      if (isBroken) throw new Error('broken');
      return home;
    });
    cache = cached(inner, settings, clock);
    cache.lookup(bob);
    isBroken = true;
    clock.advance(600_000);
    expect(cache.lookup(bob)).toEqual({ ...home, freshness: 'stale', ageMs: 600_000 });
    expect(cache.lookup('alice@example.com')).toEqual({ kind: 'unavailable', why: 'broken' });
  });
});

describe('other settings', () => {
  const users = (count: number): string[] => Array.from({ length: count }, (_, n) => `user${n}@example.com`);
  let changing: CachedDirectory;
  beforeEach(async () => {
    changing = new CachedDirectory(slow, settings, clock);
    cache = changing;
    for (const key of users(10)) await learn(home, key);
    slow.asked.length = 0;
  });
  const known = (): string[] =>
    users(10).filter((key) => {
      const answer = changing.lookup(key);
      return !(answer instanceof Promise) && answer.kind === 'home';
    });

  test('leave what is known, with other lives', async () => {
    clock.advance(60_000);
    changing.change({ ...settings, foundMs: 60_001 });
    expect(known()).toEqual(users(10));
    clock.advance(1);
    expect(known()).toEqual([]);
    expect(changing.lastKnown('user0@example.com')).toMatchObject({ kind: 'home', freshness: 'stale', ageMs: 60_001 });
    changing.change({ ...settings, staleMs: 60_000 });
    expect(changing.lastKnown('user0@example.com')).toBeUndefined();
  });

  test.each([3, 10, 1_000])('leave those for whom there is room, the last ones first: %i', async (size) => {
    changing.change({ ...settings, size });
    expect(known()).toEqual(users(10).slice(-size));
    expect(changing.describe().summary).toContain(`${Math.min(size, 10)} of at most ${size} answers cached`);
    await learn({ ...home, addressOnly: true }, 'new@example.com');
    expect(changing.lookup('new@example.com')).toMatchObject({ addressOnly: true });
    expect(changing.describe().summary).toContain(`${Math.min(size, 11)} of at most ${size} answers cached`);
  });
});
