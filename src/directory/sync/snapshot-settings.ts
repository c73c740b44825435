/** How one source is kept in memory. All times in milliseconds; plain values only: they travel to the thread that sweeps. */
import type { Schedule } from './schedule.ts';

export interface SnapshotSettings {
  /** `none`: changes are found by sweeps only. */
  readonly follow: 'notify' | 'dirsync' | 'poll' | 'none';
  readonly followEveryMs: number;
  readonly sweep: Schedule;
  readonly sweepJitterMs: number;
  /** Share of the users, 0 to 1: a sweep that would lose more is held back. */
  readonly maxLoss: number;
  /** Not seen for so long, while the source could be asked: answers are marked stale. */
  readonly staleAfterMs: number;
  /** And for so long: not believed any more. */
  readonly expireAfterMs: number;
  /** Absolute; undefined: nothing is kept on disk. */
  readonly file: string | undefined;
  /** Whether requests wait, at start, until users are known, be it from disk. */
  readonly requireFirstSync: boolean;
}
