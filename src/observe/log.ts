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
  readonly writeRecord: WriteRecord;
  /** Writes what is still held back; call it last. */
  flush(): void;
}

/**
 * Writes a plain object as a line of its own at level info. It is for what is written with every request: pino's way round
 * cycles and getters costs several times what `JSON.stringify` does.
 */
export type WriteRecord = (record: object) => void;

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
  return { log, writeRecord: recordWriter(log, destination), flush: () => destination.flushSync() };
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
