/**
 * HalfSipHash-1-3 with 64 bits of result (Aumasson, Bernstein: "SipHash: a fast short-input PRF"; the 32-bit variant that
 * Linux uses for its hash tables). Keyed, because addresses come from outside: without the seed nobody can make two that
 * collide. Two given texts collide with probability 2^-64; among 1,000,000 users any two do with 2.7e-8, and an address
 * that nobody has meets one of theirs with 5e-14.
 */

/** 64 secret bits. */
export type HashSeed = readonly [number, number];

export const randomSeed = (): HashSeed => {
  const [first = 0, second = 0] = crypto.getRandomValues(new Int32Array(2));
  return [first, second];
};

/** Longer texts, which no address and no branch is, get memory of their own. */
const usualLength = 340;

/** UTF-8 has at most three octets for one character of a string; and the last word may be one that no octet is in. */
const roomFor = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(((3 * length) | 3) + 1);

const encoder = new TextEncoder();
const usualOctets = roomFor(usualLength);
const usualWords = new Int32Array(usualOctets.buffer);

/** The result stands in two fields, for a look-up must not make garbage. */
export class KeyedHash {
  readonly #k0: number;
  readonly #k1: number;
  /** 32 bits, signed. */
  lo = 0;
  hi = 0;

  constructor([k0, k1]: HashSeed) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
  }

  /** Leaves the hash of `text`, as UTF-8, in `lo` and `hi`. */
  of(text: string): void {
    if (text.length <= usualLength) return this.#absorb(usualWords, writeWords(text, usualOctets));
    const octets = roomFor(text.length);
    this.#absorb(new Int32Array(octets.buffer), writeWords(text, octets));
  }

  /** The words, then three rounds for each half of the result. All in one loop, so that its state never leaves the registers. */
  #absorb(words: Int32Array, count: number): void {
    let v0 = this.#k0;
    let v1 = this.#k1 ^ 0xee;
    let v2 = 0x6c796765 ^ this.#k0;
    let v3 = 0x74656462 ^ this.#k1;
    for (let round = 0; round < count + 6; round += 1) {
      const word = round < count ? words[round]! : 0;
      if (round === count) v2 ^= 0xee;
      if (round === count + 3) {
        this.lo = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    this.hi = v1 ^ v3;
  }
}

/** Four octets each, in the machine's own order; the last one carries the length. @returns how many */
function writeWords(text: string, octets: Uint8Array<ArrayBuffer>): number {
  const length = encoder.encodeInto(text, octets).written;
  const last = length | 3;
  for (let at = length; at < last; at += 1) octets[at] = 0;
  octets[last] = length;
  return (last + 1) / 4;
}
