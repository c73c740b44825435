/** The questions that the resolver asks of the outside world, and who answers them: the system, or DNS servers by name. */
import { lookup, Resolver } from 'node:dns/promises';

export interface SrvRecord {
  /** Lower value: tried first. */
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** Host name; `` (the root) says that there is no such service (RFC 2782). */
  readonly name: string;
}

/** RFC 3403, as far as SIP uses it (RFC 3263 §4.1). */
export interface NaptrRecord {
  /** Lower value: looked at first. */
  readonly order: number;
  /** Within an order, lower value: preferred. */
  readonly preference: number;
  /** `s`: the replacement is the name of SRV records. */
  readonly flags: string;
  /** `SIP+D2U`, `SIP+D2T`, `SIPS+D2T`. */
  readonly service: string;
  readonly regexp: string;
  readonly replacement: string;
}

export interface HostAddresses {
  /** IPv4 and IPv6, best first. */
  readonly addresses: readonly string[];
  /** False: those of one kind were not to be had. */
  readonly isWhole: boolean;
}

/** All reject with a system error (`code`: ENOTFOUND, ENODATA, ETIMEOUT, ...). */
export interface DnsClient {
  addresses(host: string): Promise<HostAddresses>;
  services(name: string): Promise<readonly SrvRecord[]>;
  pointers(name: string): Promise<readonly NaptrRecord[]>;
}

/** A name that is not there, or has no such records, is an answer; a server that fails is not. */
export const isAbsence = ({ code }: NodeJS.ErrnoException): boolean => code === 'ENOTFOUND' || code === 'ENODATA';

/** Never asked while a request waits: some answers take as long as their servers' patience. */
export interface ReverseDns {
  /** Host names of an address (PTR). Rejects as above. */
  names(address: string): Promise<readonly string[]>;
}

/** @param servers empty: those of the system */
export const dnsOf = ({
  servers,
  timeoutMs,
}: {
  readonly servers: readonly string[];
  readonly timeoutMs: number;
}): DnsClient & ReverseDns => (servers.length === 0 ? systemDns(timeoutMs) : serverDns(servers, timeoutMs));

/**
 * Hosts are asked of the system, so that its hosts file counts; NAPTR and SRV of the DNS servers that the system names.
 * @param timeoutMs per server and try
 */
export function systemDns(timeoutMs: number): DnsClient & ReverseDns {
  return {
    ...recordsBy(new Resolver({ timeout: timeoutMs, tries: 2 })),
    addresses: async (host) => {
      const found = await lookup(host, { all: true, order: 'verbatim' });
      return { addresses: found.map(({ address }) => address), isWhole: true };
    },
  };
}

/**
 * Everything is asked of these servers and nobody else.
 * @param servers `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`; not empty
 * @param timeoutMs per server and try
 */
export function serverDns(servers: readonly string[], timeoutMs: number): DnsClient & ReverseDns {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  resolver.setServers(servers);
  return {
    ...recordsBy(resolver),
    addresses: async (host) =>
      settledAddresses(await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])),
  };
}

const recordsBy = (resolver: Resolver): Pick<DnsClient, 'services' | 'pointers'> & ReverseDns => ({
  services: (name) => resolver.resolveSrv(name),
  pointers: (name) => resolver.resolveNaptr(name),
  names: (address) => resolver.reverse(address),
});

/** A host without one kind of address is common; one without either has failed, for the reason that says more. */
function settledAddresses(results: readonly PromiseSettledResult<string[]>[]): HostAddresses {
  const addresses = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (addresses.length > 0 || failures.length === 0) return { addresses, isWhole: failures.every(isAbsence) };
  throw failures.find(({ code }) => code !== 'ENODATA') ?? failures[0];
}
