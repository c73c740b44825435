/** One thread of routing: the rules of one configuration after the other, and an engine that carries them out. */

import { isDeepStrictEqual } from 'node:util';
import { Admission } from './admission.ts';
import type { TimerWheel } from './clock.ts';
import type { Snapshot } from './config/snapshot.ts';
import type { Directory } from './directory/directory.ts';
import { EmbeddedEngine, type Placement } from './engine/embedded.ts';
import type { EngineLoad, EngineSettings, SipEngine } from './engine/engine.ts';
import type { Proof } from './engine/hop-places.ts';
import type { HopWatch, MonitorParts } from './health/hop-monitor.ts';
import type { Log } from './log.ts';
import { bracketed } from './net/host.ts';
import type { WriteRecord } from './observe/log.ts';
import { createLogObserver } from './observe/log-observer.ts';
import type { ProxySettings, Route, Rules } from './proxy/proxy-parts.ts';
import { Signing, type SigningKeys } from './proxy/signing.ts';
import { knownAs } from './routing/checks/access.ts';
import { decide } from './routing/decide.ts';
import type { RequestSource } from './routing/types.ts';
import type { MemoryAccount } from './sip/memory-budget.ts';
import { type DnsClient, dnsOf } from './sip/resolve/dns-client.ts';
import { createResolver, type Resolver } from './sip/resolve/resolver.ts';
import { giveUpMs } from './sip/transaction/timers.ts';
import type { Flow, Listener, Sender, Target } from './sip/transport/flow.ts';
import type { ListeningChange } from './sip/transport/listening.ts';
import { type Sockets, systemSockets } from './sip/transport/sockets.ts';

/** What of a snapshot one thread is made from. */
export type RouterSettings = Pick<
  Snapshot,
  'node' | 'transport' | 'policy' | 'timers' | 'dns' | 'health' | 'proxyRequire' | 'log'
> & {
  /** The same in all threads, also where no file has any. */
  readonly keys: SigningKeys;
};

/** What a router has of the machine that it runs on. */
interface Platform {
  readonly clock: TimerWheel;
  readonly sockets: Sockets;
  dnsOf(settings: RouterSettings['dns']): DnsClient;
  /** In [0, 1). */
  random(): number;
}

/** @param clock shared with whatever else of the program keeps time */
export const thisPlatform = (clock: TimerWheel): Platform => ({
  clock,
  sockets: systemSockets,
  dnsOf,
  random: Math.random,
});

interface RouterParts<Watch extends HopWatch> {
  readonly platform: Platform;
  readonly log: Log;
  readonly writeRecord: WriteRecord;
  readonly placement: Placement;
  watchHops(parts: MonitorParts): Watch;
}

