/**
 * Which worker has which INVITE: one word in shared memory for each, found by a keyed hash. It is asked for what this worker
 * does not know. A wrong answer is harmless: a request that is passed to a worker without its INVITE is served there.
 */
import { type HashSeed, KeyedHash, randomSeed } from '../hash/keyed-hash.ts';

/** Shared by all workers. */
export interface ClaimStorage {
  readonly buffer: SharedArrayBuffer;
  readonly seed: HashSeed;
}

/** Room for those of 32 s at 6,000 calls a second, a fifth full: 4 MiB, which cost nothing before they are written. */
const buckets = 131_072;

/** A hash is searched in its bucket only. When the bucket is full, other workers do not find the INVITE. */
const places = 8;

/** Bits of a word: the worker's number plus 1, as 0 is a free place; the rest is of the hash. */
const ownerBits = 0xff;

const notClaimed = -1;

export const sharedClaims = (): ClaimStorage => ({
  buffer: new SharedArrayBuffer(4 * buckets * places),
  seed: randomSeed(),
});

export class Claims {
  readonly #words: Int32Array;
  readonly #hashed: KeyedHash;
  readonly #own: number;

  /** @param worker its number, from 0 on */
  constructor({ buffer, seed }: ClaimStorage, worker: number) {
    this.#words = new Int32Array(buffer);
    this.#hashed = new KeyedHash(seed);
    this.#own = worker + 1;
  }

  /** @returns the argument for `release` */
  claim(key: string): number {
    const { first, mark } = this.#look(key);
    for (let at = first; at < first + places; at += 1) {
      if (Atomics.compareExchange(this.#words, at, 0, mark | this.#own) === 0) return at;
    }
    return notClaimed;
  }

  release(claim: number): void {
    if (claim !== notClaimed) Atomics.store(this.#words, claim, 0);
  }

  /** The number of the other worker that has it; undefined: none, or it is here. */
  ownerOf(key: string): number | undefined {
    const { first, mark } = this.#look(key);
    for (let at = first; at < first + places; at += 1) {
      const word = Atomics.load(this.#words, at);
      const owner = word & ownerBits;
      if (owner !== 0 && owner !== this.#own && (word & ~ownerBits) === mark) return owner - 1;
    }
    return undefined;
  }

  #look(key: string): { readonly first: number; readonly mark: number } {
    this.#hashed.of(key);
    return { first: (this.#hashed.lo & (buckets - 1)) * places, mark: this.#hashed.hi & ~ownerBits };
  }
}
