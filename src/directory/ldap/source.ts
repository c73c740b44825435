/** LDAP as a source: asked for each user, or with all users in memory. */
import { isDeepStrictEqual } from 'node:util';
import { randomSeed } from '../../hash/keyed-hash.ts';
import type { DirectoryAnswer } from '../../routing/types.ts';
import type { Item } from '../../settings/reader.ts';
import type { Report } from '../../settings/report.ts';
import { CachedDirectory, type CacheSettings } from '../cached.ts';
import type { Directory, DirectoryDescription, DirectoryParts } from '../directory.ts';
import { type Ask, orElse } from '../or-else.ts';
import { ownClock, SnapshotDirectory } from '../snapshot-directory.ts';
import type {
  CompilePlace,
  LivingSource,
  NamedCertificates,
  Source,
  SourceKind,
  SourceView,
  Succession,
} from '../source.ts';
import type { SyncOrder } from '../sync/order.ts';
import { syncInThread } from '../sync/thread.ts';
import { namesOf } from './claims.ts';
import { ldapConnections } from './connections.ts';
import { parseDn } from './distinguished-name.ts';
import { examineSource, type SourceExamination } from './examine.ts';
import { allRest, reportOfServer } from './ldap.ts';
import { LookupSource } from './look-up.ts';
import {
  compileLdap,
  everyUser,
  type LdapRow,
  type LdapSourceSettings,
  ldapSection,
  nameOfRow,
  serversOf,
  writesOfLdap,
} from './settings.ts';

export const ldapKind = {
  section: ldapSection,
  nameOf: nameOfRow,
  compile(row: Item<LdapRow>, report: Report, place: CompilePlace): Source | undefined {
    const settings = compileLdap(row, report, place);
    return settings && new LdapSource(settings);
  },
  writes: writesOfLdap,
} satisfies SourceKind<LdapRow>;

export class LdapSource implements Source {
  readonly settings: LdapSourceSettings;
  readonly users = undefined;

  constructor(settings: LdapSourceSettings) {
    this.settings = settings;
  }

  get name(): string {
    return `ldap ${this.settings.name}`;
  }

  describe(): DirectoryDescription {
    const { servers, attributes, mode } = this.settings;
    const by = attributes.addresses.join(', ');
    return { source: this.name, summary: `${mode} at ${servers.urls.join(', ')}, users by ${by}` };
  }

  isSame(other: Source): boolean {
    if (!(other instanceof LdapSource)) return false;
    const [own, its] = [this.settings, other.settings];
    // A comparison of objects does not see what a Secret holds.
    return isDeepStrictEqual(own, its) && own.servers.password.reveal() === its.servers.password.reveal();
  }

  /** Referrals lead a look-up to users whom no sweep finds. */
  knowsTheSame(other: Source): boolean {
    return other instanceof LdapSource && isDeepStrictEqual(selectionOf(this.settings), selectionOf(other.settings));
  }

  open(cache: CacheSettings, parts: DirectoryParts, before?: Ask): LivingSource {
    return this.settings.mode === 'snapshot'
      ? new LivingSnapshot(this, parts, before)
      : new LivingLookup(this, cache, parts, before);
  }

  forOneQuestion(): Source {
    return new LdapSource({ ...this.settings, mode: 'lookup' });
  }

  get certificates(): readonly NamedCertificates[] {
    return [{ setting: 'ca', use: 'authority', pem: this.settings.servers.trust.ca ?? '' }];
  }

  get writtenFiles(): readonly string[] {
    const { file } = this.settings.snapshot;
    return file === undefined ? [] : [file];
  }

  examine(domains: readonly string[], parts: DirectoryParts): Promise<SourceExamination> {
    return examineSource(this.settings, domains, parts);
  }
}

const isLdap = (source: Source, mode: LdapSourceSettings['mode']): source is LdapSource =>
  source instanceof LdapSource && source.settings.mode === mode;

const selectionOf = ({ mode, baseDns, scope, filter, attributes, followReferrals }: LdapSourceSettings): unknown => [
  baseDns.map((text) => JSON.stringify(parseDn(text) ?? text)).toSorted(),
  scope,
  filter,
  attributes,
  mode === 'lookup' && followReferrals,
];

/** It is asked for each user, and remembers what it was told. */
class LivingLookup implements LivingSource {
  source: LdapSource;
  readonly directory: Directory;
  readonly #parts: DirectoryParts;
  readonly #cached: CachedDirectory;
  #asked: AskedSource;

  /** @param before what is known of before, for whom it cannot tell */
  constructor(source: LdapSource, cache: CacheSettings, parts: DirectoryParts, before?: Ask) {
    this.source = source;
    this.#parts = parts;
    this.#asked = openAsked(source, cache, parts);
    const inner: Directory = {
      lookup: (key) => this.#asked.source.lookup(key),
      describe: () => this.#asked.source.describe(),
    };
    this.#cached = new CachedDirectory(inner, cache, parts.clock);
    this.directory = before === undefined ? this.#cached : orElse(this.#cached, before);
  }

