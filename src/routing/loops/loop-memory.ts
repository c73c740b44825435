/**
 * The memory of what was sent to which side, so that a request is recognized when it comes back from there, even through
 * a B2BUA that made a new Via, a new branch and a new Max-Forwards. Several threads may share one: what went out by one may
 * come back to another. It has no clock of its own: `now` is a parameter.
 */
import { type HashSeed, KeyedHash, randomSeed } from '../../hash/keyed-hash.ts';
import { nextSlot } from '../../hash/probing.ts';
import type { Side } from '../types.ts';

interface LoopMemoryLimits {
  /** An entry lives at least this long, and less than twice as long. */
  readonly keepMs?: number;
  /** Entries of one generation; two are kept. With more traffic than that the oldest half is forgotten early. */
  readonly maxEntries?: number;
}

/** Where a memory is kept; memories with the same limits and the same storage are one. */
export interface LoopStorage {
  readonly buffer: ArrayBufferLike;
  readonly seed: HashSeed;
}

/** 64*T1 with the T1 of the RFC: nothing comes back later than its asker waits (RFC 3261 §17.1.2.2). */
const usualKeepMs = 32_000;

/** The requests of 32 s at 8,000 a second; a generation of these takes 4 MiB. */
const defaultMaxEntries = 262_144;

/** What is known of one request, in three bits: that it was sent, to which side, and whether it came back. */
const sides: readonly Side[] = ['cisco', 'microsoft'];
const sentFlag = 1;
const sideShift = 1;
const loopedFlag = 4;
const allFlags = 7;

/** One is young, one is old, and one is empty, so that nobody waits for a table to be emptied. */
const generations = 3;

/** In words of 32 bits: the number of the young generation, the sizes of all, and since when each is young (64 bits). */
const head = { turn: 0, sizes: 1, since: 4, words: 16 } as const;

/** At most half full, which keeps probes short. */
const slotsFor = (maxEntries: number): number => 2 ** Math.ceil(Math.log2(2 * maxEntries));

const bytesFor = (maxEntries: number): number => 4 * (head.words + generations * 2 * slotsFor(maxEntries));

/** For threads to share. What is not used costs no memory, for the system gives pages when they are written. */
export const sharedLoopStorage = (maxEntries = defaultMaxEntries): LoopStorage => ({
  buffer: new SharedArrayBuffer(bytesFor(maxEntries)),
  seed: randomSeed(),
});

/**
 * One generation: an open-addressing table in flat memory, two words a slot: half of a hash, and the other half with the flags
 * in its lowest bits. A Map of strings would hold some hundred thousand objects for half a minute each, which costs more in
 * garbage collection than all of the proxy's work. The first word claims a slot, once until the table is emptied; two threads
 * that enter the same key at the same moment may make two entries of it, which does no harm.
 */
class Generation {
  readonly #words: Int32Array;
  readonly #mask: number;

  constructor(buffer: ArrayBufferLike, byteOffset: number, slots: number) {
    this.#words = new Int32Array(buffer, byteOffset, 2 * slots);
    this.#mask = slots - 1;
  }

