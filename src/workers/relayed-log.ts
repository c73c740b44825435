/** The log of a worker: its lines go to the main thread in batches, for only one may write to a file without mixing lines up. */
import type { Log, LogSettings, WriteRecord } from '../observe/log.ts';
import { batchBytes, createLog, flushEveryMs, recordWriter } from '../observe/log.ts';

export interface RelayedLog {
  readonly log: Log;
  readonly writeRecord: WriteRecord;
  /** Sends what is still held back. */
  flush(): void;
}

/** @param relay takes whole lines */
export const relayedLog = (level: LogSettings['level'], relay: (lines: string) => void): RelayedLog => {
  let held = '';
  const flush = (): void => {
    if (held !== '') relay(held);
    held = '';
  };
  const destination = {
    write(line: string): void {
      held += line;
      if (held.length >= batchBytes) flush();
    },
  };
  setInterval(flush, flushEveryMs).unref();
  const log = createLog(level, destination);
  return { log, writeRecord: recordWriter(log, destination), flush };
};
