/** A DNS whose records a test may change, which can fail in several ways, and which counts what it is asked. */
import type { DnsClient, HostAddresses, NaptrRecord, SrvRecord } from '../../src/sip/resolve/dns-client.ts';

const notFound = (name: string): Error => Object.assign(new Error(`queryA ENOTFOUND ${name}`), { code: 'ENOTFOUND' });

export class FakeDns implements DnsClient {
  readonly hosts = new Map<string, readonly string[]>();
  readonly srv = new Map<string, readonly SrvRecord[]>();
  readonly naptr = new Map<string, readonly NaptrRecord[]>();
  readonly asked: string[] = [];
  /** While set, every question fails with it. */
  failure: Error | undefined;
  /** Names that no question is answered of. */
  readonly silent = new Set<string>();
  /** Hosts whose addresses of one kind are not to be had. */
  readonly halved = new Set<string>();
  /** While set, every answer waits for it. */
  gate: Promise<void> | undefined;

  async addresses(host: string): Promise<HostAddresses> {
    return { addresses: await this.#answer(host, this.hosts.get(host)), isWhole: !this.halved.has(host) };
  }

  services(name: string): Promise<readonly SrvRecord[]> {
    return this.#answer(name, this.srv.get(name));
  }

  pointers(name: string): Promise<readonly NaptrRecord[]> {
    return this.#answer(name, this.naptr.get(name));
  }

  async #answer<Value>(name: string, value: Value | undefined): Promise<Value> {
    this.asked.push(name);
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    if (this.silent.has(name)) throw Object.assign(new Error(`queryA ETIMEOUT ${name}`), { code: 'ETIMEOUT' });
    if (value === undefined) throw notFound(name);
    return value;
  }
}
