/** The product's own engine: transports, transactions and proxy of this repository, put together. */

import type { Clock } from '../clock.ts';
import type { Resolve } from '../health/hop-knowledge.ts';
import type { HopEvent, HopWatch, MonitorParts } from '../health/hop-monitor.ts';
import type { Log } from '../log.ts';
import { machineAddresses } from '../net/own-addresses.ts';
import { OwnAddresses, type ViaMarks } from '../proxy/loop.ts';
import { ProxyCore } from '../proxy/proxy-core.ts';
import type { ProxyObserver, Rules } from '../proxy/proxy-parts.ts';
import type { Peer, Refused } from '../routing/checks/access.ts';
import type { LoopMemory } from '../routing/loops/loop-memory.ts';
import type { Resolver } from '../sip/resolve/resolver.ts';
import type { Elsewhere } from '../sip/transaction/elsewhere.ts';
import { TransactionLayer } from '../sip/transaction/transaction-layer.ts';
import type { DiscardCode, Flow, ReadFailure, Sender, Undelivered } from '../sip/transport/flow.ts';
import type { PeerRefusal } from '../sip/transport/peer-refusal.ts';
import type { PortSharing, TransportSettings } from '../sip/transport/settings.ts';
import { createTransportLayer, type ReconfigurableTransports } from '../sip/transport/transport-layer.ts';
import { checkResponse, parseMessage, type SipRequest, type SipResponse } from '../sip-parser/index.ts';
import type { EngineSettings, SipEngine } from './engine.ts';
import { HopPlaces, type Proof } from './hop-places.ts';
import { sendProbe } from './options-probe.ts';
import { createResolveHop } from './resolve-hop.ts';

export interface EmbeddedObserver extends ProxyObserver {
  onDiscarded(what: DiscardCode, flow: Flow, detail: string, callId?: string): void;
  onPeerRefused(refusal: PeerRefusal, flow: Flow, direction: 'in' | 'out'): void;
  onHopEvent(event: HopEvent): void;
}

export interface EmbeddedParts<Watch extends HopWatch> {
  readonly settings: EngineSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly observer: EmbeddedObserver;
  /** Those in force; asked once for each request. */
  readonly rules: () => Rules;
  readonly random: () => number;
  readonly placement: Placement;
  /** Makes the watcher of the hops. */
  watchHops(parts: MonitorParts): Watch;
}

/** Where this engine stands among those of the other workers of the program, if it has any. */
export interface Placement {
  readonly sharing: PortSharing;
  /** That of all workers: what leaves by one may come back to another. */
  readonly loopMemory: LoopMemory;
  /** A branch says which worker waits for its responses. */
  nextBranch(marks: ViaMarks): string;
  /** Gives a response that nobody waits for here to the worker that it is for; false: it is for no other. */
  readonly passOn: ((response: SipResponse, from: Sender) => boolean) | undefined;
  /** Tells the other workers which peer has proved a name, and from which address. */
  shareProof(proof: Proof): void;
  /** What the others have of INVITEs; undefined: there are no others. */
  readonly elsewhere: Elsewhere | undefined;
}

/** The profile that a followed URI with `transport=tls` is connected with, when no configured route names one. */
const firstTlsProfile = ({ listen, tls }: TransportSettings): string | undefined =>
  listen.find(({ tlsProfile }) => tlsProfile !== undefined)?.tlsProfile ?? tls.keys().next().value;

const strangerRefusal = (known: Peer | Refused, { verifiedNames }: Flow): PeerRefusal | undefined => {
  if (!('kind' in known)) return undefined;
  return {
    code: 'access-denied',
    shown: verifiedNames.join(', '),
    detail: known.because.map(({ detail }) => detail).join('; '),
    hint: 'add a row to access if it may speak, or its name to the one that it stands for',
  };
};

