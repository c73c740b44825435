/** Collects the output of all connections, so that each writes once per turn of the event loop whatever number of messages it sends. */

export interface Flushable {
  flush(): void;
}

export class WriteTurn {
  #waiting: Flushable[] = [];

  /** `flush` follows after the reads of this turn. The caller adds itself once per turn. */
  add(connection: Flushable): void {
    if (this.#waiting.push(connection) === 1) setImmediate(this.#flushAll);
  }

  readonly #flushAll = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) connection.flush();
  };
}
