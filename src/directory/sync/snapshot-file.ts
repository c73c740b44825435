/** Keeps the file of a snapshot up to date, and leaves it alone once another has written it. */
import type { Clock } from '../../clock.ts';
import { type StoredSnapshot, writeSnapshot, writtenAtMs } from './store.ts';
import type { UserSource } from './user-source.ts';

const saveEveryMs = 5 * 60_000;

export class SnapshotFile {
  readonly path: string;
  readonly #clock: Clock;
  #savedMs = 0;
  /** By the file system's clock: our last writing of it. */
  #writtenAtMs: number | undefined;

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
  }

  get isDue(): boolean {
    return this.#clock.now() - this.#savedMs > saveEveryMs;
  }

  /**
   * Writes it, unless another source that has taken our place by a reload has done so: ours would be of other settings.
   * @returns why it could not be written
   */
  save(source: UserSource, snapshot: StoredSnapshot): string | undefined {
    if (this.#writtenAtMs !== undefined && writtenAtMs(this.path) !== this.#writtenAtMs) return undefined;
    this.#savedMs = this.#clock.now();
    try {
      writeSnapshot(this.path, source, snapshot);
      this.#writtenAtMs = writtenAtMs(this.path);
      return undefined;
    } catch (error) {
      return `${this.path} cannot be written: ${(error as Error).message}`;
    }
  }
}
