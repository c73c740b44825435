/**
 * A hash table for keys that come and go by the thousand each second. A `Map` is made anew after as many deletions as it
 * holds entries, and each discarded one keeps its successor, and so all entries since, alive until the next full garbage
 * collection: two thirds of the router's processor time went there. Here nothing is made anew but to grow.
 */
import { hashOf } from '../../hash/key-hash.ts';
import { mayFill, nextSlot } from '../../hash/probing.ts';

const firstCapacity = 256;

/** See `hash/probing.ts`. */
export class KeyTable<Value> {
  #size = 0;
  #mask = firstCapacity - 1;
  #hashes = new Int32Array(firstCapacity);
  #keys: (string | undefined)[] = new Array(firstCapacity).fill(undefined);
  #values: (Value | undefined)[] = new Array(firstCapacity).fill(undefined);

  get size(): number {
    return this.#size;
  }

  *values(): IterableIterator<Value> {
    for (const value of this.#values) if (value !== undefined) yield value;
  }

  get(key: string): Value | undefined {
    return this.#values[this.#find(key, hashOf(key))];
  }

  set(key: string, value: Value): void {
    const hash = hashOf(key);
    const slot = this.#find(key, hash);
    if (this.#keys[slot] === undefined) this.#size += 1;
    this.#put(slot, hash, key, value);
    // Above one half, runs of full slots grow long.
    if (this.#size * 2 > this.#mask) this.#grow();
  }

  delete(key: string): void {
    let hole = this.#find(key, hashOf(key));
    if (this.#keys[hole] === undefined) return;
    this.#size -= 1;
    for (let slot = nextSlot(hole, this.#mask); this.#keys[slot] !== undefined; slot = nextSlot(slot, this.#mask)) {
      if (!mayFill(hole, slot, this.#hashes[slot]! & this.#mask, this.#mask)) continue;
      this.#put(hole, this.#hashes[slot]!, this.#keys[slot], this.#values[slot]);
      hole = slot;
    }
    this.#put(hole, 0, undefined, undefined);
  }

  /** The slot of the key, or the free one where it belongs. */
  #find(key: string, hash: number): number {
    let slot = hash & this.#mask;
    for (;;) {
      const there = this.#keys[slot];
      if (there === undefined || (this.#hashes[slot] === hash && there === key)) return slot;
      slot = nextSlot(slot, this.#mask);
    }
  }

  #put(slot: number, hash: number, key: string | undefined, value: Value | undefined): void {
    this.#hashes[slot] = hash;
    this.#keys[slot] = key;
    this.#values[slot] = value;
  }

  #grow(): void {
    const [keys, values, hashes] = [this.#keys, this.#values, this.#hashes];
    const capacity = 2 * keys.length;
    this.#mask = capacity - 1;
    this.#hashes = new Int32Array(capacity);
    this.#keys = new Array(capacity).fill(undefined);
    this.#values = new Array(capacity).fill(undefined);
    for (const [slot, key] of keys.entries()) {
      const hash = hashes[slot] ?? 0;
      if (key !== undefined) this.#put(this.#find(key, hash), hash, key, values[slot]);
    }
  }
}
