/** The directory for an operator: how each source stands, what is known of one user, and the two orders that a snapshot takes. */
import type { DirectorySource, OpenDirectory } from '../directory/compose.ts';
import type { ServerReport } from '../directory/ldap/ldap.ts';
import type { SnapshotDirectory, SnapshotUser } from '../directory/snapshot-directory.ts';
import type { HeldFile, HeldVersion } from '../directory/source.ts';
import type { SweepReport } from '../directory/sync/report.ts';
import type { SyncStatus } from '../directory/sync/status.ts';
import type { Log } from '../log.ts';
import type { DirectoryAnswer } from '../routing/types.ts';
import { keyOfAddress } from '../routing/user-key.ts';
import type { Endpoints, Query, Reply } from './http.ts';

/** Fit for JSON, as all below; times in ISO 8601. */
export interface SourceStatus {
  /** `ldap corp`. */
  readonly source: string;
  readonly summary: string;
  /** Only of a source that keeps all users in memory. */
  readonly snapshot: SnapshotStatus | undefined;
  /** In the operator's order; undefined: it has none. */
  readonly servers: readonly ServerStatus[] | undefined;
  /** Only of an LDIF file a version of which waits to be confirmed. */
  readonly held: HeldFileStatus | undefined;
}

export interface ServerStatus extends Pick<ServerReport, 'url' | 'isInUse' | 'lastFailure'> {
  readonly failedAt: string | undefined;
  /** It is tried again then; undefined: it does not rest. */
  readonly restsUntil: string | undefined;
}

interface HeldFileStatus extends Pick<HeldVersion, 'gone' | 'disabled' | 'why'> {
  readonly since: string;
}

interface SnapshotStatus extends Pick<SyncStatus, 'phase' | 'server' | 'lastFailure' | 'fileProblem' | 'clockProblem'> {
  /** At this moment what is in memory was all there was. */
  readonly confirmedAt: string | undefined;
  /** A sweep that began then waits to be confirmed. */
  readonly heldSince: string | undefined;
  readonly nextSweepAt: string | undefined;
  readonly lastSweep: (Omit<SweepReport, 'startedAtMs' | 'endedAtMs'> & SweepTimes) | undefined;
}

interface SweepTimes {
  readonly startedAt: string;
  readonly endedAt: string;
}

export interface UserReport {
  /** As it was asked for. */
  readonly address: string;
  /** What a request for the user is routed by now. */
  readonly answer: DirectoryAnswer;
  readonly sources: readonly UserInSource[];
}

/** What one source has of a user. */
export interface UserInSource {
  readonly source: string;
  readonly answer: DirectoryAnswer;
  /** Of a source that keeps all users in memory, and this one among them. */
  readonly known: KnownUser | undefined;
  /** Distinguished names, asked for just now: the first object decides. Undefined: nobody could be asked. */
  readonly names: readonly string[] | undefined;
  readonly namesFailure: string | undefined;
}

interface KnownUser extends Pick<SnapshotUser, 'state' | 'isShared'> {
  readonly knownSince: string;
  readonly lastSeen: string;
}

/** Who the directory in service says the user is. */
export interface UserAnswer {
  readonly answer: DirectoryAnswer;
}

/** Of the order to sweep: which sources have begun. */
export interface SweepOrder {
  readonly sweeping: readonly string[];
  /** LDIF files whose held version is in force now. */
  readonly confirmed?: readonly string[];
  /** Sources that are asked for each user: their servers are tried at once. */
  readonly tried?: readonly string[];
}

/** @param directory the one in service when it is asked for */
export const directoryEndpoints = (directory: () => OpenDirectory, log: Pick<Log, 'info' | 'warn'>): Endpoints => ({
  'GET /directory/user': (query) => showUser(directory(), query),
  // What a request would hear, and nothing that a server must be asked for besides.
  'GET /directory/answer': async (query) => {
    const key = keyOfAddress(query.get('address') ?? '');
    if (key === undefined) return noAddress(query);
    return { status: 200, body: { answer: await directory().lookup(key) } satisfies UserAnswer };
  },
  'POST /directory/refresh': () => {
    const { sources } = directory();
    const tried = sources.flatMap(({ describe, refresh }) => {
      if (refresh === undefined) return [];
      const { source } = describe();
      log.info({ event: 'directory-refresh', source }, 'its servers are tried at once, as ordered');
      refresh();
      return source;
    });
    const order = sweep(sources, 'no source has a server: files are read by a reload', (source, snapshot) => {
      log.info({ event: 'directory-refresh', source }, 'a sweep of the directory was ordered');
      snapshot.refresh();
    });
    return withMore(order, tried.length === 0 ? {} : { tried });
  },
  // Who confirms what is not held back would confirm a loss that nobody has seen yet.
  'POST /directory/confirm': () => {
    const { sources } = directory();
    const confirmed = sources.flatMap(({ describe, file }) =>
      file?.held === undefined ? [] : confirmFile(describe().source, file, log),
    );
    const held = sources.filter(({ snapshot }) => snapshot?.status.heldSinceMs !== undefined);
    const none = 'no sweep and no file is held back: there is nothing to confirm';
    const order = sweep(held, none, (source, snapshot) => {
      log.warn({ event: 'directory-confirm', source }, 'the loss that a sweep was held back for is confirmed');
      snapshot.confirmLoss();
    });
    return withMore(order, confirmed.length === 0 ? {} : { confirmed });
  },
});

