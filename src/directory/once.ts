/** Remembers what has been reported, so that a thing is told once and not with every look-up. */

/** Bounded: who makes more than so many mistakes has been told enough to look for the others. */
const mostTold = 1_000;

export class Once {
  readonly #told = new Set<string>();

  /**
   * Runs `tell` the first time it is called with this key.
   * @param tell `isLast`: no other key is told from now on, which should be said
   */
  tell(key: string, tell: (isLast: boolean) => void): void {
    if (this.#told.has(key) || this.#told.size >= mostTold) return;
    this.#told.add(key);
    tell(this.#told.size === mostTold);
  }
}