  /** 0: not known. */
  flagsOf(first: number, second: number): number {
    const at = this.#find(first, second);
    return at < 0 ? 0 : Atomics.load(this.#words, at) & allFlags;
  }

  /** @returns whether it was known */
  mark(first: number, second: number): boolean {
    const at = this.#find(first, second);
    if (at >= 0) Atomics.or(this.#words, at, loopedFlag);
    return at >= 0;
  }

  /** @returns whether it is new here */
  put(first: number, second: number, flags: number): boolean {
    for (let slot = this.#home(first); ; slot = nextSlot(slot, this.#mask)) {
      const at = 2 * slot;
      const there = Atomics.load(this.#words, at) || Atomics.compareExchange(this.#words, at, 0, first);
      if (there !== 0 && !this.#isAt(at, there, first, second)) continue;
      Atomics.store(this.#words, at + 1, second | flags);
      return there === 0;
    }
  }

  clear(): void {
    this.#words.fill(0);
  }

  #home(first: number): number {
    return (first ^ (first >>> 15)) & this.#mask;
  }

  /** The place of the word with the flags; -1: not known. */
  #find(first: number, second: number): number {
    for (let slot = this.#home(first); ; slot = nextSlot(slot, this.#mask)) {
      const there = Atomics.load(this.#words, 2 * slot);
      if (there === 0) return -1;
      if (this.#isAt(2 * slot, there, first, second)) return 2 * slot + 1;
    }
  }

  #isAt(at: number, there: number, first: number, second: number): boolean {
    return there === first && (Atomics.load(this.#words, at + 1) & ~allFlags) === second;
  }
}

/** Keys are made of Call-ID, From tag, CSeq number, method and recipient; any text serves. */
export class LoopMemory {
  #keepMs: number;
  readonly #maxEntries: number;
  readonly #hashed: KeyedHash;
  readonly #head: Int32Array;
  readonly #since: Float64Array;
  readonly #generations: readonly Generation[];
  /** The last key and its hash are kept: a request asks for its key with `sentBeforeTo`, and then enters it. */
  #key: string | undefined;
  #first = 0;
  #second = 0;

  constructor(limits: LoopMemoryLimits = {}, storage?: LoopStorage) {
    const { keepMs = usualKeepMs, maxEntries = defaultMaxEntries } = limits;
    const { buffer, seed } = storage ?? { buffer: new ArrayBuffer(bytesFor(maxEntries)), seed: randomSeed() };
    const slots = slotsFor(maxEntries);
    this.#keepMs = keepMs;
    this.#maxEntries = maxEntries;
    this.#hashed = new KeyedHash(seed);
    this.#head = new Int32Array(buffer, 0, head.words);
    this.#since = new Float64Array(buffer, 4 * head.since, generations);
    this.#generations = Array.from(
      { length: generations },
      (_, index) => new Generation(buffer, 4 * (head.words + index * 2 * slots), slots),
    );
  }

  /** From now on entries live at least this long: 64*T1 of the settings in force. Threads that share are all told. */
  keepFor(ms: number): void {
    this.#keepMs = ms;
  }

  /** @param now milliseconds, never less than in any call before; of threads that share: by one clock */
  remember(key: string, to: Side, now: number): void {
    let turn = this.#age(now);
    if (this.#head[head.sizes + (turn % generations)]! >= this.#maxEntries) turn = this.#rotate(turn, now);
    this.#take(key);
    const isNew = this.#young(turn).put(this.#first, this.#second, sentFlag | (sides.indexOf(to) << sideShift));
    if (isNew) Atomics.add(this.#head, head.sizes + (turn % generations), 1);
  }

  /** The side towards which the request was sent last; undefined when it was not, or too long ago. */
  sentBeforeTo(key: string, now: number): Side | undefined {
    // To compare a new key with the last one would take as long as to hash it.
    this.#hash(key);
    const flags = this.#flags(now);
    return flags === 0 ? undefined : sides[(flags >> sideShift) & 1];
  }

  /** Notes that a remembered request came back. What is not remembered is not noted: strangers cannot fill the memory. */
  markLooped(key: string): void {
    this.#take(key);
    const turn = this.#turn;
    if (!this.#young(turn).mark(this.#first, this.#second)) this.#old(turn).mark(this.#first, this.#second);
  }

  wasLooped(key: string, now: number): boolean {
    this.#take(key);
    return (this.#flags(now) & loopedFlag) !== 0;
  }

  /** Of the last key. */
  #flags(now: number): number {
    const turn = this.#age(now);
    const young = this.#young(turn).flagsOf(this.#first, this.#second);
    return young === 0 ? this.#old(turn).flagsOf(this.#first, this.#second) : young;
  }

  #take(key: string): void {
    if (key !== this.#key) this.#hash(key);
  }

  #hash(key: string): void {
    this.#key = key;
    this.#hashed.of(key);
    // 0 is a free slot.
    this.#first = this.#hashed.lo || 1;
    this.#second = this.#hashed.hi & ~allFlags;
  }

  get #turn(): number {
    return Atomics.load(this.#head, head.turn);
  }

  #young(turn: number): Generation {
    return this.#generations[turn % generations]!;
  }

  #old(turn: number): Generation {
    return this.#generations[(turn + 2) % generations]!;
  }

  /**
   * Generations change at fixed steps, however long nobody asked: so no entry outlives two of them.
   * @returns the turn in force
   */
  #age(now: number): number {
    const turn = this.#turn;
    const since = this.#since[turn % generations]!;
    const age = now - since;
    // Before the first turn nothing is kept, and there is no step to go by.
    if (age < this.#keepMs && turn > 0) return turn;
    const isAllTooOld = age >= 2 * this.#keepMs || turn === 0;
    const next = this.#rotate(turn, isAllTooOld ? now : since + this.#keepMs);
    return isAllTooOld ? this.#rotate(turn + 1, now) : next;
  }

  /**
   * Of several threads one does it. The time is written first, so that whoever sees the new turn sees its time too.
   * @returns the turn in force
   */
  #rotate(turn: number, since: number): number {
    this.#since[(turn + 1) % generations] = since;
    if (Atomics.compareExchange(this.#head, head.turn, turn, turn + 1) === turn) {
      const emptied = head.sizes + ((turn + 2) % generations);
      if (Atomics.exchange(this.#head, emptied, 0) > 0) this.#generations[(turn + 2) % generations]!.clear();
    }
    return this.#turn;
  }
}
