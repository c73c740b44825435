/** A directory that another thread has lent: tables are read here, and what must be asked for is asked of the lender. */
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../../clock.ts';
import { type Log, silentLog } from '../../log.ts';
import type { DirectoryAnswer } from '../../routing/types.ts';
import { cached } from '../cached.ts';
import type { Directory } from '../directory.ts';
import { ldifInTable } from '../ldif/users.ts';
import { merged } from '../merged.ts';
import { orElse } from '../or-else.ts';
import { ownClock, SnapshotDirectory } from '../snapshot-directory.ts';
import type { SyncNews } from '../sync/status.ts';
import type { TellTable } from './lend.ts';
import type { FromLender, LentSource, Loan, Question } from './loan.ts';

export function borrow({ sources, cache, port }: Loan, clock: Clock, log: Pick<Log, 'warn'>): Directory {
  const lender = new Lender(port);
  const open = sources.map((source, index): Directory => {
    if (source.kind === 'table') return tableOf(source, (tell) => lender.hearTable(index, tell));
    if (source.kind === 'snapshot') {
      const snapshot = snapshotOf(source, (tell) => lender.hear(index, tell));
      return source.mayAsk ? orElse(snapshot, (key) => lender.ask(index, key)) : snapshot;
    }
    // The lender's own answers come with their age, so that no answer is believed for longer by being kept twice.
    return cached({ lookup: (key) => lender.ask(index, key), describe: () => source }, cache, clock);
  });
  return merged(open, log);
}

function tableOf(
  { table, ...description }: LentSource & { kind: 'table' },
  hear: (tell: TellTable) => void,
): Directory {
  let inForce = ldifInTable(description, table);
  hear((next, described) => {
    inForce = ldifInTable(described, next);
  });
  return { lookup: (key) => inForce.lookup(key), describe: () => inForce.describe() };
}

function snapshotOf(
  { source, settings, news }: LentSource & { kind: 'snapshot' },
  hear: (tell: (news: SyncNews) => void) => void,
): Directory {
  const startSync = (tell: (news: SyncNews) => void) => {
    tell(news);
    hear(tell);
    return { sweepNow: () => undefined, change: () => undefined, stop: async () => undefined };
  };
  // What an operator should hear of, the lender's own tells.
  const directory = new SnapshotDirectory({ source, settings, startSync, clock: ownClock, log: silentLog });
  directory.start();
  return directory;
}

class Lender {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (answer: DirectoryAnswer) => void>();
  readonly #tell = new Map<number, (news: SyncNews) => void>();
  readonly #tellTable = new Map<number, TellTable>();
  #asked = 0;
  #isGone = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (message: FromLender) => this.#take(message));
    port.on('close', () => this.#end());
    port.unref();
  }

  hear(source: number, tell: (news: SyncNews) => void): void {
    this.#tell.set(source, tell);
  }

  hearTable(source: number, tell: TellTable): void {
    this.#tellTable.set(source, tell);
  }

  ask(source: number, key: string): DirectoryAnswer | Promise<DirectoryAnswer> {
    if (this.#isGone) return gone;
    const id = this.#asked++;
    this.#port.postMessage({ id, source, key } satisfies Question);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #take(message: FromLender): void {
    if (message.kind === 'news') return this.#tell.get(message.source)?.(message.news);
    if (message.kind === 'table') return this.#tellTable.get(message.source)?.(message.table, message.description);
    this.#waiting.get(message.id)?.(message.answer);
    this.#waiting.delete(message.id);
  }

  #end(): void {
    this.#isGone = true;
    for (const resolve of this.#waiting.values()) resolve(gone);
    this.#waiting.clear();
  }
}

const gone: DirectoryAnswer = { kind: 'unavailable', why: 'this directory is no longer in service' };
