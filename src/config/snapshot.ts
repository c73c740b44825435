/** The configuration in force: read from routes.yaml as a whole, checked, compiled, frozen and numbered. */
import { availableParallelism, networkInterfaces } from 'node:os';
import { dirname, resolve } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import type { HealthRules } from '../routing/hop-health.ts';
import { compilePolicy, type Policy, policyProblems } from '../routing/policy.ts';
import type { PolicyInput } from '../routing/policy-input.ts';
import { readYaml } from '../settings/document.ts';
import { readNamedFile, resolvePath } from '../settings/named-file.ts';
import { hasError, type Path, type Problem, Problems } from '../settings/problem.ts';
import { Report } from '../settings/report.ts';
import { type FileReading, readTextFile, type TextFile } from '../settings/text-file.ts';
import { type AdminSettings, compileAdmin } from './admin.ts';
import { checkAddressesAreCarried } from './check-own-hosts.ts';
import { isNearMissOf, warnOfSlips } from './check-slips.ts';
import { checkTogether } from './checks.ts';
import { compileListener, compilePolicyInput, type ListenSetting } from './compile.ts';
import {
  compileCache,
  compileLdapSource,
  type DirectorySettings,
  type LdifUsers,
  type SourceSettings,
} from './directory-sources.ts';
import { type LdifRow, mostWorkers, type RoutesFile, routesFile } from './shape.ts';
import { readSigningKeys, type SigningSettings } from './signing-keys.ts';
import { readTlsProfiles, type TlsProfile } from './tls-profiles.ts';
import { parseUserList } from './user-list.ts';
import { checkWrittenFiles } from './written-files.ts';

/** Nothing in it changes: a request that has taken it may keep it. All times in milliseconds, all sizes in bytes. */
export interface Snapshot {
  /** Counts the configurations of this process, from 1. */
  readonly number: number;
  /** As the operator named it. */
  readonly file: string;
  /** Threads that route; 1 or more. */
  readonly workers: number;
  readonly node: { readonly name: string };
  readonly transport: TransportSettings;
  readonly policy: Policy;
  readonly timers: Timers;
  readonly dns: DnsSettings;
  readonly health: HealthSettings;
  /** Option tags of Proxy-Require that are understood, lower case (RFC 3261 §20.29). */
  readonly proxyRequire: ReadonlySet<string>;
  readonly directory: DirectorySettings;
  readonly log: LogSettings;
  /** A certificate is warned of for so long before its end. */
  readonly certificates: { readonly warnBeforeMs: number };
  readonly reload: { readonly watch: boolean };
  readonly stop: { readonly drainMs: number };
  readonly admin: AdminSettings;
  readonly signing: SigningSettings;
  /** What the policy was compiled from, for printing, and for threads that compile their own. */
  readonly rows: PolicyInput;
}

/** What the transport layer is built from; its words are its own. */
export interface TransportSettings {
  readonly nodeName: string;
  readonly listen: readonly ListenSetting[];
  /** By name. */
  readonly tls: ReadonlyMap<string, TlsProfile>;
  readonly limits: TransportLimits;
  readonly timeouts: TransportTimeouts;
}

export interface TransportLimits {
  /** Start line and header fields of one message. */
  readonly headerBytes: number;
  readonly bodyBytes: number;
  /** Accepted stream connections of admitted peers at a time. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Accepted besides. */
  readonly connectionsOfStrangers: number;
  /** What may wait to be written on one connection. */
  readonly writeQueueBytes: number;
  readonly udpDatagramBytes: number;
  /** Remote UDP addresses that are remembered per listener. */
  readonly udpFlows: number;
  /** Of each worker. */
  readonly memoryBytes: number;
}

export interface TransportTimeouts {
  readonly connectMs: number;
  readonly idleMs: number;
  readonly messageMs: number;
  readonly strangerMs: number;
  readonly halfOpenMs: number;
  readonly keepAliveMs: number;
}

/** RFC 3261 table 4, and Timer C of §16.6 step 11. */
export interface Timers {
  readonly t1Ms: number;
  readonly t2Ms: number;
  readonly t4Ms: number;
  readonly timerCMs: number;
  /** No answer at all from a hop for this long: the next one is tried. */
  readonly failoverAfterMs: number;
}

/** How names become addresses. */
export interface DnsSettings {
  /** With or without port; empty: those that the system names, and its hosts file. */
  readonly servers: readonly string[];
  readonly timeoutMs: number;
  readonly budgetMs: number;
  readonly refreshMs: number;
  readonly negativeMs: number;
  readonly staleMs: number;
}

/** How the next hops are watched. */
export interface HealthSettings {
  readonly rules: HealthRules;
  readonly probe: {
    readonly isEnabled: boolean;
    readonly everyMs: number;
    readonly timeoutMs: number;
    /** Statuses that a healthy hop gives to OPTIONS. */
    readonly good: ReadonlySet<number>;
  };
}

