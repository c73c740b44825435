/** Seals that were used lately: the ACK and BYE of an INVITE bring back the one that was made for it. */
import { hashOf } from '../hash/key-hash.ts';
import { ownCopy } from '../sip-parser/index.ts';

/** A power of two. */
const places = 4096;

/** Longer ones are not remembered, which bounds the memory. */
const longestCallId = 256;

/**
 * Direct-mapped: a Call-ID has one place, and replaces the one before it there. A seal that is forgotten is computed again. A
 * `Map` that drops its oldest entries takes two look-ups for each new Call-ID, which was a hundredth of the time of a call.
 */
export class RecentSeals {
  readonly #hashes = new Int32Array(places);
  readonly #callIds = new Array<string>(places).fill('');
  readonly #seals = new Array<string>(places).fill('');

  /** @param letter the first character of the seal */
  find(letter: string, callId: string): string | undefined {
    const hash = hashOf(callId);
    const place = hash & (places - 1);
    if (this.#hashes[place] !== hash || this.#callIds[place] !== callId) return undefined;
    const seal = this.#seals[place]!;
    return seal.startsWith(letter) ? seal : undefined;
  }

  remember(callId: string, seal: string): void {
    if (callId.length > longestCallId) return;
    const hash = hashOf(callId);
    const place = hash & (places - 1);
    this.#hashes[place] = hash;
    // A slice of the message would keep all of it in memory.
    this.#callIds[place] = ownCopy(callId);
    this.#seals[place] = seal;
  }
}
