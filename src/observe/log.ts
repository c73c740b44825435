/** The log: pino, one JSON object a line. Lines are written in batches, and nothing is lost on an orderly exit. */
import { closeSync, openSync } from 'node:fs';
import { type DestinationStream, type Logger, pino } from 'pino';
import { RouterError } from '../router-error.ts';

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
  writeLines(lines: string): void;
  /** Writes what is still held back; call it last. */
  flush(): void;
}

/**
 * Writes a plain object as a line of its own at level info. It is for what is written with every request: pino's way round
 * cycles and getters costs several times what `JSON.stringify` does.
 */
export type WriteRecord = (record: object) => void;

/** One write for a hundred lines or more; a quiet router shows a line within a quarter of a second. */
export const batchBytes = 64 * 1024;
export const flushEveryMs = 250;

const standardError = 2;

const openFile = (file: string | undefined): number => {
  if (file === undefined) return standardError;
  try {
    return openSync(file, 'a', 0o640);
  } catch (cause) {
    throw new RouterError('log-file', `log.file ${file} cannot be opened: ${(cause as Error).message}`, { cause });
  }
};

/** By itself it would cut a batch into pieces of 16 KiB. */
const openDestination = (fd: number) => pino.destination({ dest: fd, sync: false, maxWrite: 2 * batchBytes });

/**
 * Lines that wait to be written together. pino's destination can gather too, but measures all that it has gathered with every
 * line: ten kilobytes copied, and thrown away, for each request.
 */
class Batch implements DestinationStream {
  #lines = '';
  #timer: NodeJS.Timeout | undefined;
  #destination: DestinationStream;

  constructor(destination: DestinationStream) {
    this.#destination = destination;
  }

  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length >= batchBytes) this.handOn();
    else this.#timer ??= setTimeout(() => this.handOn(), flushEveryMs).unref();
  }

  handOn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    this.#destination.write(lines);
  }

  /** What was gathered before goes where it went then. */
  use(destination: DestinationStream): void {
    this.handOn();
    this.#destination = destination;
  }
}

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
    else former.flushSync();
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
    writeLines: (lines) => batch.write(lines),
    flush() {
      batch.handOn();
      destination.flushSync();
    },
  };
};

export const recordWriter =
  (log: Log, destination: DestinationStream): WriteRecord =>
  (record) => {
    if (!log.isLevelEnabled('info')) return;
    const body = JSON.stringify(record);
    destination.write(`{"level":"info","time":"${new Date().toISOString()}",${body.slice(1)}\n`);
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
