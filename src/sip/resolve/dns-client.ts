/** The questions that the resolver asks of the outside world, and the system's way to answer them. */
import { lookup, Resolver } from 'node:dns/promises';

export interface SrvRecord {
  /** Lower value: tried first. */
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** Host name; `` (the root) says that there is no such service (RFC 2782). */
  readonly name: string;
}

/** Both reject with a system error (`code`: ENOTFOUND, ENODATA, ETIMEOUT, ...). */
export interface DnsClient {
  /** IPv4 and IPv6 addresses of a host, best first. */
  addresses(host: string): Promise<readonly string[]>;
  services(name: string): Promise<readonly SrvRecord[]>;
}

/**
 * Hosts are asked of the system, so that its hosts file counts; SRV of the DNS servers that the system names.
 * @param timeoutMs per server and try
 */
export function systemDns(timeoutMs: number): DnsClient {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  return {
    addresses: async (host) => (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address),
    services: (name) => resolver.resolveSrv(name),
  };
}
