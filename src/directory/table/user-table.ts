/**
 * All users of one source in 45 bytes each, in shared memory that one thread writes and any may read (see user-records.ts). It
 * keeps 64-bit keyed hashes in place of addresses (see routing/keyed-hash.ts for the odds), so it cannot list its users; two objects
 * with one address stay apart, and the enabled one speaks. A sweep writes beside what is in force, and is adopted at one stroke.
 */
import { type HashSeed, KeyedHash } from '../../hash/keyed-hash.ts';
import {
  isAddressBit,
  isEnabledBit,
  isSharedBit,
  type Layer,
  layerInForce,
  type SharedTable,
  type ShownLoss,
  shownDisabled,
  shownGone,
  UserRecords,
} from './user-records.ts';

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

interface TableCounts {
  /** Addresses; an object may have several. */
  readonly addresses: number;
  readonly enabled: number;
}

/** How many of the addresses in force a sweep has not found, or has found and not enabled any more. */
export interface SweepLoss {
  readonly gone: number;
  readonly disabled: number;
  /** Of all these the ones that `showLoss` had not marked, or had marked for less. */
  readonly unshown: number;
}

const stateOf = (bits: number): UserState => ((bits & isEnabledBit) !== 0 ? 'enabled' : 'address-only');
const bitsOf = (state: UserState): number => isAddressBit | (state === 'enabled' ? isEnabledBit : 0);

/** Where more of the records are nobody, a table is made anew before its index is made larger. */
const mostNobodies = 1 / 4;

export class UserTable {
  readonly #records: UserRecords;
  readonly #hash: KeyedHash;

  /** A view on a table that exists. */
  constructor(shared: SharedTable) {
    this.#records = new UserRecords(shared);
    this.#hash = new KeyedHash(shared.seed);
  }

  /**
   * @param addresses for which it has room
   * @param reserved may grow to so many without a copy; what is not used costs address space, and no memory
   */
  static create(addresses: number, seed: HashSeed, reserved = addresses): UserTable {
    return new UserTable(UserRecords.create(addresses, reserved, seed).shared);
  }

  /**
   * A table that was kept.
   * @param length of its `octets`
   * @param read puts them where it is told
   * @throws whatever `read` throws; RangeError where no table has so many octets
   */
  static ofOctets(length: number, seed: HashSeed, reserved: number, read: (into: Uint8Array) => void): UserTable {
    const count = UserRecords.countIn(length);
    if (!Number.isInteger(count) || count < 0) throw new RangeError(`no table has ${length} octets`);
    const records = UserRecords.create(count, reserved, seed);
    read(records.roomFor(length));
    records.tidy();
    return new UserTable(records.shared);
  }

  get shared(): SharedTable {
    return this.#records.shared;
  }

  get capacity(): number {
    return this.#records.capacity;
  }

  get counts(): TableCounts {
    return this.#records.counts(this.#records.inForce);
  }

  /** What `ofOctets` makes a table of; the layer of a sweep under way is not kept. */
  get octets(): Uint8Array {
    return this.#records.octets;
  }

