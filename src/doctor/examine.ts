/** Examines all that a configuration names, each thing by itself and all at once: certificates, names, listeners, next hops. */

import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { createResolveHop } from '../engine/resolve-hop.ts';
import { hostAndPort } from '../net/host.ts';
import { hostKey } from '../net/ip-address.ts';
import { isWildcard } from '../net/special-address.ts';
import type { KnownHop } from '../routing/routes/route-table.ts';
import type { Side } from '../routing/types.ts';
import type { DnsClient, ReverseDns } from '../sip/resolve/dns-client.ts';
import { createResolver } from '../sip/resolve/resolver.ts';
import { expectedNames, type Listener, type Target } from '../sip/transport/flow.ts';
import { refusalAt, refusalInClear } from './as-caller.ts';
import { addressToCall, Caller } from './caller.ts';
import { type Examination, error, type Finding } from './finding.ts';
import { isClosed, judgeListener, receptionOf } from './listener.ts';
import { judgeHopName, judgeOwnName, judgeReverse, type NameParts } from './names.ts';
import { judgeHop } from './next-hop.ts';
import { judgeOwnCertificate, type Today } from './own-certificate.ts';
import { tellAccess } from './peer-certificate.ts';
import { onRouter } from './remedies.ts';

interface ExaminationParts extends Today {
  readonly clock: Clock;
  readonly dns: DnsClient & ReverseDns;
  /** Of this machine. */
  readonly interfaces: readonly string[];
}

/** @throws ListenError for a TLS profile that OpenSSL cannot use */
export async function examine(snapshot: Snapshot, parts: ExaminationParts): Promise<readonly Examination[]> {
  const examiner = new Examiner(snapshot, parts);
  const all = await Promise.all([examiner.node(), examiner.listeners(), examiner.hops()]);
  return [...examiner.profiles(), ...all.flat()];
}

class Examiner {
  readonly #snapshot: Snapshot;
  readonly #parts: ExaminationParts;
  readonly #caller: Caller;
  readonly #names: NameParts;
  readonly #resolve: ReturnType<typeof createResolveHop>;

