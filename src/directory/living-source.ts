/**
 * The sources in service. A reload changes what has changed: one that will know the same users is given its new settings, and keeps
 * whom it knows and what it has learnt, most of all while nobody could tell it anew.
 */
import { isDeepStrictEqual } from 'node:util';
import { randomSeed } from '../hash/keyed-hash.ts';
import type { DirectoryAnswer } from '../routing/types.ts';
import { type CacheClock, CachedDirectory } from './cached.ts';
import type { Directory } from './directory.ts';
import { type LdapParts, ldapConnections } from './ldap-connections.ts';
import { LookupSource } from './ldap-source.ts';
import { type Ask, orElse } from './or-else.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';
import {
  type DirectorySettings,
  everyUser,
  knowsTheSame,
  type LdapSourceSettings,
  type SourceSettings,
  serversOf,
  sourceName,
} from './source-settings.ts';
import type { SyncOrder } from './sync/order.ts';
import { syncInThread } from './sync/thread.ts';
import type { SharedTable } from './user-records.ts';

export interface DirectoryParts extends Omit<LdapParts, 'clock'> {
  readonly clock: CacheClock;
}

export interface Closable {
  close(): void | Promise<void>;
}

export interface LivingSource extends Closable {
  readonly settings: SourceSettings;
  readonly directory: Directory;
  /** What an operator should hear of it whenever he reloads. */
  readonly warning?: string | undefined;
  /** Resolves when it has been tried for the first time, well or not. */
  ready(): Promise<void>;
  /**
   * Makes ready to go on with other settings.
   * @returns undefined when with these it would know other users, or would have to be made anew
   */
  succession(next: SourceSettings, cache: DirectorySettings['cache']): Succession | undefined;
}

/** What becomes of a source when a reload is in force. */
export interface Succession {
  /** Of an LDIF file: its users, as they are then. */
  readonly table?: () => SharedTable;
  /** What an operator should hear of it. */
  readonly warning?: string | undefined;
  /** Resolves when what is new of it has been tried, well or not. */
  ready(): Promise<void>;
  /** @returns what it leaves behind, to be closed when nobody can be asking it any more */
  commit(): Closable | undefined;
  abandon(): void;
}

/** It is asked for each user, and remembers what it was told. */
export class LivingLookup implements LivingSource {
  settings: LdapSourceSettings;
  readonly directory: Directory;
  readonly #parts: DirectoryParts;
  readonly #cached: CachedDirectory;
  #asked: AskedSource;

  /** @param before what is known of before, for whom it cannot tell */
  constructor(settings: LdapSourceSettings, cache: DirectorySettings['cache'], parts: DirectoryParts, before?: Ask) {
    this.settings = settings;
    this.#parts = parts;
    this.#asked = openAsked(settings, cache, parts);
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

  succession(next: SourceSettings, cache: DirectorySettings['cache']): Succession | undefined {
    if (next.kind === 'ldif' || next.mode !== 'lookup' || !knowsTheSame(this.settings, next)) return undefined;
    const isAskedTheSame = isDeepStrictEqual(this.#asked.order, orderOf(next, cache));
    const asked = isAskedTheSame ? this.#asked : openAsked(next, cache, this.#parts);
    return {
      ready: () => asked.source.ready(),
      commit: () => {
        const before = this.#asked;
        this.settings = next;
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

const orderOf = (settings: LdapSourceSettings, { budgetMs }: DirectorySettings['cache']) => {
  const { baseDns, scope, filter, attributes, followReferrals, maxSearches } = settings;
  const lookup = { baseDns, scope, filter, attributes, followReferrals, maxSearches, longestWaitMs: budgetMs };
  return { servers: serversOf(settings), lookup: { ...lookup, source: sourceName(settings) } };
};

function openAsked(
  settings: LdapSourceSettings,
  cache: DirectorySettings['cache'],
  parts: DirectoryParts,
): AskedSource {
  const order = orderOf(settings, cache);
  return { source: new LookupSource(order.lookup, ldapConnections(order.servers, parts), parts), order };
}

/** All its users are in memory: a look-up never waits, and so needs no cache before it. */
export class LivingSnapshot implements LivingSource {
  settings: LdapSourceSettings;
  readonly directory: Directory;
  readonly snapshot: SnapshotDirectory;
  /** What is known of before, until it has users of its own. */
  readonly before: Ask | undefined;

  constructor(settings: LdapSourceSettings, { log }: DirectoryParts, before?: Ask) {
    this.settings = settings;
    const order = syncOrderOf(settings);
    const startSync = syncInThread({ ...order, seed: randomSeed() }, log);
    const { name: source } = order.source;
    this.snapshot = new SnapshotDirectory({ source, settings: order.settings, startSync, now: Date.now, log });
    this.snapshot.start();
    this.before = before;
    this.directory = before === undefined ? this.snapshot : orElse(this.snapshot, before);
  }

  ready(): Promise<void> {
    return this.snapshot.ready;
  }

  lastKnown(key: string): DirectoryAnswer | undefined {
    const answer = this.snapshot.lookup(key);
    return answer.kind === 'home' ? { ...answer, freshness: 'stale' } : undefined;
  }

  /** Nothing is opened before it is in force: there is one thread that writes the users, and one file. */
  succession(next: SourceSettings): Succession | undefined {
    if (next.kind === 'ldif' || next.mode !== 'snapshot' || !knowsTheSame(this.settings, next)) return undefined;
    return {
      ready: async () => undefined,
      commit: () => {
        const order = syncOrderOf(next);
        if (!isDeepStrictEqual(order, syncOrderOf(this.settings))) this.snapshot.change(order);
        this.settings = next;
        return undefined;
      },
      abandon: () => undefined,
    };
  }

  close(): Promise<void> {
    return this.snapshot.stop();
  }
}

function syncOrderOf(settings: LdapSourceSettings): SyncOrder {
  const { baseDns, scope, attributes, pageSize, snapshot } = settings;
  const source = { name: sourceName(settings), baseDns, scope, filter: everyUser(settings), attributes, pageSize };
  return { servers: serversOf(settings), source, settings: snapshot };
}
