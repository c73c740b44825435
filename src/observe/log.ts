/**
 * The log: pino, one JSON object a line, or on a terminal a line for people. Lines are written in batches, and nothing is lost on an
 * orderly exit.
 */
import { openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type DestinationStream, type Logger, pino } from 'pino';
import { printable } from '../printable.ts';
import { RouterError } from '../router-error.ts';
import { Batch, batchBytes } from './batch.ts';
import { asTheyAre, createDestination, type LogDestination, mostWaiting, type OctetStream } from './log-destination.ts';
import { type Layout, prettyLayout } from './pretty.ts';
import type { LogSettings } from './settings.ts';

/** For the code that opens the log and sets its level; all other code uses `Log`. */
export type PinoLog = Logger;

export interface OpenLog {
  readonly log: PinoLog;
  readonly writeRecord: WriteRecord;
  /**
   * Opens what other settings name; from `commit` on it is written to. A file is opened anew even when its name stays, so
   * that a log that was moved away can be let go. Rejects with a RouterError when the file cannot be opened.
   */
  prepare(next: { readonly log: LogSettings }): Promise<{ commit(): void; abandon(): void }>;
  /** Writes lines as they are, each with its end: another thread has made them. */
  writeLines(lines: Uint8Array<ArrayBuffer>): void;
  /**
   * Lines that come later are lost. Call it once.
   * @returns whether all earlier lines are written; false after five seconds, when their reader does not take them
   */
  close(): Promise<boolean>;
}

/**
 * Writes a line of its own at level info. It is for what is written with every request: pino's way round cycles and getters
 * costs several times what the text itself does.
 * @param members of a JSON object, without its braces
 */
export type WriteRecord = (members: string) => void;

/** In text mode pino would cut a batch into pieces of 16 KiB, and measure each. Its types know text mode only. */
const openStream = (fd: number): OctetStream => {
  const stream = pino.destination({
    dest: fd,
    sync: false,
    maxWrite: 2 * batchBytes,
    maxLength: mostWaiting,
    contentMode: 'buffer',
  }) as unknown as OctetStream;
  const { destroy } = stream;
  // At EPIPE pino replaces the methods of the stream with ones that do nothing: it could never be closed.
  stream.on('error', () => {
    stream.destroy = destroy;
  });
  return stream;
};

const openFile = (file: string): LogDestination => {
  try {
    const stream = openStream(openSync(file, 'a', 0o640));
    return createDestination(stream, `log.file ${file}`, (what) => void process.stderr.write(`${printable(what)}\n`));
  } catch (cause) {
    throw new RouterError('log-file', `log.file ${file} cannot be opened: ${(cause as Error).message}`, { cause });
  }
};

let standardError: LogDestination | undefined;

/** There is only one, however often it is opened: two would write into each other's lines. */
const openStandardError = (): LogDestination => {
  standardError ??= createDestination(openStream(2), 'standard error', () => undefined);
  return standardError;
};

const openDestination = (file: string | undefined): LogDestination =>
  file === undefined ? openStandardError() : openFile(file);

/** Colours are for terminals that know them, and for people who want them (NO_COLOR, TERM). */
const layoutOf = ({ file, format }: LogSettings): Layout => {
  const isTerminal = file === undefined && isatty(2);
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal);
  return isPretty ? prettyLayout(isTerminal && process.stderr.hasColors()) : asTheyAre;
};

/** @throws RouterError when the file cannot be opened */
export const openLog = (settings: LogSettings): OpenLog => {
  let destination = openDestination(settings.file);
  destination.setLayout(layoutOf(settings));
  const batch = new Batch(destination);
  const log = createLog(settings.level, batch);

  const change = (to: LogSettings, next: LogDestination): void => {
    log.level = to.level;
    // What was gathered before is written in the former format.
    batch.handOn();
    next.setLayout(layoutOf(to));
    if (next === destination) return;
    const former = destination;
    destination = next;
    batch.use(next);
    letGo(former);
  };

  return {
    log,
    writeRecord: recordWriter(log, batch),
    async prepare({ log: to }) {
      const next = openDestination(to.file);
      return { commit: () => change(to, next), abandon: () => letGo(next) };
    },
    writeLines: (lines) => destination.write(lines),
    close() {
      const last = destination;
      destination = nowhere;
      batch.use(nowhere);
      return last.ended(closeMs);
    },
  };
};

/** How long a disk, or the reader of standard error, may take for the last lines. */
const closeMs = 5_000;

/** After a forced end the router may still log. */
const nowhere: LogDestination = {
  write: () => undefined,
  setLayout: () => undefined,
  end: () => undefined,
  ended: () => Promise.resolve(true),
};

/** Standard error may be written to again after another reload. */
const letGo = (destination: LogDestination): void => {
  if (destination !== standardError) destination.end();
};

export const recordWriter = (log: PinoLog, destination: DestinationStream): WriteRecord => {
  const stamp = createStamp();
  let isWanted = log.isLevelEnabled('info');
  log.on('level-change', () => {
    isWanted = log.isLevelEnabled('info');
  });
  return (members) => {
    if (!isWanted) return;
    destination.write(`${stamp(Date.now())}${members}}\n`);
  };
};

const thousandths: readonly string[] = Array.from({ length: 1_000 }, (_, ms) => String(ms).padStart(3, '0'));

/** How a record begins, with the time in ISO 8601 and UTC. Most of it is the same for a whole second. */
const createStamp = (): ((ms: number) => string) => {
  let second = Number.NaN;
  let start = '';
  return (ms) => {
    const now = Math.floor(ms / 1_000);
    if (now !== second) {
      second = now;
      start = ['{"level":"info","time":"', new Date(now * 1_000).toISOString().slice(0, -'000Z'.length)].join('');
    }
    return `${start}${thousandths[ms - now * 1_000]}Z",`;
  };
};

/** A log to any stream, for tests and for commands that write elsewhere. */
export const createLog = (level: LogSettings['level'], destination: DestinationStream): PinoLog =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
