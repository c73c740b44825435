/**
 * One run: operation after operation, and after each the router's table must become the directory's within the time that its way
 * of following promises.
 */
import { Chance } from '../fuzz/random.ts';
import { modes } from './asked.ts';
import type { NetworkState } from './broken-network.ts';
import { change, type Tombstone } from './changes.ts';
import { Comparison, Difference } from './comparison.ts';
import { type Operation, type OperationKind, operations, type Scene, simpleKinds } from './operations.ts';
import { Times } from './times.ts';
import { followEveryMs, pause, World } from './world.ts';

interface MarathonSettings {
  readonly seed: number;
  readonly operations: number;
  /** No operation begins after that; undefined: all are made. */
  readonly withinMs?: number;
  /** Each kind once before any comes twice: a short run meets all of them. */
  readonly isEven?: boolean;
  /** Of the router's addresses: `127.0.NET.1`. */
  readonly net: number;
  readonly say: (line: string) => void;
}

interface MarathonReport {
  readonly made: number;
  /** Each that was made. */
  readonly kinds: readonly string[];
  readonly times: readonly string[];
  /** What was seen beside: how often an operator had to confirm a loss. */
  readonly confirmed: number;
  /** Undefined: after each operation both were equal. */
  readonly difference: string | undefined;
}

type DisturbanceKind =
  | 'controller restarted'
  | 'network broken'
  | 'clock moved'
  | 'rights taken away'
  | 'sweep ordered'
  | 'several at once';
type Kind = OperationKind | DisturbanceKind;

const disturbances: readonly DisturbanceKind[] = [
  'controller restarted',
  'network broken',
  'clock moved',
  'rights taken away',
  'sweep ordered',
  'several at once',
];

/** For a busy machine, and for a server that answers three sources and the marathon one after the other. */
const marginMs = 5_000;

/** Told by following; a doubt, which only a sweep settles, waits for the rest after the last one (README: 2 s, or 20 sweeps). */
const limits = {
  followed: followEveryMs + marginMs,
  swept: followEveryMs + 10_000 + marginMs,
  /** After the network or the controller is back: a source that has failed several times waits for up to 30 s, twice. */
  returned: 60_000 + marginMs,
} as const;

/** What was done, and within what time it must be seen. */
interface Done {
  readonly what: string;
  readonly limitMs: number;
  /** Milliseconds of `performance.now()` at which the last change was made. */
  readonly atMs: number;
}

/** All that can happen. */
export const kinds: readonly Kind[] = [...(Object.keys(operations) as OperationKind[]), ...disturbances];

export async function runMarathon(settings: MarathonSettings): Promise<MarathonReport> {
  const world = await World.start(settings.net);
  try {
    return await new Marathon(world, settings).run();
  } finally {
    await world.stop();
  }
}

class Marathon {
  readonly #world: World;
  readonly #settings: MarathonSettings;
  readonly #chance: Chance;
  readonly #times = new Times();
  readonly #comparison: Comparison;
  #deleted: readonly Tombstone[] = [];
  #numbers = 0;
  /** Drawn from its end; each kind is in it as often as it should come. */
  #deck: Kind[] = [];
  /** In a row, since the last operation. */
  #postponed = 0;

  constructor(world: World, settings: MarathonSettings) {
    this.#world = world;
    this.#settings = settings;
    this.#chance = new Chance(settings.seed);
    this.#comparison = new Comparison(world, this.#chance);
  }

