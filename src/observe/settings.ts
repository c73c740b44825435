/** What is logged, and where. */
import type { ObjectOf } from '../settings/declared.ts';
import { choice, optional, withDefault } from '../settings/reader.ts';
import { text } from '../settings/values.ts';

export const logFields = {
  level: withDefault(choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), 'info'),
  /** Which decision records are written. */
  decisions: withDefault(choice(['all', 'refused', 'none']), 'all'),
  /** A file to append to; undefined: standard error. */
  file: optional(text()),
  /** `auto`: pretty on a terminal, JSON everywhere else. */
  format: withDefault(choice(['auto', 'json', 'pretty']), 'auto'),
};

export type LogSettings = ObjectOf<typeof logFields>;
