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
import type { MemoryAccount } from '../sip/memory-budget.ts';
import type { Resolver } from '../sip/resolve/resolver.ts';
import type { Elsewhere } from '../sip/transaction/elsewhere.ts';
import { TransactionLayer } from '../sip/transaction/transaction-layer.ts';
import type {
  DiscardCode,
  Flow,
  MessageHandler,
  ReadFailure,
  Sender,
  Target,
  Undelivered,
} from '../sip/transport/flow.ts';
import type { ListeningChange } from '../sip/transport/listening.ts';
import type { PeerRefusal } from '../sip/transport/peer-refusal.ts';
import type { PortSharing, TransportSettings } from '../sip/transport/settings.ts';
import type { Sockets } from '../sip/transport/sockets.ts';
import { createTransportLayer, type ReconfigurableTransports } from '../sip/transport/transport-layer.ts';
import { checkResponse, parseMessage, type SipRequest, type SipResponse } from '../sip-parser/index.ts';
import type { EngineLoad, EngineSettings, SipEngine } from './engine.ts';
import { HopPlaces, type Proof } from './hop-places.ts';
import { sendProbe } from './options-probe.ts';
import { createResolveHop } from './resolve-hop.ts';

export interface EmbeddedObserver extends ProxyObserver {
  onDiscarded(what: DiscardCode, flow: Flow, detail: string, callId?: string): void;
  onPeerRefused(refusal: PeerRefusal, flow: Flow, direction: 'in' | 'out'): void;
  onHopEvent(event: HopEvent): void;
}

interface EmbeddedParts<Watch extends HopWatch> {
  readonly settings: EngineSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly resolver: Resolver;
  readonly sockets: Sockets;
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

/** What the transport layer hears, and the proxy sends, meet here. */
export class EmbeddedEngine<Watch extends HopWatch> implements SipEngine<Watch> {
  readonly hops: Watch;
  readonly #parts: EmbeddedParts<Watch>;
  readonly #places: HopPlaces;
  readonly #own = new OwnAddresses();
  readonly #transport: ReconfigurableTransports;
  readonly #core: ProxyCore;
  #tlsProfile: string | undefined;
  #requests = 0;

  constructor(parts: EmbeddedParts<Watch>) {
    const { settings, clock, log, sockets, placement } = parts;
    this.#parts = parts;
    this.#places = new HopPlaces(clock);
    this.#tlsProfile = firstTlsProfile(settings.transport);
    placement.loopMemory.keepFor(settings.transport.transactionMs);
    const handler = this.#messageHandler();
    this.#transport = createTransportLayer(
      settings.transport,
      settings.door,
      handler,
      clock,
      log,
      sockets,
      placement.sharing,
    );
    const resolve = this.#resolveHop();
    this.hops = this.#watchHops(resolve);
    this.#core = this.#createCore(resolve);
  }

  get listeners(): SipEngine['listeners'] {
    return this.#transport.listeners;
  }

  get connections(): SipEngine['connections'] {
    return this.#transport.connections;
  }

  async start(): Promise<void> {
    const { hops, health } = this.#parts.settings;
    await this.#transport.open();
    this.#own.add(this.#transport.listeners, machineAddresses());
    this.hops.watch(hops, health);
  }

  async reconfigure(settings: EngineSettings): Promise<ListeningChange> {
    const change = await this.#transport.reconfigure(settings.transport, settings.door);
    const commit = () => {
      change.commit();
      this.#core.transactions.useTimers(settings.timers);
      this.#parts.placement.loopMemory.keepFor(settings.transport.transactionMs);
      this.#tlsProfile = firstTlsProfile(settings.transport);
      this.#own.add(this.#transport.listeners, machineAddresses());
      this.hops.watch(settings.hops, settings.health);
    };
    return { ...change, commit };
  }

  countOpenTransactions(): number {
    return this.#core.transactions.countOpen();
  }

  load(): EngineLoad {
    const { memory } = this.#transport;
    return {
      requests: this.#requests,
      openRequests: this.countOpenTransactions(),
      connections: this.#transport.countConnections(),
      heldOctets: memory.held,
      memoryLimitOctets: memory.limit,
      memoryRefusals: memory.refusals,
      knownByCommonName: this.#transport.knownByCommonName(),
    };
  }

  takeResponse(text: string, from: Sender): void {
    const response = parseMessage(text);
    if (response?.kind !== 'response') return;
    // The worker that it came to has told already what is wrong with it.
    if (checkResponse(response) === undefined) this.#onResponse(response, from);
    else this.#onUnfitResponse(response, from);
  }

  hearProof(proof: Proof): void {
    this.#places.prove(proof);
  }

  takeRequest(text: string, flow: Flow): void {
    const request = parseMessage(text);
    if (request?.kind === 'request') this.#handle(request, flow);
  }