  /**
   * For the hot path: makes no garbage.
   * @param key from `userKey`
   */
  stateOf(key: string): UserState | undefined {
    this.#hash.of(key);
    const { lo, hi } = this.#hash;
    for (;;) {
      const { adopted } = this.#records;
      const layer = layerInForce(adopted);
      const record = this.#records.best(lo, hi, layer);
      const bits = record < 0 ? 0 : this.#records.state(record, layer);
      // Were a sweep adopted in between, the next one might be writing what was read.
      if (this.#records.adopted === adopted) return bits === 0 ? undefined : stateOf(bits);
    }
  }

  detailsOf(key: string): UserDetails | undefined {
    const record = this.#find(key);
    if (record < 0) return undefined;
    const bits = this.#records.state(record, this.#records.inForce);
    return {
      state: stateOf(bits),
      isShared: (bits & isSharedBit) !== 0,
      knownSinceS: this.#records.knownSince(record),
      lastSeenS: this.#records.lastSeen(record),
    };
  }

  /** Seconds since 1970 of the last sighting; undefined for who is not there. */
  lastSeenOf(key: string): number | undefined {
    const record = this.#find(key);
    return record < 0 ? undefined : this.#records.lastSeen(record);
  }

  /**
   * Writes what the source says of one object: it has these addresses and no others.
   * @param object its identity in the source, in any spelling that stays the same (objectGUID, entryUUID)
   * @param keys from `keyOfAddress`; none removes the object
   * @returns keys that another object has too
   */
  put(object: string, keys: readonly string[], state: UserState, nowS: number): readonly string[] {
    return this.#put(object, keys, state, nowS, this.#records.inForce);
  }

  /** The same for what the sweep finds; in force it is when the sweep is adopted. */
  putSwept(object: string, keys: readonly string[], state: UserState, nowS: number): readonly string[] {
    return this.#put(object, keys, state, nowS, this.#records.swept);
  }

  /** Whether the object has an address, in force or by the sweep. */
  hasObject(object: string): boolean {
    const { inForce, swept } = this.#records;
    this.#hash.of(object);
    for (const record of this.#records.ofObject(this.#hash.lo, this.#hash.hi)) {
      if (this.#records.state(record, inForce) !== 0 || this.#records.state(record, swept) !== 0) return true;
    }
    return false;
  }

  /** @returns whether it was there */
  remove(object: string): boolean {
    return this.#removeOthers(object, [], this.#records.inForce) > 0;
  }

  removeSwept(object: string): boolean {
    return this.#removeOthers(object, [], this.#records.swept) > 0;
  }

  /** A sweep begins, and has found nobody yet. */
  beginSweep(): void {
    const { swept } = this.#records;
    for (const record of this.#records.all()) this.#records.setState(record, 0, swept);
  }

  loss(): SweepLoss {
    let gone = 0;
    let disabled = 0;
    let unshown = 0;
    for (const record of this.#records.all()) {
      const lost = this.#lossOf(record);
      if (lost === shownGone) gone += 1;
      else if (lost === shownDisabled) disabled += 1;
      if (lost > this.#records.shownLoss(record)) unshown += 1;
    }
    return { gone, disabled, unshown };
  }

  /** Marks whoever would be lost, and nobody else: somebody is shown it, and may confirm it. */
  showLoss(): void {
    for (const record of this.#records.all()) this.#records.setShownLoss(record, this.#lossOf(record));
  }

  /** What would be lost if another table, of the same seed, took the place of this one. */
  lossTo({ shared }: UserTable): Omit<SweepLoss, 'unshown'> {
    const after = new UserRecords(shared);
    const lost = { [shownGone]: 0, [shownDisabled]: 0, 0: 0 };
    for (const record of this.#records.all()) lost[this.#lossOf(record, after, after.inForce)] += 1;
    return { gone: lost[shownGone], disabled: lost[shownDisabled] };
  }

  #lossOf(record: number, after = this.#records, layer = this.#records.swept): ShownLoss {
    const state = this.#records.state(record, this.#records.inForce);
    if (state === 0) return 0;
    const found = after.best(this.#records.keyLo(record), this.#records.keyHi(record), layer);
    if (found < 0) return shownGone;
    return (state & isEnabledBit) > (after.state(found, layer) & isEnabledBit) ? shownDisabled : 0;
  }

  /** What the sweep has found is in force, for all readers at once. */
  adoptSweep(): void {
    this.#records.adopt();
  }

  /** The same users with room for so many addresses more; itself where it has the room. */
  withRoomFor(addresses: number): UserTable {
    const needed = this.#records.used + addresses;
    if (needed <= this.capacity) return this;
    const somebody = this.#countSomebody();
    const isTidy = this.#records.used - somebody <= mostNobodies * this.#records.used;
    const records =
      isTidy && needed <= this.#records.reserved
        ? this.#records.indexedFor(needed)
        : this.#records.copyFor(1.25 * (somebody + addresses), this.#records.reserved);
    return new UserTable(records.shared);
  }

  #put(object: string, keys: readonly string[], state: UserState, nowS: number, layer: Layer): readonly string[] {
    this.#removeOthers(object, keys, layer);
    return keys.filter((key) => this.#putOne(object, key, state, nowS, layer));
  }

  #countSomebody(): number {
    let count = 0;
    for (const record of this.#records.all()) if (this.#records.isSomebody(record)) count += 1;
    return count;
  }

  #find(key: string): number {
    this.#hash.of(key);
    return this.#records.best(this.#hash.lo, this.#hash.hi, this.#records.inForce);
  }

  #removeOthers(object: string, keys: readonly string[], layer: Layer): number {
    this.#hash.of(object);
    let removed = 0;
    for (const record of this.#records.ofObject(this.#hash.lo, this.#hash.hi)) {
      if (this.#records.state(record, layer) === 0 || this.#isOneOf(record, keys)) continue;
      this.#records.setState(record, 0, layer);
      this.#updateShared(this.#records.keyLo(record), this.#records.keyHi(record), layer);
      removed += 1;
    }
    return removed;
  }

  #isOneOf(record: number, keys: readonly string[]): boolean {
    return keys.some((key) => {
      this.#hash.of(key);
      return this.#records.keyLo(record) === this.#hash.lo && this.#records.keyHi(record) === this.#hash.hi;
    });
  }

  /** @returns whether another object has this address too */
  #putOne(object: string, key: string, state: UserState, nowS: number, layer: Layer): boolean {
    this.#hash.of(object);
    const { lo: objectLo, hi: objectHi } = this.#hash;
    this.#hash.of(key);
    const { lo, hi } = this.#hash;
    let record = this.#records.exact(lo, hi, objectLo, objectHi);
    if (record < 0) record = this.#records.append(lo, hi, objectLo, objectHi);
    this.#records.see(record, nowS);
    this.#records.setState(record, bitsOf(state) | (this.#records.state(record, layer) & isSharedBit), layer);
    return this.#updateShared(lo, hi, layer);
  }

  /** @returns whether several objects have this address */
  #updateShared(lo: number, hi: number, layer: Layer): boolean {
    const isShared = this.#records.owners(lo, hi, layer) > 1;
    this.#records.markShared(lo, hi, isShared, layer);
    return isShared;
  }
}
