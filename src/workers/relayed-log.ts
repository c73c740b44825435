/** The log of a worker: its lines go to the main thread in batches, for only one may write to a file without mixing lines up. */
import { Batch, type LineSink } from '../observe/batch.ts';
import { createLog, type PinoLog, recordWriter, type WriteRecord } from '../observe/log.ts';
import type { LogSettings } from '../observe/settings.ts';

interface RelayedLog {
  readonly log: PinoLog;
  readonly writeRecord: WriteRecord;
  /** Sends what is still held back. */
  flush(): void;
}

export const relayedLog = (level: LogSettings['level'], relay: LineSink): RelayedLog => {
  const batch = new Batch(relay);
  const log = createLog(level, batch);
  return { log, writeRecord: recordWriter(log, batch), flush: () => batch.handOn() };
};
