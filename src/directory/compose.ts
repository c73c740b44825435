/** Opens the sources that the configuration names, joins them to one directory, and hands them on to the next one. */
import { isDeepStrictEqual } from 'node:util';
import type { DirectoryAnswer } from '../routing/types.ts';
import type { CacheSettings } from './cached.ts';
import type { Directory, DirectoryDescription, DirectoryParts } from './directory.ts';
import { merged } from './merged.ts';
import type { Ask } from './or-else.ts';
import type { SnapshotDirectory } from './snapshot-directory.ts';
import type { Closable, LivingSource, Source, SourceView, Succession } from './source.ts';
import { type Lent, lend } from './threads/lend.ts';
import type { Loan } from './threads/loan.ts';

export interface DirectorySettings {
  /** In the operator's order: the first that has a user decides. */
  readonly sources: readonly Source[];
  readonly cache: CacheSettings;
}

/** Whether both would be the same directory: the same servers asked in the same way, the same users read. */
export const isSameDirectory = (a: DirectorySettings, b: DirectorySettings): boolean =>
  isDeepStrictEqual(a.cache, b.cache) &&
  a.sources.length === b.sources.length &&
  a.sources.every((source, i) => source.isSame(b.sources[i]!));

/** One source as an operator sees it. */
export type DirectorySource = Directory & SourceView;

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
  readonly source: Source;
  readonly living: LivingSource;
  /** Of a source that another directory has: it becomes this one's with the settings. */
  readonly succession: Succession | undefined;
}

class ComposedDirectory implements OpenDirectory {
  readonly sources: readonly DirectorySource[];
  readonly #parts: DirectoryParts;
  readonly #cache: CacheSettings;
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
    this.#own = new Set(this.#places.flatMap(({ living, succession }) => (succession === undefined ? living : [])));
    this.sources = this.#places.map(viewOf);
    const directories = this.#places.map(({ living }) => living.directory);
    this.#all = directories.length === 0 ? noDirectory : merged(directories, parts.log);
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
    await Promise.all(this.#places.map(({ living, succession }) => (succession ?? living).ready()));
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
    for (const { living, succession } of this.#places) {
      if (succession === undefined) continue;
      former.#own.delete(living);
      this.#own.add(living);
      const left = succession.commit();
      if (left !== undefined) former.#own.add(left);
    }
  }

  warnings(): readonly string[] {
    const isWaiting = this.#former !== undefined;
    return this.#places.flatMap(({ living, succession }) => (isWaiting ? succession : living)?.warning ?? []);
  }

  async close(): Promise<void> {
    for (const { end } of this.#lent) end();
    if (this.#former !== undefined) for (const { succession } of this.#places) succession?.abandon();
    await Promise.all([...this.#own].map((each) => each.close()));
  }
}

/** Who has the same name goes on first; who has another one now may still know the same users. */
function placesFor(
  sources: readonly Source[],
  cache: CacheSettings,
  parts: DirectoryParts,
  former: readonly Place[],
): readonly Place[] {
  const left = new Set(former.map(({ living }) => living));
  const heirs = new Map<Source, Place>();
  const goOn = (isHeir: (former: Source, next: Source) => boolean): void => {
    for (const next of sources) {
      if (heirs.has(next)) continue;
      for (const living of left) {
        const succession = isHeir(living.source, next) ? living.succession(next, cache) : undefined;
        if (succession === undefined) continue;
        left.delete(living);
        heirs.set(next, { source: next, living, succession });
        break;
      }
    }
  };
  goOn((own, next) => own.name === next.name);
  goOn((own, next) => own.knowsTheSame(next));
  return sources.map((next) => heirs.get(next) ?? openPlace(next, cache, parts, left));
}

/** @param left sources that end: one that knows the same users in another mode serves until the new one can */
function openPlace(
  source: Source,
  cache: CacheSettings,
  parts: DirectoryParts,
  left: ReadonlySet<LivingSource>,
): Place {
  const before = [...left].find((each) => each.source.knowsTheSame(source));
  const ask: Ask | undefined = before?.lastKnown && ((key) => before.lastKnown?.(key));
  return { source, living: source.open(cache, parts, ask), succession: undefined };
}

/** As it is when the settings are in force. */
function viewOf({ source, living, succession }: Place): DirectorySource {
  const { directory } = living;
  return {
    lookup: (key) => directory.lookup(key),
    describe: () => ({ ...directory.describe(), source: source.name }),
    ...living.view(source, succession),
  };
}
