/** One fuzz campaign against the running program: so many mutated messages, by UDP and TCP, and what came of it. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { mainFile, RouterProcess } from '../support/router-process.ts';
import type { Flaw } from '../support/strict-framer.ts';
import { until } from '../support/until.ts';
import type { FarSideOptions, FarSideReport } from './far-side.ts';
import { mutate, reframed } from './mutate.ts';
import { type Goodbye, NearSide } from './near-side.ts';
import { fuzzRoutes, loudDomain, places, plainTransports, port, strictDomain } from './places.ts';
import { Chance } from './random.ts';
import { numbered, requestSeeds } from './seeds.ts';

interface CampaignOptions {
  /** Messages, half of them by UDP and half by TCP. */
  readonly count: number;
  readonly seed: number;
  /** As in `twoSides`. */
  readonly net: number;
  /**
   * Messages a second at most; what was late is not made up for. What the fuzzer can do at most would measure how it shares the
   * processors with the router.
   */
  readonly rate: number;
  /** How long the canary is measured in quiet. */
  readonly idleMs: number;
  /** What a campaign leaves behind gets so long to be over, before the heap is looked at. */
  readonly settleMs: number;
  /** Told at times how many are sent. */
  readonly onProgress?: (sent: number) => void;
}

export interface CampaignReport {
  readonly sent: { readonly udp: number; readonly tcp: number };
  readonly connections: number;
  /** Messages that were framed on either side of the router. */
  readonly framed: { readonly near: number; readonly far: number };
  readonly flaws: readonly Flaw[];
  readonly canary: {
    readonly sent: number;
    readonly failures: readonly string[];
    readonly idleP99Ms: number;
    readonly loadP99Ms: number;
  };
  /** The burst that took longest, and the slow ones as they were sent. */
  readonly slowestBurstMs: number;
  readonly slowBursts: readonly (readonly string[])[];
  /** After a full collection: when the router was warm, and when all was over. */
  readonly heapMib: { readonly before: number; readonly after: number };
  /** Lines of the router's log at level error: messages that it failed to handle. */
  readonly bugs: readonly string[];
  readonly exitCode: number | null;
}

/** Messages that leave at once; the next ones wait until the router is done with them, as real peers have few under way. */
const burst = { udp: 4, tcp: 8 } as const;
const progressEvery = 50_000;
/** A burst of a few long messages must fit in the socket's buffer, or the fence is lost with it. */
const burstOctets = 120_000;
const warmUpMessages = 2_000;
const slowMs = 400;

class Campaign {
  readonly #options: CampaignOptions;
  readonly #chance: Chance;
  readonly #near: NearSide;
  readonly #seeds: Readonly<Record<'udp' | 'tcp', readonly string[]>>;
  readonly sent = { udp: 0, tcp: 0 };
  readonly slowBursts: (readonly string[])[] = [];
  connections = 0;
  slowestBurstMs = 0;

  constructor(options: CampaignOptions, near: NearSide) {
    const { senders } = places(options.net);
    const seedsOf = (transport: 'udp' | 'tcp'): string[] =>
      plainTransports
        .flatMap((onward) => [strictDomain(onward), strictDomain(onward), loudDomain(onward)])
        .flatMap((domain) => requestSeeds({ domain, via: `SIP/2.0/${transport.toUpperCase()} ${senders[0]}:${port}` }));
    this.#options = options;
    this.#near = near;
    this.#chance = new Chance(options.seed);
    this.#seeds = { udp: seedsOf('udp'), tcp: seedsOf('tcp') };
  }

  get total(): number {
    return this.sent.udp + this.sent.tcp;
  }

