/** What the running router knows, asked over its socket for administration, address by address and for each of its sources. */
import { Agent, request } from 'node:http';
import type { UserReport } from '../../src/admin/directory.ts';
import type { Status } from '../../src/admin/status.ts';
import { socketOf } from '../support/admin.ts';
import type { RouterProcess } from '../support/router-process.ts';
import type { ExpectedTable } from './expected.ts';

export const modes = ['poll', 'notify', 'dirsync'] as const;
export type Mode = (typeof modes)[number];

const asking = { atOnce: 8, withinMs: 30_000 } as const;

export class Asked {
  readonly #router: RouterProcess;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: asking.atOnce });

  constructor(router: RouterProcess) {
    this.#router = router;
  }

  close(): void {
    this.#agent.destroy();
  }

  status(): Promise<Status> {
    return this.#ask('GET', '/status');
  }

  /** Reads all users anew. */
  async refresh(): Promise<void> {
    await this.#ask('POST', '/directory/refresh');
  }

  /** An operator has looked at the loss, and it is right. */
  async confirm(): Promise<void> {
    await this.#ask('POST', '/directory/confirm');
  }

  /** @returns for each source what is other than expected at these addresses, in words */
  async differences(
    table: Pick<ExpectedTable, 'users'>,
    addresses: readonly string[],
  ): Promise<ReadonlyMap<Mode, readonly string[]>> {
    const found = new Map<Mode, string[]>(modes.map((mode) => [mode, []]));
    const reports = await Promise.all(addresses.map((address) => this.#user(address)));
    for (const [place, { sources }] of reports.entries()) {
      const address = addresses[place]!;
      const expected = table.users.get(address);
      const wanted = expected === undefined ? 'unknown-user' : textOf(expected.state, expected.isShared);
      for (const { source, answer, known } of sources) {
        const state =
          answer.kind === 'home'
            ? textOf(answer.addressOnly ? 'address-only' : 'enabled', known?.isShared)
            : answer.kind;
        const has = answer.kind === 'home' && answer.freshness === 'stale' ? `${state}, stale` : state;
        if (has !== wanted) found.get(modeOf(source))?.push(`${address} is ${has}, and should be ${wanted}`);
      }
    }
    return found;
  }

  /** The number of addresses tells of those that nobody has asked for. */
  async countDifferences({ pairs, enabledPairs }: ExpectedTable): Promise<ReadonlyMap<Mode, readonly string[]>> {
    const { directory } = await this.status();
    const wanted = `${pairs} addresses, ${enabledPairs} of them enabled`;
    return new Map(
      directory.map(({ source, summary }) => [
        modeOf(source),
        summary.startsWith(`${wanted},`) ? [] : [`it counts "${summary}", and should count ${wanted}`],
      ]),
    );
  }

  #user(address: string): Promise<UserReport> {
    return this.#ask('GET', `/directory/user?address=${encodeURIComponent(`sip:${address}`)}`);
  }

  #ask<Body>(method: string, path: string): Promise<Body> {
    const { promise, resolve, reject } = Promise.withResolvers<Body>();
    const options = { socketPath: socketOf(this.#router), method, path, agent: this.#agent };
    const asked = request({ ...options, timeout: asking.withinMs }, async (response) => {
      try {
        resolve(JSON.parse((await response.setEncoding('utf8').toArray()).join('')) as Body);
      } catch (error) {
        reject(error);
      }
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer to ${method} ${path} within ${asking.withinMs} ms`)));
    asked.on('error', reject).end();
    return promise;
  }
}

const textOf = (state: string, isShared: boolean | undefined): string =>
  isShared === true ? `${state}, shared` : state;

/** `ldap poll`. */
const modeOf = (source: string): Mode => modes.find((mode) => source === `ldap ${mode}`) ?? 'poll';