  ready(): Promise<void> {
    return this.#asked.source.ready();
  }

  lastKnown(key: string): DirectoryAnswer | undefined {
    return this.#cached.lastKnown(key);
  }

  view(): SourceView {
    return {
      servers: () => this.#asked.source.servers().map((each) => reportOfServer(each, Date.now())),
      refresh: () => this.#asked.source.refresh(),
      snapshot: undefined,
      table: undefined,
      namesOf: (key) => this.#asked.source.namesOf(key),
    };
  }

  succession(next: Source, cache: CacheSettings): Succession | undefined {
    if (!isLdap(next, 'lookup') || !this.source.knowsTheSame(next)) return undefined;
    const isAskedTheSame = isDeepStrictEqual(this.#asked.order, orderOf(next, cache));
    const asked = isAskedTheSame ? this.#asked : openAsked(next, cache, this.#parts);
    return {
      ready: () => asked.source.ready(),
      commit: () => {
        const before = this.#asked;
        this.source = next;
        this.#cached.change(cache);
        this.#asked = asked;
        return before === asked ? undefined : before.source;
      },
      abandon: () => {
        if (asked !== this.#asked) asked.source.close();
      },
    };
  }

  close(): void {
    this.#asked.source.close();
  }
}

interface AskedSource {
  readonly source: LookupSource;
  /** All that it was made of. */
  readonly order: ReturnType<typeof orderOf>;
}

const orderOf = ({ name, settings }: LdapSource, { budgetMs }: CacheSettings) => {
  const { baseDns, scope, filter, attributes, followReferrals, maxSearches } = settings;
  const lookup = { baseDns, scope, filter, attributes, followReferrals, maxSearches, longestWaitMs: budgetMs };
  return { servers: serversOf(settings), lookup: { ...lookup, source: name } };
};

function openAsked(source: LdapSource, cache: CacheSettings, parts: DirectoryParts): AskedSource {
  const order = orderOf(source, cache);
  return { source: new LookupSource(order.lookup, ldapConnections(order.servers, parts), parts), order };
}

/** All its users are in memory: a look-up never waits, and so needs no cache before it. */
class LivingSnapshot implements LivingSource {
  source: LdapSource;
  readonly directory: Directory;
  readonly snapshot: SnapshotDirectory;
  readonly #parts: DirectoryParts;
  /** What is known of before, until it has users of its own. */
  readonly #before: Ask | undefined;

  constructor(own: LdapSource, parts: DirectoryParts, before?: Ask) {
    this.source = own;
    this.#parts = parts;
    const { log } = parts;
    const order = syncOrderOf(own);
    const startSync = syncInThread({ ...order, seed: randomSeed() }, log);
    const { name: source } = order.source;
    this.snapshot = new SnapshotDirectory({ source, settings: order.settings, startSync, clock: ownClock, log });
    this.snapshot.start();
    this.#before = before;
    this.directory = before === undefined ? this.snapshot : orElse(this.snapshot, before);
  }

  ready(): Promise<void> {
    return this.snapshot.ready;
  }

  lastKnown(key: string): DirectoryAnswer | undefined {
    const answer = this.snapshot.lookup(key);
    return answer.kind === 'home' ? { ...answer, freshness: 'stale' } : undefined;
  }

  view(source: LdapSource): SourceView {
    return {
      servers: () => this.snapshot.status.servers,
      snapshot: this.snapshot,
      snapshotSettings: source.settings.snapshot,
      mayAsk: this.#before !== undefined,
      table: undefined,
      namesOf: async (key) => {
        // The sync has been refused for all of them: its password is not offered once more by an operator's question.
        const { servers } = this.snapshot.status;
        const nowMs = Date.now();
        if (servers.length > 0 && servers.every(({ restsUntilMs = 0 }) => restsUntilMs > nowMs)) throw allRest(servers);
        return namesOf(key, source.settings, serversOf(source.settings), this.#parts);
      },
    };
  }

  /** Nothing is opened before it is in force: there is one thread that writes the users, and one file. */
  succession(next: Source): Succession | undefined {
    if (!isLdap(next, 'snapshot') || !this.source.knowsTheSame(next)) return undefined;
    return {
      ready: async () => undefined,
      commit: () => {
        const order = syncOrderOf(next);
        if (!isDeepStrictEqual(order, syncOrderOf(this.source))) this.snapshot.change(order);
        this.source = next;
        return undefined;
      },
      abandon: () => undefined,
    };
  }

  close(): Promise<void> {
    return this.snapshot.stop();
  }
}

function syncOrderOf({ name, settings }: LdapSource): SyncOrder {
  const { baseDns, scope, attributes, pageSize, snapshot } = settings;
  const source = { name, baseDns, scope, filter: everyUser(settings), attributes, pageSize };
  return { servers: serversOf(settings), source, settings: snapshot };
}
