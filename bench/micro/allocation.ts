/** What one MESSAGE transaction leaves to the garbage collector: octets of heap, in a router in this process over TCP. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { startApp } from '../../src/app.ts';
import { loadSnapshot } from '../../src/config/snapshot.ts';
import { openLog } from '../../src/observe/log.ts';
import { median } from './contest.ts';
import type { Peers } from './peers.ts';

const peers: Peers = { router: '127.0.129.1', cisco: '127.0.129.11', microsoft: '127.0.129.21' };

/** As small as it may be, with a decision record of every request in a file. */
const routes = (folder: string): string => `node: { name: router.example.com }
domains: [example.com]
listen: [{ transport: tcp, address: ${peers.router} }]
access: [{ side: cisco, from: ${peers.cisco} }, { side: microsoft, from: ${peers.microsoft} }]
routes: [{ to: cisco, pattern: example.com, next-hop: ${peers.cisco} }, { to: microsoft, pattern: example.com, next-hop: ${peers.microsoft} }]
health: { probe: { enabled: false } }
log: { file: ${join(folder, 'router.log')} }
`;

/** For V8 to have compiled what is hot. */
const warmUp = 20_000;
const counted = 1_500;
const rounds = 7;

/** Needs `--expose-gc`, and young space for all that is counted. */
export async function octetsPerMessage(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'pif-allocation-'));
  const file = join(folder, 'routes.yaml');
  writeFileSync(file, routes(folder));
  const { snapshot } = loadSnapshot(file, 1);
  if (snapshot === undefined) throw new Error('the configuration of the measurement is wrong');
  const app = await startApp(snapshot, openLog(snapshot.log));
  // The router's own timers keep no process alive.
  const alive = setInterval(() => undefined, 1_000);
  const worker = new Worker(new URL('./peers.ts', import.meta.url), { workerData: peers });
  try {
    await once(worker, 'message');
    await pass(worker, warmUp);
    const seen: number[] = [];
    for (let round = 0; round < rounds; round += 1) seen.push(...(await measure(worker)));
    if (seen.length <= rounds / 2) throw new Error('collections came in between: is the young space large enough?');
    return median(seen);
  } finally {
    await worker.terminate();
    await app.stop(0);
    clearInterval(alive);
    rmSync(folder, { recursive: true });
  }
}

/** @returns nothing when a collection came in between: then it is not known */
async function measure(worker: Worker): Promise<readonly number[]> {
  global.gc?.();
  const beginMs = performance.now();
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().filter(({ startTime }) => startTime > beginMs).length;
  });
  observer.observe({ entryTypes: ['gc'] });
  const before = getHeapStatistics().used_heap_size;
  await pass(worker, counted);
  const octets = getHeapStatistics().used_heap_size - before;
  await new Promise((resolve) => setImmediate(resolve));
  observer.disconnect();
  return collections > 0 ? [] : [octets / counted];
}

/** Sends so many requests through the router, and resolves when all are answered. */
async function pass(worker: Worker, count: number): Promise<void> {
  worker.postMessage(count);
  await once(worker, 'message');
}
