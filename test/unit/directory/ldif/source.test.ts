/** Versions of an LDIF file, each judged by what it would lose of the one in force. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { LdifSourceSettings } from '../../../../src/directory/ldif/settings.ts';
import { LdifSource, LivingLdif } from '../../../../src/directory/ldif/source.ts';
import { UserTable } from '../../../../src/directory/table/user-table.ts';
import { ldifSource } from '../../../support/ldif-source.ts';
import { ldifUser } from '../../../support/two-sides.ts';

const nowMs = Date.UTC(2026, 0, 5, 12);

/** Users by number; those below zero are disabled. */
const textOf = (numbers: readonly number[]): string =>
  numbers.map((n) => ldifUser(`u${Math.abs(n)}@example.com`, n > 0)).join('');

const count = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

const version = (numbers: readonly number[], changed: Partial<LdifSourceSettings> = {}): LdifSource =>
  ldifSource(textOf(numbers), changed);

let warned: object[];
beforeEach(() => {
  warned = [];
});

const open = (first: LdifSource): LivingLdif =>
  new LivingLdif(first, { info: () => {}, warn: (fields) => void warned.push(fields) }, () => nowMs);

const reload = (file: LivingLdif, next: LdifSource): void => void file.succession(next)?.commit();

const stateOf = (file: LivingLdif, n: number): string => {
  const answer = file.lookup(`u${n}@example.com`);
  if (answer instanceof Promise) return 'late';
  return answer.kind === 'home' ? (answer.addressOnly ? 'address only' : 'enabled') : answer.kind;
};

const hundred = count(1, 100);

test.each<[string, readonly number[], readonly number[], Partial<LdifSourceSettings>, 'in force' | 'held']>([
  ['as many', hundred, hundred, {}, 'in force'],
  ['one more', hundred, count(1, 101), {}, 'in force'],
  ['a tenth fewer', hundred, count(11, 100), {}, 'in force'],
  ['more than a tenth fewer', hundred, count(12, 100), {}, 'held'],
  ['more than a tenth fewer, and as many others', hundred, count(12, 111), {}, 'held'],
  ['half', hundred, count(1, 50), {}, 'held'],
  ['more than a tenth disabled', hundred, hundred.map((n) => (n < 12 ? -n : n)), {}, 'held'],
  ['some gone and some disabled, together too many', hundred, count(7, 100).map((n) => (n < 12 ? -n : n)), {}, 'held'],
  ['some enabled', hundred.map((n) => -n), hundred, {}, 'in force'],
  ['five of six in a small office', count(1, 6), [6], {}, 'in force'],
  ['six of seven in a small office', count(1, 7), [7], {}, 'held'],
  ['one, where nobody may go', hundred, count(2, 100), { maxLoss: 0 }, 'held'],
  ['as many, where nobody may go', hundred, hundred, { maxLoss: 0 }, 'in force'],
  ['half, where half may go', hundred, count(1, 50), { maxLoss: 0.5 }, 'in force'],
  ['nearly all, where all may go', hundred, [1], { maxLoss: 1 }, 'in force'],
  ['nobody at all, where all may go', hundred, [], { maxLoss: 1 }, 'held'],
  ['nobody, where nobody was', [], [], {}, 'in force'],
  ['some, where nobody was', [], hundred, {}, 'in force'],
  ['one fewer, cut off within a line', hundred, count(1, 99), { isCutOff: true }, 'held'],
  ['as many, without a line end behind the last', hundred, hundred, { isCutOff: true }, 'in force'],
])('%s', (_, before, after, changed, verdict) => {
  const file = open(version(before));
  reload(file, version(after, changed));
  expect(file.held === undefined ? 'in force' : 'held').toBe(verdict);
  const inForce = verdict === 'held' ? before : after;
  for (const n of [...before, ...after].map(Math.abs)) {
    const expected = inForce.includes(n) ? 'enabled' : inForce.includes(-n) ? 'address only' : 'unknown-user';
    expect([n, stateOf(file, n)]).toEqual([n, expected]);
  }
});

