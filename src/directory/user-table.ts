/**
 * All users of one source in 45 bytes each: a table of numbers in one SharedArrayBuffer, written by one thread and read by
 * any without a lock. It keeps 64-bit keyed hashes in place of addresses (see routing/keyed-hash.ts for the odds), so it cannot
 * list its users; two objects with one address stay apart, and the enabled one speaks.
 */
import { type HashSeed, KeyedHash } from '../routing/keyed-hash.ts';

/** Only TRUE in UserEnabled makes a Microsoft user; an address alone does not (migrated, or made searchable). */
export type UserState = 'enabled' | 'address-only';

export interface UserDetails {
  readonly state: UserState;
  /** More than one object of the source has this address. */
  readonly isShared: boolean;
  /** Seconds since 1970: when this table, or one before it, first held the user. */
  readonly knownSinceS: number;
  /** Seconds since 1970: when the source last showed the user, by a sweep or by a change. */
  readonly lastSeenS: number;
}

/** What another thread needs to read the same table. */
export interface SharedTable {
  readonly buffer: SharedArrayBuffer;
  readonly seed: HashSeed;
}

export interface TableCounts {
  /** Addresses; an object may have several. */
  readonly addresses: number;
  readonly enabled: number;
}

// The buffer in 32-bit words: head, records, index of addresses, index of objects.
const head = { capacity: 0, used: 1, addresses: 2, enabled: 3, words: 16 } as const;
const field = { keyLo: 0, keyHi: 1, objectLo: 2, objectHi: 3, state: 4, knownSince: 5, lastSeen: 6 } as const;
const recordWords = 7;

// State word: 0 is a record that is gone; it keeps its place until the next table.
const isEnabledBit = 1;
const isAddressBit = 2;
const isSharedBit = 4;

const smallest = 1_024;

/** For users who come between two sweeps. */
export const roomToGrow = (addresses: number): number => Math.max(smallest, Math.ceil(addresses / 4));

/** At most two thirds full, which keeps probes short. */
const indexWordsFor = (capacity: number): number => 2 ** Math.ceil(Math.log2(capacity * 1.5));

const stateOf = (word: number): UserState => ((word & isEnabledBit) !== 0 ? 'enabled' : 'address-only');
const wordOf = (state: UserState): number => isAddressBit | (state === 'enabled' ? isEnabledBit : 0);

export class UserTable {
  readonly shared: SharedTable;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #hash: KeyedHash;
  readonly #keyIndex: number;
  readonly #objectIndex: number;
  readonly #mask: number;

  /** A view on a table that exists. */
  constructor(shared: SharedTable) {
    this.shared = shared;
    this.#words = new Int32Array(shared.buffer);
    this.#hash = new KeyedHash(shared.seed);
    const indexWords = indexWordsFor(this.capacity);
    this.#mask = indexWords - 1;
    this.#keyIndex = head.words + this.capacity * recordWords;
    this.#objectIndex = this.#keyIndex + indexWords;
  }

  /** @param capacity in addresses; what is not used costs no memory, for the system gives pages when they are written */
  static create(capacity: number, seed: HashSeed): UserTable {
    const records = Math.max(smallest, Math.ceil(capacity));
    const words = head.words + records * recordWords + 2 * indexWordsFor(records);
    const buffer = new SharedArrayBuffer(words * 4);
    new Int32Array(buffer)[head.capacity] = records;
    return new UserTable({ buffer, seed });
  }

  /** A table of the records that `records` gave. */
  static ofRecords(octets: Uint8Array, seed: HashSeed): UserTable {
    // A copy, because words must begin at a multiple of four.
    const words = new Int32Array(Uint8Array.from(octets).buffer);
    const count = words.length / recordWords;
    const table = UserTable.create(count + roomToGrow(count), seed);
    for (let at = 0; at < words.length; at += recordWords) table.#adopt(words, at);
    return table;
  }

  get capacity(): number {
    return this.#words[head.capacity]!;
  }

