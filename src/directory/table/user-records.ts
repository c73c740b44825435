/**
 * The memory of a user table: records of seven 32-bit words, and an index that finds them by address and by object. Each
 * record holds two states, of which one is in force; a sweep writes the other. One thread writes, any may read, without a lock.
 */
import type { HashSeed } from '../../hash/keyed-hash.ts';
import { nextSlot } from '../../hash/probing.ts';

/** What another thread needs to read the same table. */
export interface SharedTable {
  /** Head and records; larger than what is in use, for the system gives pages only when they are written. */
  readonly buffer: SharedArrayBuffer;
  /** Where the records of an address stand, then where those of an object do. */
  readonly index: SharedArrayBuffer;
  readonly seed: HashSeed;
}

/** All first states, or all second ones: what look-ups are answered from, and what the sweep under way has found. */
export type Layer = 0 | 3;

// The buffer: head, then records.
const head = { used: 0, adopted: 1, counts: 2, words: 16 } as const;
const field = { keyLo: 0, keyHi: 1, objectLo: 2, objectHi: 3, states: 4, knownSince: 5, lastSeen: 6 } as const;
const recordWords = 7;

// A state in three bits; 0 is nobody. A record that is nobody in both layers keeps its place until the table is made anew.
export const isEnabledBit = 1;
export const isAddressBit = 2;
export const isSharedBit = 4;
const stateMask = 7;
const statesMask = 0o77;

/** Beside the two states: what somebody was shown would be lost with this record. */
export type ShownLoss = 0 | typeof shownDisabled | typeof shownGone;
export const shownDisabled = 1;
export const shownGone = 2;
const shown = { shift: 6, mask: 3 } as const;

const smallest = 1_024;

/** Of the places in an index: probes stay short where every third is free. */
const fullest = 2 / 3;

const newIndex = (addresses: number): SharedArrayBuffer => {
  const places = 2 ** Math.ceil(Math.log2(Math.max(smallest, addresses) / fullest));
  return new SharedArrayBuffer(2 * places * 4);
};

/** Each sweep that is adopted lets the layers change places. */
export const layerInForce = (adopted: number): Layer => (adopted % 2 === 0 ? 0 : 3);

/** Addresses, then those of them that are enabled. */
const countsAt = (layer: Layer): number => head.counts + (layer === 0 ? 0 : 2);

export class UserRecords {
  readonly shared: SharedTable;
  /** Records for which there is room. */
  readonly reserved: number;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #index: Int32Array<SharedArrayBuffer>;
  /** Of places in one half of the index. */
  readonly #mask: number;