  accountOf(address: string): MemoryAccount {
    return this.#transport.memory.accountOf(address);
  }

  sendResponse(text: string, flow: Flow): void {
    this.#transport.sendResponse(text, undefined, flow);
  }

  leave(target: Target): void {
    this.#transport.leave(target);
  }

  async stop(drainMs: number): Promise<void> {
    this.hops.stop();
    await this.#transport.close(drainMs);
  }

  #messageHandler(): MessageHandler {
    const { observer, placement, rules } = this.#parts;
    return {
      onRequest: this.#onRequest,
      onResponse: this.#onResponse,
      onUnfitResponse: this.#onUnfitResponse,
      onLostRequest: this.#onLostRequest,
      onDiscarded: (what, flow, detail, callId) => observer.onDiscarded(what, flow, detail, callId),
      onUndelivered: this.#onUndelivered,
      onPeerRefused: (refusal, flow, direction) => observer.onPeerRefused(refusal, flow, direction),
      onProved: ({ remoteAddress: address, verifiedNames: names }) => {
        if (this.#places.prove({ address, names })) placement.shareProof({ address, names });
      },
      refusalOf: (flow) => strangerRefusal(rules().knownAs(flow), flow),
    };
  }

  #resolveHop(): ReturnType<typeof createResolveHop> {
    return createResolveHop(
      this.#parts.resolver,
      () => this.#tlsProfile,
      ({ address, transport: by }) => {
        const family = address.includes(':') ? 6 : 4;
        return this.listeners.some((listener) => listener.transport === by && listener.family === family);
      },
    );
  }

  #watchHops(resolve: Resolve): Watch {
    const { clock, random, observer, placement, watchHops } = this.#parts;
    const { nextBranch } = placement;
    const flowTo = (target: Target) => this.#transport.flowTo(target);
    return watchHops({
      clock,
      resolve: this.#learning(resolve),
      random,
      sendProbe: (target, tell) =>
        sendProbe(target, { transactions: this.#core.transactions, nextBranch, flowTo }, tell),
      renewConnection: (target) => this.leave(target),
      onHopEvent: (event) => observer.onHopEvent(event),
    });
  }

  /** The watcher of the hops resolves each name every second; the addresses are learnt from that. */
  #learning(resolve: Resolve): Resolve {
    return (hop) => {
      const learn = (found: Awaited<ReturnType<Resolve>>) => {
        if (!('code' in found)) this.#places.learn(hop, found);
        return found;
      };
      const found = resolve(hop);
      if (found instanceof Promise) return found.then(learn);
      this.#places.learn(hop, found);
      return found;
    };
  }

  #createCore(resolve: ReturnType<typeof createResolveHop>): ProxyCore {
    const { settings, clock, observer, rules, placement } = this.#parts;
    const { loopMemory, passOn, nextBranch, elsewhere } = placement;
    const transport = this.#transport;
    const parts = {
      clock,
      observer,
      loopMemory,
      passOn,
      resolve,
      hopKnowledge: this.hops,
      isOwn: this.#own.has,
      hopsAt: this.#places.hopsAt,
      rules,
      onUndelivered: this.#onUndelivered,
      transport,
      nextBranch,
    };
    const send: ConstructorParameters<typeof TransactionLayer>[2] = (text, request, flow) =>
      transport.sendResponse(text, request, flow);
    return new ProxyCore(parts, (user) => new TransactionLayer(settings.timers, clock, send, user, elsewhere));
  }

  readonly #onRequest = (request: SipRequest, flow: Flow): void => {
    this.#requests += 1;
    this.#handle(request, flow);
  };

  // No message may end the process, whatever we have overlooked.
  #handle(request: SipRequest, flow: Flow): void {
    try {
      this.#core.transactions.onRequest(request, flow);
    } catch (error) {
      this.#parts.observer.onBug(error, request);
    }
  }

  readonly #onLostRequest = (request: SipRequest, flow: Flow, loss: ReadFailure): string | undefined => {
    this.#requests += 1;
    try {
      return this.#core.onLostRequest(request, flow, loss);
    } catch (error) {
      this.#parts.observer.onBug(error, request);
      return undefined;
    }
  };

  readonly #onResponse = (response: SipResponse, from: Sender): void => {
    try {
      this.#core.transactions.onResponse(response, from);
    } catch (error) {
      this.#parts.observer.onBug(error, response);
    }
  };

  readonly #onUnfitResponse = (response: SipResponse, from: Sender): void => {
    try {
      this.#core.transactions.onUnfitResponse(response, from);
    } catch (error) {
      this.#parts.observer.onBug(error, response);
    }
  };

  readonly #onUndelivered = (text: string, peer: Sender, why: Undelivered): void => {
    const message = parseMessage(text);
    if (message !== undefined) this.#parts.observer.onUndelivered(message, peer, why);
  };
}