export interface Router<Watch = unknown> {
  /** Who watches the next hops of this thread. */
  readonly hops: Watch;
  /** Those that are open, in configured order. */
  readonly listeners: readonly Listener[];
  readonly isDraining: boolean;
  /** 64*T1 of the settings in force. */
  readonly transactionMs: number;
  /** Opens every listener and routes from then on; rejects with a ListenError when one can't be opened. */
  start(): Promise<void>;
  /** While true, what would begin gets 503; what is under way, and what is within a dialog, is served. */
  drain(isDraining: boolean): void;
  /** Makes ready for another configuration; rejects with a RouterError, and then nothing has changed. */
  prepare(next: RouterSettings, directory: Directory): Promise<ListeningChange>;
  load(): EngineLoad;
  readonly connections: SipEngine['connections'];
  /** A response that came to another thread, and is for this one. */
  takeResponse(text: string, from: Sender): void;
  /** What a peer has proved to another thread. */
  hearProof(proof: Proof): void;
  /** A request that came to another thread, and is about an INVITE of this one. */
  takeRequest(text: string, flow: Flow): void;
  /** What this thread holds for the peer at an address. */
  accountOf(address: string): MemoryAccount;
  /** The answer of another thread to a request that came by `flow`. */
  sendResponse(text: string, flow: Flow): void;
  /** What is sent to the target from now on goes by a new connection. */
  leave(target: Target): void;
  /** Resolves when nothing is left to do, at the latest after `ms`. */
  untilQuiet(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** RFC 5393 §5.3.3. */
const maxBreadth = 60;

/** RFC 3261 §18.1.1, for a path whose MTU is not known. */
const udpRequestBytes = 1300;

const proxySettings = ({ node, proxyRequire, timers, transport, policy, keys }: RouterSettings): ProxySettings => ({
  signing: new Signing(keys),
  nodeName: bracketed(node.name),
  proxyRequire,
  failoverAfterMs: timers.failoverAfterMs,
  timerCMs: timers.timerCMs,
  giveUpMs: giveUpMs(timers),
  connectMs: transport.timeouts.connectMs,
  maxBreadth,
  udpRequestBytes,
  retryAfterS: policy.retryAfterS,
});

/** For connections to close when nothing is left to be said on them. */
const closeMs = 2_000;

const engineSettings = ({ transport, timers, policy, health }: RouterSettings): EngineSettings => ({
  transport,
  door: {
    prospectOf: (address, by) => policy.access.prospectOf(address, by),
    admits: (source) => policy.access.sideOf(source) !== undefined,
    answersStrangers: policy.onDenied === 'reject',
  },
  timers,
  hops: policy.routes.knownHops,
  health,
});

/** One version: the policy, the directory and the settings of one snapshot, and of no other. */
const rulesOf = (settings: RouterSettings, directory: Directory, { admit }: Admission): Rules => {
  const { policy } = settings;
  const route: Route = (facts, peer) => {
    const decision = admit(decide(facts, policy, peer), facts, policy);
    if (decision.kind !== 'ask-directory') return decision;
    const answer = directory.lookup(decision.recipient);
    return answer instanceof Promise ? answer.then(decision.goOn) : decision.goOn(answer);
  };
  const known = (source: RequestSource) => knownAs(source, policy);
  const sideOf = (source: RequestSource) => policy.access.sideOf(source);
  const isSharedDomain = (host: string) => policy.domains.has(host);
  return { settings: proxySettings(settings), route, knownAs: known, sideOf, isSharedDomain };
};

export const createRouter = <Watch extends HopWatch>(
  first: RouterSettings,
  directory: Directory,
  parts: RouterParts<Watch>,
): Router<Watch> => {
  const { platform, log, writeRecord, placement, watchHops } = parts;
  const { clock, sockets, random } = platform;
  const admission = new Admission(clock);
  let settings = first;
  let rules = rulesOf(first, directory, admission);

  /** A reload without other settings keeps what is known. */
  const resolverFor = ({ dns }: RouterSettings): Resolver =>
    createResolver({
      ...dns,
      clock,
      dns: platform.dnsOf(dns),
      random,
      spoken: () => new Set(engine.listeners.map(({ transport }) => transport)),
    });
  let resolver = resolverFor(first);

  const engine: SipEngine<Watch> = new EmbeddedEngine({
    clock,
    log,
    settings: engineSettings(first),
    random,
    sockets,
    resolver: { resolve: (host, port, transport) => resolver.resolve(host, port, transport) },
    rules: () => rules,
    observer: createLogObserver(log, writeRecord, clock, () => settings.log.decisions),
    placement,
    watchHops,
  });

  return {
    hops: engine.hops,
    get listeners() {
      return engine.listeners;
    },
    get isDraining() {
      return admission.isDraining;
    },
    get transactionMs() {
      return settings.transport.transactionMs;
    },
    start: () => engine.start(),
    drain(isDraining) {
      admission.isDraining = isDraining;
    },
    async prepare(next, nextDirectory) {
      const change = await engine.reconfigure(engineSettings(next));
      const commit = () => {
        if (!isDeepStrictEqual(settings.dns, next.dns)) resolver = resolverFor(next);
        settings = next;
        rules = rulesOf(next, nextDirectory, admission);
        // By these rules it looks again at who is connected.
        change.commit();
      };
      return { ...change, commit };
    },
    load: () => engine.load(),
    get connections() {
      return engine.connections;
    },
    takeResponse: (text, from) => engine.takeResponse(text, from),
    hearProof: (proof) => engine.hearProof(proof),
    takeRequest: (text, flow) => engine.takeRequest(text, flow),
    accountOf: (address) => engine.accountOf(address),
    sendResponse: (text, flow) => engine.sendResponse(text, flow),
    leave: (target) => engine.leave(target),
    async untilQuiet(ms) {
      admission.isDraining = true;
      await admission.untilQuiet(() => engine.countOpenTransactions(), ms);
    },
    async close() {
      await engine.stop(closeMs);
      clock.close();
    },
  };
};
