/** The product's own engine: transports, transactions and proxy of this repository, put together. */
import { networkInterfaces } from 'node:os';
import { createBranches, OwnAddresses } from '../proxy/loop.ts';
import { ProxyCore, type ProxyObserver, type Rules } from '../proxy/proxy-core.ts';
import { LoopMemory } from '../routing/loop-memory.ts';
import type { Clock } from '../sip/clock.ts';
import type { Log } from '../sip/log.ts';
import type { Resolver } from '../sip/resolve/resolver.ts';
import { TransactionLayer } from '../sip/transaction/transaction-layer.ts';
import type { DiscardCode, Flow } from '../sip/transport/flow.ts';
import type { TransportSettings } from '../sip/transport/settings.ts';
import { createTransportLayer, type ReconfigurableTransports } from '../sip/transport/transport-layer.ts';
import type { SipMessage } from '../sip-parser/index.ts';
import type { EngineSettings, SipEngine } from './engine.ts';
import { type HopEvent, HopMonitor } from './hop-monitor.ts';
import { sendProbe } from './options-probe.ts';
import { createResolveHop } from './resolve-hop.ts';

export interface EmbeddedObserver extends ProxyObserver {
  onDiscarded(what: DiscardCode, flow: Flow, detail: string): void;
  onHopEvent(event: HopEvent): void;
}

export interface EmbeddedParts {
  readonly settings: EngineSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly observer: EmbeddedObserver;
  readonly random: () => number;
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
  const own = new OwnAddresses();
  let tlsProfile = firstTlsProfile(parts.settings.transport);
  let rules: () => Rules = () => {
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

  const transport: ReconfigurableTransports = createTransportLayer(
    parts.settings.transport,
    {
      onRequest: (request, flow) => guarded(request, () => transactions.onRequest(request, flow)),
      onResponse: (response, flow) => guarded(response, () => transactions.onResponse(response, flow)),
      onDiscarded: (what, flow, detail) => observer.onDiscarded(what, flow, detail),
    },
    clock,
    log,
  );

  const resolve = createResolveHop(
    parts.resolver,
    () => tlsProfile,
    ({ address, transport: by }) => {
      const family = address.includes(':') ? 6 : 4;
      return transport.listeners.some((listener) => listener.transport === by && listener.family === family);
    },
  );

  const hops: HopMonitor = new HopMonitor(parts.settings.health, {
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
    isOwn: own.has,
    rules: () => rules(),
    sideOf: (source) => rules().sideOf(source),
    flowTo: (target) => transport.flowTo(target),
    nextBranch: branches,
    get transactions() {
      return transactions;
    },
  });

  const transactions: TransactionLayer = new TransactionLayer(
    parts.settings.timers,
    clock,
    (text, request, flow) => transport.sendResponse(text, request, flow),
    core,
  );

  return {
    get listeners() {
      return transport.listeners;
    },
    async start(inForce) {
      rules = inForce;
      await transport.open();
      own.add(transport.listeners, localAddresses());
      hops.watch(parts.settings.hops, parts.settings.health);
    },
    async reconfigure(settings) {
      const change = await transport.reconfigure(settings.transport);
      const commit = () => {
        change.commit();
        transactions.useTimers(settings.timers);
        tlsProfile = firstTlsProfile(settings.transport);
        own.add(transport.listeners, localAddresses());
        hops.watch(settings.hops, settings.health);
      };
      return { commit, abandon: change.abandon };
    },
    countOpenTransactions: () => transactions.countOpen(),
    hops,
    async stop(drainMs) {
      hops.stop();
      await transport.close(drainMs);
    },
  };
};