  constructor(shared: SharedTable) {
    this.shared = shared;
    this.#words = new Int32Array(shared.buffer);
    this.#index = new Int32Array(shared.index);
    this.#mask = this.#index.length / 2 - 1;
    this.reserved = Math.floor((this.#words.length - head.words) / recordWords);
  }

  /**
   * @param addresses for which it has an index
   * @param reserved for so many it has records; what is not used costs address space, and no memory
   */
  static create(addresses: number, reserved: number, seed: HashSeed): UserRecords {
    const records = Math.ceil(Math.max(smallest, addresses, reserved));
    const buffer = new SharedArrayBuffer((head.words + records * recordWords) * 4);
    return new UserRecords({ buffer, index: newIndex(addresses), seed });
  }

  /** What must be kept to have these records again, in the machine's own order of octets. */
  get octets(): Uint8Array {
    return new Uint8Array(this.shared.buffer, 0, (head.words + this.used * recordWords) * 4);
  }

  /** @returns how many records so many octets are; no whole number where they are none */
  static countIn(octets: number): number {
    return (octets / 4 - head.words) / recordWords;
  }

  /** Where the octets that are kept are to be read to; after that it is made good by `tidy`. */
  roomFor(octets: number): Uint8Array {
    return new Uint8Array(this.shared.buffer, 0, octets);
  }

  /** Addresses for which there are both records and index. */
  get capacity(): number {
    return Math.min(Math.floor((this.#mask + 1) * fullest), this.reserved);
  }

  /** Records in use, those that are nobody included. */
  get used(): number {
    return this.#words[head.used]!;
  }

  /** Sweeps adopted; while it stays the same, so does the layer in force. */
  get adopted(): number {
    return Atomics.load(this.#words, head.adopted);
  }

  /** What was swept is in force, for all readers at once. */
  adopt(): void {
    Atomics.add(this.#words, head.adopted, 1);
  }

  get inForce(): Layer {
    return layerInForce(this.adopted);
  }

  get swept(): Layer {
    return layerInForce(this.adopted + 1);
  }

  counts(layer: Layer): { readonly addresses: number; readonly enabled: number } {
    const at = countsAt(layer);
    return { addresses: this.#words[at]!, enabled: this.#words[at + 1]! };
  }

  /** Every record, those that are nobody included. */
  *all(): Generator<number> {
    const end = head.words + this.used * recordWords;
    for (let record = head.words; record < end; record += recordWords) yield record;
  }

  isSomebody(record: number): boolean {
    return (this.#words[record + field.states]! & statesMask) !== 0;
  }

  state(record: number, layer: Layer): number {
    return (Atomics.load(this.#words, record + field.states) >> layer) & stateMask;
  }

  setState(record: number, state: number, layer: Layer): void {
    const states = this.#words[record + field.states]!;
    this.#count((states >> layer) & stateMask, state, layer);
    Atomics.store(this.#words, record + field.states, (states & ~(stateMask << layer)) | (state << layer));
  }

  shownLoss(record: number): ShownLoss {
    return ((this.#words[record + field.states]! >> shown.shift) & shown.mask) as ShownLoss;
  }

  setShownLoss(record: number, loss: ShownLoss): void {
    const states = this.#words[record + field.states]!;
    Atomics.store(this.#words, record + field.states, (states & statesMask) | (loss << shown.shift));
  }

  keyLo(record: number): number {
    return this.#words[record]!;
  }

  keyHi(record: number): number {
    return this.#words[record + field.keyHi]!;
  }

  /** Seconds since 1970. */
  knownSince(record: number): number {
    return this.#words[record + field.knownSince]! >>> 0;
  }

  /** Seconds since 1970. */
  lastSeen(record: number): number {
    return this.#words[record + field.lastSeen]! >>> 0;
  }

  /** An address that is absent from the table in force is known from now on. */
  see(record: number, nowS: number): void {
    if (this.state(record, this.inForce) === 0) this.#words[record + field.knownSince] = nowS;
    this.#words[record + field.lastSeen] = nowS;
  }

  /**
   * For the hot path: makes no garbage.
   * @returns the record of an address, of several objects that have it the first one that is enabled, else the first; -1
   */
  best(lo: number, hi: number, layer: Layer): number {
    let first = -1;
    for (let at = lo & this.#mask; ; at = nextSlot(at, this.#mask)) {
      const record = this.#recordAt(at);
      if (record < 0) return first;
      if (this.#words[record] !== lo || this.#words[record + field.keyHi] !== hi) continue;
      const state = this.state(record, layer);
      if (state === 0) continue;
      if ((state & isSharedBit) === 0 || (state & isEnabledBit) !== 0) return record;
      if (first < 0) first = record;
    }
  }

  /** Of an address with an object, be it nobody; -1 where it is not. */
  exact(keyLo: number, keyHi: number, objectLo: number, objectHi: number): number {
    for (let at = keyLo & this.#mask; ; at = nextSlot(at, this.#mask)) {
      const record = this.#recordAt(at);
      if (record < 0) return -1;
      if (this.#words[record] !== keyLo || this.#words[record + field.keyHi] !== keyHi) continue;
      const isSameObject =
        this.#words[record + field.objectLo] === objectLo && this.#words[record + field.objectHi] === objectHi;
      if (isSameObject) return record;
    }
  }

  ofObject(lo: number, hi: number): readonly number[] {
    const found: number[] = [];
    for (let at = lo & this.#mask; ; at = nextSlot(at, this.#mask)) {
      const record = this.#recordAt(this.#mask + 1 + at);
      if (record < 0) return found;
      if (this.#words[record + field.objectLo] === lo && this.#words[record + field.objectHi] === hi)
        found.push(record);
    }
  }

  /** How many objects have an address. */
  owners(keyLo: number, keyHi: number, layer: Layer): number {
    let count = 0;
    for (let at = keyLo & this.#mask; ; at = nextSlot(at, this.#mask)) {
      const record = this.#recordAt(at);
      if (record < 0) return count;
      if (this.#isOwner(record, keyLo, keyHi, layer)) count += 1;
    }
  }

  /** Sets or clears the mark on all records of an address. */
  markShared(keyLo: number, keyHi: number, isShared: boolean, layer: Layer): void {
    for (let at = keyLo & this.#mask; ; at = nextSlot(at, this.#mask)) {
      const record = this.#recordAt(at);
      if (record < 0) return;
      if (!this.#isOwner(record, keyLo, keyHi, layer)) continue;
      const state = this.state(record, layer);
      this.setState(record, isShared ? state | isSharedBit : state & ~isSharedBit, layer);
    }
  }

  #isOwner(record: number, keyLo: number, keyHi: number, layer: Layer): boolean {
    const isSame = this.#words[record] === keyLo && this.#words[record + field.keyHi] === keyHi;
    return isSame && this.state(record, layer) !== 0;
  }

  /** The index comes last, and a state after it: who finds a record finds it whole, or finds nobody. */
  append(keyLo: number, keyHi: number, objectLo: number, objectHi: number): number {
    const number = this.used;
    if (number >= this.capacity) throw new RangeError(`a table for ${this.capacity} addresses is full`);
    const record = head.words + number * recordWords;
    this.#words[record] = keyLo;
    this.#words[record + field.keyHi] = keyHi;
    this.#words[record + field.objectLo] = objectLo;
    this.#words[record + field.objectHi] = objectHi;
    this.#words[record + field.states] = 0;
    this.#words[head.used] = number + 1;
    this.#enter(record);
    return record;
  }

  /** The same records, shared, with a larger index: readers of the old index miss only later additions. */
  indexedFor(addresses: number): UserRecords {
    const records = new UserRecords({ ...this.shared, index: newIndex(addresses) });
    for (const record of records.all()) records.#enter(record);
    return records;
  }

  /** A copy of those who are somebody in either layer. */
  copyFor(addresses: number, reserved: number): UserRecords {
    const copy = UserRecords.create(addresses, reserved, this.shared.seed);
    copy.#words[head.adopted] = this.adopted;
    for (const from of this.all()) if (this.isSomebody(from)) copy.#take(this.#words, from);
    return copy;
  }

  /** Of records that were read: only what was in force counts, the others give up their places, and the index is made. */
  tidy(): void {
    const { used, inForce } = this;
    this.#words.fill(0, 0, head.words);
    for (let number = 0; number < used; number += 1) {
      const from = head.words + number * recordWords;
      this.#words[from + field.states] = this.state(from, inForce);
      if (this.isSomebody(from)) this.#take(this.#words, from);
    }
  }

  /** From another place, which may be further on in the same words. */
  #take(words: Int32Array, from: number): void {
    const states = words[from + field.states]!;
    const [knownSince, lastSeen] = [words[from + field.knownSince]!, words[from + field.lastSeen]!];
    const record = this.append(words[from]!, words[from + 1]!, words[from + 2]!, words[from + 3]!);
    this.#words[record + field.knownSince] = knownSince;
    this.#words[record + field.lastSeen] = lastSeen;
    for (const layer of [0, 3] as const) this.#count(0, (states >> layer) & stateMask, layer);
    Atomics.store(this.#words, record + field.states, states);
  }

  #enter(record: number): void {
    const number = (record - head.words) / recordWords + 1;
    this.#place(0, this.#words[record]!, number);
    this.#place(this.#mask + 1, this.#words[record + field.objectLo]!, number);
  }

  #place(half: number, hash: number, number: number): void {
    let at = hash & this.#mask;
    while (this.#index[half + at] !== 0) at = nextSlot(at, this.#mask);
    Atomics.store(this.#index, half + at, number);
  }

  /** What stands in a place of the index; -1: nothing, and a search ends there. */
  #recordAt(place: number): number {
    const number = Atomics.load(this.#index, place);
    return number === 0 ? -1 : head.words + (number - 1) * recordWords;
  }

  #count(before: number, after: number, layer: Layer): void {
    const at = countsAt(layer);
    const change = (bit: number): number => (after & bit) / bit - (before & bit) / bit;
    this.#words[at] = this.#words[at]! + change(isAddressBit);
    this.#words[at + 1] = this.#words[at + 1]! + change(isEnabledBit);
  }
}
