/**
 * The table in force and, while a sweep runs, the next one. Changes go into both, and what a change has said of an object
 * the sweep, which may have read it before, does not take back.
 */
import type { HashSeed } from '../../routing/keyed-hash.ts';
import type { LdapEntry } from '../ldap.ts';
import { readUserEntry, type UserAttributes } from '../user-entry.ts';
import { roomToGrow, type UserState, UserTable } from '../user-table.ts';
import type { SweepNotes } from './report.ts';

interface Sweeping {
  readonly notes: SweepNotes;
  /** Objects that changed while the sweep ran. */
  readonly changed: Set<string>;
  table: UserTable;
}

interface User {
  readonly keys: readonly string[];
  readonly state: UserState;
}

/** How much of the table before a sweep would drop. */
export interface Loss {
  readonly gone: number;
  readonly disabled: number;
  readonly share: number;
}

export class Tables {
  readonly #attributes: UserAttributes;
  readonly #seed: HashSeed;
  #current: UserTable | undefined;
  #sweeping: Sweeping | undefined;

  constructor(attributes: UserAttributes, seed: HashSeed, current: UserTable | undefined) {
    this.#attributes = attributes;
    this.#seed = current?.shared.seed ?? seed;
    this.#current = current;
  }

  get current(): UserTable | undefined {
    return this.#current;
  }

  beginSweep(notes: SweepNotes): void {
    const expected = this.#current?.counts.addresses ?? 0;
    const table = UserTable.create(expected + roomToGrow(expected), this.#seed);
    this.#sweeping = { notes, changed: new Set(), table };
  }

  /** An object as the sweep found it. */
  found(id: string, entry: LdapEntry, nowMs: number): void {
    const sweeping = this.#sweeping;
    if (sweeping === undefined) return;
    sweeping.notes.objects += 1;
    const user = this.#read(entry, sweeping.notes);
    if (user.keys.length === 0 || sweeping.changed.has(id)) return;
    sweeping.table = withRoom(sweeping.table, user.keys.length);
    for (const key of put(sweeping.table, id, user, nowMs)) sweeping.notes.duplicate(entry.dn, key);
  }

  /** An object as a change has left it. */
  changed(id: string, entry: LdapEntry, nowMs: number): void {
    const user = this.#read(entry);
    if (this.#current !== undefined) {
      this.#current = withRoom(this.#current, user.keys.length);
      put(this.#current, id, user, nowMs);
    }
    if (this.#sweeping === undefined) return;
    this.#sweeping.changed.add(id);
    this.#sweeping.table = withRoom(this.#sweeping.table, user.keys.length);
    put(this.#sweeping.table, id, user, nowMs);
  }

  gone(id: string): void {
    this.#current?.remove(id);
    this.#sweeping?.changed.add(id);
    this.#sweeping?.table.remove(id);
  }

  /** What would be lost if the sweep that has ended were believed. */
  loss(): Loss {
    const { current, next } = this.#both();
    if (current === undefined || current.counts.addresses === 0) return { gone: 0, disabled: 0, share: 0 };
    const { gone, disabled } = current.lossTo(next);
    return { gone, disabled, share: (gone + disabled) / current.counts.addresses };
  }

  /** The table that the sweep has filled takes the place of the one before. */
  swap(): void {
    const { current, next } = this.#both();
    if (current !== undefined) next.rememberFrom(current);
    this.#current = next;
    this.#sweeping = undefined;
  }

  /** The table before stays, and only remembers whom the sweep has seen. */
  holdBack(): void {
    const { current, next } = this.#both();
    current?.confirmFrom(next);
    this.#sweeping = undefined;
  }

  forgetSweep(): void {
    this.#sweeping = undefined;
  }

  #both(): { current: UserTable | undefined; next: UserTable } {
    if (this.#sweeping === undefined) throw new Error('no sweep is under way');
    return { current: this.#current, next: this.#sweeping.table };
  }

  #read(entry: LdapEntry, notes?: SweepNotes): User {
    const { addresses, malformed, isEnabled } = readUserEntry(entry, this.#attributes);
    for (const value of malformed) notes?.skip(entry.dn, `${value} is no SIP address`);
    return { keys: addresses.map(({ key }) => key), state: isEnabled ? 'enabled' : 'address-only' };
  }
}

const put = (table: UserTable, id: string, { keys, state }: User, nowMs: number): readonly string[] =>
  table.put(id, keys, state, Math.floor(nowMs / 1_000));

const withRoom = (table: UserTable, addresses: number): UserTable =>
  table.hasRoomFor(addresses) ? table : table.grown();