export const createEmbeddedEngine = <Watch extends HopWatch>(parts: EmbeddedParts<Watch>): SipEngine<Watch> => {
  const { clock, log, observer, rules } = parts;
  const { sharing, loopMemory, nextBranch, passOn, shareProof, elsewhere } = parts.placement;
  const places = new HopPlaces(clock);
  const own = new OwnAddresses();
  loopMemory.keepFor(parts.settings.transport.transactionMs);
  let tlsProfile = firstTlsProfile(parts.settings.transport);
  let requests = 0;

  // No message may end the process, whatever we have overlooked.
  const onRequest = (request: SipRequest, flow: Flow): void => {
    requests += 1;
    handle(request, flow);
  };
  const handle = (request: SipRequest, flow: Flow): void => {
    try {
      transactions.onRequest(request, flow);
    } catch (error) {
      observer.onBug(error, request);
    }
  };
  const onLostRequest = (request: SipRequest, flow: Flow, loss: ReadFailure): string | undefined => {
    requests += 1;
    try {
      return core.onLostRequest(request, flow, loss);
    } catch (error) {
      observer.onBug(error, request);
      return undefined;
    }
  };
  const onResponse = (response: SipResponse, from: Sender): void => {
    try {
      transactions.onResponse(response, from);
    } catch (error) {
      observer.onBug(error, response);
    }
  };
  const onUnfitResponse = (response: SipResponse, from: Sender): void => {
    try {
      transactions.onUnfitResponse(response, from);
    } catch (error) {
      observer.onBug(error, response);
    }
  };

  const onUndelivered = (text: string, peer: Sender, why: Undelivered): void => {
    const message = parseMessage(text);
    if (message !== undefined) observer.onUndelivered(message, peer, why);
  };

  const transport: ReconfigurableTransports = createTransportLayer(
    parts.settings.transport,
    parts.settings.door,
    {
      onRequest,
      onResponse,
      onUnfitResponse,
      onLostRequest,
      onDiscarded: (what, flow, detail, callId) => observer.onDiscarded(what, flow, detail, callId),
      onUndelivered,
      onPeerRefused: (refusal, flow, direction) => observer.onPeerRefused(refusal, flow, direction),
      onProved: ({ remoteAddress: address, verifiedNames: names }) => {
        if (places.prove({ address, names })) shareProof({ address, names });
      },
      refusalOf: (flow) => strangerRefusal(rules().knownAs(flow), flow),
    },
    clock,
    log,
    sharing,
  );

  const resolve = createResolveHop(
    parts.resolver,
    () => tlsProfile,
    ({ address, transport: by }) => {
      const family = address.includes(':') ? 6 : 4;
      return transport.listeners.some((listener) => listener.transport === by && listener.family === family);
    },
  );

  /** The watcher of the hops resolves each name every second; the addresses are learnt from that. */
  const follow: Resolve = (hop) => {
    const learn = (found: Awaited<ReturnType<Resolve>>) => {
      if (!('code' in found)) places.learn(hop, found);
      return found;
    };
    const found = resolve(hop);
    if (found instanceof Promise) return found.then(learn);
    places.learn(hop, found);
    return found;
  };

  const hops = parts.watchHops({
    clock,
    resolve: follow,
    random: parts.random,
    sendProbe: (target, tell) =>
      sendProbe(target, { transactions, nextBranch, flowTo: (to) => transport.flowTo(to) }, tell),
    renewConnection: (target) => transport.leave(target),
    onHopEvent: (event) => observer.onHopEvent(event),
  });

  const core = new ProxyCore(
    {
      clock,
      observer,
      loopMemory,
      passOn,
      resolve,
      hopKnowledge: hops,
      isOwn: own.has,
      hopsAt: places.hopsAt,
      rules,
      onUndelivered,
      transport,
      nextBranch,
    },
    (user) =>
      new TransactionLayer(
        parts.settings.timers,
        clock,
        (text, request, flow) => transport.sendResponse(text, request, flow),
        user,
        elsewhere,
      ),
  );
  const { transactions } = core;

  return {
    hops,
    get listeners() {
      return transport.listeners;
    },
    async start() {
      await transport.open();
      own.add(transport.listeners, machineAddresses());
      hops.watch(parts.settings.hops, parts.settings.health);
    },
    async reconfigure(settings) {
      const change = await transport.reconfigure(settings.transport, settings.door);
      const commit = () => {
        change.commit();
        transactions.useTimers(settings.timers);
        loopMemory.keepFor(settings.transport.transactionMs);
        tlsProfile = firstTlsProfile(settings.transport);
        own.add(transport.listeners, machineAddresses());
        hops.watch(settings.hops, settings.health);
      };
      return { ...change, commit };
    },
    countOpenTransactions: () => transactions.countOpen(),
    get connections() {
      return transport.connections;
    },
    load: () => ({
      requests,
      openRequests: transactions.countOpen(),
      connections: transport.countConnections(),
      heldOctets: transport.memory.held,
      memoryLimitOctets: transport.memory.limit,
      memoryRefusals: transport.memory.refusals,
      knownByCommonName: transport.knownByCommonName(),
    }),
    takeResponse(text, from) {
      const response = parseMessage(text);
      if (response?.kind !== 'response') return;
      // The worker that it came to has told already what is wrong with it.
      if (checkResponse(response) === undefined) onResponse(response, from);
      else onUnfitResponse(response, from);
    },
    hearProof(proof) {
      places.prove(proof);
    },
    takeRequest(text, flow) {
      const request = parseMessage(text);
      if (request?.kind === 'request') handle(request, flow);
    },
    accountOf: (address) => transport.memory.accountOf(address),
    sendResponse: (text, flow) => transport.sendResponse(text, undefined, flow),
    leave: (target) => transport.leave(target),
    async stop(drainMs) {
      hops.stop();
      await transport.close(drainMs);
    },
  };
};
