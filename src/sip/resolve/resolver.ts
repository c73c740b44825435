/** From the host and port of a hop to addresses (RFC 3263 §4): what is known is given at once, what is old is asked for again behind the asker's back. */
import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import { RecentMap } from '../recent-map.ts';
import type { Transport } from '../transport/flow.ts';
import type { TransportError } from '../transport/transport-error.ts';
import type { DnsClient } from './dns-client.ts';
import { orderServers, type Weighted } from './srv-order.ts';

export interface Address {
  /** IPv4 or IPv6 address, no brackets. */
  readonly address: string;
  readonly port: number;
}

export interface Resolver {
  /**
   * Addresses of a hop in the order to try them, never none. Synchronous for IP addresses and known names. Never throws and
   * never rejects: a name without an address is an `unresolved` error.
   * @param host name, or IP address with or without brackets
   * @param port 0: the SRV records of the name say (RFC 3263 §4.2); if it has none, its own addresses and the default port
   */
  resolve(
    host: string,
    port: number,
    transport: Transport,
  ): readonly Address[] | Promise<readonly Address[] | TransportError>;
}

export interface ResolverSettings {
  readonly dns: DnsClient;
  readonly clock: Clock;
  /** Numbers from 0 (included) to 1 (not included). */
  readonly random: () => number;
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

/** A host and port with all its addresses; SRV priority and weight are 0 where no SRV record was asked. */
interface Server extends Weighted {
  readonly addresses: readonly Address[];
}

type Answer = readonly Server[] | TransportError;

interface Entry {
  answer: Answer | undefined;
  /** Moments of the clock. */
  usableUntil: number;
  askAgainAt: number;
  flight: Promise<Answer> | undefined;
}

/** Names that are remembered; most come from the configuration, a few from Route header fields. */
const NAMES = 10_000;

class CachingResolver implements Resolver {
  readonly #dns: DnsClient;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #refreshMs: number;
  readonly #staleMs: number;
  readonly #negativeMs: number;
  readonly #budgetMs: number;
  readonly #entries = new RecentMap<Entry>(NAMES);

  constructor(settings: ResolverSettings) {
    this.#dns = settings.dns;
    this.#clock = settings.clock;
    this.#random = settings.random;
    this.#refreshMs = settings.refreshMs ?? 30_000;
    this.#staleMs = settings.staleMs ?? 3_600_000;
    this.#negativeMs = settings.negativeMs ?? 5_000;
    this.#budgetMs = settings.budgetMs ?? 2_000;
  }

  resolve(
    host: string,
    port: number,
    transport: Transport,
  ): readonly Address[] | Promise<readonly Address[] | TransportError> {
    const literal = host.startsWith('[') ? host.slice(1, -1) : host;
    if (isIP(literal) !== 0) return [{ address: literal, port: port === 0 ? defaultPort(transport) : port }];
    const entry = this.#entryOf(`${transport} ${host} ${port}`);
    const { answer } = entry;
    const now = this.#clock.now();
    if (answer === undefined || now >= entry.usableUntil) return this.#wait(this.#ask(entry, host, port, transport));
    if ('code' in answer) return Promise.resolve(answer);
    if (now >= entry.askAgainAt) this.#ask(entry, host, port, transport);
    return this.#inOrder(answer);
  }

  #entryOf(key: string): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { answer: undefined, usableUntil: 0, askAgainAt: 0, flight: undefined };
    this.#entries.set(key, entry);
    return entry;
  }

  #inOrder(servers: readonly Server[]): readonly Address[] {
    if (servers.length === 1) return servers[0]!.addresses;
    return orderServers(servers, this.#random).flatMap(({ addresses }) => addresses);
  }

  async #wait(flight: Promise<Answer>): Promise<readonly Address[] | TransportError> {
    const budget = Promise.withResolvers<TransportError>();
    const detail = `no answer from DNS within ${this.#budgetMs} ms`;
    const timer = this.#clock.after(this.#budgetMs, () => budget.resolve({ code: 'unresolved', detail }));
    const answer = await Promise.race([flight, budget.promise]);
    timer.cancel();
    return 'code' in answer ? answer : this.#inOrder(answer);
  }

  /** One flight per name, whoever asks; it goes on when an asker has stopped waiting. */
  #ask(entry: Entry, host: string, port: number, transport: Transport): Promise<Answer> {
    entry.flight ??= this.#look(host, port, transport).then((answer) => {
      entry.flight = undefined;
      this.#learn(entry, answer);
      return answer;
    });
    return entry.flight;
  }

  /** A failure does not push out an answer that is still usable. */
  #learn(entry: Entry, answer: Answer): void {
    const now = this.#clock.now();
    const hasFailed = 'code' in answer;
    entry.askAgainAt = now + (hasFailed ? this.#negativeMs : this.#refreshMs);
    const isUsable = entry.answer !== undefined && !('code' in entry.answer) && now < entry.usableUntil;
    if (hasFailed && isUsable) return;
    entry.answer = answer;
    entry.usableUntil = entry.askAgainAt + (hasFailed ? 0 : this.#staleMs);
  }

  async #look(host: string, port: number, transport: Transport): Promise<Answer> {
    try {
      return port === 0 ? await this.#lookForServices(host, transport) : [await this.#lookForHost(host, port)];
    } catch (error) {
      return { code: 'unresolved', detail: (error as Error).message };
    }
  }

  async #lookForServices(host: string, transport: Transport): Promise<Answer> {
    const name = `${servicePrefix[transport]}${host}`;
    const records = await this.#dns.services(name).catch(noneIfAbsent);
    // RFC 3263 §4.2: without SRV records, the addresses of the name itself.
    if (records.length === 0) return [await this.#lookForHost(host, defaultPort(transport))];
    // RFC 2782: a single root says that the service is decidedly not offered.
    const offered = records.filter((record) => record.name !== '' && record.name !== '.');
    if (offered.length === 0) return { code: 'unresolved', detail: `${name} says that there is no such service` };
    const looks = offered.map(async (record) => ({
      ...record,
      ...(await this.#lookForHost(record.name, record.port, record)),
    }));
    return settledServers(await Promise.allSettled(looks));
  }

  async #lookForHost(host: string, port: number, { priority, weight }: Weighted = unweighted): Promise<Server> {
    const addresses = await this.#dns.addresses(host);
    if (addresses.length === 0) throw new Error(`${host} has no address`);
    return { priority, weight, addresses: addresses.map((address) => ({ address, port })) };
  }
}

const unweighted: Weighted = { priority: 0, weight: 0 };

/** RFC 3263 §4.2; with SRV, the service name says the transport. */
const servicePrefix: Record<Transport, string> = { udp: '_sip._udp.', tcp: '_sip._tcp.', tls: '_sips._tcp.' };

/** RFC 3261 §19.1.2. */
const defaultPort = (transport: Transport): number => (transport === 'tls' ? 5061 : 5060);

/** A name that is not there, or has no such records, is an answer; a server that fails is not. */
function noneIfAbsent(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOTFOUND' || error.code === 'ENODATA') return [];
  throw error;
}

/** @throws the first failure when no server has an address */
function settledServers(results: readonly PromiseSettledResult<Server>[]): Server[] {
  const servers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (servers.length > 0) return servers;
  throw (results[0] as PromiseRejectedResult).reason;
}
