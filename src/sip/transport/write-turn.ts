/**
 * Collects the output of all connections, so that each writes once whatever number of messages it sends: once per turn of the
 * event loop where a turn brings several reads, and else once per read.
 */

interface Flushable {
  flush(): void;
}

/** So many reads in a row are at most taken to come alone, until a turn is looked at again. */
const mostTrust = 32;

/**
 * Up to a few thousand messages a second each one has a turn of its own, and to be called again at the turn's end costs as much
 * as the write. So when some turns have brought a single read, as many more reads are taken to be single: what they send leaves
 * when they end. If they were not, some messages had a write of their own that could have shared one.
 */
export class WriteTurn {
  #waiting: Flushable[] = [];
  #isReading = false;
  /** The end of this turn is awaited, and the reads until then are counted. */
  #isEndAwaited = false;
  #reads = 0;
  /** How many reads are taken to come alone before the next turn is observed, and how many of them remain. */
  #trust = 0;
  #trustLeft = 0;

  /** `flush` follows at the end of the current read, or of the turn. The caller adds itself once until then. */
  add(connection: Flushable): void {
    this.#waiting.push(connection);
    const leavesWithRead = this.#isReading && this.#trustLeft > 0;
    if (!leavesWithRead && !this.#isEndAwaited) this.#awaitEnd();
  }

  /** Work on what one read has brought begins; `endRead` follows, whatever becomes of it. */
  beginRead(): void {
    this.#isReading = true;
    this.#reads += 1;
  }

  endRead(): void {
    this.#isReading = false;
    if (this.#isEndAwaited || this.#trustLeft === 0) return;
    this.#trustLeft -= 1;
    this.#flush();
  }

  #awaitEnd(): void {
    this.#isEndAwaited = true;
    this.#reads = this.#isReading ? 1 : 0;
    setImmediate(this.#onEnd);
  }

  readonly #onEnd = (): void => {
    this.#isEndAwaited = false;
    this.#trust = this.#reads > 1 ? 0 : Math.min(2 * this.#trust + 1, mostTrust);
    this.#trustLeft = this.#trust;
    this.#flush();
  };

  #flush(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) connection.flush();
  }
}
