/** What goes wrong in a simulated world, and when: each fault begins, and ends by itself. */
import type { Side } from '../../src/routing/types.ts';
import type { Asker } from './asker.ts';
import type { Chance } from './chance.ts';
import type { SimulatedDirectory } from './directory.ts';
import type { SimulatedDns } from './dns.ts';
import type { Hop } from './hop.ts';
import type { Network } from './network.ts';
import type { World } from './world.ts';

export interface FaultParts {
  readonly world: World;
  readonly network: Network;
  readonly directory: SimulatedDirectory;
  /** Those to which something may happen. */
  readonly hops: readonly Hop[];
  readonly askers: readonly Asker[];
  readonly users: readonly string[];
  readonly dns: SimulatedDns;
  reload(): void;
  drain(isDraining: boolean): void;
}

/** @returns its end */
type Fault = (parts: FaultParts, chance: Chance) => { readonly what: string; readonly end: () => void } | undefined;

const nothing = (): void => undefined;

const anyOf = <Item>(items: readonly Item[], chance: Chance): Item | undefined =>
  items.length === 0 ? undefined : chance.pick(items);

export const faults: Readonly<Record<string, Fault>> = {
  'a hop dies'({ hops, network }, chance) {
    const hop = anyOf(hops, chance);
    if (hop === undefined) return undefined;
    const isSilent = chance.is(0.5);
    hop.die();
    network.setReachability(hop.place.address, isSilent ? 'silent' : 'refused');
    const end = (): void => {
      network.setReachability(hop.place.address, 'open');
      hop.begin();
    };
    return { what: `${hop.name} dies, and is ${isSilent ? 'silent' : 'refused'}`, end };
  },
  'a hop hangs'({ hops }, chance) {
    const hop = anyOf(hops, chance);
    hop?.hang();
    return hop && { what: `${hop.name} hangs`, end: () => hop.wake() };
  },
  'a hop is cut off'({ hops, network }, chance) {
    const hop = anyOf(hops, chance);
    if (hop === undefined) return undefined;
    network.cutOff(hop.place.address);
    return { what: `${hop.name} is cut off`, end: () => network.join(hop.place.address) };
  },
  'a hop resets its connections'({ hops }, chance) {
    const hop = anyOf(hops, chance);
    hop?.dropConnections();
    return hop && { what: `${hop.name} resets its connections`, end: nothing };
  },
  'a hop ends its connections'({ hops }, chance) {
    const hop = anyOf(hops, chance);
    hop?.endConnections();
    return hop && { what: `${hop.name} ends its connections`, end: nothing };
  },
  'an asker loses its connections'({ askers }, chance) {
    const asker = anyOf(askers, chance);
    asker?.lose();
    return asker && { what: `${asker.name} loses its connections`, end: nothing };
  },
  'datagrams are lost'({ network: { conditions } }, chance) {
    const { loss, repeat } = conditions;
    conditions.loss = chance.between(0, 0.3);
    conditions.repeat = chance.between(0, 0.3);
    return { what: 'datagrams are lost and repeated', end: () => Object.assign(conditions, { loss, repeat }) };
  },
  'the directory is slow'({ directory }, chance) {
    directory.delayMs = chance.between(50, 2_000);
    const end = (): void => {
      directory.delayMs = 0;
    };
    return { what: `the directory takes ${directory.delayMs.toFixed(0)} ms`, end };
  },
  'DNS is away'({ dns }) {
    dns.isAway = true;
    const end = (): void => {
      dns.isAway = false;
    };
    return { what: 'DNS is away', end };
  },
  'DNS is slow'({ dns }, chance) {
    dns.delayMs = chance.between(100, 5_000);
    const end = (): void => {
      dns.delayMs = 1;
    };
    return { what: `DNS takes ${dns.delayMs.toFixed(0)} ms`, end };
  },
  'the node is drained'({ drain }) {
    drain(true);
    return { what: 'the node is drained', end: () => drain(false) };
  },
  'a user moves'({ directory, users }, chance) {
    const user = chance.pick(users);
    const side: Side = directory.sideOf(user) === 'cisco' ? 'microsoft' : 'cisco';
    directory.move(user, side);
    return { what: `${user} moves to ${side}`, end: nothing };
  },
  'a reload'({ reload }) {
    reload();
    return { what: 'the configuration is reloaded', end: nothing };
  },
  'the clock is set'({ world }, chance) {
    const byMs = chance.between(-7_200_000, 7_200_000);
    world.setClock(byMs);
    return { what: `the clock is set by ${(byMs / 1_000).toFixed(0)} s`, end: nothing };
  },
};
