import { assert, constantFrom, integer, nat, property, record, array as someOf, string, subarray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type UserState, UserTable } from '../../../../src/directory/table/user-table.ts';
import { KeyedHash } from '../../../../src/hash/keyed-hash.ts';

const seed = [0x01234567, -2] as const;
const keys = Array.from({ length: 12 }, (_, i) => `user${i}@example.com`);
const objects = ['a', 'b', 'c', 'd', 'e'];

/** The same table after it was on disk. */
const kept = (table: UserTable): UserTable => {
  const octets = Uint8Array.from(table.octets);
  return UserTable.ofOctets(octets.length, seed, 0, (into) => into.set(octets));
};

/** The same thing written plainly: who has which addresses. */
class Model {
  readonly objects = new Map<string, { keys: readonly string[]; state: UserState; seenS: number }>();

  state(key: string): UserState | undefined {
    const owners = [...this.objects.values()].filter((owner) => owner.keys.includes(key));
    if (owners.length === 0) return undefined;
    return owners.some(({ state }) => state === 'enabled') ? 'enabled' : 'address-only';
  }

  shared(key: string): boolean {
    return [...this.objects.values()].filter((owner) => owner.keys.includes(key)).length > 1;
  }
}

const states: readonly UserState[] = ['enabled', 'address-only'];
const step = record({ object: constantFrom(...objects), keys: subarray(keys), state: constantFrom(...states) });

interface Step {
  readonly object: string;
  readonly keys: string[];
  readonly state: UserState;
}

const play = (table: UserTable, steps: readonly Step[], put: 'put' | 'putSwept' = 'put'): Model => {
  const model = new Model();
  for (const [seenS, { object, keys: addresses, state }] of steps.entries()) {
    table[put](object, addresses, state, seenS);
    if (addresses.length === 0) model.objects.delete(object);
    else model.objects.set(object, { keys: addresses, state, seenS });
  }
  return model;
};

const expectLikeModel = (table: UserTable, model: Model): void => {
  for (const key of keys) {
    expect([key, table.stateOf(key)]).toEqual([key, model.state(key)]);
    expect([key, table.detailsOf(key)?.isShared ?? false]).toEqual([key, model.shared(key)]);
  }
  const owned = [...model.objects.values()];
  expect(table.counts).toEqual({
    addresses: owned.reduce((sum, owner) => sum + owner.keys.length, 0),
    enabled: owned.filter(({ state }) => state === 'enabled').reduce((sum, owner) => sum + owner.keys.length, 0),
  });
};

