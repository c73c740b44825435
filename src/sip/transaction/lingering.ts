/**
 * What is left of transactions that have had their final response and only wait for their last timer (J, L, K, M, D): no
 * objects but rows of numbers and octets, which end in the order in which they began. At 6,000 calls a second 64*T1 of them
 * are 200,000; objects that live so long are copied twice, promoted and marked by the garbage collector.
 */

import type { Clock } from '../../clock.ts';
import { hashOf } from '../../hash/key-hash.ts';
import type { MemoryAccount } from '../memory-budget.ts';
import type { Flow } from '../transport/flow.ts';
import { TextQueue } from './text-queue.ts';

const firstCapacity = 256;
const none = -1;

/** What a row takes besides its texts, about. */
const rowOctets = 64;

export interface Remains<User> {
  /** The one by which the request came or went. */
  readonly flow: Flow;
  readonly user: User;
  readonly text: string;
}

/** A ring of rows, and lists of those whose hashes are alike, the latest first. */
class Rows<User> {
  readonly capacity: number;
  readonly hashes: Int32Array;
  readonly endMs: Float64Array;
  /** Positions of texts. */
  readonly keys: Float64Array;
  readonly texts: Float64Array;
  /** The account that is charged, and with how many octets. */
  readonly accounts: (MemoryAccount | undefined)[];
  readonly held: Int32Array;
  readonly flows: (Flow | undefined)[];
  readonly users: (User | undefined)[];
  readonly #latest: Int32Array;
  readonly #before: Int32Array;

  /** @param capacity a power of two */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.hashes = new Int32Array(capacity);
    this.endMs = new Float64Array(capacity);
    this.keys = new Float64Array(capacity);
    this.texts = new Float64Array(capacity);
    this.accounts = new Array(capacity).fill(undefined);
    this.held = new Int32Array(capacity);
    this.flows = new Array(capacity).fill(undefined);
    this.users = new Array(capacity).fill(undefined);
    this.#latest = new Int32Array(capacity).fill(none);
    this.#before = new Int32Array(capacity);
  }

  latestLike(hash: number): number {
    return this.#latest[hash & (this.capacity - 1)]!;
  }

  before(row: number): number {
    return this.#before[row]!;
  }

  /** Its hash stands in its row by now. */
  link(row: number): void {
    const list = this.hashes[row]! & (this.capacity - 1);
    this.#before[row] = this.#latest[list]!;
    this.#latest[list] = row;
  }

  /** The oldest row of all is the last of its list. */
  unlinkOldest(row: number): void {
    const list = this.hashes[row]! & (this.capacity - 1);
    let later = this.#latest[list]!;
    if (later === row) {
      this.#latest[list] = none;
      return;
    }
    while (this.#before[later] !== row) later = this.#before[later]!;
    this.#before[later] = none;
  }

  copy(from: Rows<User>, row: number, to: number): void {
    this.hashes[to] = from.hashes[row]!;
    this.endMs[to] = from.endMs[row]!;
    this.keys[to] = from.keys[row]!;
    this.texts[to] = from.texts[row]!;
    this.accounts[to] = from.accounts[row];
    this.held[to] = from.held[row]!;
    this.flows[to] = from.flows[row];
    this.users[to] = from.users[row];
    this.link(to);
  }
}

/** @template User is given what still comes */
export class Lingering<User> {
  #rows = new Rows<User>(firstCapacity);
  #oldest = 0;
  #size = 0;
  readonly #texts = new TextQueue();
  readonly #clock: Clock;
  readonly #forgotten: (user: User) => void;

  /** @param forgotten told of each when its time is over */
  constructor(clock: Clock, forgotten: (user: User) => void = () => undefined) {
    this.#clock = clock;
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#size;
  }

  /** Octets that a row with these texts holds. */
  static octetsOf(key: string, text: string): number {
    return rowOctets + key.length + text.length;
  }

  /**
   * For `ms`; or, if those before it were added for longer, as long as they stay.
   * @param account of the peer for which they are held
   */
  add(key: string, ms: number, { flow, user, text }: Remains<User>, account: MemoryAccount): void {
    if (this.#size === this.#rows.capacity) this.#grow();
    if (this.#size === 0) this.#clock.after(ms, this.#end);
    const rows = this.#rows;
    const row = this.#place(this.#size);
    rows.hashes[row] = hashOf(key);
    rows.endMs[row] = this.#clock.now() + ms;
    rows.keys[row] = this.#texts.push(key);
    rows.texts[row] = this.#texts.push(text);
    rows.held[row] = Lingering.octetsOf(key, text);
    rows.flows[row] = flow;
    rows.users[row] = user;
    rows.link(row);
    rows.accounts[row] = account;
    account.take(rows.held[row]!);
    this.#size += 1;
  }

  find(key: string): Remains<User> | undefined {
    const row = this.#rowOf(key);
    return row === none ? undefined : this.#remains(row);
  }

  /** The asker has another flow now. */
  moveTo(key: string, flow: Flow): void {
    const row = this.#rowOf(key);
    if (row === none) return;
    const rows = this.#rows;
    rows.accounts[row]!.release(rows.held[row]!);
    rows.accounts[row] = flow.account;
    flow.account.take(rows.held[row]!);
    rows.flows[row] = flow;
  }

  #rowOf(key: string): number {
    const hash = hashOf(key);
    const rows = this.#rows;
    for (let row = rows.latestLike(hash); row !== none; row = rows.before(row)) {
      if (rows.hashes[row] === hash && this.#texts.at(rows.keys[row]!) === key) return row;
    }
    return none;
  }

  #remains(row: number): Remains<User> {
    const { flows, users, texts } = this.#rows;
    return { flow: flows[row]!, user: users[row]!, text: this.#texts.at(texts[row]!) };
  }

  #place(age: number): number {
    return (this.#oldest + age) & (this.#rows.capacity - 1);
  }

  readonly #end = (): void => {
    const now = this.#clock.now();
    while (this.#size > 0 && this.#rows.endMs[this.#oldest]! <= now) this.#forgetOldest();
    this.#texts.forgetBefore(this.#size === 0 ? this.#texts.end : this.#rows.keys[this.#oldest]!);
    if (this.#size === 0) return;
    this.#clock.after(this.#rows.endMs[this.#oldest]! - now, this.#end);
  };

  #forgetOldest(): void {
    this.#rows.unlinkOldest(this.#oldest);
    this.#rows.accounts[this.#oldest]!.release(this.#rows.held[this.#oldest]!);
    this.#rows.accounts[this.#oldest] = undefined;
    this.#forgotten(this.#rows.users[this.#oldest]!);
    this.#rows.flows[this.#oldest] = undefined;
    this.#rows.users[this.#oldest] = undefined;
    this.#oldest = this.#place(1);
    this.#size -= 1;
  }

  #grow(): void {
    const rows = new Rows<User>(2 * this.#size);
    for (let age = 0; age < this.#size; age += 1) rows.copy(this.#rows, this.#place(age), age);
    this.#rows = rows;
    this.#oldest = 0;
  }
}
