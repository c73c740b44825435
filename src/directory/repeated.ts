/** A warning that comes again and again is told once, and then with a count: an outage of a night is a few lines. */

/** A warning of so many, times so many, and so on is told again. */
const growth = 10;

export class Repeated {
  #sort: string | undefined;
  #count = 0;
  #toldAt = 1;

  /**
   * @param text what differs by numbers only is the same
   * @returns how often it has come by now; undefined: it has been told, and is only counted
   */
  come(text: string): number | undefined {
    const sort = text.replace(/\d+/g, '');
    if (sort !== this.#sort) {
      this.#sort = sort;
      this.#count = 0;
      this.#toldAt = 1;
    }
    this.#count += 1;
    if (this.#count < this.#toldAt) return undefined;
    this.#toldAt *= growth;
    return this.#count;
  }

  /** How often it has come by now. */
  get count(): number {
    return this.#count;
  }

  /** It is over. @returns how often it had come */
  end(): number {
    const count = this.#count;
    this.#sort = undefined;
    this.#count = 0;
    this.#toldAt = 1;
    return count;
  }
}
