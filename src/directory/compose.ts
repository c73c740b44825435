/** Opens the sources that the configuration names, joins them to one directory, and hands them on to the next one. */
import type { DirectoryAnswer } from '../routing/types.ts';
import { namesOf } from './claims.ts';
import type { Directory, DirectoryDescription } from './directory.ts';
import { LivingLdif } from './living-ldif.ts';
import {
  type Closable,
  type DirectoryParts,
  LivingLookup,
  LivingSnapshot,
  type LivingSource,
  type Succession,
} from './living-source.ts';
import { merged } from './merged.ts';
import type { Ask } from './or-else.ts';
import type { SnapshotDirectory } from './snapshot-directory.ts';
import { type DirectorySettings, knowsTheSame, type SourceSettings, serversOf, sourceName } from './source-settings.ts';
import { type Lendable, type Lent, lend } from './threads/lend.ts';
import type { Loan } from './threads/loan.ts';

/** One source as an operator sees it. */
export interface DirectorySource extends Lendable {
  /** Of a source that is an LDIF file. */
  readonly file?: LivingLdif | undefined;
  /**
   * Asks its server now; undefined where there is none to ask.
   * @returns distinguished names of the objects that have the address, that of the one that decides first
   * @throws LdapError when no server answers
   */
  readonly namesOf: ((recipientKey: string) => Promise<readonly string[]>) | undefined;
}

/** The directory in service. */
export interface OpenDirectory extends Directory {
  /** Resolves when every source has been tried for the first time, well or not. */
  ready(): Promise<void>;
  /** Resolves when listeners may open: each source that requires its first sync knows its users. */
  mayListen(): Promise<void>;
  /** Each by itself, in the order in which they count. */
  readonly sources: readonly DirectorySource[];
  /** Those of its sources that keep all users in memory. */
  readonly snapshots: readonly SnapshotDirectory[];
  /** For another thread, which answers as this one from then on, until `close`. */
  lend(): Loan;
  /**
   * The directory of other settings. It has the sources of this one that go on to know the same users, with all that they know;
   * their settings stay as they are until it takes over.
   */
  successor(next: DirectorySettings): OpenDirectory;
  /** From now on it is in service. */
  takeOver(): void;
  /** What an operator should hear of it when it is in service, in lines. */
  warnings(): readonly string[];
  /** Sources that another one has taken over go on. Resolves when what is kept on disk is written. */
  close(): Promise<void>;
}

/** Basic mode never asks it. */
const noDirectory: Directory = {
  lookup: () => ({ kind: 'unavailable', why: 'no directory is configured' }),
  describe: () => ({ source: 'no directory', summary: 'none is configured' }),
};

/** Begins to connect at once, and waits for nothing. */
export const openDirectory = (settings: DirectorySettings, parts: DirectoryParts): OpenDirectory =>
  new ComposedDirectory(settings, parts, undefined);

interface Place {
  readonly settings: SourceSettings;
  readonly source: LivingSource;
  /** Of a source that another directory has: it becomes this one's with the settings. */
  readonly succession: Succession | undefined;
}

class ComposedDirectory implements OpenDirectory {
  readonly sources: readonly DirectorySource[];
  readonly #parts: DirectoryParts;
  readonly #cache: DirectorySettings['cache'];
  readonly #places: readonly Place[];
  readonly #all: Directory;
  readonly #lent: Lent[] = [];
  /** What is closed with it. */
  readonly #own: Set<Closable>;
  /** Until it has taken over. */
  #former: ComposedDirectory | undefined;

  constructor({ sources, cache }: DirectorySettings, parts: DirectoryParts, former: ComposedDirectory | undefined) {
    this.#parts = parts;
    this.#cache = cache;
    this.#former = former;
    this.#places = placesFor(sources, cache, parts, former === undefined ? [] : former.#places);
    this.#own = new Set(this.#places.flatMap(({ source, succession }) => (succession === undefined ? source : [])));
    this.sources = this.#places.map((place) => viewOf(place, parts));
    const directories = this.#places.map(({ source }) => source.directory);
    this.#all =
      directories.length === 0
        ? noDirectory
        : merged(directories, (user, homes) =>
            parts.log.warn({ user, sources: homes }, 'several sources have this user: the first one decides'),
          );
  }

  get snapshots(): readonly SnapshotDirectory[] {
    return this.sources.flatMap(({ snapshot }) => snapshot ?? []);
  }

  lookup(recipientKey: string): DirectoryAnswer | Promise<DirectoryAnswer> {
    return this.#all.lookup(recipientKey);
  }

  describe(): DirectoryDescription {
    return this.#all.describe();
  }

