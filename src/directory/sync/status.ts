/** What the sync says of itself, in plain values: it crosses from its thread to the one that answers. */
import type { ServerReport } from '../ldap/ldap.ts';
import type { SharedTable } from '../table/user-records.ts';
import type { Outage } from './outages.ts';
import type { SweepReport } from './report.ts';

export interface SyncStatus {
  readonly phase: 'starting' | 'sweeping' | 'following' | 'waiting';
  /** In use, or used last. */
  readonly server: string | undefined;
  /** How each fares, in the operator's order. */
  readonly servers: readonly ServerReport[];
  /** Since 1970: at this moment the table was all there was; undefined: there is no table yet. */
  readonly confirmedAtMs: number | undefined;
  readonly outages: readonly Outage[];
  /** Since 1970: when the last sweep began, if it was held back; who was not seen since then grows old. */
  readonly heldSinceMs: number | undefined;
  readonly lastSweep: SweepReport | undefined;
  readonly nextSweepAtMs: number | undefined;
  /** Of the last attempt to connect, to sweep or to follow; undefined when it went well. */
  readonly lastFailure: string | undefined;
  /** Why the file on disk could not be used, or not be written. */
  readonly fileProblem: string | undefined;
  /** Why times and ages should not be trusted: the machine's clock makes no sense. Ends when users are confirmed by the new time. */
  readonly clockProblem: string | undefined;
}

export interface SyncNews {
  /** A new one takes the place of the one before at once. */
  readonly table: SharedTable | undefined;
  readonly status: SyncStatus;
}

export const statusAtStart: SyncStatus = {
  phase: 'starting',
  server: undefined,
  servers: [],
  confirmedAtMs: undefined,
  outages: [],
  heldSinceMs: undefined,
  lastSweep: undefined,
  nextSweepAtMs: undefined,
  lastFailure: undefined,
  fileProblem: undefined,
  clockProblem: undefined,
};
