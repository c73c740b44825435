/** The real router in a simulated world: its configuration, decision, transactions, proxy, connections and watch of the hops. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newKey } from '../../src/config/signing-keys.ts';
import { loadSnapshot, type Snapshot } from '../../src/config/snapshot.ts';
import type { Directory } from '../../src/directory/directory.ts';
import { HopMonitor } from '../../src/health/hop-monitor.ts';
import type { Log } from '../../src/log.ts';
import { createRouter, type Router } from '../../src/router.ts';
import { formatProblem } from '../../src/settings/problem.ts';
import type { DnsClient } from '../../src/sip/resolve/dns-client.ts';
import { aloneInProgram } from '../../src/workers/worker-place.ts';
import type { SimulatedCertificates } from './certificates.ts';
import type { Network } from './network.ts';
import type { Scene } from './scene.ts';
import { socketsOf } from './sockets.ts';

export const routerPlace = { address: '192.0.2.1', port: 5060, tlsPort: 5061 } as const;

/** Of the hops, then of the askers. */
export const addressOf = (scene: Scene, name: string): string => {
  const place = [...scene.hops, ...scene.askers].findIndex((each) => each.name === name);
  return `192.0.2.${10 + place}`;
};

function yamlOf(scene: Scene, failoverAfterMs: number): string {
  const { address, port, tlsPort } = routerPlace;
  const everybody = [...scene.hops, ...scene.askers];
  const access = everybody.map(({ name, side }) => `  - { side: ${side}, from: ${addressOf(scene, name)} }`);
  const routes = scene.hops.map(({ name, side, transport, isNamed }, place) => {
    const tls = transport === 'tls' ? `, tls-name: ${name}.example.com` : '';
    const at = `next-hop: ${isNamed ? `${name}.example.com` : addressOf(scene, name)}, port: 5060, transport: ${transport}${tls}`;
    return `  - { to: ${side}, pattern: example.com, ${at}, priority: ${place + 1} }`;
  });
  return [
    'node: { name: router.example.com }',
    'domains: [example.com]',
    `listen: [{ transport: udp, address: ${address}, port: ${port} }, { transport: tcp, address: ${address}, port: ${port} }, { transport: tls, address: ${address}, port: ${tlsPort} }]`,
    'tls: { default: { certificate: router.crt, key: router.key, ca: ca.crt } }',
    `routing: { mode: advanced, failover-after: ${failoverAfterMs}ms }`,
    'directory: { sources: [{ kind: ldif, file: users.ldif }] }',
    'access:',
    ...access,
    'routes:',
    ...routes,
    '',
  ].join('\n');
}

export interface SimulatedRouter {
  readonly router: Router<HopMonitor>;
  /** Bugs that it logged of itself. */
  readonly bugs: readonly string[];
  reload(): Promise<void>;
}

export function simulatedRouter(
  scene: Scene,
  network: Network,
  directory: Directory,
  dns: DnsClient,
  certificates: SimulatedCertificates,
): SimulatedRouter {
  const folder = mkdtempSync(join(tmpdir(), 'pif-simulation-'));
  const load = (failoverAfterMs: number, own: Readonly<Record<string, string>> | undefined): Snapshot => {
    const ldif = 'dn: CN=a\nmsRTCSIP-PrimaryUserAddress: sip:a@example.com\nmsRTCSIP-UserEnabled: TRUE\n';
    const files = { ...own, 'users.ldif': ldif, 'routes.yaml': yamlOf(scene, failoverAfterMs) };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
    const { snapshot, problems } = loadSnapshot(join(folder, 'routes.yaml'), 1);
    if (snapshot === undefined) throw new Error(problems.map(formatProblem).join('\n'));
    return snapshot;
  };
  const [one, other] = certificates.files;
  const first = load(2_000, one);
  const later = load(1_500, other);
  rmSync(folder, { recursive: true });
  const bugs: string[] = [];
  const ignore = (): void => undefined;
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields, message) =>
      void bugs.push(`${message}: ${(fields as { err?: Error }).err?.stack ?? JSON.stringify(fields)}`),
  };
  const keys = [newKey()] as const;
  const { world } = network;
  const router = createRouter({ ...first, keys }, directory, {
    platform: {
      clock: world.clock,
      sockets: socketsOf(network, routerPlace.address),
      dnsOf: () => dns,
      random: () => world.chance.next(),
    },
    log,
    writeRecord: ignore,
    placement: aloneInProgram(),
    watchHops: (parts) => new HopMonitor(first.health, parts),
  });
  let isFirst = true;
  const reload = async (): Promise<void> => {
    isFirst = !isFirst;
    (await router.prepare({ ...(isFirst ? first : later), keys }, directory)).commit();
  };
  return { router, bugs, reload };
}