describe('a table of users', () => {
  test('answers like a plain list of objects and addresses, whatever is put and removed, also grown, stored and seen from elsewhere', () => {
    assert(
      property(someOf(step, { maxLength: 40 }), (steps) => {
        const table = UserTable.create(1_000, seed);
        const model = play(table, steps);
        expectLikeModel(table, model);
        expectLikeModel(new UserTable(table.shared), model);
        expectLikeModel(table.withRoomFor(5_000), model);
        expectLikeModel(kept(table), model);
      }),
    );
  });

  test('answers from what is in force while a sweep is written, and from the sweep at once when it is adopted', () => {
    assert(
      property(someOf(someOf(step, { maxLength: 15 }), { maxLength: 5 }), (sweeps) => {
        const table = UserTable.create(1_000, seed);
        const reader = new UserTable(table.shared);
        let inForce = new Model();
        for (const sweep of sweeps) {
          table.beginSweep();
          play(table, [{ object: 'z', keys: keys.slice(), state: 'enabled' }], 'putSwept');
          table.beginSweep();
          const swept = play(table, sweep, 'putSwept');
          expectLikeModel(reader, inForce);
          expectLikeModel(table.withRoomFor(5_000), inForce);
          expectLikeModel(kept(table), inForce);
          table.adoptSweep();
          expectLikeModel(reader, swept);
          expectLikeModel(table.withRoomFor(5_000), swept);
          expectLikeModel(kept(table), swept);
          inForce = swept;
        }
      }),
    );
  });

  test('what would be lost is counted by address: those that are gone, and those that are no longer enabled', () => {
    assert(
      property(someOf(step, { maxLength: 15 }), someOf(step, { maxLength: 15 }), (first, second) => {
        const table = UserTable.create(1, seed);
        play(table, first);
        table.beginSweep();
        const model = play(table, second, 'putSwept');
        const { gone, disabled } = table.loss();
        const rows = objectsOf(first);
        expect(gone).toBe(rows.filter(({ key }) => model.state(key) === undefined).length);
        expect(disabled).toBe(
          rows.filter(({ key, state }) => state === 'enabled' && model.state(key) === 'address-only').length,
        );
      }),
    );
  });

  test('what was shown to be lost is known again, also in a table that has grown, and on disk is nothing', () => {
    const table = UserTable.create(10, seed);
    for (const user of ['a', 'b', 'c']) table.put(user, [`${user}@example.com`], 'enabled', 1);
    const sweep = (on: UserTable, ...users: readonly string[]): void => {
      on.beginSweep();
      for (const user of users) on.putSwept(user, [`${user}@example.com`], 'enabled', 2);
    };
    sweep(table, 'b', 'c');
    expect(table.loss()).toEqual({ gone: 1, disabled: 0, unshown: 1 });
    table.showLoss();
    expect(table.loss()).toEqual({ gone: 1, disabled: 0, unshown: 0 });
    const larger = table.withRoomFor(5_000);
    expect(larger.loss()).toEqual({ gone: 1, disabled: 0, unshown: 0 });
    expect(['a', 'b', 'c'].map((user) => larger.stateOf(`${user}@example.com`))).toEqual(Array(3).fill('enabled'));
    sweep(larger, 'a', 'c');
    expect(larger.loss()).toEqual({ gone: 1, disabled: 0, unshown: 1 });
    sweep(larger, 'c');
    larger.showLoss();
    const again = kept(larger);
    sweep(again, 'c');
    expect(again.loss()).toEqual({ gone: 2, disabled: 0, unshown: 2 });
    larger.adoptSweep();
    expect(larger.counts).toEqual({ addresses: 1, enabled: 1 });
  });

  test('what would be lost to another table is what would be lost to a sweep that found the same', () => {
    assert(
      property(someOf(step, { maxLength: 15 }), someOf(step, { maxLength: 15 }), (first, second) => {
        const table = UserTable.create(1, seed);
        play(table, first);
        table.beginSweep();
        play(table, second, 'putSwept');
        const { gone, disabled } = table.loss();
        const other = UserTable.create(1, seed);
        play(other, second);
        expect(table.lossTo(other)).toEqual({ gone, disabled });
      }),
    );
  });

  test('of two objects with one address the enabled one speaks, and when it goes the other one', () => {
    const table = UserTable.create(10, seed);
    expect(table.put('a', ['bob@example.com'], 'address-only', 1)).toEqual([]);
    expect(table.put('b', ['bob@example.com'], 'enabled', 2)).toEqual(['bob@example.com']);
    expect(table.stateOf('bob@example.com')).toBe('enabled');
    table.remove('b');
    expect(table.detailsOf('bob@example.com')).toMatchObject({ state: 'address-only', isShared: false });
  });

  test('an object that changes its address is found by the new one only', () => {
    const table = UserTable.create(10, seed);
    table.put('a', ['old@example.com'], 'enabled', 1);
    table.put('a', ['new@example.com'], 'enabled', 2);
    expect(table.stateOf('old@example.com')).toBeUndefined();
    expect(table.stateOf('new@example.com')).toBe('enabled');
    expect(table.remove('a')).toBe(true);
    expect(table.remove('a')).toBe(false);
    expect(table.counts).toEqual({ addresses: 0, enabled: 0 });
  });

  test('since when a user is known outlives sweeps, a stored table and a change; when they were last seen is what was seen last', () => {
    const table = UserTable.create(10, seed);
    table.put('a', ['bob@example.com'], 'enabled', 100);
    table.put('a', ['bob@example.com'], 'address-only', 150);
    expect(table.detailsOf('bob@example.com')).toMatchObject({ knownSinceS: 100, lastSeenS: 150 });
    table.beginSweep();
    table.putSwept('a', ['bob@example.com'], 'enabled', 200);
    table.putSwept('b', ['eve@example.com'], 'enabled', 200);
    expect(table.lastSeenOf('bob@example.com')).toBe(200);
    table.adoptSweep();
    expect(kept(table).detailsOf('bob@example.com')).toEqual({
      state: 'enabled',
      isShared: false,
      knownSinceS: 100,
      lastSeenS: 200,
    });
    expect(table.detailsOf('eve@example.com')?.knownSinceS).toBe(200);
  });

  test.each([
    ['a change', (table: UserTable) => table.remove('a')],
    ['a sweep', (table: UserTable) => [table.beginSweep(), table.adoptSweep()]],
  ])('a user who comes back after being gone by %s is known since coming back', (_, remove) => {
    const table = UserTable.create(10, seed);
    table.put('a', ['bob@example.com'], 'enabled', 100);
    remove(table);
    expect(table.detailsOf('bob@example.com')).toBeUndefined();
    table.put('a', ['bob@example.com'], 'enabled', 300);
    expect(table.detailsOf('bob@example.com')?.knownSinceS).toBe(300);
  });

  test('a full table refuses what does not fit, and makes room before that', () => {
    const table = UserTable.create(1, seed);
    expect(table.withRoomFor(table.capacity)).toBe(table);
    for (let i = 0; i < table.capacity; i += 1) table.put(`o${i}`, [`u${i}@example.com`], 'enabled', 1);
    expect(() => table.put('more', ['more@example.com'], 'enabled', 1)).toThrow(RangeError);
    const larger = table.withRoomFor(1);
    larger.put('more', ['more@example.com'], 'enabled', 1);
    expect(larger.stateOf('more@example.com')).toBe('enabled');
    expect(table.stateOf('nobody@example.com')).toBeUndefined();
  });

  test('with records in reserve it grows by its index alone: who has the one before sees what changes', () => {
    const before = UserTable.create(1, seed, 10_000);
    for (let i = 0; i < before.capacity; i += 1) before.put(`o${i}`, [`u${i}@example.com`], 'enabled', 1);
    const after = before.withRoomFor(1);
    expect(after.shared.buffer).toBe(before.shared.buffer);
    after.put('new', ['new@example.com'], 'enabled', 2);
    after.put('o7', ['u7@example.com'], 'address-only', 2);
    expect(['u7@example.com', 'new@example.com'].map((key) => before.stateOf(key))).toEqual([
      'address-only',
      undefined,
    ]);
    expect(['u7@example.com', 'new@example.com'].map((key) => after.stateOf(key))).toEqual(['address-only', 'enabled']);
  });

  test('users who come and go do not fill it for ever', () => {
    let table = UserTable.create(1, seed);
    const { capacity } = table;
    for (let i = 0; i < 20 * capacity; i += 1) {
      table = table.withRoomFor(1);
      table.put(`o${i}`, [`u${i}@example.com`], 'enabled', 1);
      table.remove(`o${i}`);
    }
    expect(table.capacity).toBeLessThanOrEqual(2 * capacity);
    expect(table.counts).toEqual({ addresses: 0, enabled: 0 });
  });

  test('100,000 users are all found, and nobody else is', () => {
    const table = UserTable.create(100_000, seed);
    for (let i = 0; i < 100_000; i += 1)
      table.put(`o${i}`, [`u${i}@example.com`], i % 3 ? 'enabled' : 'address-only', 1);
    for (let i = 0; i < 100_000; i += 1) {
      if (table.stateOf(`u${i}@example.com`) !== (i % 3 ? 'enabled' : 'address-only')) throw new Error(`u${i}`);
      if (table.stateOf(`v${i}@example.com`) !== undefined) throw new Error(`v${i}`);
    }
  });
});

