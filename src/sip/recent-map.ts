/** A map of bounded size that forgets what has not been asked for lately. */

/**
 * Two generations in place of an ordered list: what is asked for moves to the young one; when that is full, it becomes the
 * old one, and what was still in the old one is forgotten. At least the `size` latest keys are remembered, at most twice as many.
 */
export class RecentMap<Value> {
  #size: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  constructor(size: number) {
    this.#size = size;
  }

  /** Takes effect with the next key. */
  resize(size: number): void {
    this.#size = size;
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: Value): void {
    this.#old.delete(key);
    this.#young.set(key, value);
    if (this.#young.size < this.#size) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  *values(): IterableIterator<Value> {
    yield* this.#young.values();
    yield* this.#old.values();
  }
}
