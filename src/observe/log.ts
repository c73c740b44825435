/** The log: pino, one JSON object a line. Lines are written in batches, and nothing is lost on an orderly exit. */
import { closeSync, openSync } from 'node:fs';
import { type DestinationStream, type Logger, pino } from 'pino';
import { RouterError } from '../router-error.ts';
import { Batch, batchBytes } from './batch.ts';

export type Log = Logger;

export interface LogSettings {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** A file to append to; undefined: standard error. */
  readonly file: string | undefined;
}

export interface OpenLog {
  readonly log: Log;
  readonly writeRecord: WriteRecord;
  /**
   * Opens what other settings name; from `commit` on it is written to. A file is opened anew even when its name stays, so
   * that a log that was moved away can be let go. Rejects with a RouterError when the file cannot be opened.
   */
  prepare(next: { readonly log: LogSettings }): Promise<{ commit(): void; abandon(): void }>;
  /** Writes lines as they are, each with its end: another thread has made them. */
  writeLines(lines: Uint8Array<ArrayBuffer>): void;
  /** Writes what is still held back; call it last. */
  flush(): void;
}

/**
 * Writes a line of its own at level info. It is for what is written with every request: pino's way round cycles and getters
 * costs several times what the text itself does.
 * @param members of a JSON object, without its braces
 */
export type WriteRecord = (members: string) => void;

const standardError = 2;

const openFile = (file: string | undefined): number => {
  if (file === undefined) return standardError;
  try {
    return openSync(file, 'a', 0o640);
  } catch (cause) {
    throw new RouterError('log-file', `log.file ${file} cannot be opened: ${(cause as Error).message}`, { cause });
  }
};

/** By itself it would cut a batch into pieces of 16 KiB, and take text to measure it. */
const openDestination = (fd: number) => {
  const destination = pino.destination({ dest: fd, sync: false, maxWrite: 2 * batchBytes, contentMode: 'buffer' });
  return {
    // Its types know text only.
    write: (lines: Uint8Array) => destination.write(lines as Uint8Array & string),
    flush: () => destination.flushSync(),
    end: () => destination.end(),
  };
};

/** @throws RouterError when the file cannot be opened */
export const openLog = (settings: LogSettings): OpenLog => {
  let fd = openFile(settings.file);
  let destination = openDestination(fd);
  const batch = new Batch(destination);
  const log = createLog(settings.level, batch);

  const change = (next: LogSettings, nextFd: number): void => {
    log.level = next.level;
    if (nextFd === fd) return;
    const former = destination;
    const isFile = fd !== standardError;
    fd = nextFd;
    destination = openDestination(fd);
    batch.use(destination);
    // `end` writes what is held back and closes the file; standard error is not ours to close.
    if (isFile) former.end();
    else former.flush();
  };

  return {
    log,
    writeRecord: recordWriter(log, batch),
    async prepare(next) {
      const nextFd = openFile(next.log.file);
      const abandon = () => {
        if (nextFd !== standardError) closeSync(nextFd);
      };
      return { commit: () => change(next.log, nextFd), abandon };
    },
    writeLines: (lines) => destination.write(lines),
    flush() {
      batch.handOn();
      destination.flush();
    },
  };
};

export const recordWriter = (log: Log, destination: DestinationStream): WriteRecord => {
  const stamp = createStamp();
  return (members) => {
    if (!log.isLevelEnabled('info')) return;
    destination.write(`{"level":"info","time":"${stamp(Date.now())}",${members}}\n`);
  };
};

/** ISO 8601 in UTC. Most of it is the same for a whole second. */
const createStamp = (): ((ms: number) => string) => {
  let second = Number.NaN;
  let start = '';
  return (ms) => {
    const now = Math.floor(ms / 1_000);
    if (now !== second) {
      second = now;
      start = new Date(now * 1_000).toISOString().slice(0, -'000Z'.length);
    }
    return `${start}${String(ms - now * 1_000).padStart(3, '0')}Z`;
  };
};

/** A log to any stream, for tests and for commands that write elsewhere. */
export const createLog = (level: LogSettings['level'], destination: DestinationStream): Log =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
