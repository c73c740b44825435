/** `node bench/directory.ts`: what a snapshot of all users costs, and whether SIP requests feel a sweep. See README.md. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startOpenLdap } from '../test/interop/directory/openldap.ts';
import type { TestDirectory } from '../test/interop/directory/test-directory.ts';
import { ask, begin, beginRouter, end } from './children.ts';
import { connect } from './load/wire.ts';
import { enabledUser, numberOf, requestMaker, statusOf } from './load/work.ts';
import type { TableFigures } from './users-table.ts';

const hosts = { router: '127.0.252.1', cisco: '127.0.252.11', microsoft: '127.0.252.21' };
const port = 5060;
const noIdentity = { cert: '', key: '', ca: '' };

/** Between two MESSAGEs. */
const everyMs = 2;
/** How long a stretch without a sweep is looked at before each sweep. */
const quietMs = 4_000;

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

async function tellTable(users: number): Promise<void> {
  const child = begin('users-table.ts', ['--expose-gc']);
  const { bytesPerUser, lookupNs, unknownNs } = await ask<TableFigures>(child, users);
  await end(child);
  console.log(`table of ${users} users alone: ${mib(bytesPerUser * users)} MiB, ${bytesPerUser.toFixed(1)} bytes each`);
  console.log(`look-up: ${lookupNs.toFixed(0)} ns of a known user, ${unknownNs.toFixed(0)} ns of an unknown one`);
}

const routesYaml = (server: TestDirectory, folder: string): string => `node: { name: router.example.com }
domains: [example.com]
listen: [{ transport: tcp, address: ${hosts.router}, port: ${port} }]
access: [{ side: cisco, from: ${hosts.cisco} }, { side: microsoft, from: ${hosts.microsoft} }]
routing: { mode: advanced }
routes:
  - { to: microsoft, pattern: example.com, next-hop: ${hosts.microsoft} }
  - { to: cisco, pattern: example.com, next-hop: ${hosts.cisco} }
directory:
  sources:
    - kind: ldap
      name: bench
      mode: snapshot
      urls: [${server.ldapsUrl}]
      tls-name: ${server.tlsName}
      ca: ${server.caFile}
      bind-dn: "${server.reader.dn}"
      password-env: PIF_BENCH_PASSWORD
      base: ["${server.suffix}"]
      snapshot: { follow: notify, require-first-sync: true }
log: { decisions: none, file: ${folder}/router.log }
`;

/** The router as a user would run it. */
class BenchRouter {
  readonly #child: ChildProcess;
  readonly #log: string;

  private constructor(child: ChildProcess, log: string) {
    this.#child = child;
    this.#log = log;
  }

  static async start(server: TestDirectory, folder: string): Promise<BenchRouter> {
    process.env.PIF_BENCH_PASSWORD = server.reader.password;
    const file = join(folder, 'routes.yaml');
    writeFileSync(file, routesYaml(server, folder));
    return new BenchRouter(await beginRouter(file), join(folder, 'router.log'));
  }

  /** Resident now, and the most that was. */
  get memory(): { now: number; most: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const of = (name: string): number => 1_024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
    return { now: of('VmRSS'), most: of('VmHWM') };
  }

