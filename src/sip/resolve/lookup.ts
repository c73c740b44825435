/** One lookup: from a host and port to servers with their addresses (RFC 3263 §4), by as many DNS questions as it takes. */
import { defaultPort, type Transport } from '../../net/ports.ts';
import { isAbsence } from './dns-client.ts';
import type { Weighted } from './srv-order.ts';
import type { Gaps, StaleServingDns } from './stale-answers.ts';
import { everyService, lastResort, offeredServices, type Service, serviceOf } from './transport-choice.ts';

export interface Address {
  /** IPv4 or IPv6 address, no brackets. */
  readonly address: string;
  readonly port: number;
  readonly transport: Transport;
}

/** `any`: DNS says which (RFC 3263 §4.1). */
export type WantedTransport = Transport | 'any';

/** A host and port with all its addresses; SRV priority and weight are 0 where no SRV record was asked. */
export interface Server extends Weighted {
  readonly addresses: readonly Address[];
}

export class Lookup implements Gaps {
  hasGaps = false;
  usableUntil = Number.POSITIVE_INFINITY;
  readonly #dns: StaleServingDns;
  readonly #spoken: ReadonlySet<Transport>;

  /** @param spoken the transports that requests can leave by */
  constructor(dns: StaleServingDns, spoken: ReadonlySet<Transport>) {
    this.#dns = dns;
    this.#spoken = spoken;
  }

  /** Rejects when a name has no address, or DNS fails. */
  async serversOf(host: string, port: number, transport: WantedTransport): Promise<readonly Server[]> {
    if (transport === 'any') return this.#lookForTransports(host, port);
    if (port !== 0) return [await this.#lookForHost(host, port, transport)];
    const servers = await this.#lookForService(serviceOf(host, transport));
    // RFC 3263 §4.2: without SRV records, the addresses of the name itself.
    return servers ?? [await this.#lookForHost(host, defaultPort(transport), transport)];
  }

  /** RFC 3263 §4.1. */
  async #lookForTransports(host: string, port: number): Promise<readonly Server[]> {
    const spoken = this.#spoken;
    const offered = offeredServices(await this.#dns.pointers.ask(host, this).catch(noneIfAbsent), spoken);
    const services = offered.length > 0 ? offered : everyService(host, spoken);
    const found = await Promise.allSettled(services.map((service) => this.#lookForService(service)));
    const servers = found.flatMap((result, level) =>
      result.status === 'fulfilled' ? lowered(result.value ?? [], level) : [],
    );
    if (servers.length > 0) return servers;
    for (const result of found) if (result.status === 'rejected') throw result.reason;
    const transport = lastResort(spoken);
    return [await this.#lookForHost(host, port === 0 ? defaultPort(transport) : port, transport)];
  }

  /** @returns undefined when there are no such records */
  async #lookForService({ name, transport }: Service): Promise<readonly Server[] | undefined> {
    const records = await this.#dns.services.ask(name, this).catch(noneIfAbsent);
    if (records.length === 0) return undefined;
    // RFC 2782: a single root says that the service is decidedly not offered.
    const offered = records.filter((record) => record.name !== '' && record.name !== '.');
    if (offered.length === 0) throw new Error(`${name} says that there is no such service`);
    const looks = offered.map((record) => this.#lookForHost(record.name, record.port, transport, record));
    return settledServers(await Promise.allSettled(looks));
  }

  async #lookForHost(
    host: string,
    port: number,
    transport: Transport,
    { priority, weight }: Weighted = unweighted,
  ): Promise<Server> {
    const { addresses } = await this.#dns.hosts.ask(host, this);
    if (addresses.length === 0) throw new Error(`${host} has no address`);
    return { priority, weight, addresses: addresses.map((address) => ({ address, port, transport })) };
  }
}

/** SRV priorities are 16 bits wide: all servers of one service come before those of the next. */
const lowered = (servers: readonly Server[], level: number): Server[] =>
  servers.map((server) => ({ ...server, priority: server.priority + level * 0x1_0000 }));

const unweighted: Weighted = { priority: 0, weight: 0 };

function noneIfAbsent(error: NodeJS.ErrnoException): [] {
  if (isAbsence(error)) return [];
  throw error;
}

/** @throws the first failure when no server has an address */
function settledServers(results: readonly PromiseSettledResult<Server>[]): Server[] {
  const servers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (servers.length > 0) return servers;
  throw (results[0] as PromiseRejectedResult).reason;
}
