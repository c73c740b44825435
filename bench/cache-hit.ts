/**
 * `node bench/cache-hit.ts`: what the directory adds to the processor time of a transaction when the cache answers. Two routers,
 * one in basic and one in advanced mode, are measured in turns. See README.md.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startOpenLdap } from '../test/interop/directory/openldap.ts';
import type { TestDirectory } from '../test/interop/directory/test-directory.ts';
import type { CacheFigures } from './cached-users.ts';
import { ask, begin, beginRouter, end } from './children.ts';
import type { ConnectOrder, ListenOrder, TurnOrder, TurnResult } from './load/load.ts';
import type { SinkOrder } from './load/sink.ts';
import { processorUs } from './programs/processes.ts';

const hosts = { basic: '127.0.252.1', advanced: '127.0.252.2', cisco: '127.0.252.11', microsoft: '127.0.252.21' };
const port = 5060;
const noIdentity = { cert: '', key: '', ca: '' };
const modes = ['basic', 'advanced'] as const;
type Mode = (typeof modes)[number];

/** Of 20 users the directory has one that is asked for; all of them are in the cache after the warm-up. */
const asked = 1_000;

const directoryYaml = (server: TestDirectory): string => `directory:
  cache: { found: 1h }
  sources:
    - kind: ldap
      name: bench
      mode: lookup
      urls: [${server.ldapsUrl}]
      tls-name: ${server.tlsName}
      ca: ${server.caFile}
      bind-dn: "${server.reader.dn}"
      password-env: PIF_BENCH_PASSWORD
      base: ["${server.suffix}"]
`;

const routesYaml = (mode: Mode, server: TestDirectory, folder: string): string => `node: { name: router.example.com }
domains: [example.com]
listen: [{ transport: tcp, address: ${hosts[mode]}, port: ${port} }]
access: [{ side: cisco, from: ${hosts.cisco} }, { side: microsoft, from: ${hosts.microsoft} }]
routing: { mode: ${mode} }
routes:
  - { to: microsoft, pattern: example.com, next-hop: ${hosts.microsoft} }
  - { to: cisco, pattern: example.com, next-hop: ${hosts.cisco} }
${mode === 'advanced' ? directoryYaml(server) : ''}admin: { socket: ${folder}/${mode}.sock }
log: { decisions: none, file: ${folder}/${mode}.log }
`;

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

const told = (values: readonly number[], digits: number): string => {
  const { median, min, max } = spread(values);
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
};

function startRouter(mode: Mode, server: TestDirectory, folder: string): Promise<ChildProcess> {
  const file = join(folder, `${mode}.yaml`);
  writeFileSync(file, routesYaml(mode, server, folder));
  return beginRouter(file);
}

/** The load, connected to each router by the name of its mode. */
async function startLoad(): Promise<ChildProcess> {
  const load = begin('load/load.ts');
  const sink = { address: hosts.microsoft, port };
  const listen: ListenOrder = {
    transport: 'tcp',
    listen: [{ address: hosts.cisco, port }],
    identity: noIdentity,
    sink,
  };
  await ask(load, listen);
  for (const mode of modes) {
    const order: ConnectOrder = {
      lanes: mode,
      to: { address: hosts[mode], port },
      connections: 4,
      users: asked,
      names: 'of a test directory',
    };
    await ask(load, order);
  }
  return load;
}

/** Microseconds of processor time of the router, all its threads, per transaction. */
async function costOf(mode: Mode, router: ChildProcess, load: ChildProcess, seconds: number): Promise<number> {
  const order: TurnOrder = { on: mode, work: 'message', seconds, outstanding: 64, lostMs: 2_000 };
  const before = processorUs([router.pid!]);
  const { answered, refused, refusal } = await ask<TurnResult>(load, order);
  if (refused > 0 || answered === 0) throw new Error(`${answered} were answered, ${refused} refused:\n${refusal}`);
  return (processorUs([router.pid!]) - before) / answered;
}

async function measure(rounds: number, seconds: number, server: TestDirectory, folder: string): Promise<void> {
  const sink = begin('load/sink.ts');
  const sinkOrder: SinkOrder = {
    transport: 'tcp',
    at: [{ address: hosts.microsoft, port }],
    identity: noIdentity,
  };
  await ask(sink, sinkOrder);
  const routers = {
    basic: await startRouter('basic', server, folder),
    advanced: await startRouter('advanced', server, folder),
  };
  const load = await startLoad();
  const costs: Record<Mode, number[]> = { basic: [], advanced: [] };
  for (const mode of modes) await costOf(mode, routers[mode], load, 3);
  for (let round = 0; round < rounds; round += 1) {
    for (const mode of round % 2 === 0 ? modes : modes.toReversed()) {
      costs[mode].push(await costOf(mode, routers[mode], load, seconds));
    }
  }
  for (const mode of modes)
    console.log(`${mode.padEnd(8)} ${told(costs[mode], 2)} us of processor time per transaction`);
  console.log(
    `advanced / basic, each round by itself: ${told(
      costs.advanced.map((cost, at) => cost / costs.basic[at]!),
      3,
    )}`,
  );
  const child = begin('cached-users.ts');
  for (const users of [asked, 100_000]) {
    const { hitNs } = await ask<CacheFigures>(child, users);
    const share = hitNs / (10 * spread(costs.basic).median);
    console.log(
      `a hit in a cache of ${users} users by itself: ${hitNs.toFixed(0)} ns, ${share.toFixed(1)} % of a transaction in basic mode`,
    );
  }
  for (const each of [child, load, sink, routers.basic, routers.advanced]) await end(each);
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '10' }, seconds: { type: 'string', default: '3' } },
});
const folder = mkdtempSync(join(tmpdir(), 'pif-bench-'));
const server = await startOpenLdap({ users: 20 * asked });
process.env.PIF_BENCH_PASSWORD = server.reader.password;
try {
  await measure(Number(values.rounds), Number(values.seconds), server, folder);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}
