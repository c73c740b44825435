/**
 * The directory's table and the router's, and the wait until they are equal. Then a canary changes its address: when that has been
 * told, all before it has, so what still is other than the directory then stays so. Operations that change nothing for the router
 * are judged by that alone.
 */
import type { Chance } from '../fuzz/random.ts';
import { type Mode, modes } from './asked.ts';
import { change, replacing } from './changes.ts';
import { type Entry, type ExpectedTable, readEntries, tableOf } from './expected.ts';
import { baseOf, canaryOf, sip } from './operations.ts';
import { pause, type World } from './world.ts';

/** A sweep that would lose more than that is held back: `max-loss`, and in a small office five. */
const confirmAfter = { share: 0.1, users: 5 } as const;

/** So many of those who are gone are still asked for. */
const mostGone = 40;

export class Difference extends Error {}

export class Comparison {
  /** As the directory has them. */
  entries: readonly Entry[] = [];
  /** As the router should have them. */
  table: ExpectedTable = { users: new Map(), pairs: 0, enabledPairs: 0 };
  /** How often an operator had to confirm a loss. */
  confirmed = 0;
  readonly #world: World;
  readonly #chance: Chance;
  /** Addresses that somebody had: nobody may be found by them any more. */
  #gone: readonly string[] = [];
  #canaries = 0;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
  }

  /** @throws Difference when they are not equal within `limitMs` */
  async begin(limitMs: number): Promise<void> {
    await this.#read();
    await this.#equal(this.#addresses(), performance.now(), limitMs);
  }

  /** @throws Difference where anybody is other than before */
  async unchanged(when: string, before = this.table): Promise<void> {
    const known = [...before.users.keys()];
    const addresses = Array.from({ length: 5 }, () => this.#chance.of(known));
    const wrong = told(await this.#world.asked.differences(before, addresses));
    if (wrong.length > 0) throw new Difference(`${when}:\n${wrong.join('\n')}`);
  }

  /** Reads the directory, in the midst of an operation: the table stays that of before. */
  async reread(): Promise<void> {
    this.entries = await readEntries(this.#world.server);
  }

  /** Reads the directory. */
  async #read(): Promise<void> {
    await this.reread();
    const before = this.table;
    this.table = tableOf(this.entries, baseOf(this.#world.server.suffix));
    const left = [...before.users.keys()].filter((address) => !this.table.users.has(address));
    this.#gone = [...this.#gone, ...left].slice(-mostGone);
  }

  /** All who should be known, and those of late who should not. */
  #addresses(): readonly string[] {
    return [...new Set([...this.table.users.keys(), ...this.#gone])];
  }

  /**
   * @param atMs when the last change was made, by `performance.now()`
   * @returns the milliseconds until what has changed was seen; where nothing was to be seen, until the canary was
   * @throws Difference
   */
  async settle(atMs: number, limitMs: number): Promise<ReadonlyMap<Mode, number>> {
    const before = this.table;
    await this.#read();
    const changed = changedIn(before, this.table);
    const times = await this.#equal(changed, atMs, limitMs, before);
    await this.#sendCanary();
    const canaryMs = performance.now();
    const canary = [sip(`canary-${this.#canaries}`).slice('sip:'.length)];
    const seen = await this.#equal(canary, canaryMs, limitMs, before);
    await this.#equal(this.#addresses(), canaryMs, limitMs, before);
    return changed.length > 0 ? times : seen;
  }

  async #sendCanary(): Promise<void> {
    this.#canaries += 1;
    const { server } = this.#world;
    const address = sip(`canary-${this.#canaries}`);
    await change(server, [replacing(canaryOf(server.suffix), 'msRTCSIP-PrimaryUserAddress', address)]);
    await this.#read();
  }

  /**
   * Waits until the router knows at these addresses what the directory does.
   * @returns for each way of following the time from `atMs` on
   */
  async #equal(
    addresses: readonly string[],
    atMs: number,
    limitMs: number,
    before?: ExpectedTable,
  ): Promise<ReadonlyMap<Mode, number>> {
    const times = new Map<Mode, number>();
    for (;;) {
      const askedMs = performance.now();
      const wrong = await this.#wrong(addresses);
      for (const mode of modes) {
        if ((wrong.get(mode) ?? []).length > 0) times.delete(mode);
        else if (!times.has(mode)) times.set(mode, performance.now() - atMs);
      }
      if (times.size === modes.length) return times;
      if (before !== undefined) await this.#confirmLoss(before);
      if (askedMs - atMs > limitMs)
        throw new Difference(`after ${(askedMs - atMs).toFixed(0)} ms:\n${told(wrong).join('\n')}`);
      await pause(20);
    }
  }

  /** Numbers are asked for too when all addresses are. */
  async #wrong(addresses: readonly string[]): Promise<ReadonlyMap<Mode, readonly string[]>> {
    const { asked } = this.#world;
    const users = await asked.differences(this.table, addresses);
    if (addresses.length < this.table.users.size) return users;
    const counts = await asked.countDifferences(this.table);
    return new Map(modes.map((mode) => [mode, [...(users.get(mode) ?? []), ...(counts.get(mode) ?? [])]]));
  }

  /** A sweep that would lose many is held back until an operator has looked at it; here it is right where so many have really gone. */
  async #confirmLoss(before: ExpectedTable): Promise<void> {
    const lost = [...before.users].filter(([address, { state }]) =>
      state === 'enabled' ? this.table.users.get(address)?.state !== 'enabled' : !this.table.users.has(address),
    ).length;
    if (lost <= confirmAfter.users || lost <= confirmAfter.share * before.users.size) return;
    const { directory } = await this.#world.asked.status();
    if (!directory.some(({ snapshot }) => snapshot?.heldSince !== undefined)) return;
    await this.#world.asked.confirm();
    this.confirmed += 1;
  }
}

const told = (wrong: ReadonlyMap<Mode, readonly string[]>): readonly string[] =>
  [...wrong].flatMap(([mode, lines]) => lines.map((line) => `  ${mode}: ${line}`));

/** Addresses that mean something else than before. */
const changedIn = (before: ExpectedTable, after: ExpectedTable): readonly string[] =>
  [...new Set([...before.users.keys(), ...after.users.keys()])].filter((address) => {
    const [was, is] = [before.users.get(address), after.users.get(address)];
    return was?.state !== is?.state || was?.isShared !== is?.isShared;
  });
