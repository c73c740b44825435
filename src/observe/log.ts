/** The log: pino, one JSON object a line. Lines are written in batches, and nothing is lost on an orderly exit. */
import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

export interface LogSettings {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** A file to append to; undefined: standard error. */
  readonly file: string | undefined;
}

export interface OpenLog {
  readonly log: Log;
  /** Writes what is still held back; call it last. */
  flush(): void;
}

/** One write for many lines; a quiet router shows a line within a quarter of a second. */
const batchBytes = 8 * 1024;
const flushEveryMs = 250;

export const openLog = ({ level, file }: LogSettings): OpenLog => {
  const destination = pino.destination({
    dest: file ?? 2,
    sync: false,
    minLength: batchBytes,
    periodicFlush: flushEveryMs,
    mkdir: false,
    append: true,
  });
  const log = createLog(level, destination);
  return { log, flush: () => destination.flushSync() };
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