/** One row per address of each object, as the last step of it says. */
function objectsOf(steps: readonly Step[]) {
  const last = new Map(steps.map((each) => [each.object, each]));
  return [...last.values()].flatMap(({ keys: addresses, state }) => addresses.map((key) => ({ key, state })));
}

describe('the keyed hash', () => {
  const hashOf = (text: string, of: readonly [number, number] = seed): string => {
    const hash = new KeyedHash(of);
    hash.of(text);
    return `${hash.hi >>> 0} ${hash.lo >>> 0}`;
  };

  test('depends on every character, on the length and on the seed', () => {
    assert(
      property(string({ unit: 'grapheme' }), nat(), integer(), (text, place, other) => {
        expect(hashOf(text)).toBe(hashOf(text));
        expect(hashOf(`${text}\0`)).not.toBe(hashOf(text));
        expect(hashOf(text, [seed[0] ^ 1, seed[1]])).not.toBe(hashOf(text));
        expect(hashOf(text, [seed[0], seed[1] ^ 1])).not.toBe(hashOf(text));
        const at = place % (text.length + 1);
        const changed = `${text.slice(0, at)}${String.fromCharCode(32 + Math.abs(other % 90))}${text.slice(at)}`;
        expect(hashOf(changed)).not.toBe(hashOf(text));
      }),
    );
  });

  test('300,000 addresses that differ in little have no collision in 64 bits, and fill each half evenly', () => {
    const hash = new KeyedHash(seed);
    const seen = new Set<bigint>();
    const low = new Uint32Array(256);
    const high = new Uint32Array(256);
    for (let i = 0; i < 300_000; i += 1) {
      hash.of(`user${i}@example.com`);
      seen.add((BigInt(hash.hi >>> 0) << 32n) | BigInt(hash.lo >>> 0));
      low[hash.lo & 255]! += 1;
      high[hash.hi >>> 24]! += 1;
    }
    expect(seen.size).toBe(300_000);
    // 1,172 each by expectation; six standard deviations are 205.
    for (const counts of [low, high])
      expect(Math.max(...counts.map((count) => Math.abs(count - 1_172)))).toBeLessThan(205);
  });
});
