/** The product's own engine: transports, transactions and proxy of this repository, put together. */
import { networkInterfaces } from 'node:os';
import { createBranches, type IsOwn, ownAddresses } from '../proxy/loop.ts';
import type { ProxySettings } from '../proxy/proxied-request.ts';
import { ProxyCore, type ProxyObserver, type Route } from '../proxy/proxy-core.ts';
import { LoopMemory } from '../routing/loop-memory.ts';
import type { KnownHop } from '../routing/route-table.ts';
import type { Clock } from '../sip/clock.ts';
import type { Log } from '../sip/log.ts';
import type { Resolver } from '../sip/resolve/resolver.ts';
import type { Timers } from '../sip/transaction/timers.ts';
import { TransactionLayer } from '../sip/transaction/transaction-layer.ts';
import type { DiscardCode, Flow, Listener, TransportLayer } from '../sip/transport/flow.ts';
import type { TransportSettings } from '../sip/transport/settings.ts';
import { createTransportLayer } from '../sip/transport/transport-layer.ts';
import type { SipMessage } from '../sip-parser/index.ts';
import type { SipEngine } from './engine.ts';
import { type HopEvent, HopMonitor } from './hop-monitor.ts';
import { sendProbe } from './options-probe.ts';
import { createResolveHop } from './resolve-hop.ts';
import type { HealthSettings } from './watched-target.ts';

export interface EmbeddedObserver extends ProxyObserver {
  onDiscarded(what: DiscardCode, flow: Flow, detail: string): void;
  onHopEvent(event: HopEvent): void;
}

export interface EmbeddedParts {
  readonly transport: TransportSettings;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly observer: EmbeddedObserver;
  readonly random: () => number;
  /** The hops that are watched from the start. */
  readonly hops: readonly KnownHop[];
  readonly health: HealthSettings;
  /** Read for each request, so that a reload shows at once. */
  proxySettings(): ProxySettings;
}

/** What a wildcard listener answers to. */
const localAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address);

/** The profile that a followed URI with `transport=tls` is connected with, when no configured route names one. */
const firstTlsProfile = ({ listen, tls }: TransportSettings): string | undefined =>
  listen.find(({ tlsProfile }) => tlsProfile !== undefined)?.tlsProfile ?? tls.keys().next().value;

export const createEmbeddedEngine = (parts: EmbeddedParts): SipEngine => {
  const { clock, log, observer } = parts;
  const branches = createBranches();
  let isOwn: IsOwn = () => false;
  let route: Route = () => {
    throw new Error('a request came before the engine was started');
  };

  /** No message may end the process, whatever we have overlooked. */
  const guarded = (message: SipMessage, handle: () => void): void => {
    try {
      handle();
    } catch (error) {
      observer.onBug(error, message);
    }
  };

  const transport: TransportLayer = createTransportLayer(
    parts.transport,
    {
      onRequest: (request, flow) => guarded(request, () => transactions.onRequest(request, flow)),
      onResponse: (response, flow) => guarded(response, () => transactions.onResponse(response, flow)),
      onDiscarded: (what, flow, detail) => observer.onDiscarded(what, flow, detail),
    },
    clock,
    log,
  );

  const resolve = createResolveHop(parts.resolver, firstTlsProfile(parts.transport));

  const hops: HopMonitor = new HopMonitor(parts.health, {
    clock,
    resolve,
    random: parts.random,
    sendProbe: (target, tell) =>
      sendProbe(target, { transactions, nextBranch: branches, flowTo: (to) => transport.flowTo(to) }, tell),
    renewConnection: (target) => transport.leave(target),
    onHopEvent: (event) => observer.onHopEvent(event),
  });

  const core = new ProxyCore({
    clock,
    observer,
    loopMemory: new LoopMemory(),
    resolve,
    hopKnowledge: hops,
    route: (facts) => route(facts),
    isOwn: (host, port) => isOwn(host, port),
    settings: parts.proxySettings,
    flowTo: (target) => transport.flowTo(target),
    nextBranch: branches,
    get transactions() {
      return transactions;
    },
  });

  const transactions: TransactionLayer = new TransactionLayer(
    parts.timers,
    clock,
    (text, request, flow) => transport.sendResponse(text, request, flow),
    core,
  );

  return {
    async start(decide: Route): Promise<readonly Listener[]> {
      route = decide;
      await transport.open();
      isOwn = ownAddresses(transport.listeners, localAddresses());
      hops.watch(parts.hops, parts.health);
      return transport.listeners;
    },
    hops,
    async stop(drainMs) {
      hops.stop();
      await transport.close(drainMs);
    },
  };
};
