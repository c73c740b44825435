/** One simulated world from its seed to its end. */
import { Asker } from './asker.ts';
import { simulatedCertificates } from './certificates.ts';
import { Chance } from './chance.ts';
import { SimulatedDirectory } from './directory.ts';
import { SimulatedDns } from './dns.ts';
import { type FaultParts, faults } from './faults.ts';
import { Hop } from './hop.ts';
import { invariants } from './invariants.ts';
import { Network } from './network.ts';
import { Observed } from './observed.ts';
import { type Planted, sabotage } from './planted.ts';
import { addressOf, routerPlace, type SimulatedRouter, simulatedRouter } from './router.ts';
import type { Scene } from './scene.ts';
import { seedPlatform } from './seeded-platform.ts';
import { World } from './world.ts';

export interface Outcome {
  /** `INVARIANT: what was seen`. */
  readonly violations: readonly string[];
  /** The ladder. */
  readonly story: readonly string[];
  readonly simulatedMs: number;
}

/** So long after the last request everything has an end: Timer C (3 min) is the longest. */
const goingHomeMs = 400_000;

const certificates = simulatedCertificates();

/** @param plant a fault that must be found */
export async function simulate(scene: Scene, plant?: Planted): Promise<Outcome> {
  seedPlatform(scene.seed);
  const world = new World(new Chance(scene.seed + 1));
  const network = new Network(world, { leastDelayMs: 0.1, ...scene.network });
  const directory = new SimulatedDirectory(world);
  for (const user of scene.users) directory.move(user, world.chance.pick(['cisco', 'microsoft']));
  for (const { name } of [...scene.hops, ...scene.askers]) {
    network.certificates.set(addressOf(scene, name), certificates.of(name));
  }
  if (plant !== undefined) {
    network.sabotaged = { address: routerPlace.address, change: sabotage(plant) };
    directory.isLying = plant.lyingDirectory === true;
  }
  const observed = new Observed();
  const placeOf = (name: string) => ({ address: addressOf(scene, name), port: 5060 });
  const toRouter = (transport: string) => ({
    address: routerPlace.address,
    port: transport === 'tls' ? routerPlace.tlsPort : routerPlace.port,
  });
  const hops = scene.hops.map(({ name, side, transport, isSteady }) => {
    const parts = { side, isSteady, chance: world.chance.fork(), observed, router: toRouter(transport) };
    return new Hop(network, parts, name, placeOf(name), transport);
  });
  const askers = scene.askers.map(({ name, side, transport, listens }) => {
    const parts = { side, chance: world.chance.fork(), observed, router: toRouter(transport), listens };
    return new Asker(network, parts, name, placeOf(name), transport);
  });
  const dns = new SimulatedDns(world);
  for (const { name } of scene.hops) dns.name(`${name}.example.com`, addressOf(scene, name));
  const { router, bugs, reload } = simulatedRouter(scene, network, directory, dns.client, certificates);
  await router.start();
  await world.runUntil(5_000);
  const before = world.armedTimers;

  const faultParts: FaultParts = {
    world,
    network,
    directory,
    hops: hops.filter(({ isSteady }) => !isSteady),
    askers,
    users: scene.users,
    dns,
    reload: () => void reload(),
    drain(isDraining) {
      router.drain(isDraining);
      observed.drained.push({ atMs: world.nowMs, isDraining });
    },
  };
  for (const { atMs, asker: name, method, user, cancelAfterMs } of scene.asks) {
    const asker = askers.find((each) => each.name === name);
    if (asker === undefined) continue;
    world.after(atMs, () => {
      const id = asker.ask(method, user);
      if (cancelAfterMs !== undefined) world.after(cancelAfterMs, () => asker.cancel(id));
    });
  }
  for (const { atMs, forMs, fault, seed } of scene.faults) {
    world.after(atMs, () => {
      const begun = faults[fault]?.(faultParts, new Chance(seed));
      if (begun === undefined) return;
      world.tell(`* ${begun.what}`);
      world.after(forMs, () => {
        begun.end();
        world.tell(`* over: ${begun.what}`);
      });
    });
  }
  await world.runUntil(world.nowMs + scene.lastsMs + goingHomeMs);
  for (const host of [...hops, ...askers]) host.die();
  await world.runUntil(world.nowMs + 60_000);
  const { held, armed } = await leastHeld(world, router);
  const timers = { before, after: armed };
  const closing = router.close();
  await world.runUntil(world.nowMs + 10_000);
  await closing;
  const ended = { scene, observed, directory, bugs, held, timers };
  const violations = Object.entries(invariants).flatMap(([name, judge]) =>
    judge(ended).map((what) => `${name}: ${what}`),
  );
  return { violations, story: world.story, simulatedMs: world.nowMs };
}

/** Probes go on while nobody is there: what counts is what is held when none is under way. */
async function leastHeld(world: World, router: SimulatedRouter['router']) {
  const held = { transactions: Infinity, octets: Infinity, connections: Infinity };
  let armed = Infinity;
  for (let second = 0; second < 30; second += 1) {
    await world.runUntil(world.nowMs + 1_000);
    const { openRequests, heldOctets, connections } = router.load();
    held.transactions = Math.min(held.transactions, openRequests);
    held.octets = Math.min(held.octets, heldOctets);
    held.connections = Math.min(held.connections, connections);
    armed = Math.min(armed, world.armedTimers);
  }
  return { held, armed };
}