  async sendUpTo(total: number): Promise<void> {
    let dueMs = performance.now();
    while (this.total < total) {
      const before = this.total;
      const texts = this.sent.udp <= this.sent.tcp ? this.#burstOfDatagrams() : await this.#burstOfStream();
      const ms = await this.#near.fence();
      this.slowestBurstMs = Math.max(this.slowestBurstMs, ms);
      if (ms > slowMs && this.slowBursts.length < 20) this.slowBursts.push(texts);
      if (this.total % progressEvery < before % progressEvery) this.#options.onProgress?.(this.total);
      dueMs = Math.max(performance.now(), dueMs + (texts.length * 1000) / this.#options.rate);
      await pause(Math.max(0, dueMs - performance.now()));
    }
    this.#near.hangUp();
  }

  #messages(transport: 'udp' | 'tcp', most: number): string[] {
    const texts: string[] = [];
    for (let octets = 0; texts.length < most && octets < burstOctets; octets += texts.at(-1)?.length ?? 0) {
      texts.push(this.#message(transport));
    }
    return texts;
  }

  #message(transport: 'udp' | 'tcp'): string {
    const seeds = this.#seeds[transport];
    this.sent[transport] += 1;
    return mutate(numbered(this.#chance.of(seeds), this.total), this.#chance, seeds);
  }

  #burstOfDatagrams(): readonly string[] {
    const texts = this.#messages('udp', burst.udp);
    this.#near.sendDatagrams(this.#chance.below(3), texts);
    return texts;
  }

  async #burstOfStream(): Promise<readonly string[]> {
    const isFramed = !this.#chance.oneIn(4);
    const texts = this.#messages('tcp', burst.tcp);
    await this.#sendConnection(isFramed ? texts.map(reframed) : texts);
    return texts;
  }

  async #sendConnection(texts: readonly string[]): Promise<void> {
    const chance = this.#chance;
    const stream = texts.join('');
    const cuts = [0, ...Array.from({ length: chance.below(4) }, () => chance.below(stream.length + 1)), stream.length];
    cuts.sort((a, b) => a - b);
    const pieces = cuts.slice(1).map((end, index) => stream.slice(cuts[index], end));
    const goodbye: Goodbye = chance.of(['end', 'end', 'stay', 'stay', 'stay', 'reset']);
    this.connections += 1;
    await this.#near.sendStream(
      chance.below(3),
      pieces.filter((piece) => piece !== ''),
      goodbye,
    );
    if (this.connections % 32 === 0) this.#near.hangUp();
  }
}

class FarSide {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async open(options: FarSideOptions): Promise<FarSide> {
    const worker = new Worker(new URL('./far-side.ts', import.meta.url), { workerData: options });
    await answerOf(worker);
    return new FarSide(worker);
  }

  ask(order: 'begin' | 'idle' | 'load' | 'report'): Promise<FarSideReport> {
    this.#worker.postMessage(order);
    return answerOf(this.#worker) as Promise<FarSideReport>;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function answerOf(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (answer) => {
      worker.off('error', reject);
      resolve(answer);
    });
  });
}

const startRouter = (net: number): Promise<RouterProcess> =>
  RouterProcess.start({
    command: [process.execPath, '--expose-gc', '--import', join(import.meta.dirname, 'heap-probe.ts'), mainFile],
    routes: fuzzRoutes(places(net)),
  });

/** Heap after a full collection, in MiB. */
async function heapOf(router: RouterProcess): Promise<number> {
  const readings = (): RegExpExecArray[] => [...router.output.matchAll(/^heap (\d+)$/gm)];
  const before = readings().length;
  process.kill(router.pid, 'SIGUSR2');
  const reading = await until(() => readings()[before]);
  return Number(reading[1]) / 2 ** 20;
}

/** The value below which 99 of 100 are. */
function p99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const at = places(options.net);
  const near = await NearSide.open(at);
  const far = await FarSide.open({ at, seed: options.seed });
  const router = await startRouter(options.net);
  try {
    return await run(options, near, far, router);
  } finally {
    near.close();
    await far.close();
    await router.stop();
  }
}

async function run(
  options: CampaignOptions,
  near: NearSide,
  far: FarSide,
  router: RouterProcess,
): Promise<CampaignReport> {
  const campaign = new Campaign(options, near);
  await far.ask('begin');
  await campaign.sendUpTo(Math.min(warmUpMessages, options.count / 2));
  await pause(options.settleMs);
  const before = await heapOf(router);
  await far.ask('idle');
  await pause(options.idleMs);
  await far.ask('load');
  await campaign.sendUpTo(options.count);
  const { framed, flaws, canary } = await far.ask('report');
  await pause(options.settleMs);
  const after = await heapOf(router);
  const failures = (await far.ask('report')).canary.failures;
  const bugs = router.output.split('\n').filter((line) => line.startsWith('{'));
  const { sent, connections, slowestBurstMs, slowBursts } = campaign;
  return {
    sent,
    connections,
    framed: { near: near.framed, far: framed },
    flaws: [...near.flaws, ...flaws],
    canary: { sent: canary.sent, failures, idleP99Ms: p99(canary.idle), loadP99Ms: p99(canary.load) },
    slowestBurstMs,
    slowBursts,
    heapMib: { before, after },
    bugs,
    exitCode: await router.stop(),
  };
}
