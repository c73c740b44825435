/**
 * The memory of what was sent to which side, so that a request is known again when it comes back from there, even through
 * a B2BUA that made a new Via, a new branch and a new Max-Forwards. It has no clock of its own: `now` is handed in.
 */
import { fnv } from './hash.ts';
import type { Side } from './types.ts';

export interface LoopMemoryLimits {
  /** An entry lives at least this long, and less than twice as long. */
  readonly keepMs?: number;
  /** Entries of one generation; two are kept. With more traffic than that the oldest half is forgotten early. */
  readonly maxEntries?: number;
}

/** 64*T1, the life of a transaction (RFC 3261 §17.1.2.2): nothing comes back later than its asker waits. */
const transactionLifeMs = 32_000;

/** The requests of 32 s at 8,000 a second; a generation of these takes 9 octets a slot, 4.7 MB. */
const defaultMaxEntries = 262_144;

/** What is known of one request, in one octet: the side it was sent to, and whether it came back. */
const sides: readonly Side[] = ['cisco', 'microsoft'];
const sentFlag = 1;
const sideShift = 1;
const loopedFlag = 4;

/**
 * One generation: an open-addressing table of two 32-bit hashes a key, in flat memory. A Map of strings would hold some
 * hundred thousand objects for half a minute each, which costs more in garbage collection than all of the proxy's work.
 */
class Generation {
  size = 0;
  readonly #mask: number;
  readonly #first: Int32Array;
  readonly #second: Int32Array;
  readonly #flags: Uint8Array;
  readonly #seed: number;

  constructor(maxEntries: number, seed: number) {
    const capacity = 2 ** Math.ceil(Math.log2(2 * maxEntries + 2));
    this.#mask = capacity - 1;
    this.#first = new Int32Array(capacity);
    this.#second = new Int32Array(capacity);
    this.#flags = new Uint8Array(capacity);
    this.#seed = seed;
  }

  /** The slot of the key, or the free one where it belongs. */
  slotOf(key: string): number {
    const first = fnv(this.#seed, key);
    const second = fnv(~this.#seed, key);
    let slot = (first ^ (first >>> 15)) & this.#mask;
    while (this.#flags[slot] !== 0 && (this.#first[slot] !== first || this.#second[slot] !== second)) {
      slot = (slot + 1) & this.#mask;
    }
    // Noted for a later `put`; without flags the slot stays free.
    if (this.#flags[slot] === 0) {
      this.#first[slot] = first;
      this.#second[slot] = second;
    }
    return slot;
  }

  flags(slot: number): number {
    return this.#flags[slot] ?? 0;
  }

  put(slot: number, flags: number): void {
    if (this.#flags[slot] === 0) this.size += 1;
    this.#flags[slot] = flags;
  }

  clear(): void {
    this.size = 0;
    this.#flags.fill(0);
  }
}

/** Keys are made of Call-ID, From tag, CSeq number, method and recipient; any text serves. */
export class LoopMemory {
  readonly #keepMs: number;
  readonly #maxEntries: number;
  #young: Generation;
  #old: Generation;
  #youngSince = Number.NEGATIVE_INFINITY;

  constructor({ keepMs = transactionLifeMs, maxEntries = defaultMaxEntries }: LoopMemoryLimits = {}) {
    this.#keepMs = keepMs;
    this.#maxEntries = maxEntries;
    // A secret start: nobody can choose keys that collide.
    const seed = Math.trunc(Math.random() * 2 ** 32);
    this.#young = new Generation(maxEntries, seed);
    this.#old = new Generation(maxEntries, seed);
  }

  /** @param now milliseconds, never less than in any call before */
  remember(key: string, to: Side, now: number): void {
    this.#age(now);
    if (this.#young.size >= this.#maxEntries) this.#rotate(now);
    this.#young.put(this.#young.slotOf(key), sentFlag | (sides.indexOf(to) << sideShift));
  }

  /** The side towards which the request was sent last; undefined when it was not, or too long ago. */
  sentBeforeTo(key: string, now: number): Side | undefined {
    const flags = this.#flags(key, now);
    return flags === 0 ? undefined : sides[(flags >> sideShift) & 1];
  }

  /** Notes that a remembered request came back. What is not remembered is not noted: strangers cannot fill the memory. */
  markLooped(key: string): void {
    for (const generation of [this.#young, this.#old]) {
      const slot = generation.slotOf(key);
      const flags = generation.flags(slot);
      if (flags !== 0) return generation.put(slot, flags | loopedFlag);
    }
  }

  wasLooped(key: string, now: number): boolean {
    return (this.#flags(key, now) & loopedFlag) !== 0;
  }

  #flags(key: string, now: number): number {
    this.#age(now);
    const young = this.#young.flags(this.#young.slotOf(key));
    return young === 0 ? this.#old.flags(this.#old.slotOf(key)) : young;
  }

  /** Generations change at fixed steps, however long nobody asked: so no entry outlives two of them. */
  #age(now: number): void {
    const age = now - this.#youngSince;
    if (age < this.#keepMs) return;
    if (age >= 2 * this.#keepMs) {
      this.#young.clear();
      this.#rotate(now);
    } else {
      this.#rotate(this.#youngSince + this.#keepMs);
    }
  }

  #rotate(since: number): void {
    const emptied = this.#old;
    emptied.clear();
    this.#old = this.#young;
    this.#young = emptied;
    this.#youngSince = since;
  }
}
