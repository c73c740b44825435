/**
 * The table of a source, and the sweep that is written into it. A change goes into both. A sweep never overwrites a newer change:
 * it may have read the object before.
 */
import type { HashSeed } from '../../hash/keyed-hash.ts';
import type { LdapEntry } from '../ldap/ldap.ts';
import { type SweepLoss, type UserState, UserTable } from '../table/user-table.ts';
import { readUserEntry, type UserAttributes } from '../user-entry.ts';
import type { SweepNotes } from './report.ts';

interface Sweeping {
  readonly notes: SweepNotes;
  /** Objects that changed while the sweep ran. */
  readonly changed: Set<string>;
}

interface User {
  readonly keys: readonly string[];
  readonly state: UserState;
}

/** How much of what is in force a sweep would drop. */
export interface Loss extends SweepLoss {
  readonly share: number;
}

/** So many addresses a table may come to have without a copy of it: 112 MiB of address space, and memory as it fills. */
export const reservedAddresses = 2 ** 22;

export const noLoss: Loss = { gone: 0, disabled: 0, unshown: 0, share: 0 };

export class Tables {
  readonly #attributes: UserAttributes;
  #table: UserTable;
  /** Until a sweep has come to its end there is nothing to be asked. */
  #isInForce: boolean;
  #sweeping: Sweeping | undefined;

  constructor(attributes: UserAttributes, seed: HashSeed, current: UserTable | undefined) {
    this.#attributes = attributes;
    this.#table = current ?? UserTable.create(0, seed, reservedAddresses);
    this.#isInForce = current !== undefined;
  }

  get current(): UserTable | undefined {
    return this.#isInForce ? this.#table : undefined;
  }

  beginSweep(notes: SweepNotes): void {
    this.#table.beginSweep();
    this.#sweeping = { notes, changed: new Set() };
  }

  /** An object as the sweep found it. */
  found(id: string, entry: LdapEntry, nowMs: number): void {
    const sweeping = this.#sweeping;
    if (sweeping === undefined) return;
    sweeping.notes.objects += 1;
    const { keys, state } = this.#read(entry, sweeping.notes);
    if (keys.length === 0) return;
    sweeping.notes.users += 1;
    sweeping.notes.showsEnabled ||= entry.has(this.#attributes.enabled);
    if (sweeping.changed.has(id)) return;
    this.#table = this.#table.withRoomFor(keys.length);
    for (const key of this.#table.putSwept(id, keys, state, secondsOf(nowMs))) sweeping.notes.duplicate(entry.dn, key);
  }

  /** An object as a change has left it. */
  changed(id: string, entry: LdapEntry, nowMs: number): void {
    const { keys, state } = this.#read(entry);
    this.#table = this.#table.withRoomFor(keys.length);
    this.#table.put(id, keys, state, secondsOf(nowMs));
    if (this.#sweeping === undefined) return;
    this.#sweeping.changed.add(id);
    this.#table.putSwept(id, keys, state, secondsOf(nowMs));
  }

  /** In force, or found by the sweep under way. */
  knows(id: string): boolean {
    return this.#table.hasObject(id);
  }

  gone(id: string): void {
    this.#table.remove(id);
    if (this.#sweeping === undefined) return;
    this.#sweeping.changed.add(id);
    this.#table.removeSwept(id);
  }

  /** What would be lost if the sweep that has ended were believed. */
  loss(): Loss {
    const { addresses } = this.#table.counts;
    if (!this.#isInForce || addresses === 0) return noLoss;
    const loss = this.#table.loss();
    return { ...loss, share: (loss.gone + loss.disabled) / addresses };
  }

  /** What would be lost is told to somebody, who may confirm it. */
  showLoss(): void {
    this.#table.showLoss();
  }

  adoptSweep(): void {
    this.#table.adoptSweep();
    this.#isInForce = true;
    this.#sweeping = undefined;
  }

  /** What is in force stays; of whom the sweep has seen it is remembered that they were seen. */
  forgetSweep(): void {
    this.#sweeping = undefined;
  }

  #read(entry: LdapEntry, notes?: SweepNotes): User {
    const { addresses, malformed, isEnabled } = readUserEntry(entry, this.#attributes);
    for (const value of malformed) notes?.skip(entry.dn, `${value} is no SIP address`);
    return { keys: addresses.map(({ key }) => key), state: isEnabled ? 'enabled' : 'address-only' };
  }
}

const secondsOf = (ms: number): number => Math.floor(ms / 1_000);
