/** Lends the directory in service to another thread, and answers what that one must ask. */
import { MessageChannel } from 'node:worker_threads';
import type { Directory } from '../directory.ts';
import type { SnapshotDirectory } from '../snapshot-directory.ts';
import type { SharedTable } from '../user-records.ts';
import type { FromLender, LentSource, Loan, Question } from './loan.ts';

export interface Lendable extends Directory {
  readonly snapshot: SnapshotDirectory | undefined;
  /** Of a source that never changes. */
  readonly table: (() => SharedTable) | undefined;
}

export interface Lent {
  readonly loan: Loan;
  /** Nothing is told and nothing answered any more. */
  end(): void;
}

export function lend(sources: readonly Lendable[], cache: Loan['cache']): Lent {
  const { port1: own, port2: port } = new MessageChannel();
  const post = (message: FromLender) => own.postMessage(message);
  own.on('message', (question: Question) => void answer(question, sources, post));
  own.unref();
  const ends = sources.map(({ snapshot }, source) =>
    snapshot?.tellOthers((news) => post({ kind: 'news', source, news })),
  );
  const end = () => {
    for (const endNews of ends) endNews?.();
    own.close();
  };
  return { loan: { sources: sources.map(lentSource), cache, port }, end };
}

function lentSource({ snapshot, table, describe }: Lendable): LentSource {
  const description = describe();
  if (snapshot !== undefined) {
    return { ...description, kind: 'snapshot', settings: snapshot.settings, news: snapshot.news };
  }
  return table === undefined ? { ...description, kind: 'asked' } : { ...description, kind: 'table', table: table() };
}

/** A directory neither throws nor rejects in normal life. */
async function answer(
  { id, source, key }: Question,
  sources: readonly Lendable[],
  post: (message: FromLender) => void,
): Promise<void> {
  const found = await sources[source]?.lookup(key);
  if (found !== undefined) post({ kind: 'answer', id, answer: found });
}
