/** The seals of dialogs that have moved lately: the ACK and BYE of an INVITE bring back what was made for it. */
import { hashOf } from '../hash/key-hash.ts';
import { ownCopy } from '../sip-parser/index.ts';

/** A power of two. */
const places = 4096;

/** Longer ones are not remembered, so that what is has a bound. */
const longestCallId = 256;

/**
 * Each Call-ID has its place, and drives out who had it before. What is forgotten is only made again; and a `Map` that
 * forgets its oldest entries looks for each new Call-ID in both of its halves, which took a hundredth of a call.
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
    // As it came it would keep the whole request.
    this.#callIds[place] = ownCopy(callId);
    this.#seals[place] = seal;
  }
}