  get counts(): TableCounts {
    return { addresses: this.#words[head.addresses]!, enabled: this.#words[head.enabled]! };
  }

  /** Records in use, those that are gone included. */
  get used(): number {
    return this.#words[head.used]!;
  }

  /**
   * For the hot path: makes no garbage.
   * @param key from `userKey`
   */
  stateOf(key: string): UserState | undefined {
    const record = this.#findByKey(key);
    return record < 0 ? undefined : stateOf(this.#words[record + field.state]!);
  }

  detailsOf(key: string): UserDetails | undefined {
    const record = this.#findByKey(key);
    return record < 0 ? undefined : this.#detailsAt(record);
  }

  /** Seconds since 1970 of the last sighting; undefined for who is not there. */
  lastSeenOf(key: string): number | undefined {
    const record = this.#findByKey(key);
    return record < 0 ? undefined : this.#words[record + field.lastSeen]! >>> 0;
  }

  /**
   * Writes what the source says of one object: it has these addresses and no others.
   * @param object its identity in the source, in any spelling that stays the same (objectGUID, entryUUID)
   * @param keys from `keyOfAddress`; none removes the object
   * @returns keys that another object has too
   */
  put(object: string, keys: readonly string[], state: UserState, nowS: number): readonly string[] {
    this.#removeOthers(object, keys);
    return keys.filter((key) => this.#putOne(object, key, state, nowS));
  }

  /** @returns whether it was there */
  remove(object: string): boolean {
    return this.#removeOthers(object, []) > 0;
  }

  /** Whether one more object with this many addresses has room. */
  hasRoomFor(addresses: number): boolean {
    return this.used + addresses <= this.capacity;
  }

  /** The same users with the same details in a table with room to grow, without the records that are gone. */
  grown(): UserTable {
    const { addresses } = this.counts;
    const target = UserTable.create(addresses + roomToGrow(addresses), this.shared.seed);
    for (const record of this.#liveRecords()) target.#adopt(this.#words, record);
    return target;
  }

  /** All records in the machine's own order of octets, to be kept and given to `ofRecords`. */
  records(): Uint8Array {
    return new Uint8Array(this.shared.buffer, head.words * 4, this.used * recordWords * 4);
  }

  /** Takes over since when users are known from the table before. */
  rememberFrom(before: UserTable): void {
    for (const record of this.#liveRecords()) {
      const known = before.#sameIn(this.#words, record);
      if (known >= 0) this.#words[record + field.knownSince] = before.#words[known + field.knownSince]!;
    }
  }

  /** What of this table `after` does not have: addresses that are gone, and enabled ones that are no longer. */
  lossTo(after: UserTable): { readonly gone: number; readonly disabled: number } {
    let gone = 0;
    let disabled = 0;
    for (const record of this.#liveRecords()) {
      const found = after.#bestWithHash(this.#words[record]!, this.#words[record + field.keyHi]!);
      if (found < 0) gone += 1;
      else if (this.#isEnabled(record) && !after.#isEnabled(found)) disabled += 1;
    }
    return { gone, disabled };
  }

  /** Marks every user of `sighted` as seen here too; who is missing there grows old. */
  confirmFrom(sighted: UserTable): void {
    for (const record of this.#liveRecords()) {
      const found = sighted.#sameIn(this.#words, record);
      if (found >= 0) this.#words[record + field.lastSeen] = sighted.#words[found + field.lastSeen]!;
    }
  }

  *#liveRecords(): Generator<number> {
    const end = head.words + this.used * recordWords;
    for (let record = head.words; record < end; record += recordWords) {
      if (this.#words[record + field.state] !== 0) yield record;
    }
  }

  #isEnabled(record: number): boolean {
    return (this.#words[record + field.state]! & isEnabledBit) !== 0;
  }

  #detailsAt(record: number): UserDetails {
    const state = this.#words[record + field.state]!;
    return {
      state: stateOf(state),
      isShared: (state & isSharedBit) !== 0,
      knownSinceS: this.#words[record + field.knownSince]! >>> 0,
      lastSeenS: this.#words[record + field.lastSeen]! >>> 0,
    };
  }

  #findByKey(key: string): number {
    this.#hash.of(key);
    return this.#bestWithHash(this.#hash.lo, this.#hash.hi);
  }

  /** The record of an address; of several objects that have it the first one that is enabled, else the first. */
  #bestWithHash(lo: number, hi: number): number {
    let first = -1;
    for (let at = lo & this.#mask; ; at = (at + 1) & this.#mask) {
      const number = Atomics.load(this.#words, this.#keyIndex + at);
      if (number === 0) return first;
      const record = head.words + (number - 1) * recordWords;
      if (this.#words[record] !== lo || this.#words[record + field.keyHi] !== hi) continue;
      const state = Atomics.load(this.#words, record + field.state);
      if (state === 0) continue;
      if ((state & isSharedBit) === 0 || (state & isEnabledBit) !== 0) return record;
      if (first < 0) first = record;
    }
  }

  /** The live record of the same address and object as a record of another table. */
  #sameIn(words: Int32Array, other: number): number {
    const record = this.#exact(words[other]!, words[other + 1]!, words[other + 2]!, words[other + 3]!);
    return record >= 0 && this.#words[record + field.state] !== 0 ? record : -1;
  }

  #exact(keyLo: number, keyHi: number, objectLo: number, objectHi: number): number {
    for (let at = keyLo & this.#mask; ; at = (at + 1) & this.#mask) {
      const number = this.#words[this.#keyIndex + at]!;
      if (number === 0) return -1;
      const record = head.words + (number - 1) * recordWords;
      if (this.#words[record] !== keyLo || this.#words[record + field.keyHi] !== keyHi) continue;
      const isSameObject =
        this.#words[record + field.objectLo] === objectLo && this.#words[record + field.objectHi] === objectHi;
      if (isSameObject) return record;
    }
  }

  #removeOthers(object: string, keys: readonly string[]): number {
    this.#hash.of(object);
    const { lo, hi } = this.#hash;
    let removed = 0;
    for (const record of this.#recordsOf(lo, hi)) {
      if (this.#words[record + field.state] === 0 || this.#isOneOf(record, keys)) continue;
      this.#write(record, 0);
      this.#updateShared(this.#words[record]!, this.#words[record + field.keyHi]!);
      removed += 1;
    }
    return removed;
  }

  #isOneOf(record: number, keys: readonly string[]): boolean {
    return keys.some((key) => {
      this.#hash.of(key);
      return this.#words[record] === this.#hash.lo && this.#words[record + field.keyHi] === this.#hash.hi;
    });
  }

  #recordsOf(lo: number, hi: number): readonly number[] {
    const found: number[] = [];
    for (let at = lo & this.#mask; ; at = (at + 1) & this.#mask) {
      const number = this.#words[this.#objectIndex + at]!;
      if (number === 0) return found;
      const record = head.words + (number - 1) * recordWords;
      if (this.#words[record + field.objectLo] === lo && this.#words[record + field.objectHi] === hi) {
        found.push(record);
      }
    }
  }

  /** @returns whether another object has this address too */
  #putOne(object: string, key: string, state: UserState, nowS: number): boolean {
    this.#hash.of(object);
    const { lo: objectLo, hi: objectHi } = this.#hash;
    this.#hash.of(key);
    const { lo, hi } = this.#hash;
    let record = this.#exact(lo, hi, objectLo, objectHi);
    if (record < 0) record = this.#append(lo, hi, objectLo, objectHi);
    if (this.#words[record + field.state] === 0) this.#words[record + field.knownSince] = nowS;
    this.#words[record + field.lastSeen] = nowS;
    this.#write(record, wordOf(state) | (this.#words[record + field.state]! & isSharedBit));
    return this.#updateShared(lo, hi);
  }

  #adopt(words: Int32Array, from: number): void {
    if (words[from + field.state] === 0) return;
    const record = this.#append(words[from]!, words[from + 1]!, words[from + 2]!, words[from + 3]!);
    this.#words[record + field.knownSince] = words[from + field.knownSince]!;
    this.#words[record + field.lastSeen] = words[from + field.lastSeen]!;
    this.#write(record, words[from + field.state]!);
  }

  /** The indexes come last, and a record's state after them: who finds it finds it whole, or finds nobody. */
  #append(keyLo: number, keyHi: number, objectLo: number, objectHi: number): number {
    const number = this.used;
    if (number >= this.capacity) throw new RangeError(`a table for ${this.capacity} addresses is full`);
    const record = head.words + number * recordWords;
    this.#words[record] = keyLo;
    this.#words[record + field.keyHi] = keyHi;
    this.#words[record + field.objectLo] = objectLo;
    this.#words[record + field.objectHi] = objectHi;
    this.#words[head.used] = number + 1;
    this.#enter(this.#keyIndex, keyLo, number + 1);
    this.#enter(this.#objectIndex, objectLo, number + 1);
    return record;
  }

