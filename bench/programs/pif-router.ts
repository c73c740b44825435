/** This router as its users run it: `start` with a configuration file, all features on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeOptions } from '../../src/cli/node-options.ts';
import type { Transport } from '../load/wire.ts';
import { userName } from '../load/work.ts';
import { addresses, type Program, placesOf, portOf, type Wish } from './program.ts';

export interface RouterWish extends Wish {
  /** Where it listens; default: its usual address. */
  readonly address?: string;
  /** Routes and access rules in all; those that no request meets come last. Default: only those that are needed. */
  readonly routes?: number;
  readonly accessRules?: number;
  /** A hop may be silent for so long before the next one is tried. */
  readonly failoverAfter?: string;
  /** Default: 1. */
  readonly workers?: number;
  /** Options for Node, and what they want to be told. */
  readonly execArgv?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** @throws Error with what it wrote, when it does not become ready */
export async function startRouter(wish: RouterWish): Promise<Program> {
  mkdirSync(join(wish.folder, 'log'), { recursive: true });
  const file = join(wish.folder, 'routes.yaml');
  writeFileSync(file, routesYaml(wish));
  writeFileSync(join(wish.folder, 'users.ldif'), ldif(wish.users));
  const main = join(import.meta.dirname, '../../src/main.ts');
  const child = spawn(process.execPath, [...nodeOptions, ...(wish.execArgv ?? []), main, 'start', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...wish.env },
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  await untilReady(child);
  return {
    name: `pif-router ${version()}`,
    at: { address: wish.address ?? addresses.router, port: portOf(wish.transport) },
    pids: () => [child.pid!],
    async stop() {
      process.off('exit', kill);
      child.kill('SIGTERM');
      // A second one ends it without waiting for those who are under way.
      child.kill('SIGINT');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

function version(): string {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The line that begins with `ready` says that it listens. */
function untilReady(child: ChildProcess): Promise<void> {
  let said = '';
  return new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the router ended with ${code}:\n${said}`)));
    const hear = (text: Buffer): void => {
      said += text;
      if (/^ready\b/m.test(said)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
  });
}

function ldif(users: number): string {
  const entries = Array.from({ length: users }, (_, index) => {
    const user = userName(index);
    return `dn: CN=${user},DC=example,DC=com\nmsRTCSIP-PrimaryUserAddress: sip:${user}@example.com\nmsRTCSIP-UserEnabled: TRUE\n`;
  });
  return entries.join('\n');
}

/** Both servers of a side, the first before the second. */
const hops = (transport: Transport, side: 'cisco' | 'microsoft', tlsName: string): string[] =>
  placesOf(side, transport).map(({ address, port }, index) => {
    const tls = transport === 'tls' ? `, tls-name: ${tlsName}` : '';
    return `{ to: ${side}, pattern: example.com, next-hop: ${address}, port: ${port}, transport: ${transport}, priority: ${index + 1}${tls} }`;
  });

/** Other domains, by a hop that is there anyway. */
const unusedRoutes = (transport: Transport, count: number): string[] => {
  const [{ address, port }] = placesOf('cisco', transport);
  return Array.from(
    { length: Math.max(0, count) },
    (_, index) =>
      `{ to: cisco, pattern: domain${index}.example.net, next-hop: ${address}, port: ${port}, transport: ${transport} }`,
  );
};

const unusedAccessRules = (count: number): string[] =>
  Array.from(
    { length: Math.max(0, count) },
    (_, index) => `{ side: cisco, from: 10.${index >> 16}.${(index >> 8) & 255}.${index & 255} }`,
  );

const list = (items: readonly string[]): string => items.map((item) => `  - ${item}`).join('\n');

/** Decision records are written at their default level, to a file. */
function routesYaml(wish: RouterWish): string {
  const { transport, mode, folder, certificates, routes = 0, accessRules = 0, failoverAfter = '2s' } = wish;
  const needed = [...hops(transport, 'microsoft', 'fe1.example.com'), ...hops(transport, 'cisco', 'imp1.example.com')];
  const known = [
    ...addresses.cisco.map((from) => `{ side: cisco, from: ${from} }`),
    ...addresses.microsoft.map((from) => `{ side: microsoft, from: ${from} }`),
  ];
  return `node: { name: router.example.com }
domains: [example.com]
listen: [{ transport: ${transport}, address: ${wish.address ?? addresses.router}, port: ${portOf(transport)} }]
workers: ${wish.workers ?? 1}
tls:
  default:
    certificate: ${certificates}/router.crt
    key: ${certificates}/router.key
    ca: ${certificates}/ca.crt
    client-certificate: required
access:
${list([...known, ...unusedAccessRules(accessRules - known.length)])}
routing: { mode: ${mode}, failover-after: ${failoverAfter} }
routes:
${list([...needed, ...unusedRoutes(transport, routes - needed.length)])}
directory:
  sources: [{ kind: ldif, file: ${folder}/users.ldif }]
log: { file: ${folder}/log/router.log }
limits: { connections: 20000, connections-per-address: 20000 }
`;
}
