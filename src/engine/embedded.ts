/** The product's own engine: transports, transactions and proxy of this repository, put together. */
import { networkInterfaces } from 'node:os';
import { createBranches, type IsOwn, ownAddresses } from '../proxy/loop.ts';
import type { ProxySettings } from '../proxy/proxied-request.ts';
import { ProxyCore, type ProxyObserver, type Route } from '../proxy/proxy-core.ts';
import type { Resolve } from '../proxy/targets.ts';
import { LoopMemory } from '../routing/loop-memory.ts';
import type { NextHop } from '../routing/types.ts';
import type { Clock } from '../sip/clock.ts';
import type { Log } from '../sip/log.ts';
import type { Resolver } from '../sip/resolve/resolver.ts';
import type { Timers } from '../sip/transaction/timers.ts';
import { TransactionLayer } from '../sip/transaction/transaction-layer.ts';
import type { DiscardCode, Flow, Listener, Target, TransportLayer } from '../sip/transport/flow.ts';
import type { TransportSettings } from '../sip/transport/settings.ts';
import { createTransportLayer } from '../sip/transport/transport-layer.ts';
import type { SipMessage } from '../sip-parser/index.ts';
import type { SipEngine } from './engine.ts';

export interface EmbeddedObserver extends ProxyObserver {
  onDiscarded(what: DiscardCode, flow: Flow, detail: string): void;
}

export interface EmbeddedParts {
  readonly transport: TransportSettings;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly observer: EmbeddedObserver;
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

const createResolve = (resolver: Resolver, defaultTlsProfile: string | undefined): Resolve => {
  const target = (hop: NextHop, address: string, port: number): Target => ({
    transport: hop.transport,
    address,
    port,
    tlsName: hop.transport === 'tls' ? (hop.tlsName ?? hop.host) : undefined,
    tlsProfile: hop.transport === 'tls' ? (hop.tlsProfile ?? defaultTlsProfile) : undefined,
  });
  return (hop) => {
    const found = resolver.resolve(hop.host, hop.port, hop.transport);
    if (!(found instanceof Promise)) return found.map(({ address, port }) => target(hop, address, port));
    return found.then((late) => ('code' in late ? late : late.map(({ address, port }) => target(hop, address, port))));
  };
};

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

  const core = new ProxyCore({
    clock,
    observer,
    loopMemory: new LoopMemory(),
    resolve: createResolve(parts.resolver, firstTlsProfile(parts.transport)),
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
      return transport.listeners;
    },
    stop: (drainMs) => transport.close(drainMs),
  };
};