  #enter(index: number, hash: number, number: number): void {
    let at = hash & this.#mask;
    while (this.#words[index + at] !== 0) at = (at + 1) & this.#mask;
    Atomics.store(this.#words, index + at, number);
  }

  #write(record: number, state: number): void {
    this.#count(this.#words[record + field.state]!, state);
    Atomics.store(this.#words, record + field.state, state);
  }

  #count(before: number, after: number): void {
    const change = (bit: number): number => (after & bit) / bit - (before & bit) / bit;
    this.#words[head.addresses] = this.#words[head.addresses]! + change(isAddressBit);
    this.#words[head.enabled] = this.#words[head.enabled]! + change(isEnabledBit);
  }

  /** Sets or clears the mark on all records of one address. */
  #updateShared(lo: number, hi: number): boolean {
    const live: number[] = [];
    for (let at = lo & this.#mask; ; at = (at + 1) & this.#mask) {
      const number = this.#words[this.#keyIndex + at]!;
      if (number === 0) break;
      const record = head.words + (number - 1) * recordWords;
      const isSame = this.#words[record] === lo && this.#words[record + field.keyHi] === hi;
      if (isSame && this.#words[record + field.state] !== 0) live.push(record);
    }
    const isShared = live.length > 1;
    for (const record of live) {
      const state = this.#words[record + field.state]!;
      Atomics.store(this.#words, record + field.state, isShared ? state | isSharedBit : state & ~isSharedBit);
    }
    return isShared;
  }
}
