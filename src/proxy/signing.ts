/**
 * What proves that a Via, Record-Route or Route is ours: marks made with secret keys that all nodes of a router share.
 *
 * A Record-Route gives a request rights that it does not have by itself (no directory, no loop check, any port of a peer), so
 * its mark is an HMAC. It covers what stays the same throughout a dialog: the Call-ID, and the sides that the dialog joins.
 * Tags are left out, as they change places with the direction and differ between forks; host, port and transport too, because
 * peers may spell them differently, and every Route of ours is removed whatever it says. A peer that knows the mark of one
 * dialog can therefore only make requests with that Call-ID, which it may do anyway.
 *
 * A Via only shows whether a request has looped, and every message has one: its mark is a keyed hash, which costs no more than
 * one without a key.
 */
import { createHmac, hash, type KeyObject } from 'node:crypto';
import { KeyedHash } from '../hash/keyed-hash.ts';
import type { OwnRoute, Side } from '../routing/types.ts';
import type { SipUri } from '../sip-parser/index.ts';
import { RecentSeals } from './recent-seals.ts';

/** Octets of the HMAC that are sent: 96 bits are too many to guess. */
const sealOctets = 12;

/** A signed Route of a dialog says this of its sides, in the letter that is sent. */
const letters = { b: 'both-sides', c: 'cisco', m: 'microsoft' } as const;
type Letter = keyof typeof letters;

const letterOf = (from: Side, to: Side): Letter => (from !== to ? 'b' : from === 'cisco' ? 'c' : 'm');

const isLetter = (text: string): text is Letter => text in letters;

/** Our URI parameter in Record-Route and Route. */
const parameter = 'pif';

/** As sent; null when it has no value, undefined when there is none. */
export const sealOf = (uri: SipUri | undefined): string | null | undefined => uri?.param(parameter);

/** Our Record-Route without its header name. */
export const sealedUri = (uri: string, seal: string): string => `<${uri};lr;${parameter}=${seal}>`;

/** Of SHA-256, in octets. */
const blockLength = 64;
const digestLength = 32;

/** UTF-8 of any Call-ID that programs make and what stands before it; longer texts are signed by Node's own HMAC. */
const usualLength = 1024;

/**
 * HMAC-SHA-256 (RFC 2104) of short texts, by two hashes in one call each: Node's own makes an object of the native side for
 * every text, and takes more than twice as long.
 */
class Hmac {
  readonly #key: KeyObject;
  readonly #inner = Buffer.alloc(blockLength + usualLength, 0x36);
  /** The part that was signed last: most texts have the same length, and a new view of a buffer takes time to make. */
  #signed = this.#inner;
  readonly #outer = Buffer.alloc(blockLength + digestLength, 0x5c);

  constructor(key: KeyObject) {
    this.#key = key;
    const secret = key.export();
    const octets = secret.length > blockLength ? hash('sha256', secret, 'buffer') : secret;
    for (const [at, octet] of octets.entries()) {
      this.#inner[at] = octet ^ 0x36;
      this.#outer[at] = octet ^ 0x5c;
    }
  }

  /** In hexadecimal digits. */
  of(text: string): string {
    // At most three octets of UTF-8 for one character.
    if (3 * text.length > usualLength) return createHmac('sha256', this.#key).update(text).digest('hex');
    const length = blockLength + this.#inner.write(text, blockLength);
    if (this.#signed.length !== length) this.#signed = this.#inner.subarray(0, length);
    this.#outer.write(hash('sha256', this.#signed, 'binary'), blockLength, 'binary');
    return hash('sha256', this.#outer, 'hex');
  }
}

export type SigningKeys = readonly [KeyObject, ...KeyObject[]];

class SigningKey {
  readonly via: KeyedHash;
  readonly #hmac: Hmac;
  /** By Call-ID. How long a look-up takes may tell that a Call-ID is known here, but nothing of its seal. */
  readonly #recent = new RecentSeals();

  constructor(key: KeyObject) {
    this.#hmac = new Hmac(key);
    // Another use, another key.
    const seed = createHmac('sha256', key).update('via').digest();
    this.via = new KeyedHash([seed.readInt32LE(0), seed.readInt32LE(4)]);
  }

  /** Token characters in one case, that no peer has a reason to touch. */
  seal(letter: Letter, callId: string): string {
    const known = this.#recent.find(letter, callId);
    if (known !== undefined) return known;
    const seal = letter + this.#hmac.of(`record-route ${letter} ${callId}`).slice(0, 2 * sealOctets);
    this.#recent.remember(callId, seal);
    return seal;
  }
}

/** The key that signs, and former ones whose signatures are still accepted. No member shows a key. */
export class Signing {
  readonly #keys: readonly [SigningKey, ...SigningKey[]];

  /** @param keys the first one signs */
  constructor([first, ...others]: SigningKeys) {
    this.#keys = [new SigningKey(first), ...others.map((key) => new SigningKey(key))];
  }

  /** The value of our parameter in a Record-Route of a dialog from one side to another (or the same). */
  seal(callId: string, from: Side, to: Side): string {
    return this.#keys[0].seal(letterOf(from, to), callId);
  }

  /**
   * What a Route value of ours proves about a request with this Call-ID.
   * @param seal the parameter as sent: null without a value, undefined when there is none
   */
  read(seal: string | null | undefined, callId: string): Exclude<OwnRoute, 'none'> {
    if (seal === undefined) return 'unsigned';
    const sent = seal ?? '';
    const letter = sent.slice(0, 1).toLowerCase();
    if (!isLetter(letter) || sent.length !== 1 + 2 * sealOctets) return 'forged';
    return this.#keys.some((key) => isSame(key.seal(letter, callId), sent)) ? letters[letter] : 'forged';
  }

  /** Hashes the Vias that we write. */
  get viaHash(): KeyedHash {
    return this.#keys[0].via;
  }

  /** Those of all keys: a Via may have been written before the keys changed. */
  get viaHashes(): readonly KeyedHash[] {
    return this.#keys.map(({ via }) => via);
  }
}

/** The ASCII case bit. No two other characters of a seal differ by it alone. */
const caseBit = 0x20;

/** Ignores case, and takes the same time however much of a guess is right. Both texts have the same length. */
const isSame = (a: string, b: string): boolean => {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a.charCodeAt(i) ^ b.charCodeAt(i)) & ~caseBit;
  return difference === 0;
};
