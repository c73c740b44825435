/** The product on one page: a snapshot of the configuration, the directory and an engine, joined by the decision. */
import type { Snapshot } from './config/snapshot.ts';
import { openDirectory } from './directory/compose.ts';
import { createEmbeddedEngine } from './engine/embedded.ts';
import type { HopControl } from './engine/engine.ts';
import type { OpenLog } from './observe/log.ts';
import { createLogObserver } from './observe/log-observer.ts';
import type { ProxySettings } from './proxy/proxied-request.ts';
import type { Route } from './proxy/proxy-core.ts';
import { decide } from './routing/decide.ts';
import { createTimerWheel } from './sip/clock.ts';
import { systemDns } from './sip/resolve/dns-client.ts';
import { createResolver } from './sip/resolve/resolver.ts';
import { giveUpMs } from './sip/transaction/timers.ts';
import type { Listener } from './sip/transport/flow.ts';

export interface App {
  readonly listeners: readonly Listener[];
  /** How the next hops fare. */
  readonly hops: HopControl;
  /** Requests under way may end until `drainMs` have passed. */
  stop(drainMs: number): Promise<void>;
}

/** RFC 5393 §5.3.3. */
const maxBreadth = 60;

/** RFC 3261 §18.1.1, for a path whose MTU is not known. */
const udpRequestBytes = 1300;

/** For each DNS server and try; askers wait no longer than the resolver's own budget. */
const dnsTimeoutMs = 1_000;

const proxySettings = ({ node, proxyRequire, timers, policy }: Snapshot): ProxySettings => ({
  nodeName: node.name,
  proxyRequire,
  failoverAfterMs: timers.failoverAfterMs,
  timerCMs: timers.timerCMs,
  giveUpMs: giveUpMs(timers),
  maxBreadth,
  udpRequestBytes,
  retryAfterS: policy.retryAfterS,
});

/** Basic mode never asks: nothing is connected to, and no password is sent, for nothing. */
const directoryInUse = ({ policy, directory }: Snapshot): Snapshot['directory'] =>
  policy.mode === 'basic' ? { ...directory, sources: [] } : directory;

/** Opens every listener and routes from then on; rejects with a ListenError when one can't be opened. */
export const startApp = async (snapshot: Snapshot, { log, writeRecord }: OpenLog): Promise<App> => {
  const clock = createTimerWheel();
  const settings = proxySettings(snapshot);
  const directory = openDirectory(directoryInUse(snapshot), { clock, log, random: Math.random });

  const route: Route = (facts) => {
    const { policy } = snapshot;
    const decision = decide(facts, policy);
    if (decision.kind !== 'ask-directory') return decision;
    const answer = directory.lookup(decision.recipient);
    return answer instanceof Promise
      ? answer.then((late) => decide(facts, policy, late))
      : decide(facts, policy, answer);
  };

  const engine = createEmbeddedEngine({
    clock,
    log,
    transport: snapshot.transport,
    timers: snapshot.timers,
    random: Math.random,
    hops: snapshot.policy.routes.knownHops,
    health: snapshot.health,
    resolver: createResolver({ clock, dns: systemDns(dnsTimeoutMs), random: Math.random }),
    observer: createLogObserver(log, writeRecord, clock, () => snapshot.log.decisions),
    proxySettings: () => settings,
  });
  const listeners = await engine.start(route);
  return {
    listeners,
    hops: engine.hops,
    async stop(drainMs) {
      await engine.stop(drainMs);
      directory.close();
      clock.close();
    },
  };
};
