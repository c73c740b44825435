/** Notices that files have changed in what they say: by what the system tells of their folders, and by looking now and then. */
import { type FSWatcher, realpathSync, type WatchEventType, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { digestOf, type FileReading, unreadableDigest } from '../settings/text-file.ts';

/** Editors and certificate tools write several files, each in several steps: this quiet is waited for. */
const quietMs = 200;

/** For what the system does not tell: network file systems, a folder that another one has taken the place of. */
const lookEveryMs = 5_000;

/** Folders are watched and not files, because a file that is replaced (rename, symbolic link) takes its watch with it. */
export class FileWatch {
  readonly #onChanged: () => void;
  readonly #interval: NodeJS.Timeout;
  /** As the last reload found them, or as they were told to have changed. */
  #files: readonly FileReading[] = [];
  #names: ReadonlySet<string> = new Set();
  /** By folder. */
  readonly #watchers = new Map<string, FSWatcher>();
  /** Sizes and times at the last look: only when they differ are the files read. */
  #stamps = '';
  #quiet: NodeJS.Timeout | undefined;
  #isLooking = false;

  /** @param onChanged once for any number of changes that come together */
  constructor(onChanged: () => void) {
    this.#onChanged = onChanged;
    this.#interval = setInterval(() => void this.#look(), lookEveryMs).unref();
  }

  /** From now on these. @param files none: nothing is watched */
  watch(files: readonly FileReading[]): void {
    this.#files = files;
    this.#names = new Set(files.flatMap(({ path }) => namesOf(path)));
    const folders = new Set(files.map(({ path }) => dirname(path)));
    for (const [folder, watcher] of this.#watchers) if (!folders.has(folder)) this.#forget(folder, watcher);
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watchFolder(folder);
  }

  close(): void {
    this.watch([]);
    clearInterval(this.#interval);
    clearTimeout(this.#quiet);
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, this.#onEvent);
      this.#watchers.set(folder, watcher);
      watcher.on('error', () => this.#forget(folder, watcher));
    } catch {
      // There is no such folder, or there are too many watches: looking now and then is left.
    }
  }

  #forget(folder: string, watcher: FSWatcher): void {
    watcher.close();
    this.#watchers.delete(folder);
  }

  /**
   * What is written to any other file, as to a log, changes none of these. What comes, goes or is renamed may: it may be a
   * symbolic link on the way to one of them.
   */
  readonly #onEvent = (event: WatchEventType, name: string | null): void => {
    if (event === 'rename' || name === null || this.#names.has(name)) this.#lookSoon();
  };

  #lookSoon(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => void this.#look(), quietMs).unref();
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#files.length === 0) return;
    this.#isLooking = true;
    const before = this.#files;
    const stamps = await stampsOf(before);
    const now = stamps === this.#stamps ? before : await readAgain(before);
    this.#isLooking = false;
    // A reload has come in between, and has seen for itself.
    if (before !== this.#files) return this.#lookSoon();
    this.#stamps = stamps;
    if (now.every(({ digest }, i) => digest === before[i]?.digest)) return;
    this.#files = now;
    this.#onChanged();
  }
}

/** Its own, and that of the file that it is a symbolic link to: both may stand in one folder. */
function namesOf(path: string): readonly string[] {
  try {
    return [basename(path), basename(realpathSync(path))];
  } catch {
    return [basename(path)];
  }
}

const stampsOf = async (files: readonly FileReading[]): Promise<string> => {
  const stamps = files.map(({ path }) =>
    stat(path).then(
      ({ dev, ino, size, mtimeMs, ctimeMs }) => [dev, ino, size, mtimeMs, ctimeMs].join(' '),
      () => unreadableDigest,
    ),
  );
  return (await Promise.all(stamps)).join('\n');
};

const readAgain = (files: readonly FileReading[]): Promise<FileReading[]> =>
  Promise.all(
    files.map(async ({ path }) => ({ path, digest: await readFile(path).then(digestOf, () => unreadableDigest) })),
  );
