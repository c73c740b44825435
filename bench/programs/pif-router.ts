/** This router as its users run it: `start` with a configuration file, all features on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { userName } from '../load/work.ts';
import { addresses, type Program, placesOf, portOf, type Wish } from './program.ts';

export interface RouterWish extends Wish {
  /** Lines for the end of routes.yaml. */
  readonly more?: string;
  /** Options for Node. */
  readonly execArgv?: readonly string[];
}

/** @throws Error with what it wrote, when it does not become ready */
export async function startRouter(wish: RouterWish): Promise<Program> {
  mkdirSync(wish.folder, { recursive: true });
  const file = join(wish.folder, 'routes.yaml');
  writeFileSync(file, routesYaml(wish));
  writeFileSync(join(wish.folder, 'users.ldif'), wish.mode === 'advanced' ? ldif(wish.users) : '');
  const main = join(import.meta.dirname, '../../src/main.ts');
  const child = spawn(process.execPath, [...(wish.execArgv ?? []), main, 'start', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  await untilReady(child);
  return {
    name: `pif-router ${version()}`,
    at: { address: addresses.router, port: portOf(wish.transport) },
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

/** Decision records are written at their default level, to a file. */
function routesYaml({ transport, mode, folder, certificates, more = '' }: RouterWish): string {
  const hops = (side: 'cisco' | 'microsoft', tlsName: string): string =>
    placesOf(side, transport)
      .map(({ address, port }, index) => {
        const tls = transport === 'tls' ? `, tls-name: ${tlsName}` : '';
        return `  - { to: ${side}, pattern: example.com, next-hop: ${address}, port: ${port}, transport: ${transport}, priority: ${index + 1}${tls} }`;
      })
      .join('\n');
  return `node: { name: router.example.com }
domains: [example.com]
listen: [{ transport: ${transport}, address: ${addresses.router}, port: ${portOf(transport)} }]
tls:
  default:
    certificate: ${certificates}/router.crt
    key: ${certificates}/router.key
    ca: ${certificates}/ca.crt
    client-certificate: required
access:
${addresses.cisco.map((from) => `  - { side: cisco, from: ${from} }`).join('\n')}
${addresses.microsoft.map((from) => `  - { side: microsoft, from: ${from} }`).join('\n')}
routing: { mode: ${mode} }
routes:
${hops('microsoft', 'fe1.example.com')}
${hops('cisco', 'imp1.example.com')}
directory:
  sources: [{ kind: ldif, file: ${folder}/users.ldif }]
log: { file: ${folder}/router.log }
${more}`;
}
