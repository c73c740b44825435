/** Several sources as one directory. Their order is the operator's: the first that has the user decides. */
import type { Log } from '../log.ts';
import type { DirectoryAnswer } from '../routing/types.ts';
import type { Directory } from './directory.ts';
import { Once } from './once.ts';

/**
 * The answer of all sources together. A user who is enabled in one counts, although a source before it is silent; that a user is
 * not enabled, or unknown, counts only when the sources before have spoken.
 * @param answers in the order of the sources; never empty
 */
export function mergeAnswers(answers: readonly DirectoryAnswer[]): DirectoryAnswer {
  let silent: DirectoryAnswer | undefined;
  for (const answer of answers) {
    if (answer.kind === 'home' && (silent === undefined || !answer.addressOnly)) return answer;
    if (answer.kind === 'unavailable') silent ??= answer;
  }
  return silent ?? answers[0]!;
}

const conflict = 'several sources have this user: the first one decides';
const others = '; others like them are not told any more';

/** All are asked at once, so that a request waits for the slowest of them and not for their sum. */
export function merged(sources: readonly Directory[], log: Pick<Log, 'warn'>): Directory {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only;
  const once = new Once();
  const merge = (key: string, answers: readonly DirectoryAnswer[]): DirectoryAnswer => {
    const homes = answers.flatMap((answer) => (answer.kind === 'home' ? [answer.source] : []));
    if (homes.length > 1) {
      once.tell(key, (isLast) => log.warn({ user: key, sources: homes }, isLast ? conflict + others : conflict));
    }
    return mergeAnswers(answers);
  };
  return {
    lookup(recipientKey) {
      const answers = sources.map((source) => source.lookup(recipientKey));
      if (isKnown(answers)) return merge(recipientKey, answers);
      return Promise.all(answers).then((late) => merge(recipientKey, late));
    },
    describe() {
      const each = sources.map((source) => source.describe());
      return {
        source: each.map(({ source }) => source).join(', '),
        summary: each.map(({ source, summary }) => `${source}: ${summary}`).join('; '),
      };
    },
  };
}

const isKnown = (answers: readonly (DirectoryAnswer | Promise<DirectoryAnswer>)[]): answers is DirectoryAnswer[] =>
  answers.every((answer) => !(answer instanceof Promise));
