/** From the host and port of a hop to addresses (RFC 3263 §4): what is known is given at once, what is old is asked for again behind the asker's back. */

import { isIP } from 'node:net';
import type { Clock } from '../../clock.ts';
import { withoutBrackets } from '../../net/host.ts';
import { defaultPort, type Transport } from '../../net/ports.ts';
import { RecentMap } from '../recent-map.ts';
import type { TransportError } from '../transport/transport-error.ts';
import type { DnsClient } from './dns-client.ts';
import { type Address, Lookup, type Server, type WantedTransport } from './lookup.ts';
import { orderServers } from './srv-order.ts';
import { type Gaps, type StaleServingDns, servingStale } from './stale-answers.ts';
import { lastResort } from './transport-choice.ts';

export interface Resolver {
  /**
   * Addresses of a hop in the order to try them, never none. Synchronous for IP addresses and known names. Never throws and
   * never rejects: a name without an address is an `unresolved` error.
   * @param host name, or IP address with or without brackets
   * @param port 0: the SRV records of the name say (RFC 3263 §4.2); if it has none, its own addresses and the default port
   * @param transport `any`, with port 0 only: the NAPTR records of the name say (§4.1); if it has none, its SRV records
   */
  resolve(
    host: string,
    port: number,
    transport: WantedTransport,
  ): readonly Address[] | Promise<readonly Address[] | TransportError>;
}

export interface ResolverSettings {
  readonly dns: DnsClient;
  readonly clock: Clock;
  /** Numbers from 0 (included) to 1 (not included). */
  readonly random: () => number;
  /** The transports that requests can leave by, asked when a name is looked up; default all three. */
  readonly spoken?: () => ReadonlySet<Transport>;
  /** An answer is asked for again when it is older and wanted. */
  readonly refreshMs?: number;
  /** An answer that cannot be renewed is used until it is this much older than `refreshMs`. */
  readonly staleMs?: number;
  /** A failure is remembered for this long. */
  readonly negativeMs?: number;
  /** How long an asker waits at most. */
  readonly budgetMs?: number;
}

export function createResolver(settings: ResolverSettings): Resolver {
  return new CachingResolver(settings);
}

type Answer = readonly Server[] | TransportError;

interface Entry {
  answer: Answer | undefined;
  /** Moments of the clock. */
  usableUntil: number;
  askAgainAt: number;
  flight: Promise<Answer> | undefined;
  /** Somebody has waited for this flight in vain: nobody else shall. */
  isOverdue: boolean;
}

/** Names that are remembered; most come from the configuration, a few from Route header fields. */
const mostNames = 10_000;

class CachingResolver implements Resolver {
  readonly #dns: StaleServingDns;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #spoken: () => ReadonlySet<Transport>;
  readonly #refreshMs: number;
  readonly #staleMs: number;
  readonly #negativeMs: number;
  readonly #budgetMs: number;
  readonly #entries = new RecentMap<Entry>(mostNames);

  constructor(settings: ResolverSettings) {
    this.#clock = settings.clock;
    this.#random = settings.random;
    this.#spoken = settings.spoken ?? (() => allTransports);
    this.#refreshMs = settings.refreshMs ?? 30_000;
    this.#staleMs = settings.staleMs ?? 3_600_000;
    this.#dns = servingStale(settings.dns, settings.clock, this.#refreshMs + this.#staleMs);
    this.#negativeMs = settings.negativeMs ?? 5_000;
    this.#budgetMs = settings.budgetMs ?? 2_000;
  }

  resolve(
    host: string,
    port: number,
    transport: WantedTransport,
  ): readonly Address[] | Promise<readonly Address[] | TransportError> {
    const literal = withoutBrackets(host);
    if (isIP(literal) !== 0) return [this.#literal(literal, port, transport)];
    const entry = this.#entryOf(`${transport} ${host} ${port}`);
    const { answer } = entry;
    const now = this.#clock.now();
    if (answer === undefined || now >= entry.usableUntil) return this.#wait(entry, host, port, transport);
    if ('code' in answer) return Promise.resolve(answer);
    if (now >= entry.askAgainAt) this.#ask(entry, host, port, transport);
    return this.#inOrder(answer);
  }

  #literal(address: string, port: number, wanted: WantedTransport): Address {
    const transport = wanted === 'any' ? lastResort(this.#spoken()) : wanted;
    return { address, port: port === 0 ? defaultPort(transport) : port, transport };
  }

  #entryOf(key: string): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { answer: undefined, usableUntil: 0, askAgainAt: 0, flight: undefined, isOverdue: false };
    this.#entries.set(key, entry);
    return entry;
  }

  #inOrder(servers: readonly Server[]): readonly Address[] {
    if (servers.length === 1) return servers[0]!.addresses;
    return orderServers(servers, this.#random).flatMap(({ addresses }) => addresses);
  }

  async #wait(
    entry: Entry,
    host: string,
    port: number,
    transport: WantedTransport,
  ): Promise<readonly Address[] | TransportError> {
    const flight = this.#ask(entry, host, port, transport);
    const late: TransportError = { code: 'unresolved', detail: `no answer from DNS within ${this.#budgetMs} ms` };
    if (entry.isOverdue) return late;
    const budget = Promise.withResolvers<TransportError>();
    const timer = this.#clock.after(this.#budgetMs, () => {
      entry.isOverdue = entry.flight === flight;
      budget.resolve(late);
    });
    const answer = await Promise.race([flight, budget.promise]);
    timer.cancel();
    return 'code' in answer ? answer : this.#inOrder(answer);
  }

  /** One flight per name, whoever asks; it goes on when an asker has stopped waiting. */
  #ask(entry: Entry, host: string, port: number, transport: WantedTransport): Promise<Answer> {
    entry.flight ??= this.#lookUp(entry, host, port, transport);
    return entry.flight;
  }

  async #lookUp(entry: Entry, host: string, port: number, transport: WantedTransport): Promise<Answer> {
    const lookup = new Lookup(this.#dns, this.#spoken());
    const answer = await lookup.serversOf(host, port, transport).catch(unresolved);
    entry.flight = undefined;
    entry.isOverdue = false;
    this.#learn(entry, answer, lookup);
    return answer;
  }

  /** A failure does not push out an answer that is still usable; what has gaps is soon asked for again. */
  #learn(entry: Entry, answer: Answer, { hasGaps, usableUntil }: Gaps): void {
    const now = this.#clock.now();
    const hasFailed = 'code' in answer;
    entry.askAgainAt = now + (hasFailed || hasGaps ? this.#negativeMs : this.#refreshMs);
    const isUsable = entry.answer !== undefined && !('code' in entry.answer) && now < entry.usableUntil;
    if (hasFailed && isUsable) return;
    entry.answer = answer;
    entry.usableUntil = hasFailed ? entry.askAgainAt : Math.min(now + this.#refreshMs + this.#staleMs, usableUntil);
  }
}

const unresolved = ({ message }: Error): TransportError => ({ code: 'unresolved', detail: message });

const allTransports: ReadonlySet<Transport> = new Set(['udp', 'tcp', 'tls']);
