/** The names of the hops, by a DNS that may be slow or away. */
import type { DnsClient } from '../../src/sip/resolve/dns-client.ts';
import type { World } from './world.ts';

export class SimulatedDns {
  /** Milliseconds that an answer takes. */
  delayMs = 1;
  isAway = false;
  readonly #world: World;
  readonly #addresses = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  name(host: string, address: string): void {
    this.#addresses.set(host, address);
  }

  readonly client: DnsClient = {
    addresses: async (host) => {
      await this.#asked();
      const address = this.#addresses.get(host);
      if (address === undefined) throw failure('ENOTFOUND', host);
      return { addresses: [address], isWhole: true };
    },
    services: (name) => this.#nothing(name),
    pointers: (name) => this.#nothing(name),
  };

  async #nothing(name: string): Promise<never> {
    await this.#asked();
    throw failure('ENODATA', name);
  }

  async #asked(): Promise<void> {
    await new Promise<void>((resolve) => void this.#world.after(this.delayMs, resolve));
    if (this.isAway) throw failure('ESERVFAIL', 'the server');
  }
}

const failure = (code: string, name: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code} ${name}`), { code });
