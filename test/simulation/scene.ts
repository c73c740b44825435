/** What stands in a simulated world, and what happens in it: chosen from a seed, and made smaller to find what matters. */
import { Chance } from './chance.ts';
import { faults } from './faults.ts';
import type { HostTransport } from './host.ts';
import type { AskedMethod } from './observed.ts';

interface HopPlan {
  readonly name: string;
  readonly side: 'cisco' | 'microsoft';
  readonly transport: HostTransport;
  readonly isSteady: boolean;
  /** The router knows its name, and asks DNS for its address. */
  readonly isNamed: boolean;
}

interface AskerPlan {
  readonly name: string;
  readonly side: 'cisco' | 'microsoft';
  readonly transport: HostTransport;
  /** Over TCP and TLS: it takes connections, too, as a server does; else it can be reached by its own only. */
  readonly listens: boolean;
}

interface AskPlan {
  readonly atMs: number;
  readonly asker: string;
  readonly method: AskedMethod;
  readonly user: string;
  /** Of an INVITE: cancelled so long after it was sent. */
  readonly cancelAfterMs: number | undefined;
}

interface FaultPlan {
  readonly atMs: number;
  readonly forMs: number;
  readonly fault: string;
  readonly seed: number;
}

export interface Scene {
  readonly seed: number;
  readonly hops: readonly HopPlan[];
  readonly askers: readonly AskerPlan[];
  readonly users: readonly string[];
  readonly asks: readonly AskPlan[];
  readonly faults: readonly FaultPlan[];
  readonly network: {
    readonly mostDelayMs: number;
    readonly loss: number;
    readonly repeat: number;
    readonly cut: number;
  };
  readonly lastsMs: number;
}

const transports = ['udp', 'tcp', 'tls'] as const;
const sides = ['cisco', 'microsoft'] as const;

/** A BYE ends each call that was answered. */
const methods: Readonly<Record<Exclude<AskedMethod, 'BYE'>, number>> = {
  MESSAGE: 45,
  INVITE: 30,
  SUBSCRIBE: 10,
  OPTIONS: 5,
  BENOTIFY: 10,
};

export function sceneOf(seed: number): Scene {
  const chance = new Chance(seed);
  const hops = sides.flatMap((side) => {
    const count = 1 + chance.below(3);
    const each = (place: number): HopPlan => {
      const transport = chance.pick(transports);
      const isSteady = place === count - 1;
      return { name: `${side}-hop-${place + 1}`, side, transport, isSteady, isNamed: chance.is(0.3) };
    };
    return Array.from({ length: count }, (_, place) => each(place));
  });
  const askers = sides.flatMap((side) =>
    Array.from({ length: 1 + chance.below(2) }, (_, place): AskerPlan => {
      return { name: `${side}-asker-${place + 1}`, side, transport: chance.pick(transports), listens: chance.is(0.7) };
    }),
  );
  const users = ['ann', 'bob', 'cid', 'dee'];
  const lastsMs = chance.between(10_000, 60_000);
  const asks = Array.from({ length: 5 + chance.below(40) }, (): AskPlan => {
    const method = chance.weigh(methods);
    const cancelAfterMs = method === 'INVITE' && chance.is(0.4) ? chance.between(0, 8_000) : undefined;
    const { name: asker } = chance.pick(askers);
    return { atMs: chance.between(0, lastsMs), asker, method, user: chance.pick(users), cancelAfterMs };
  });
  const names = Object.keys(faults);
  const planned = Array.from({ length: chance.below(8) }, (): FaultPlan => {
    const atMs = chance.between(0, lastsMs);
    return { atMs, forMs: chance.between(500, 20_000), fault: chance.pick(names), seed: chance.below(2 ** 31) };
  });
  const mostDelayMs = chance.pick([2, 20, 200]);
  const network = {
    mostDelayMs,
    loss: chance.pick([0, 0, 0.05]),
    repeat: chance.pick([0, 0, 0.05]),
    cut: chance.pick([0, 0.2, 0.8]),
  };
  return { seed, hops, askers, users, asks, faults: planned, network, lastsMs };
}