/** Makes a directory of an LDIF file's text; handed in, because this room does not know how a directory is made. */
export type ReadDirectory = (
  text: string,
  fileName: string,
) => {
  readonly directory: LdifUsers;
  readonly userCount: number;
  /** Of two entries with one address (`duplicate`) the enabled one counts, a bad `value` is passed over; all else keeps the file from being used. */
  readonly problems: readonly { readonly kind: string; readonly line: number; readonly problem: string }[];
};

export interface LogSettings {
  readonly level: RoutesFile['log']['level'];
  /** Which decision records are written. */
  readonly decisions: RoutesFile['log']['decisions'];
  /** Absolute; undefined: standard error. */
  readonly file: string | undefined;
  readonly format: RoutesFile['log']['format'];
}

export type Loaded = {
  /** routes.yaml and what it names, as they were found. */
  readonly files: readonly FileReading[];
} & (
  | {
      readonly snapshot: Snapshot;
      /** Warnings only. */
      readonly problems: readonly Problem[];
    }
  | {
      readonly snapshot?: undefined;
      /** At least one of them is an error. */
      readonly problems: readonly Problem[];
    }
);

/**
 * Reads routes.yaml and all files that it names. Never throws for what is in a file.
 * @param file as the operator named it; relative paths in it start in its folder
 * @param number of the snapshot that this becomes
 * @param now the day on which certificates are judged
 */
export function loadSnapshot(file: string, number: number, readDirectory: ReadDirectory, now = new Date()): Loaded {
  const problems = new Problems(file);
  const read = readTextFile(file);
  const compiler = readSettings(file, read, problems);
  const snapshot = compiler?.compile(number, readDirectory, now);
  const found = problems.all();
  const files = [read.reading, ...(compiler?.files ?? [])];
  if (snapshot === undefined || hasError(found)) return { files, problems: found };
  return { files, snapshot, problems: found };
}

function readSettings(file: string, read: TextFile, problems: Problems): Compiler | undefined {
  if (read.kind === 'unreadable') {
    problems.error(read.place, [], read.what, read.hint);
    return undefined;
  }
  const root = readYaml(read.text, problems);
  const settings = root && routesFile(root, { path: [], problems });
  return root && settings && new Compiler(file, settings, new Report(root, problems));
}

/** Joins what the sections say; every step reports what is wrong and goes on, so that all is told at once. */
class Compiler {
  readonly #file: string;
  readonly #folder: string;
  readonly #settings: RoutesFile;
  readonly #report: Report;

  constructor(file: string, settings: RoutesFile, report: Report) {
    this.#file = file;
    this.#folder = dirname(resolve(file));
    this.#settings = settings;
    this.#report = report;
  }

  /** That routes.yaml names. */
  get files(): readonly FileReading[] {
    return this.#report.files;
  }