  /** From now on `most` is the most from now on (proc(5), clear_refs). */
  forgetMost(): void {
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, '5');
  }

  /** From the log: since 1970, with what each brought. */
  get sweeps(): readonly { startedAtMs: number; endedAtMs: number; objects: number }[] {
    const lines = readFileSync(this.#log, 'utf8').trim().split('\n');
    return lines.flatMap((line) => (line.includes('sweep of the directory: applied') ? JSON.parse(line).sweep : []));
  }

  async untilSwept(count: number): Promise<{ startedAtMs: number; endedAtMs: number; objects: number }> {
    while (this.sweeps.length < count) await pause(100);
    return this.sweeps.at(-1)!;
  }

  stop(): Promise<void> {
    return end(this.#child);
  }
}

/** Resident memory of a router that has nothing else to do, in octets. */
interface Memory {
  /** At most until the first sweep is in force. */
  readonly first: number;
  readonly atRest: number;
  /** At most while the next sweeps run. */
  readonly next: number;
}

async function memoryOf(users: number, sweeps: number): Promise<Memory> {
  const folder = mkdtempSync(join(tmpdir(), 'pif-bench-'));
  const server = await startOpenLdap({ users });
  const router = await BenchRouter.start(server, folder);
  try {
    await router.untilSwept(1);
    const { most: first } = router.memory;
    await pause(3_000);
    const { now: atRest } = router.memory;
    router.forgetMost();
    for (let sweep = 1; sweep <= sweeps; sweep += 1) {
      await server.kill();
      await server.start();
      await router.untilSwept(1 + sweep);
    }
    return { first, atRest, next: router.memory.most };
  } finally {
    await router.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function tellMemory(users: number): Promise<void> {
  const few = await memoryOf(100, 2);
  const many = await memoryOf(users, 2);
  console.log(`router with ${users} objects swept, above one with a hundred (${mib(few.atRest)} MiB at rest):`);
  const above = (of: keyof Memory): string => `${mib(many[of] - few.atRest)} MiB`;
  console.log(
    `  ${above('first')} at most in the first sweep, ${above('atRest')} at rest, ${above('next')} at most in two more`,
  );
}

interface Answered {
  readonly atMs: number;
  readonly tookMs: number;
}

/** One MESSAGE every two milliseconds to users who are there; keeps when each was sent and how long its 200 took. */
class Requests {
  readonly answered: Answered[] = [];
  refused = 0;
  sent = 0;
  #isRunning = true;
  readonly #sentAt = new Map<number, number>();

  async run(users: number): Promise<void> {
    const to = { address: hosts.router, port };
    const peer = await connect('tcp', hosts.cisco, to, noIdentity, (response) => this.#count(response));
    const { local } = peer;
    const make = requestMaker('message', 'tcp', local, local, Math.floor(users / 20), enabledUser);
    while (this.#isRunning) {
      this.sent += 1;
      this.#sentAt.set(this.sent, performance.timeOrigin + performance.now());
      peer.put(make(this.sent));
      peer.flush();
      await pause(everyMs);
    }
  }

  #count(response: string): void {
    const number = numberOf(response);
    const atMs = this.#sentAt.get(number);
    if (atMs === undefined) return;
    if (statusOf(response) === 200)
      this.answered.push({ atMs, tookMs: performance.timeOrigin + performance.now() - atMs });
    else this.refused += 1;
    this.#sentAt.delete(number);
  }

  stop(): void {
    this.#isRunning = false;
  }

  /** Milliseconds, ascending. */
  between(fromMs: number, untilMs: number): readonly number[] {
    const took = this.answered.filter(({ atMs }) => atMs >= fromMs && atMs <= untilMs).map(({ tookMs }) => tookMs);
    return took.sort((a, b) => a - b);
  }

  static tell(took: readonly number[]): string {
    const at = (share: number): string => (took[Math.floor(share * (took.length - 1))] ?? Number.NaN).toFixed(1);
    const late = took.filter((ms) => ms > 20).length;
    return `${took.length} MESSAGEs, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms, most ${at(1)} ms, ${late} above 20 ms`;
  }
}

/** Sweeps in the middle of traffic (the server goes and comes back, and the router sweeps anew), a stretch without one before each. */
async function tellSweeps(users: number, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pif-bench-'));
  const server = await startOpenLdap({ users });
  const sink = begin('load/sink.ts');
  await ask(sink, { transport: 'tcp', at: [{ address: hosts.microsoft, port }], identity: noIdentity });
  const router = await BenchRouter.start(server, folder);
  try {
    await router.untilSwept(1);
    const requests = new Requests();
    const running = requests.run(users);
    await pause(5_000);
    console.log(`load of the machine: ${loadavg()[0]?.toFixed(1)}`);
    const took: { readonly quiet: number[]; readonly swept: number[] } = { quiet: [], swept: [] };
    for (let round = 1; round <= rounds; round += 1) {
      took.quiet.push(...(await tellQuiet(requests)));
      took.swept.push(...(await tellSweep(requests, server, router, 1 + round)));
    }
    requests.stop();
    await running;
    for (const [what, all] of Object.entries(took))
      console.log(`all ${what}: ${Requests.tell(all.sort((a, b) => a - b))}`);
    console.log(
      `${requests.sent} sent, ${requests.refused} refused, ${requests.sent - requests.answered.length} without 200`,
    );
  } finally {
    await router.stop();
    await end(sink);
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function tellQuiet(requests: Requests): Promise<readonly number[]> {
  const fromMs = Date.now();
  await pause(quietMs);
  const took = requests.between(fromMs, Date.now());
  console.log(`no sweep: ${Requests.tell(took)}`);
  return took;
}

async function tellSweep(
  requests: Requests,
  server: TestDirectory,
  router: BenchRouter,
  count: number,
): Promise<readonly number[]> {
  await server.kill();
  await server.start();
  const { startedAtMs, endedAtMs, objects } = await router.untilSwept(count);
  await pause(500);
  const took = requests.between(startedAtMs, endedAtMs);
  const seconds = ((endedAtMs - startedAtMs) / 1_000).toFixed(1);
  console.log(`sweep of ${objects} objects in ${seconds} s: ${Requests.tell(took)}`);
  return took;
}

const { values } = parseArgs({
  options: {
    table: { type: 'string', default: '1000000' },
    'swept-users': { type: 'string', default: '100000' },
    'memory-users': { type: 'string', default: '0' },
    rounds: { type: 'string', default: '3' },
  },
});

if (Number(values.table) > 0) await tellTable(Number(values.table));
if (Number(values['memory-users']) > 0) await tellMemory(Number(values['memory-users']));
if (Number(values.rounds) > 0) await tellSweeps(Number(values['swept-users']), Number(values.rounds));
