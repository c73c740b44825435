/**
 * How many octets of others' text this thread may hold, and how much of that one peer may take: half-read messages, requests
 * under way, answers that are kept, and what waits to be written. Limits for one message or one connection say nothing of their sum.
 */
import { ownerOf } from './transport/owner.ts';

/** Accounts of peers that hold nothing are kept up to this many, for they soon hold something again. */
const quietAccounts = 1_024;

/**
 * This part of the limit is for peers that hold little, and a peer may hold this part of that whatever the others take: with
 * many of them, what is left for all becomes less than a message.
 */
const reservedPart = 1 / 8;
const smallPart = 1 / 64;

/** What one peer, as far as one owner of addresses goes, makes the router hold. */
export class MemoryAccount {
  readonly #budget: MemoryBudget;
  #octets = 0;
  /** False: the budget has forgotten it, and with it nothing that it held. */
  isListed = true;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  get octets(): number {
    return this.#octets;
  }

  /**
   * Whether `more` octets may be held for this peer. It may hold as much as is left for everybody, so one that takes all it
   * can is stopped at half of what is shared, two at a third each, and a share is always left for the others (Choudhury,
   * Hahne: "Dynamic queue length thresholds for shared-memory packet switches"). Beside that there is the reserve.
   */
  hasRoomFor(more: number): boolean {
    const { left, reserve } = this.#budget;
    const held = this.#octets + more;
    return held <= left - reserve || (held <= reserve * smallPart && more <= left);
  }

  /** The same; a refusal is counted. */
  admits(more: number): boolean {
    if (this.hasRoomFor(more)) return true;
    this.#budget.refusals += 1;
    return false;
  }

  /** Counts what is held from now on, whether there is room or not. */
  take(octets: number): void {
    this.#octets += octets;
    this.#budget.take(octets);
  }

  /** Gives back what `take` has counted. */
  release(octets: number): void {
    this.#octets -= octets;
    this.#budget.take(-octets);
  }
}

export class MemoryBudget {
  /** Octets. A reload may change it; what is held above it stays. */
  limit: number;
  #held = 0;
  /** How often somebody was told that there is no room, since the start. */
  refusals = 0;
  readonly #accounts = new Map<string, MemoryAccount>();
  #sweepAt = quietAccounts;

  /** @param limit octets */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Octets that are held now. */
  get held(): number {
    return this.#held;
  }

  /** Octets; below 0 when more is held than there should be. */
  get left(): number {
    return this.limit - this.#held;
  }

  /** Octets for those that hold little. */
  get reserve(): number {
    return this.limit * reservedPart;
  }

  /** @param address of IPv4 or IPv6, without brackets */
  accountOf(address: string): MemoryAccount {
    const owner = ownerOf(address);
    const known = this.#accounts.get(owner);
    if (known !== undefined) return known;
    if (this.#accounts.size >= this.#sweepAt) this.#forgetQuiet();
    const account = new MemoryAccount(this);
    this.#accounts.set(owner, account);
    return account;
  }

  /** For accounts only. */
  take(octets: number): void {
    this.#held += octets;
  }

  /** Looked at once for as many new ones as there were: addresses over UDP can be forged without end. */
  #forgetQuiet(): void {
    for (const [owner, account] of this.#accounts) {
      if (account.octets > 0) continue;
      account.isListed = false;
      this.#accounts.delete(owner);
    }
    this.#sweepAt = Math.max(quietAccounts, 2 * this.#accounts.size);
  }
}

/** For what stands in place of a flow and never holds anything. */
export const unlimitedAccount = new MemoryBudget(Number.MAX_SAFE_INTEGER).accountOf('');
