/** Who cannot tell leaves it to another, and only then. */
import { expect, test } from 'vitest';
import { orElse } from '../../../src/directory/or-else.ts';
import type { DirectoryAnswer } from '../../../src/routing/types.ts';

const home = (source: string) =>
  ({ kind: 'home', side: 'microsoft', addressOnly: false, freshness: 'fresh', source, ageMs: 0 }) as const;
const unknown = { kind: 'unknown-user', source: 'first', ageMs: 0 } as const;
const silent = (why: string) => ({ kind: 'unavailable', why }) as const;

test.each<[string, DirectoryAnswer, DirectoryAnswer | undefined, DirectoryAnswer]>([
  ['a home is the answer', home('first'), home('other'), home('first')],
  ['that a user is unknown is an answer, too', unknown, home('other'), unknown],
  ['who cannot tell leaves it to the other', silent('first'), home('other'), home('other')],
  ['who cannot tell says why, where the other cannot either', silent('first'), silent('other'), silent('first')],
  ['who cannot tell says why, where the other knows nothing', silent('first'), undefined, silent('first')],
])('%s', async (_, first, other, expected) => {
  const answered = [
    [() => first, () => other],
    [async () => first, () => other],
    [() => first, () => (other === undefined ? undefined : Promise.resolve(other))],
  ] as const;
  for (const [lookup, ask] of answered) {
    const directory = orElse({ lookup, describe: () => ({ source: 'first', summary: '' }) }, ask);
    expect(await directory.lookup('bob@example.com')).toEqual(expected);
    expect(directory.describe()).toEqual({ source: 'first', summary: '' });
  }
});

test('what is known at once is told at once', () => {
  const directory = orElse({ lookup: () => silent('first'), describe: () => ({ source: 'first', summary: '' }) }, () =>
    home('other'),
  );
  expect(directory.lookup('bob@example.com')).toEqual(home('other'));
});