/** An order that was carried out in other parts is no error, also where nothing is swept. */
function withMore(order: Reply, more: Omit<SweepOrder, 'sweeping'>): Reply {
  if (Object.keys(more).length === 0) return order;
  const sweeping = order.status === 202 ? (order.body as SweepOrder).sweeping : [];
  return { status: 202, body: { sweeping, ...more } satisfies SweepOrder };
}

/** What is believed is that version of the file: whatever stands there now is judged by itself when it is read. */
function confirmFile(source: string, file: HeldFile, log: Pick<Log, 'info' | 'warn'>): string {
  log.warn(
    { event: 'directory-confirm', source },
    'the loss that a version of the file was held back for is confirmed',
  );
  file.confirmLoss();
  return source;
}

function sweep(
  sources: readonly DirectorySource[],
  none: string,
  order: (source: string, snapshot: SnapshotDirectory) => void,
): Reply {
  const sweeping: string[] = [];
  for (const { snapshot } of sources) {
    if (snapshot === undefined) continue;
    const { source } = snapshot.describe();
    order(source, snapshot);
    sweeping.push(source);
  }
  return sweeping.length === 0 ? { status: 409, body: { error: none } } : { status: 202, body: { sweeping } };
}

const noAddress = (query: Query): Reply => ({
  status: 400,
  body: { error: `"${query.get('address') ?? ''}" is no SIP address: ?address=sip:bob@example.com` },
});

async function showUser(directory: OpenDirectory, query: Query): Promise<Reply> {
  const address = query.get('address') ?? '';
  const key = keyOfAddress(address);
  if (key === undefined) return noAddress(query);
  const [answer, sources] = await Promise.all([
    directory.lookup(key),
    Promise.all(directory.sources.map((source) => userIn(source, key))),
  ]);
  const report: UserReport = { address, answer, sources };
  return { status: 200, body: report };
}

async function userIn(source: DirectorySource, key: string): Promise<UserInSource> {
  const details = source.snapshot?.detailsOf(key);
  const [answer, asked] = await Promise.all([source.lookup(key), askNames(source, key)]);
  return { source: source.describe().source, answer, known: details && knownUser(details), ...asked };
}

const askNames = async (
  { namesOf }: DirectorySource,
  key: string,
): Promise<Pick<UserInSource, 'names' | 'namesFailure'>> => {
  try {
    return { names: await namesOf?.(key), namesFailure: undefined };
  } catch (error) {
    return { names: undefined, namesFailure: (error as Error).message };
  }
};

const knownUser = ({ state, isShared, knownSinceS, lastSeenS }: SnapshotUser): KnownUser => ({
  state,
  isShared,
  knownSince: timeOf(knownSinceS * 1_000),
  lastSeen: timeOf(lastSeenS * 1_000),
});

export const sourcesOf = ({ sources }: OpenDirectory): readonly SourceStatus[] =>
  sources.map((each) => ({
    ...each.describe(),
    snapshot: each.snapshot && snapshotStatus(each.snapshot.status),
    servers: each.servers?.().map(serverStatus),
    held: each.file?.held && heldStatus(each.file.held),
  }));

const serverStatus = ({ url, isInUse, lastFailure, failedAtMs, restsUntilMs }: ServerReport): ServerStatus => ({
  url,
  isInUse,
  lastFailure,
  failedAt: timeIfAny(failedAtMs),
  restsUntil: timeIfAny(restsUntilMs),
});

const heldStatus = ({ sinceMs, gone, disabled, why }: HeldVersion): HeldFileStatus => ({
  since: timeOf(sinceMs),
  gone,
  disabled,
  why,
});

const snapshotStatus = (status: SyncStatus): SnapshotStatus => {
  const { phase, server, lastFailure, fileProblem, clockProblem } = status;
  const { confirmedAtMs, heldSinceMs, nextSweepAtMs, lastSweep } = status;
  return {
    phase,
    server,
    confirmedAt: timeIfAny(confirmedAtMs),
    heldSince: timeIfAny(heldSinceMs),
    nextSweepAt: timeIfAny(nextSweepAtMs),
    lastFailure,
    fileProblem,
    clockProblem,
    lastSweep: lastSweep && sweepStatus(lastSweep),
  };
};

const sweepStatus = ({ startedAtMs, endedAtMs, ...report }: SweepReport): SnapshotStatus['lastSweep'] => ({
  ...report,
  startedAt: timeOf(startedAtMs),
  endedAt: timeOf(endedAtMs),
});

const timeOf = (ms: number): string => new Date(ms).toISOString();

const timeIfAny = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : timeOf(ms));
