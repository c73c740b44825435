/** Several sources as one: what counts when they disagree, or when one of them is silent. */
import { describe, expect, test } from 'vitest';
import type { Directory } from '../../../src/directory/directory.ts';
import { mergeAnswers, merged } from '../../../src/directory/merged.ts';
import type { DirectoryAnswer } from '../../../src/routing/types.ts';

const home = { kind: 'home', side: 'microsoft', freshness: 'fresh', ageMs: 0 } as const;
const answers = {
  enabled: { ...home, addressOnly: false, source: 'enabled' },
  address: { ...home, addressOnly: true, source: 'address' },
  unknown: { kind: 'unknown-user', source: 'unknown', ageMs: 0 },
  silent: { kind: 'unavailable', why: 'silent' },
} as const satisfies Record<string, DirectoryAnswer>;
type Word = keyof typeof answers;

describe('the answer of several sources', () => {
  test.each<[readonly Word[], Word]>([
    [['unknown', 'unknown'], 'unknown'],
    [['enabled', 'address'], 'enabled'],
    [['address', 'enabled'], 'address'],
    [['unknown', 'enabled'], 'enabled'],
    [['unknown', 'address'], 'address'],
    // A source that is silent could only have said "enabled" too.
    [['silent', 'enabled'], 'enabled'],
    [['enabled', 'silent'], 'enabled'],
    [['address', 'silent'], 'address'],
    // It might have known better, or known at all.
    [['silent', 'address'], 'silent'],
    [['silent', 'unknown'], 'silent'],
    [['unknown', 'silent'], 'silent'],
    [['silent', 'silent'], 'silent'],
    [['unknown', 'silent', 'enabled'], 'enabled'],
    [['address', 'silent', 'enabled'], 'address'],
  ])('%j is %s', (given, expected) => {
    expect(mergeAnswers(given.map((word) => answers[word]))).toEqual(answers[expected]);
  });
});

describe('asking', () => {
  const withConflicts = () => {
    const reports: [fields: object, message: string][] = [];
    const named = (name: string) => source({ ...answers.enabled, source: name });
    const log = { warn: (...report: [object, string]) => void reports.push(report) };
    return { reports, directory: merged([named('b'), source(answers.unknown), named('a')], log) };
  };
  const silent = {
    warn: (): never => {
      throw new Error('there is nothing to report');
    },
  };

  const source = (answer: DirectoryAnswer | Promise<DirectoryAnswer>): Directory => ({
    lookup: () => answer,
    describe: () => ({ source: 'a', summary: 'b' }),
  });

  test('what is known at once is said at once', () => {
    expect(merged([source(answers.unknown), source(answers.enabled)], silent).lookup('x@example.com')).toEqual(
      answers.enabled,
    );
  });

  test('one that must be asked makes the answer wait', async () => {
    const directory = merged([source(Promise.resolve(answers.address)), source(answers.unknown)], silent);
    expect(await directory.lookup('x@example.com')).toEqual(answers.address);
  });

  test('all are asked at once', async () => {
    const asked: string[] = [];
    const slow = (name: string): Directory => ({
      lookup: () => {
        asked.push(name);
        return Promise.resolve(answers.unknown);
      },
      describe: () => ({ source: name, summary: '' }),
    });
    const answer = merged([slow('first'), slow('second')], silent).lookup('x@example.com');
    expect(asked).toEqual(['first', 'second']);
    await answer;
  });

  test('a single source stays as it is', () => {
    const only = source(answers.unknown);
    expect(merged([only], silent)).toBe(only);
  });

  test('a user whom several sources have is reported once, with them in their order', () => {
    const { reports, directory } = withConflicts();
    expect(directory.lookup('x@example.com')).toMatchObject({ source: 'b' });
    directory.lookup('x@example.com');
    expect(reports).toEqual([
      [{ user: 'x@example.com', sources: ['b', 'a'] }, 'several sources have this user: the first one decides'],
    ]);
  });

  test('of a thousand such users the last says that others are not told, and none is told twice', () => {
    const { reports, directory } = withConflicts();
    for (let round = 0; round < 2; round += 1) {
      for (let user = 0; user < 1_500; user += 1) directory.lookup(`${user}@example.com`);
    }
    expect(reports).toHaveLength(1_000);
    expect(reports.filter(([, message]) => message.endsWith('; others like them are not told any more'))).toEqual([
      [{ user: '999@example.com', sources: ['b', 'a'] }, expect.any(String)],
    ]);
  });

  test('they describe themselves together', () => {
    expect(merged([source(answers.unknown), source(answers.unknown)], silent).describe()).toEqual({
      source: 'a, a',
      summary: 'a: b; a: b',
    });
  });
});
