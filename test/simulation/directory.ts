/** A directory with users who move, which may be slow or away. */
import type { Directory } from '../../src/directory/directory.ts';
import type { DirectoryAnswer, Side } from '../../src/routing/types.ts';
import type { World } from './world.ts';

export class SimulatedDirectory implements Directory {
  /** Milliseconds that an answer takes; 0: at once. */
  delayMs = 0;
  isAway = false;
  /** It says the other side of everybody: a planted fault. */
  isLying = false;
  readonly #world: World;
  /** By user: where they lived from when on. */
  readonly #homes = new Map<string, { readonly fromMs: number; readonly side: Side }[]>();

  constructor(world: World) {
    this.#world = world;
  }

  move(user: string, side: Side): void {
    const homes = this.#homes.get(user) ?? [];
    homes.push({ fromMs: this.#world.nowMs, side });
    this.#homes.set(user, homes);
  }

  sideOf(user: string): Side {
    return this.#homes.get(user)?.at(-1)?.side ?? 'cisco';
  }

  /** Where the user lived at some moment of this time. */
  sidesWithin(user: string, fromMs: number, untilMs: number): ReadonlySet<Side> {
    const homes = this.#homes.get(user) ?? [];
    const sides = homes.filter(
      (home, place) => home.fromMs <= untilMs && (homes[place + 1]?.fromMs ?? Infinity) > fromMs,
    );
    return new Set(sides.map(({ side }) => side));
  }

  lookup(recipientKey: string): DirectoryAnswer | Promise<DirectoryAnswer> {
    if (this.delayMs === 0) return this.#answer(recipientKey);
    return new Promise((resolve) => {
      this.#world.after(this.delayMs, () => resolve(this.#answer(recipientKey)));
    });
  }

  describe(): { readonly source: string; readonly summary: string } {
    return { source: 'simulated', summary: 'users who move' };
  }

  #answer(recipientKey: string): DirectoryAnswer {
    const kept = { source: 'simulated', ageMs: 0 } as const;
    if (this.isAway) return { kind: 'unavailable', why: 'the simulated directory is away' };
    const isMicrosoft = (this.sideOf(recipientKey.split('@')[0]!) === 'microsoft') !== this.isLying;
    if (!isMicrosoft) return { kind: 'unknown-user', ...kept };
    return { kind: 'home', side: 'microsoft', addressOnly: false, freshness: 'fresh', ...kept };
  }
}
