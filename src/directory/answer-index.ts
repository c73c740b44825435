/**
 * What a cache hit needs of a user, in 24 octets, found by the 64-bit keyed hash of the user's key (see `hash/keyed-hash.ts` for
 * the odds that two share one): a hit touches one line of memory that the processor has not cached. How places are found, and
 * freed, is told in `hash/probing.ts`; how this and lru-cache share the work, in `cached.ts`.
 */
import { type HashSeed, KeyedHash } from '../hash/keyed-hash.ts';
import { mayFill, nextSlot } from '../hash/probing.ts';

// A place: six 32-bit words, the third and fourth of which are one 64-bit number.
const placeWords = 6;
const field = { lo: 0, hi: 1, answer: 4, isUsed: 5 } as const;
const timesPerPlace = placeWords / 2;
const trueAtTime = 1;

/** Of the places: probes stay short where every third is free. */
const fullest = 2 / 3;

export class AnswerIndex {
  readonly #hash: KeyedHash;
  /** Of place numbers; there are a power of two. */
  readonly #mask: number;
  readonly #words: Int32Array;
  readonly #times: Float64Array;

  /** @param users at most so many at a time */
  constructor(users: number, seed: HashSeed) {
    const places = 2 ** Math.ceil(Math.log2((users + 1) / fullest));
    const buffer = new ArrayBuffer(places * placeWords * 4);
    this.#hash = new KeyedHash(seed);
    this.#mask = places - 1;
    this.#words = new Int32Array(buffer);
    this.#times = new Float64Array(buffer);
  }

  /** The place of a user; -1: none. It is good until the next `put` or `remove`. */
  find(key: string): number {
    const place = this.#probe(key);
    return this.#isFree(place) ? -1 : place;
  }

  /** The number that was put for the answer. */
  answer(place: number): number {
    return this.#words[place * placeWords + field.answer]! - 1;
  }

  /** When the answer was true. */
  trueAtMs(place: number): number {
    return this.#times[place * timesPerPlace + trueAtTime]!;
  }

  /** The user is asked for. */
  use(place: number): void {
    this.#words[place * placeWords + field.isUsed] = 1;
  }

  /** Whether the user was asked for since `put`, or since this was last asked. */
  takeUsed(key: string): boolean {
    const place = this.find(key);
    if (place < 0 || this.#words[place * placeWords + field.isUsed] === 0) return false;
    this.#words[place * placeWords + field.isUsed] = 0;
    return true;
  }

  /** @param answer any number from 0 on */
  put(key: string, answer: number, trueAtMs: number): void {
    const place = this.#probe(key);
    const at = place * placeWords;
    this.#words[at + field.lo] = this.#hash.lo;
    this.#words[at + field.hi] = this.#hash.hi;
    this.#words[at + field.answer] = answer + 1;
    this.#words[at + field.isUsed] = 0;
    this.#times[place * timesPerPlace + trueAtTime] = trueAtMs;
  }

  remove(key: string): void {
    let gap = this.find(key);
    if (gap < 0) return;
    for (let place = nextSlot(gap, this.#mask); !this.#isFree(place); place = nextSlot(place, this.#mask)) {
      const home = this.#words[place * placeWords + field.lo]! & this.#mask;
      if (!mayFill(gap, place, home, this.#mask)) continue;
      this.#words.copyWithin(gap * placeWords, place * placeWords, (place + 1) * placeWords);
      gap = place;
    }
    this.#words.fill(0, gap * placeWords, (gap + 1) * placeWords);
  }

  /** The user's place, or the free one where it would be. */
  #probe(key: string): number {
    this.#hash.of(key);
    const { lo, hi } = this.#hash;
    for (let place = lo & this.#mask; ; place = nextSlot(place, this.#mask)) {
      const at = place * placeWords;
      const isTheirs = this.#words[at + field.lo] === lo && this.#words[at + field.hi] === hi;
      if (isTheirs || this.#isFree(place)) return place;
    }
  }

  #isFree(place: number): boolean {
    return this.#words[place * placeWords + field.answer] === 0;
  }
}