  async run(): Promise<MarathonReport> {
    const { say, withinMs = Number.POSITIVE_INFINITY } = this.#settings;
    const beganMs = performance.now();
    let made = 0;
    let difference: string | undefined;
    try {
      await this.#comparison.begin(limits.swept);
      while (made < this.#settings.operations && performance.now() - beganMs < withinMs) {
        const kind = this.#draw();
        const label = `${String(made + 1).padStart(4)} ${kind}`;
        const done = await this.#do(kind).catch((error: Error) => {
          throw new Difference(`${label}: ${error.message}`);
        });
        if (done === undefined) {
          this.#postpone(kind);
          continue;
        }
        made += 1;
        this.#postponed = 0;
        const text = `${label}: ${done.what}`;
        const times = await this.#comparison.settle(done.atMs, done.limitMs).catch((error: Error) => {
          say(`${text}: NOT EQUAL`);
          throw new Difference(`after operation ${made} (${kind}: ${done.what}):\n${error.message}`);
        });
        this.#times.add(kind, times);
        say(`${text}: ${modes.map((mode) => `${mode} ${(times.get(mode) ?? 0).toFixed(0)} ms`).join(', ')}`);
      }
    } catch (error) {
      difference = [(error as Error).message, ...(await this.#standing())].join('\n');
    }
    return {
      made,
      kinds: this.#times.kinds,
      times: this.#times.table(),
      confirmed: this.#comparison.confirmed,
      difference,
    };
  }

  /** How each source says that it stands, and the last of the log. */
  async #standing(): Promise<readonly string[]> {
    const { asked, router } = this.#world;
    const status = await asked.status().catch(() => undefined);
    const sources = (status?.directory ?? []).map((each) => `  ${JSON.stringify(each)}`);
    // Each question of ours for a user's names has a connection of its own.
    const lines = router.output.split('\n').filter((line) => line !== '' && !line.includes('"purpose":"lookup"'));
    return ['the router says of its sources:', ...sources, 'its log ends with:', ...lines.slice(-30)];
  }

  #draw(): Kind {
    if (this.#deck.length === 0) {
      const all: Kind[] = [...kinds];
      if (this.#settings.isEven !== true) all.push(...(Object.keys(operations) as OperationKind[]));
      while (all.length > 0) this.#deck.push(...all.splice(this.#chance.below(all.length), 1));
    }
    return this.#deck.pop()!;
  }

  /** There is nobody to do it to at the moment. */
  #postpone(kind: Kind): void {
    this.#postponed += 1;
    if (this.#postponed <= this.#deck.length) this.#deck.unshift(kind);
    else this.#deck = [];
  }

  // What is done

  #do(kind: Kind): Promise<Done | undefined> {
    switch (kind) {
      case 'controller restarted':
        return this.#restart();
      case 'network broken':
        return this.#breakNetwork();
      case 'clock moved':
        return this.#moveClock();
      case 'rights taken away':
        return this.#takeRights();
      case 'sweep ordered':
        return this.#sweep();
      case 'several at once':
        return this.#several();
      default:
        return this.#operate(kind);
    }
  }

  async #operate(kind: OperationKind): Promise<Done | undefined> {
    const what = await this.#make(kind);
    if (what === undefined) return undefined;
    const isMoved = kind === 'OU moved' || kind === 'OU renamed';
    return { what, limitMs: isMoved ? limits.swept : limits.followed, atMs: performance.now() };
  }

  async #make(kind: OperationKind): Promise<string | undefined> {
    const operation: Operation | undefined = operations[kind](this.#scene());
    if (operation === undefined) return undefined;
    await change(this.#world.server, operation.records);
    const deleted = this.#deleted.filter((each) => each !== operation.restores);
    this.#deleted = [...deleted, ...(operation.deletes ?? [])];
    return operation.what;
  }

  #scene(): Scene {
    const next = (): number => {
      this.#numbers += 1;
      return this.#numbers;
    };
    const { suffix } = this.#world.server;
    return { entries: this.#comparison.entries, deleted: this.#deleted, chance: this.#chance, suffix, next };
  }

  /** Some changes of the usual kind, each of what the ones before have left. */
  async #some(count: number): Promise<string> {
    const made: string[] = [];
    for (let left = count; left > 0; left -= 1) {
      const kind = this.#chance.of(simpleKinds);
      const what = await this.#make(kind);
      if (what !== undefined) made.push(`${kind} (${what})`);
      await this.#comparison.reread();
    }
    return made.join('; ');
  }

  async #several(): Promise<Done> {
    const what = await this.#some(2 + this.#chance.below(5));
    return { what, limitMs: limits.followed, atMs: performance.now() };
  }

  async #restart(): Promise<Done> {
    const { server } = this.#world;
    const isKilled = this.#chance.oneIn(2);
    await (isKilled ? server.kill() : server.end());
    await pause(this.#chance.below(3_000));
    await this.#comparison.unchanged('while the controller is away');
    await server.start();
    const atMs = performance.now();
    const made = await this.#some(this.#chance.below(3));
    const what = `${isKilled ? 'killed' : 'ended'}${made === '' ? '' : `, and then ${made}`}`;
    return { what, limitMs: limits.returned, atMs };
  }

  async #breakNetwork(): Promise<Done> {
    const { network } = this.#world;
    const state = this.#chance.of(['cut', 'reset', 'stalled'] as const satisfies readonly NetworkState[]);
    const seconds = 1 + this.#chance.below(8);
    await network.become(state);
    const endsMs = performance.now() + seconds * 1_000;
    const before = this.#comparison.table;
    const made = await this.#some(this.#chance.below(4));
    await this.#comparison.unchanged(`while the network is ${state}`, before);
    await pause(Math.max(0, endsMs - performance.now()));
    await network.become('whole');
    const what = `${state} for ${seconds} s${made === '' ? '' : `, meanwhile ${made}`}`;
    return { what, limitMs: limits.returned, atMs: performance.now() };
  }

  async #moveClock(): Promise<Done> {
    const moved = await this.#world.moveClock(this.#chance);
    const atMs = performance.now();
    const made = await this.#some(this.#chance.below(2));
    return { what: `by ${moved}${made === '' ? '' : `, and then ${made}`}`, limitMs: limits.followed, atMs };
  }

  /** Who may not be read any more stays as they were, for a sweep that finds nobody is held back; what was changed is seen afterwards. */
  async #takeRights(): Promise<Done> {
    const { asked } = this.#world;
    const before = this.#comparison.table;
    // Each is as old as his last sighting, by a clock that may have been set since; a real router has swept within a day.
    await this.#orderSweep();
    await this.#world.takeRights();
    const made = await this.#some(this.#chance.below(3));
    await pause(2 * followEveryMs);
    await this.#comparison.unchanged('while the account has no rights', before);
    await this.#orderSweep();
    await this.#comparison.unchanged('after a sweep without rights', before);
    await this.#world.giveRights();
    await asked.refresh();
    const atMs = performance.now();
    return { what: `and given back${made === '' ? '' : `, meanwhile ${made}`}`, limitMs: limits.swept, atMs };
  }

  /** Changes fall into the sweep. */
  async #sweep(): Promise<Done> {
    await this.#world.asked.refresh();
    const made = await this.#some(1 + this.#chance.below(2));
    return { what: `and meanwhile ${made}`, limitMs: limits.swept, atMs: performance.now() };
  }

  /** Resolves when each source has made its sweep. */
  async #orderSweep(): Promise<void> {
    const before = await this.#sweepsEnded();
    await this.#world.asked.refresh();
    const untilMs = performance.now() + limits.swept;
    for (;;) {
      const now = await this.#sweepsEnded();
      if (now.every((each, place) => each !== before[place])) return;
      if (performance.now() > untilMs)
        throw new Difference(`a sweep was ordered, and did not end within ${limits.swept} ms`);
      await pause(50);
    }
  }

  async #sweepsEnded(): Promise<readonly (string | undefined)[]> {
    return (await this.#world.asked.status()).directory.map(({ snapshot }) => snapshot?.lastSweep?.endedAt);
  }
}
