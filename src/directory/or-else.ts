/** A directory that asks another one for what it cannot tell itself. */
import type { DirectoryAnswer } from '../routing/types.ts';
import type { Directory } from './directory.ts';

/** @returns undefined, or `unavailable`: it cannot tell either */
export type Ask = (recipientKey: string) => DirectoryAnswer | Promise<DirectoryAnswer> | undefined;

export function orElse(first: Directory, ask: Ask): Directory {
  const instead = (key: string, answer: DirectoryAnswer): DirectoryAnswer | Promise<DirectoryAnswer> => {
    if (answer.kind !== 'unavailable') return answer;
    const other = ask(key) ?? answer;
    if (!(other instanceof Promise)) return other.kind === 'unavailable' ? answer : other;
    return other.then((late) => (late.kind === 'unavailable' ? answer : late));
  };
  return {
    lookup(key) {
      const answer = first.lookup(key);
      return answer instanceof Promise ? answer.then((late) => instead(key, late)) : instead(key, answer);
    },
    describe: () => first.describe(),
  };
}
