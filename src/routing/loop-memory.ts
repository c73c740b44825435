/**
 * The memory of what was sent to which side, so that a request is known again when it comes back from there, even through
 * a B2BUA that made a new Via, a new branch and a new Max-Forwards. It has no clock of its own: `now` is handed in.
 */
import type { Side } from './types.ts';

export interface LoopMemoryLimits {
  /** An entry lives at least this long, and less than twice as long. */
  readonly keepMs?: number;
  /** Entries of one generation; two are kept. With more traffic than that the oldest half is forgotten early. */
  readonly maxEntries?: number;
}

/** 64*T1, the life of a transaction (RFC 3261 §17.1.2.2): nothing comes back later than its asker waits. */
const transactionLifeMs = 32_000;

/** The requests of 32 s at 8,000 a second; about 100 MB when full. */
const defaultMaxEntries = 262_144;

interface Generation {
  readonly sent: Map<string, Side>;
  /** Keys of `sent` whose request came back. */
  readonly looped: Set<string>;
}

const newGeneration = (): Generation => ({ sent: new Map(), looped: new Set() });

/** Keys are made of Call-ID, From tag, CSeq number, method and recipient; any text serves. */
export class LoopMemory {
  readonly #keepMs: number;
  readonly #maxEntries: number;
  #young = newGeneration();
  #old = newGeneration();
  #youngSince = Number.NEGATIVE_INFINITY;

  constructor({ keepMs = transactionLifeMs, maxEntries = defaultMaxEntries }: LoopMemoryLimits = {}) {
    this.#keepMs = keepMs;
    this.#maxEntries = maxEntries;
  }

  /** @param now milliseconds, never less than in any call before */
  remember(key: string, to: Side, now: number): void {
    this.#age(now);
    if (this.#young.sent.size >= this.#maxEntries) this.#rotate(now);
    this.#young.sent.set(key, to);
  }

  /** The side towards which the request was sent last; undefined when it was not, or too long ago. */
  sentBeforeTo(key: string, now: number): Side | undefined {
    this.#age(now);
    return this.#young.sent.get(key) ?? this.#old.sent.get(key);
  }

  /** Notes that a remembered request came back. What is not remembered is not noted: strangers cannot fill the memory. */
  markLooped(key: string): void {
    if (this.#young.sent.has(key)) this.#young.looped.add(key);
    else if (this.#old.sent.has(key)) this.#old.looped.add(key);
  }

  wasLooped(key: string, now: number): boolean {
    this.#age(now);
    return this.#young.looped.has(key) || this.#old.looped.has(key);
  }

  /** Generations change at fixed steps, however long nobody asked: so no entry outlives two of them. */
  #age(now: number): void {
    const age = now - this.#youngSince;
    if (age < this.#keepMs) return;
    if (age >= 2 * this.#keepMs) {
      this.#young = newGeneration();
      this.#rotate(now);
    } else {
      this.#rotate(this.#youngSince + this.#keepMs);
    }
  }

  #rotate(since: number): void {
    this.#old = this.#young;
    this.#young = newGeneration();
    this.#youngSince = since;
  }
}