  compile(number: number, readDirectory: ReadDirectory, now: Date): Snapshot {
    checkTogether(this.#settings, this.#report);
    const snapshot = this.#join(number, readDirectory, now);
    checkWrittenFiles(this.#settings, this.#file, this.#report, this.#folder);
    return deepFreeze(snapshot);
  }

  #join(number: number, readDirectory: ReadDirectory, now: Date): Snapshot {
    return {
      number,
      file: this.#file,
      workers: compileWorkers(this.#settings),
      node: this.#settings.node,
      transport: this.#transport(now),
      ...this.#decisions(),
      timers: compileTimers(this.#settings),
      dns: compileDns(this.#settings),
      health: compileHealth(this.#settings),
      proxyRequire: new Set(this.#settings.routing['proxy-require'].map(({ value }) => value)),
      directory: { sources: this.#sources(readDirectory), cache: compileCache(this.#settings.directory) },
      log: this.#log(),
      certificates: { warnBeforeMs: this.#settings.certificates['warn-before'] },
      reload: this.#settings.reload,
      stop: { drainMs: this.#settings.stop.drain },
      admin: compileAdmin(this.#settings, this.#report, this.#folder),
      signing: readSigningKeys(this.#settings.signing, this.#report, this.#folder),
    };
  }

  #decisions(): Pick<Snapshot, 'policy' | 'rows'> {
    const input = compilePolicyInput(this.#settings, this.#ciscoUsers(), interfaceAddresses());
    for (const { list, index, problem } of policyProblems(input)) {
      this.#report.error([list, index], `this row ${problem}`);
    }
    const policy = compilePolicy(input);
    this.#warnOfDomainsWithoutRoute(policy, input);
    if (this.#report.isSound('domains') && this.#report.isSound('routes') && this.#report.isSound('access'))
      warnOfSlips({ ...input, transports: this.#transports() }, policy, this.#report);
    return { policy, rows: input };
  }

  #transports(): ReadonlySet<ListenSetting['transport']> {
    return new Set(this.#settings.listen.map(({ value }) => value.transport));
  }

  /** Where a side has routes at all: that it has none is told elsewhere. */
  #warnOfDomainsWithoutRoute({ routes: table }: Policy, input: PolicyInput): void {
    const { domains, routes } = this.#settings;
    if (!this.#report.isSound('routes')) return;
    for (const side of ['cisco', 'microsoft'] as const) {
      const rows = routes.filter(({ value }) => value.to === side);
      if (rows.length === 0 || rows.some(({ value }) => value.type === 'user')) continue;
      for (const { path, value: domain } of domains) {
        if (table.hasRouteFor(side, domain) || isNearMissOf(domain, side, input)) continue;
        this.#report.warning(path, `no route leads to the ${side} side for ${domain}`, 'add a route with this pattern');
      }
    }
  }

  #ciscoUsers(): ReadonlySet<string> | undefined {
    const file = this.#settings.routing['cisco-users'];
    if (file === undefined) return undefined;
    const text = readNamedFile(file, ['routing', 'cisco-users'], this.#report, this.#folder);
    if (text === undefined) return undefined;
    const { users, problems } = parseUserList(text, file);
    for (const problem of problems) this.#report.problems.adopt(problem);
    return users;
  }

  #transport(now: Date): TransportSettings {
    const { node, listen, timers, limits, certificates } = this.#settings;
    const tls = readTlsProfiles(this.#settings, this.#report, {
      folder: this.#folder,
      now,
      warnBeforeMs: certificates['warn-before'],
    });
    checkAddressesAreCarried(this.#settings, tls, this.#report);
    return {
      nodeName: node.name,
      listen: listen.map(({ value }) => compileListener(value)),
      tls,
      limits: {
        headerBytes: limits.header,
        bodyBytes: limits.body,
        connections: limits.connections,
        connectionsPerAddress: limits['connections-per-address'],
        connectionsOfStrangers: limits['connections-of-strangers'],
        writeQueueBytes: limits['write-queue'],
        udpDatagramBytes: limits['udp-datagram'],
        udpFlows: limits['udp-peers'],
        memoryBytes: Math.floor((limits.memory ?? usualMemoryBytes()) / compileWorkers(this.#settings)),
      },
      timeouts: {
        connectMs: timers.connect,
        idleMs: timers.idle,
        messageMs: timers.message,
        strangerMs: timers.stranger,
        halfOpenMs: timers['half-open'],
        keepAliveMs: timers['keep-alive'],
      },
    };
  }

  #sources(readDirectory: ReadDirectory): readonly SourceSettings[] {
    return this.#settings.directory.sources.flatMap(({ path, value }): readonly SourceSettings[] => {
      if (value.kind === 'ldif') return this.#ldifSource(value, path, readDirectory);
      const source = compileLdapSource({ path, value }, this.#report, this.#folder);
      return source === undefined ? [] : [source];
    });
  }

  #ldifSource(
    { file, 'max-loss': maxLoss }: LdifRow,
    path: Path,
    readDirectory: ReadDirectory,
  ): readonly SourceSettings[] {
    const text = readNamedFile(file, [...path, 'file'], this.#report, this.#folder);
    if (text === undefined) return [];
    const { directory, userCount, problems } = readDirectory(text, file);
    for (const { kind, line, problem } of problems) {
      // One bad value is passed over, as a server's is; a file of nothing else is the wrong file.
      const severity = kind === 'duplicate' || (kind === 'value' && userCount > 0) ? 'warning' : 'error';
      this.#report.problems.adopt({ severity, file, line, column: 1, path: '', what: problem, hint: undefined });
    }
    const isCutOff = !text.endsWith('\n');
    return [{ kind: 'ldif', file: resolvePath(file, this.#folder), directory, isCutOff, maxLoss }];
  }

  #log(): LogSettings {
    const { level, decisions, format, file } = this.#settings.log;
    return { level, decisions, format, file: file === undefined ? undefined : resolvePath(file, this.#folder) };
  }
}

/** Half of what V8 lets the heap of one thread grow to: the rest is for the router's own, and for what waits for collection. */
const usualMemoryBytes = (): number => Math.floor(getHeapStatistics().heap_size_limit / 2);

/** One for each processor that this process may use. */
const compileWorkers = ({ workers }: RoutesFile): number =>
  workers === 'auto' ? Math.min(availableParallelism(), mostWorkers) : workers;

const compileTimers = ({ timers, routing }: RoutesFile): Timers => ({
  t1Ms: timers.t1,
  t2Ms: timers.t2,
  t4Ms: timers.t4,
  timerCMs: timers['timer-c'],
  failoverAfterMs: routing['failover-after'],
});

const compileDns = ({ dns }: RoutesFile): DnsSettings => ({
  servers: dns.servers.map(({ value }) => value),
  timeoutMs: dns.timeout,
  budgetMs: dns.budget,
  refreshMs: dns.refresh,
  negativeMs: dns.negative,
  staleMs: dns.stale,
});

const compileHealth = ({ health }: RoutesFile): HealthSettings => ({
  rules: {
    downAfter: health.probe['down-after'],
    upAfter: health.probe['up-after'],
    slowReturnMs: health['slow-return'],
    retryAfterCapMs: health['retry-after-cap'],
    flapMemoryMs: health['flap-memory'],
  },
  probe: {
    isEnabled: health.probe.enabled,
    everyMs: health.probe.every,
    timeoutMs: health.probe.timeout,
    good: new Set(health.probe.good.map(({ value }) => value)),
  },
});

const interfaceAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));

/** Freezes plain objects and lists through and through; what has a life of its own (maps, the policy) is left as it is. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
