/** Lends the directory in service to another thread, and answers what that one must ask. */
import { MessageChannel } from 'node:worker_threads';
import type { Directory, DirectoryDescription } from '../directory.ts';
import type { SnapshotDirectory } from '../snapshot-directory.ts';
import type { SnapshotSettings } from '../sync/snapshot-settings.ts';
import type { SharedTable } from '../table/user-records.ts';
import type { FromLender, LentSource, Loan, Question } from './loan.ts';

export type TellTable = (table: SharedTable, description: DirectoryDescription) => void;

export interface Lendable extends Directory {
  readonly snapshot: SnapshotDirectory | undefined;
  /** In place of the snapshot's own: those that are in force when the loan is. */
  readonly snapshotSettings?: SnapshotSettings | undefined;
  /** Where the snapshot cannot tell, this directory may. */
  readonly mayAsk?: boolean;
  /** Of an LDIF file, as it is when the loan is in force. */
  readonly table: (() => SharedTable) | undefined;
  /** @returns ends it */
  readonly tellTable?: ((tell: TellTable) => () => void) | undefined;
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
  const ends = sources.flatMap(({ snapshot, tellTable }, source) => [
    snapshot?.tellOthers((news) => post({ kind: 'news', source, news })),
    tellTable?.((table, description) => post({ kind: 'table', source, table, description })),
  ]);
  const end = () => {
    for (const endNews of ends) endNews?.();
    own.close();
  };
  return { loan: { sources: sources.map(lentSource), cache, port }, end };
}

function lentSource({ snapshot, snapshotSettings, mayAsk = false, table, describe }: Lendable): LentSource {
  const description = describe();
  if (snapshot !== undefined) {
    const settings = snapshotSettings ?? snapshot.settings;
    return { ...description, kind: 'snapshot', settings, news: snapshot.news, mayAsk };
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
