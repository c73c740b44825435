/** Says when to log a warning that repeats: the first, tenth, hundredth time and so on, so that a night's outage is a few lines. */

/** The next line comes when there have been this many times as many warnings. */
const growth = 10;

export class Repeated {
  #sort: string | undefined;
  #count = 0;
  #toldAt = 1;

  /**
   * @param text texts that differ in numbers only are the same warning
   * @returns how often it has come, when it is to be logged now; else undefined
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