  constructor(snapshot: Snapshot, parts: ExaminationParts) {
    this.#snapshot = snapshot;
    this.#parts = parts;
    this.#caller = new Caller(snapshot);
    const { dns, interfaces } = parts;
    const { timeoutMs, budgetMs } = snapshot.dns;
    const own = new Set([...interfaces, ...this.#caller.listeners.map(({ address }) => address)].map(hostKey));
    // Two tries, and half as much again: longer than a request may wait, for here somebody wants to know.
    this.#names = { dns, budgetMs: Math.max(budgetMs, 3 * timeoutMs), isOwn: (address) => own.has(hostKey(address)) };
    this.#resolve = this.#createResolve();
  }

  #createResolve(): ReturnType<typeof createResolveHop> {
    const { clock, dns } = this.#parts;
    const { listeners } = this.#caller;
    const spoken = () => new Set(listeners.map(({ transport }) => transport));
    const resolver = createResolver({ ...this.#snapshot.dns, clock, dns, random: Math.random, spoken });
    const defaultProfile = listeners.find(({ tlsProfile }) => tlsProfile !== undefined)?.tlsProfile;
    return createResolveHop(
      resolver,
      () => defaultProfile,
      (address) => this.#caller.canReach(address),
    );
  }

  /** Those that somebody meets. */
  profiles(): readonly Examination[] {
    const { tls } = this.#snapshot.transport;
    return [...tls].flatMap(([name, { certificate, ca }]) => {
      const listeners = this.#caller.listeners.filter(({ tlsProfile }) => tlsProfile === name);
      const sides = this.#sidesOf(name, listeners.length > 0);
      if (sides.size === 0) return [];
      const identity = this.#caller.identityOf(listeners[0] ?? this.#caller.listeners[0]!, name);
      const names = [...new Set([identity.name, ...listeners.map(({ sentByHost }) => sentByHost)])];
      const own = { profile: name, certificate, ca, names, sides, identity };
      return [{ kind: 'tls-profile', subject: name, findings: judgeOwnCertificate(own, this.#parts) }];
    });
  }

  #sidesOf(profile: string, isListenedWith: boolean): ReadonlySet<Side> {
    const { knownHops } = this.#snapshot.policy.routes;
    const used = knownHops.filter(({ hop }) => isListenedWith || hop.tlsProfile === profile);
    return new Set(used.map(({ side }) => side));
  }

  async node(): Promise<Examination> {
    const { listeners } = this.#caller;
    const name = this.#snapshot.node.name;
    // A PTR record leads to a name, never to an address.
    const expected = isIP(name) === 0 ? name : undefined;
    const addresses = new Set(listeners.map(({ address }) => address).filter((address) => !isWildcard(address)));
    const reverse = [...addresses].map((address) => judgeReverse('own-name-reverse', address, expected, this.#names));
    const findings = await Promise.all([judgeOwnName(name, this.#names), ...reverse]);
    return { kind: 'node', subject: name, findings };
  }

  async listeners(): Promise<readonly Examination[]> {
    const { transport, policy } = this.#snapshot;
    // One whose port the system chooses cannot be found from outside.
    const found = this.#caller.listeners.filter((_, i) => transport.listen[i]?.port !== 0);
    const contacts = await Promise.all(found.map((listener) => this.#caller.callListener(listener)));
    const isRunning = contacts.some((contact) => !isClosed(contact));
    return found.map((listener, i) => {
      const profile = transport.tls.get(listener.tlsProfile ?? '');
      const reception = receptionOf(listener, addressToCall(listener), profile, policy);
      const context = { transport: listener.transport, profile, reception, now: this.#parts.now };
      const findings = judgeListener(contacts[i]!, context, isRunning);
      return { kind: 'listener', subject: addressOf(listener), findings };
    });
  }

  async hops(): Promise<readonly Examination[]> {
    const examined = new Set<string>();
    const found = await Promise.all(this.#snapshot.policy.routes.knownHops.map((known) => this.#hop(known, examined)));
    return found.flat();
  }

  /** @param examined several routes may lead to one place */
  async #hop({ hop, side }: KnownHop, examined: Set<string>): Promise<readonly Examination[]> {
    const found = await this.#resolve(hop);
    if ('code' in found) {
      const findings = [judgeHopName(hop.host, hop.port, found)];
      return [{ kind: 'next-hop', subject: hop.id, side, findings }];
    }
    const name = hop.host === found[0]?.address ? undefined : hop.host;
    const addresses = found.map(({ address }) => address);
    const named = name === undefined ? [] : [judgeHopName(name, hop.port, addresses)];
    const fresh = found.filter((target) =>
      isFirst(examined, `${side} ${addressOf(target)} ${target.tlsName} ${target.tlsProfile}`),
    );
    return Promise.all(fresh.map((target) => this.#target(target, side, name, named)));
  }

  async #target(target: Target, side: Side, host: string | undefined, named: readonly Finding[]): Promise<Examination> {
    const reverse = judgeReverse('hop-reverse', target.address, target.tlsName ?? host, this.#names);
    const [reached, pointed] = await Promise.all([this.#reach(target, side), reverse]);
    const subject = `${addressOf(target)}${target.tlsName === undefined ? '' : ` as ${target.tlsName}`}`;
    return { kind: 'next-hop', subject, side, findings: [...named, pointed, ...reached] };
  }

  /** By TLS its certificate says whether it may connect to us. */
  #access({ transport, address: remoteAddress }: Target, side: Side): readonly Finding[] {
    if (transport === 'tls') return [];
    return [tellAccess(side, refusalInClear(this.#snapshot.policy, transport, { side, remoteAddress }))];
  }

  async #reach(target: Target, side: Side): Promise<readonly Finding[]> {
    const listener = this.#caller.listenerFor(target);
    if (listener === undefined) {
      const step = onRouter(`add a listener for ${target.transport}`);
      return [
        error('connection', `there is no ${target.transport} listener whose address could stand in our Via`, step),
      ];
    }
    const contact = await this.#caller.callHop(target, listener);
    const older = await this.#caller.callWithOldTls(contact, target, listener);
    const { rows, health, transport, policy } = this.#snapshot;
    const profile = target.tlsProfile ?? '';
    const listened = this.#caller.listeners.flatMap(({ tlsProfile = '' }) => transport.tls.get(tlsProfile) ?? []);
    const mustBeClient = listened.some(({ clientCertificate }) => clientCertificate === 'required');
    const refusalOf = refusalAt(listened, policy, { side, remoteAddress: target.address });
    const { wildcards = false, commonName = true } = transport.tls.get(profile) ?? {};
    const names = expectedNames(target);
    const rules = { wildcards, commonName };
    const expected = { side, names, rules, domains: rows.domains, profile, mustBeClient, refusalOf };
    const identity = this.#caller.identityOf(listener, profile, target);
    const context = { target, side, identity, expected, today: this.#parts, good: health.probe.good };
    return [...this.#access(target, side), ...judgeHop(contact, context, older)];
  }
}

/** @returns whether it was not in `seen` before; then it is */
function isFirst(seen: Set<string>, key: string): boolean {
  const isNew = !seen.has(key);
  seen.add(key);
  return isNew;
}

/** `tls [2001:db8::1]:5061`. */
const addressOf = ({ transport, address, port }: Pick<Listener, 'transport' | 'address' | 'port'>): string =>
  `${transport} ${hostAndPort(address, port)}`;