  async ready(): Promise<void> {
    await Promise.all(this.#places.map(({ source, succession }) => (succession ?? source).ready()));
  }

  async mayListen(): Promise<void> {
    await Promise.all(this.snapshots.map(({ mayListen }) => mayListen));
  }

  lend(): Loan {
    const next = lend(this.sources, this.#cache);
    this.#lent.push(next);
    return next.loan;
  }

  successor(next: DirectorySettings): OpenDirectory {
    return new ComposedDirectory(next, this.#parts, this);
  }

  takeOver(): void {
    const former = this.#former;
    if (former === undefined) return;
    this.#former = undefined;
    for (const { source, succession } of this.#places) {
      if (succession === undefined) continue;
      former.#own.delete(source);
      this.#own.add(source);
      const left = succession.commit();
      if (left !== undefined) former.#own.add(left);
    }
  }

  warnings(): readonly string[] {
    const isWaiting = this.#former !== undefined;
    return this.#places.flatMap(({ source, succession }) => (isWaiting ? succession : source)?.warning ?? []);
  }

  async close(): Promise<void> {
    for (const { end } of this.#lent) end();
    if (this.#former !== undefined) for (const { succession } of this.#places) succession?.abandon();
    await Promise.all([...this.#own].map((each) => each.close()));
  }
}

/** Who has the same name goes on first; who has another one now may still know the same users. */
function placesFor(
  sources: readonly SourceSettings[],
  cache: DirectorySettings['cache'],
  parts: DirectoryParts,
  former: readonly Place[],
): readonly Place[] {
  const left = new Set(former.map(({ source }) => source));
  const heirs = new Map<SourceSettings, Place>();
  const goOn = (isHeir: (source: LivingSource, next: SourceSettings) => boolean): void => {
    for (const next of sources) {
      if (heirs.has(next)) continue;
      const source = [...left].find((each) => isHeir(each, next));
      const succession = source?.succession(next, cache);
      if (source === undefined || succession === undefined) continue;
      left.delete(source);
      heirs.set(next, { settings: next, source, succession });
    }
  };
  goOn(({ settings }, next) => sourceName(settings) === sourceName(next));
  goOn(({ settings }, next) => knowsTheSame(settings, next) && modeOf(settings) === modeOf(next));
  return sources.map((next) => heirs.get(next) ?? openPlace(next, cache, parts, left));
}

const modeOf = (settings: SourceSettings): string => (settings.kind === 'ldif' ? 'ldif' : settings.mode);

/** @param left sources that end: one that knows the same users in another mode serves until the new one can */
function openPlace(
  settings: SourceSettings,
  cache: DirectorySettings['cache'],
  parts: DirectoryParts,
  left: ReadonlySet<LivingSource>,
): Place {
  const before = [...left].find((each) => knowsTheSame(each.settings, settings));
  return { settings, source: openSource(settings, cache, parts, before && lastKnownOf(before)), succession: undefined };
}

const lastKnownOf = (source: LivingSource): Ask | undefined =>
  source instanceof LivingLookup || source instanceof LivingSnapshot ? (key) => source.lastKnown(key) : undefined;

function openSource(
  settings: SourceSettings,
  cache: DirectorySettings['cache'],
  parts: DirectoryParts,
  before: Ask | undefined,
): LivingSource {
  if (settings.kind === 'ldif') return new LivingLdif(settings, parts.log);
  return settings.mode === 'snapshot'
    ? new LivingSnapshot(settings, parts, before)
    : new LivingLookup(settings, cache, parts, before);
}

/** As it is when the settings are in force. */
function viewOf(place: Place, parts: DirectoryParts): DirectorySource {
  const { settings, source } = place;
  const { directory } = source;
  const own = {
    lookup: (key: string) => directory.lookup(key),
    describe: () => ({ ...directory.describe(), source: sourceName(settings) }),
    snapshot: undefined,
    table: undefined,
    namesOf: undefined,
  };
  if (source instanceof LivingLdif) return { ...own, file: source, ...viewOfFile(place, source) };
  if (settings.kind === 'ldif') return own;
  const asked = { ...own, namesOf: (key: string) => namesOf(key, settings, serversOf(settings), parts) };
  if (!(source instanceof LivingSnapshot)) return asked;
  return {
    ...asked,
    snapshot: source.snapshot,
    snapshotSettings: settings.snapshot,
    mayAsk: source.before !== undefined,
  };
}

const viewOfFile = ({ succession }: Place, source: LivingLdif): Pick<DirectorySource, 'table' | 'tellTable'> => ({
  table: () => succession?.table?.() ?? source.table(),
  tellTable: (tell) => source.tellOthers(tell),
});
