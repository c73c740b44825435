/** Remembers what has been reported, so that a thing is told once and not with every look-up. */

/** Bounded: after so many it begins anew, and may tell a thing a second time. */
const mostRemembered = 1_000;

export class Once {
  readonly #told = new Set<string>();

  /** Runs `tell` the first time it is called with this key. */
  tell(key: string, tell: () => void): void {
    if (this.#told.has(key)) return;
    if (this.#told.size >= mostRemembered) this.#told.clear();
    this.#told.add(key);
    tell();
  }
}
