/** The configuration in force: read from routes.yaml as a whole, checked, compiled, frozen and numbered. */

import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { DirectorySettings } from '../directory/compose.ts';
import type { Source } from '../directory/source.ts';
import { type HealthSettings, healthOf } from '../health/settings.ts';
import { machineAddresses } from '../net/own-addresses.ts';
import type { LogSettings } from '../observe/settings.ts';
import { type proxyFields, proxyTimerFields } from '../proxy/settings.ts';
import { compilePolicy, type Policy, policyProblems } from '../routing/policy.ts';
import type { PolicyInput } from '../routing/policy-input.ts';
import type { ObjectOf } from '../settings/declared.ts';
import { readYaml } from '../settings/document.ts';
import { readNamedFile, resolvePath } from '../settings/named-file.ts';
import { hasError, type Problem, Problems } from '../settings/problem.ts';
import { pick } from '../settings/reader.ts';
import { Report } from '../settings/report.ts';
import { type FileReading, readTextFile, type TextFile } from '../settings/text-file.ts';
import type { DnsSettings } from '../sip/resolve/settings.ts';
import { giveUpMs, type Timers, timerFields } from '../sip/transaction/timers.ts';
import { type ListenSetting, limitsOf, type TransportSettings, timeoutFields } from '../sip/transport/settings.ts';
import { type AdminSettings, compileAdmin } from './admin.ts';
import { checkAddressesAreCarried } from './check-own-hosts.ts';
import { isNearMissOf, warnOfSlips } from './check-slips.ts';
import { checkTogether } from './checks.ts';
import { compileListener, compilePolicyInput } from './compile.ts';
import { mostWorkers, type RoutesFile, routesFile } from './shape.ts';
import { readSigningKeys, type SigningSettings } from './signing-keys.ts';
import { readTlsProfiles } from './tls-profiles.ts';
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
  readonly timers: SnapshotTimers;
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

/** RFC 3261 table 4, Timer C of §16.6 step 11, and how soon the next hop is tried. */
type SnapshotTimers = Timers &
  ObjectOf<typeof proxyTimerFields> &
  Pick<ObjectOf<typeof proxyFields>, 'failoverAfterMs'>;

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
 * @param former the configuration in force: what has not changed of it need not be read anew
 * @param now the day on which certificates are judged
 */
export function loadSnapshot(file: string, number: number, former?: Snapshot, now = new Date()): Loaded {
  const problems = new Problems(file);
  const read = readTextFile(file);
  const compiler = readSettings(file, read, problems);
  const snapshot = compiler?.compile(number, former?.directory.sources ?? [], now);
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

  compile(number: number, former: readonly Source[], now: Date): Snapshot {
    checkTogether(this.#settings, this.#report);
    const snapshot = this.#join(number, former, now);
    checkWrittenFiles(this.#settings, this.#file, this.#report, this.#folder);
    return deepFreeze(snapshot);
  }

  #join(number: number, former: readonly Source[], now: Date): Snapshot {
    return {
      number,
      file: this.#file,
      workers: compileWorkers(this.#settings),
      node: this.#settings.node,
      transport: this.#transport(now),
      ...this.#decisions(),
      timers: compileTimers(this.#settings),
      dns: this.#settings.dns,
      health: healthOf(this.#settings.health),
      proxyRequire: this.#settings.routing.proxyRequire,
      directory: { sources: this.#sources(former), cache: this.#settings.directory.cache },
      log: this.#log(),
      certificates: { warnBeforeMs: this.#settings.certificates['warn-before'] },
      reload: this.#settings.reload,
      stop: { drainMs: this.#settings.stop.drain },
      admin: compileAdmin(this.#settings, this.#report, this.#folder),
      signing: readSigningKeys(this.#settings.signing, this.#report, this.#folder),
    };
  }

  #decisions(): Pick<Snapshot, 'policy' | 'rows'> {
    const input = compilePolicyInput(this.#settings, this.#ciscoUsers(), machineAddresses());
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
      limits: limitsOf(limits, compileWorkers(this.#settings)),
      timeouts: pick(timeoutFields, timers),
      transactionMs: giveUpMs(pick(timerFields, timers)),
    };
  }

  #sources(former: readonly Source[]): readonly Source[] {
    const { directory, routing } = this.#settings;
    const place = { folder: this.#folder, former, microsoftUser: routing['microsoft-user'] };
    return directory.sources.flatMap(({ path, value }) => value.compile(path, this.#report, place) ?? []);
  }

  #log(): LogSettings {
    const { file } = this.#settings.log;
    return { ...this.#settings.log, file: file === undefined ? undefined : resolvePath(file, this.#folder) };
  }
}

/** One for each processor that this process may use. */
const compileWorkers = ({ workers }: RoutesFile): number =>
  workers === 'auto' ? Math.min(availableParallelism(), mostWorkers) : workers;

const compileTimers = ({ timers, routing }: RoutesFile): SnapshotTimers => ({
  ...pick(timerFields, timers),
  ...pick(proxyTimerFields, timers),
  failoverAfterMs: routing.failoverAfterMs,
});

/** Freezes plain objects and lists through and through; what has a life of its own (maps, the policy) is left as it is. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
