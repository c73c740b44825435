/** The workers beside the main thread, as one: each order is carried out by all of them, or by none. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type Clock, threadStartMs } from '../clock.ts';
import type { Change } from '../config/reload.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { OpenDirectory } from '../directory/compose.ts';
import type { Placement } from '../engine/embedded.ts';
import type { EngineLoad } from '../engine/engine.ts';
import type { HopMonitor } from '../health/hop-monitor.ts';
import type { OpenLog } from '../observe/log.ts';
import type { Router, RouterSettings } from '../router.ts';
import type { Listener, Target } from '../sip/transport/flow.ts';
import type { FromWorker, Order, WorkerSettings } from './orders.ts';
import type { Relay } from './relay.ts';
import { WorkerHandle } from './worker-handle.ts';
import { mainPlace, placementOf, type WorkerPlace } from './worker-place.ts';

/** What belongs to the main thread and is used by the workers. */
interface Main {
  readonly router: Router;
  readonly clock: Clock;
  readonly directory: OpenDirectory;
  readonly hops: HopMonitor;
}

/** All that a worker needs to compile the policy. */
type PoolSettings = RouterSettings & Pick<Snapshot, 'rows'>;

type Ports = Map<number, MessagePort>;

export class WorkerPool {
  /** That of the main thread. */
  readonly placement: Placement;
  readonly #died = Promise.withResolvers<string>();
  readonly #workers: readonly WorkerHandle[];
  readonly #relay: Relay;
  #hops: HopMonitor | undefined;

  private constructor(place: WorkerPlace, ways: readonly Ports[], { writeLines }: OpenLog) {
    const [ports = new Map(), ...others] = ways;
    const { placement, relay } = placementOf(place, ports);
    this.placement = placement;
    this.#relay = relay;
    const clockStartMs = threadStartMs();
    const onNews = (news: FromWorker & { readonly kind: 'hop' | 'log' }) => {
      if (news.kind === 'log') writeLines(news.lines);
      else this.#hearOfHop(news);
    };
    this.#workers = others.map(
      (way, index) =>
        new WorkerHandle(
          { place: { ...place, number: index + 1 }, others: way, clockStartMs },
          { onNews, onDeath: this.#died.resolve },
        ),
    );
  }

  /** @param count of all workers, the main thread included; resolves when all wait for orders */
  static async gather(count: number, log: OpenLog): Promise<WorkerPool> {
    const pool = new WorkerPool(mainPlace(), waysBetween(count), log);
    await Promise.all(pool.#workers.map(({ present }) => present));
    return pool;
  }

  /** Resolves with the reason when one has ended by itself. */
  get died(): Promise<string> {
    return this.#died.promise;
  }

  /** All listen where the main thread does. */
  async start(first: PoolSettings, { router, clock, directory, hops }: Main): Promise<void> {
    this.#hops = hops;
    this.#relay.listen(router, clock);
    const settings = settingsOf(first, router.listeners);
    await this.#all((worker) => {
      const loan = directory.lend();
      return worker.ask({ do: 'start', settings, loan }, [loan.port]);
    });
    hops.tellOthers((picture) => {
      for (const worker of this.#workers) worker.tell({ kind: 'picture', picture });
    });
  }

  /**
   * Rejects when one of them cannot; then none has changed.
   * @param listeners as the main thread has them ready
   * @param directory undefined: it stays
   */
  async prepare(
    next: PoolSettings,
    listeners: readonly Listener[],
    directory: OpenDirectory | undefined,
  ): Promise<Change> {
    const settings = settingsOf(next, listeners);
    const tries = await Promise.allSettled(
      this.#workers.map((worker) => {
        const loan = directory?.lend();
        return worker.ask({ do: 'prepare', settings, loan }, loan === undefined ? [] : [loan.port]);
      }),
    );
    const ready = this.#workers.filter((_, index) => tries[index]?.status === 'fulfilled');
    const abandon = () => {
      for (const worker of ready) void worker.ask({ do: 'abandon' }).catch(() => undefined);
    };
    const failed = tries.find((tried) => tried.status === 'rejected');
    if (failed === undefined) return { commit: () => this.#order({ do: 'commit' }), abandon };
    abandon();
    throw failed.reason;
  }

  drain(isDraining: boolean): Promise<void> {
    return this.#order({ do: 'drain', isDraining });
  }

  loads(): Promise<readonly EngineLoad[]> {
    return Promise.all(this.#workers.map(async (worker) => (await worker.ask({ do: 'load' })) as EngineLoad));
  }

  isAlive(): boolean {
    return this.#workers.map((worker) => worker.isAlive()).every((isAlive) => isAlive);
  }

  /** A probe has found the main thread's connection dead: those of the workers may be dead, too. */
  leave(target: Target): void {
    for (const worker of this.#workers) worker.tell({ kind: 'leave', target });
  }

  untilQuiet(ms: number): Promise<void> {
    return this.#order({ do: 'become-quiet', withinMs: ms });
  }

  close(): Promise<void> {
    return this.#all((worker) => worker.close());
  }

  #order(order: Order): Promise<void> {
    return this.#all((worker) => worker.ask(order));
  }

  async #all(run: (worker: WorkerHandle) => Promise<unknown>): Promise<void> {
    await Promise.all(this.#workers.map(run));
  }

  #hearOfHop({ report }: FromWorker & { readonly kind: 'hop' }): void {
    if (report.kind === 'sign') this.#hops?.hearSign(report.key, report.sign);
    else this.#hops?.hearUnresolved(report.hop, report.detail);
  }
}

/** A channel between each two of them; by number, what each has to reach the others. */
function waysBetween(count: number): readonly Ports[] {
  const ways = Array.from({ length: count }, (): Ports => new Map());
  for (let one = 0; one < count; one += 1) {
    for (let other = one + 1; other < count; other += 1) {
      const { port1, port2 } = new MessageChannel();
      ways[one]!.set(other, port1);
      ways[other]!.set(one, port2);
    }
  }
  return ways;
}

/** @param listeners with the ports that the system has chosen for port 0 */
function settingsOf(settings: PoolSettings, listeners: readonly Listener[]): WorkerSettings {
  const { node, timers, dns, health, proxyRequire, log, keys, rows, transport } = settings;
  const listen = transport.listen.map((setting, index) => ({
    ...setting,
    port: listeners[index]?.port ?? setting.port,
  }));
  return { node, timers, dns, health, proxyRequire, log, keys, rows, transport: { ...transport, listen } };
}
