/** The product on one page: a snapshot of the configuration, the directory and an engine, joined by the decision. */
import { isDeepStrictEqual } from 'node:util';
import { isSameDirectory } from './config/directory-sources.ts';
import type { Part } from './config/reload.ts';
import { newKey } from './config/signing-keys.ts';
import type { Snapshot } from './config/snapshot.ts';
import { type OpenDirectory, openDirectory } from './directory/compose.ts';
import type { Directory } from './directory/directory.ts';
import { Admission } from './engine/admission.ts';
import { createEmbeddedEngine } from './engine/embedded.ts';
import type { EngineSettings, HopControl, SipEngine } from './engine/engine.ts';
import type { OpenLog } from './observe/log.ts';
import { createLogObserver } from './observe/log-observer.ts';
import type { ProxySettings } from './proxy/proxied-request.ts';
import type { Route, Rules } from './proxy/proxy-core.ts';
import { Signing } from './proxy/signing.ts';
import { decide, refuseStranger } from './routing/decide.ts';
import type { RequestSource } from './routing/types.ts';
import { createTimerWheel } from './sip/clock.ts';
import { dnsOf } from './sip/resolve/dns-client.ts';
import { createResolver, type Resolver } from './sip/resolve/resolver.ts';
import { giveUpMs } from './sip/transaction/timers.ts';
import type { Listener } from './sip/transport/flow.ts';

export interface App extends Part {
  /** Those that are open, in configured order. */
  readonly listeners: readonly Listener[];
  /** How the next hops fare. */
  readonly hops: HopControl;
  /** The one in service, until the next reload. */
  readonly directory: OpenDirectory;
  readonly isDraining: boolean;
  /** While true, what would begin gets 503; what is under way, and what is within a dialog, is served. */
  drain(isDraining: boolean): void;
  /** Drains until nothing is left to do, at the latest for `drainMs`, and closes. */
  stop(drainMs: number): Promise<void>;
}

/** RFC 5393 §5.3.3. */
const maxBreadth = 60;

/** RFC 3261 §18.1.1, for a path whose MTU is not known. */
const udpRequestBytes = 1300;

const proxySettings = ({ node, proxyRequire, timers, policy }: Snapshot, signing: Signing): ProxySettings => ({
  signing,
  nodeName: node.name,
  proxyRequire,
  failoverAfterMs: timers.failoverAfterMs,
  timerCMs: timers.timerCMs,
  giveUpMs: giveUpMs(timers),
  maxBreadth,
  udpRequestBytes,
  retryAfterS: policy.retryAfterS,
});

/** For connections to close when nothing is left to be said on them. */
const closeMs = 2_000;

/** Longer than any request waits for a directory. */
const formerDirectoryMs = 60_000;

const engineSettings = ({ transport, timers, policy, health }: Snapshot): EngineSettings => ({
  transport,
  timers,
  hops: policy.routes.knownHops,
  health,
});

/** Basic mode never asks: nothing is connected to, and no password is sent, for nothing. */
const directoryInUse = ({ policy, directory }: Snapshot): Snapshot['directory'] =>
  policy.mode === 'basic' ? { ...directory, sources: [] } : directory;

/** One version: the policy, the directory and the settings of one snapshot, and of no other. */
const rulesOf = (snapshot: Snapshot, directory: Directory, { admit }: Admission, signing: Signing): Rules => {
  const { policy } = snapshot;
  const route: Route = (facts) => {
    const decision = admit(decide(facts, policy), facts, policy);
    if (decision.kind !== 'ask-directory') return decision;
    const answer = directory.lookup(decision.recipient);
    return answer instanceof Promise
      ? answer.then((late) => decide(facts, policy, late))
      : decide(facts, policy, answer);
  };
  const refuse = (source: RequestSource) => refuseStranger(source, policy);
  const sideOf = (source: RequestSource) => policy.access.sideOf(source);
  return { settings: proxySettings(snapshot, signing), route, refuseStranger: refuse, sideOf };
};

/** Opens every listener and routes from then on; rejects with a ListenError when one can't be opened. */
export const startApp = async (first: Snapshot, { log, writeRecord }: OpenLog): Promise<App> => {
  const clock = createTimerWheel();
  const admission = new Admission(clock);
  const parts = { clock, log, random: Math.random };
  let snapshot = first;
  let directory: OpenDirectory = openDirectory(directoryInUse(first), parts);
  let signing = new Signing(first.signing.keys ?? [newKey()]);
  let rules = rulesOf(first, directory, admission, signing);

  /** One that has not changed keeps its connections and all that it has learnt. */
  const directoryFor = async (next: Snapshot): Promise<OpenDirectory> => {
    if (isSameDirectory(directoryInUse(snapshot), directoryInUse(next))) return directory;
    const opened = openDirectory(directoryInUse(next), parts);
    await opened.ready();
    return opened;
  };

  /** Requests that are under way may still ask the former one. */
  const useDirectory = (next: OpenDirectory): void => {
    const former = directory;
    directory = next;
    if (former !== next) clock.after(formerDirectoryMs, () => void former.close());
  };

  /** A reload without other settings keeps what is known. */
  const resolverFor = ({ dns }: Snapshot): Resolver =>
    createResolver({
      ...dns,
      clock,
      dns: dnsOf(dns),
      random: Math.random,
      spoken: () => new Set(engine.listeners.map(({ transport }) => transport)),
    });
  let resolver = resolverFor(first);

  const engine: SipEngine = createEmbeddedEngine({
    clock,
    log,
    settings: engineSettings(first),
    random: Math.random,
    resolver: { resolve: (host, port, transport) => resolver.resolve(host, port, transport) },
    observer: createLogObserver(log, writeRecord, clock, () => snapshot.log.decisions),
  });
  await directory.mayListen();
  await engine.start(() => rules);
  return {
    hops: engine.hops,
    get directory() {
      return directory;
    },
    get listeners() {
      return engine.listeners;
    },
    get isDraining() {
      return admission.isDraining;
    },
    drain(isDraining) {
      admission.isDraining = isDraining;
    },
    async prepare(next) {
      const nextDirectory = await directoryFor(next);
      const closeNext = () => {
        if (nextDirectory !== directory) void nextDirectory.close();
      };
      const change = await engine.reconfigure(engineSettings(next)).catch((error) => {
        closeNext();
        throw error;
      });
      const commit = () => {
        if (!isDeepStrictEqual(snapshot.dns, next.dns)) resolver = resolverFor(next);
        change.commit();
        snapshot = next;
        useDirectory(nextDirectory);
        // Keys whose file is gone stay in use.
        if (next.signing.keys !== undefined) signing = new Signing(next.signing.keys);
        rules = rulesOf(next, nextDirectory, admission, signing);
      };
      const abandon = () => {
        change.abandon();
        closeNext();
      };
      return { commit, abandon };
    },
    async stop(drainMs) {
      admission.isDraining = true;
      await admission.untilQuiet(() => engine.countOpenTransactions(), drainMs);
      await engine.stop(closeMs);
      await directory.close();
      clock.close();
    },
  };
};