describe('a version that is held back', () => {
  let file: LivingLdif;
  const half = version(count(1, 50));
  beforeEach(() => {
    file = open(version(hundred));
    reload(file, half);
  });

  test('is told once, with what it would lose, and shown until it is over', () => {
    const why = expect.stringContaining(
      'it would drop 50 users and disable 0, 50 % of all, where at most 10 % are believed',
    );
    expect(warned).toEqual([{ source: 'ldif users.ldif', gone: 50, disabled: 0, why }]);
    expect(file.held).toMatchObject({ gone: 50, disabled: 0, sinceMs: nowMs, why });
    expect(file.describe().summary).toBe(
      '100 users, 100 of them enabled, a version of the file is held back since 2026-01-05T12:00:00.000Z',
    );
    reload(file, new LdifSource(half.settings));
    expect(warned).toHaveLength(1);
    expect(file.warning).toContain('ldif users.ldif: warning: this version of the file is held back: it would drop 50');
  });

  test('is in force when it is confirmed, and no later one is', () => {
    file.confirmLoss();
    expect([file.held, file.warning, stateOf(file, 60), stateOf(file, 50)]).toEqual([
      undefined,
      undefined,
      'unknown-user',
      'enabled',
    ]);
    reload(file, version(count(1, 20)));
    expect([file.held?.gone, stateOf(file, 30)]).toEqual([30, 'enabled']);
  });

  test('is what is confirmed, whatever the file says by then', () => {
    // Read by nobody yet: what stands in the file is judged when it is read.
    file.confirmLoss();
    expect(stateOf(file, 50)).toBe('enabled');
    reload(file, version([1]));
    expect([file.held?.gone, stateOf(file, 50)]).toEqual([49, 'enabled']);
  });

  test('is over when the missing come back, and then confirm does nothing', () => {
    reload(file, version(hundred));
    expect([file.held, stateOf(file, 60)]).toEqual([undefined, 'enabled']);
    file.confirmLoss();
    expect(stateOf(file, 60)).toBe('enabled');
  });

  test('gives way to another one, which is judged by what is in force and told anew', () => {
    reload(file, version(count(1, 40)));
    expect([file.held?.gone, warned.length]).toEqual([60, 2]);
  });

  test('is judged anew when more may be lost', () => {
    reload(file, new LdifSource({ ...half.settings, maxLoss: 0.5 }));
    expect([file.held, stateOf(file, 60)]).toEqual([undefined, 'unknown-user']);
  });

  test('is confirmed while a reload of the same file is under way: what was confirmed stays', () => {
    const next = file.succession(new LdifSource(half.settings));
    file.confirmLoss();
    expect(next?.commit()).toBeUndefined();
    expect(stateOf(file, 60)).toBe('unknown-user');
    expect(file.held).toBeUndefined();
  });
});

test('what is confirmed while a reload is under way is what that is judged by, and other threads see the same', () => {
  const file = open(version(hundred));
  reload(file, version(count(1, 50)));
  const seen: number[] = [];
  file.tellOthers((table) => void seen.push(new UserTable(table).counts.addresses));
  const next = file.succession(version(count(5, 100)))!;
  expect(new UserTable(next.table!()).counts.addresses).toBe(96);
  file.confirmLoss();
  next.commit();
  expect([file.held?.gone, stateOf(file, 1), stateOf(file, 60)]).toEqual([undefined, 'unknown-user', 'enabled']);
  const other = open(version(hundred));
  reload(other, version(count(51, 100)));
  other.tellOthers((table) => void seen.push(new UserTable(table).counts.addresses));
  const late = other.succession(version(count(1, 90)))!;
  other.confirmLoss();
  late.commit();
  expect([other.held?.gone, stateOf(other, 1), stateOf(other, 99)]).toEqual([10, 'unknown-user', 'enabled']);
  expect(seen).toEqual([50, 96, 50, 50]);
});

test('why a file is held back that ends within a line says so', () => {
  const file = open(version(hundred));
  reload(file, version(count(1, 99), { isCutOff: true }));
  expect(file.held?.why).toMatch(
    /^the file ends within a line, as one does that is being written .*: it would drop 1 users/,
  );
});

test('another file is another source, and is not judged by this one', () => {
  expect(open(version(hundred)).succession(version([1], { file: '/etc/others.ldif' }))).toBeUndefined();
});

test('a reload that is given up changes nothing, and what waits for it already shows what will be', () => {
  const file = open(version(hundred));
  const next = file.succession(version(count(1, 95)))!;
  const seen = (): (string | undefined)[] =>
    [file.table(), next.table!()].map((table) => new UserTable(table).stateOf('u99@example.com'));
  expect(seen()).toEqual(['enabled', undefined]);
  next.abandon();
  expect(stateOf(file, 99)).toBe('enabled');
});
