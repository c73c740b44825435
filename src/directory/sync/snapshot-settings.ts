/** How one source is kept in memory. All times in milliseconds; plain values only: they travel to the thread that sweeps. */
import type { ObjectOf } from '../../settings/declared.ts';
import { called, choice, optional, withDefault } from '../../settings/reader.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../settings/units.ts';
import { duration, flag, percentage, text } from '../../settings/values.ts';
import { type SweepTimes, sweepTimes } from '../ldap/values.ts';

const everyDay: SweepTimes = { kind: 'interval', everyMs: DAY };

export const snapshotFields = {
  /** `none`: changes are found by sweeps only. */
  follow: withDefault(choice(['notify', 'dirsync', 'poll', 'none']), 'poll'),
  followEveryMs: called('follow-every', withDefault(duration(100, HOUR), SECOND)),
  sweep: withDefault(sweepTimes, everyDay),
  sweepJitterMs: called('sweep-jitter', withDefault(duration(0, DAY), 10 * MINUTE)),
  /** Share of the users, 0 to 1: a sweep that would lose more is held back. */
  maxLoss: called('max-loss', withDefault(percentage, 0.1)),
  /** Not seen for so long, while the source could be asked: answers are marked stale. */
  staleAfterMs: called('stale-after', withDefault(duration(MINUTE, 365 * DAY), 2 * DAY)),
  /** And for so long: not believed any more. */
  expireAfterMs: called('expire-after', withDefault(duration(MINUTE, 365 * DAY), 7 * DAY)),
  /** Absolute once it is compiled; undefined: nothing is kept on disk. */
  file: optional(text()),
  /** Whether requests wait, at start, until users are known, be it from disk. */
  requireFirstSync: called('require-first-sync', withDefault(flag, false)),
};

export type SnapshotSettings = ObjectOf<typeof snapshotFields>;
