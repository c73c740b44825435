/** A controller, a router that follows it in three ways at once, the network between them, and the router's clock. */
import { execFile } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeOptions } from '../../src/cli/node-options.ts';
import type { Chance } from '../fuzz/random.ts';
import { type SambaDirectory, startSambaAd } from '../interop/directory/samba-ad.ts';
import { mainFile, RouterProcess } from '../support/router-process.ts';
import { Asked, modes } from './asked.ts';
import { BrokenNetwork } from './broken-network.ts';
import { adding, change, escaped } from './changes.ts';
import { baseOf, canaryOf, domain, elsewhereOf, sip } from './operations.ts';

/** Between two questions of poll and DirSync, and at most between a change and its telling by notification. */
export const followEveryMs = 1_000;

/** The certificates begin when they are made: the router's clock is set within the middle of their 30 days. */
const ahead = { days: 15, leastDays: 1, mostDays: 29 } as const;
const dayS = 86_400;

/** libfaketime reads its file anew when this is over. */
const clockReadMs = 1_000;

const reader = 'svc-sip';

export class World {
  readonly server: SambaDirectory;
  readonly network: BrokenNetwork;
  readonly router: RouterProcess;
  readonly asked: Asked;
  readonly #folder: string;
  #clockS: number = ahead.days * dayS;

  private constructor(server: SambaDirectory, network: BrokenNetwork, router: RouterProcess, folder: string) {
    this.server = server;
    this.network = network;
    this.router = router;
    this.asked = new Asked(router);
    this.#folder = folder;
  }

  /** @param net of the router's addresses: `127.0.NET.1` */
  static async start(net: number): Promise<World> {
    const server = await startSambaAd({ users: 20 });
    const folder = mkdtempSync(join(tmpdir(), 'pif-marathon-'));
    try {
      await change(server, firstEntries(server.suffix));
      const network = await BrokenNetwork.before(server.host, 636);
      setClock(folder, ahead.days * dayS);
      const routes = routesYaml(server, network.port, net);
      const router = await RouterProcess.start({ command: underFaketime(folder, server), routes });
      return new World(server, network, router, folder);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Sets the router's clock, and that of nobody else, by minutes or by days, forwards or back. */
  async moveClock(chance: Chance): Promise<string> {
    const most = chance.of([120, 3_600, dayS, 14 * dayS]);
    const byS = (chance.oneIn(2) ? 1 : -1) * (1 + chance.below(most));
    const before = this.#clockS;
    this.#clockS = Math.min(ahead.mostDays * dayS, Math.max(ahead.leastDays * dayS, before + byS));
    setClock(this.#folder, this.#clockS);
    await pause(clockReadMs);
    return `${this.#clockS - before} s`;
  }

  takeRights = (): Promise<unknown> => this.#rights('take');
  giveRights = (): Promise<unknown> => this.#rights('give');

  #rights(what: 'take' | 'give'): Promise<unknown> {
    const script = join(import.meta.dirname, 'rights.py');
    const { confFile, suffix } = this.server;
    return promisify(execFile)('/usr/bin/python3', [script, confFile, what, baseOf(suffix), reader]);
  }

  async stop(): Promise<void> {
    this.asked.close();
    await this.router.stop();
    await this.network.close();
    await this.server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function setClock(folder: string, aheadS: number): void {
  const file = join(folder, 'clock');
  writeFileSync(`${file}.new`, `+${aheadS}\n`);
  renameSync(`${file}.new`, file);
}

/** The clock of the day is set, the one that only grows is not: as with a real machine. */
function underFaketime(folder: string, server: SambaDirectory): readonly [string, ...string[]] {
  return [
    '/usr/bin/env',
    'LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1',
    `FAKETIME_TIMESTAMP_FILE=${join(folder, 'clock')}`,
    `FAKETIME_CACHE_DURATION=${clockReadMs / 1_000}`,
    'FAKETIME_DONT_FAKE_MONOTONIC=1',
    'NO_FAKE_STAT=1',
    `PIF_MARATHON_PASSWORD=${server.reader.password}`,
    process.execPath,
    ...nodeOptions,
    mainFile,
  ];
}

function routesYaml({ tlsName, caFile, suffix, reader: account }: SambaDirectory, port: number, net: number): string {
  const at = (host: number): string => `127.0.${net}.${host}`;
  const who = `bind-dn: "${account.dn}", password-env: PIF_MARATHON_PASSWORD`;
  const where = `urls: ["ldaps://127.0.0.1:${port}"], tls-name: ${tlsName}, ca: ${caFile}, base: ["${baseOf(suffix)}"]`;
  const times = 'keep-alive: 1s, connect: 2s, bind: 2s, search: 5s';
  const kept = (follow: string): string =>
    `snapshot: { follow: ${follow}, follow-every: ${followEveryMs}ms, require-first-sync: true }`;
  const source = (mode: string): string =>
    `{ kind: ldap, name: ${mode}, mode: snapshot, ${where}, ${who}, ${times}, ${kept(mode)} }`;
  return `node: { name: router.example.com }
domains: [${domain}]
listen: [{ transport: tcp, address: ${at(1)} }]
access: [{ side: cisco, from: ${at(11)} }, { side: microsoft, from: ${at(21)} }]
routing: { mode: advanced }
routes:
  - { to: cisco, pattern: ${domain}, next-hop: ${at(11)} }
  - { to: microsoft, pattern: ${domain}, next-hop: ${at(21)} }
directory:
  sources:
${modes.map((mode) => `    - ${source(mode)}`).join('\n')}
`;
}

const firstUsers = 40;

/** Two trees of OUs, of which the router knows one, and users to begin with: so many that a few may go without being held back. */
function firstEntries(suffix: string): readonly string[] {
  const [base, elsewhere] = [baseOf(suffix), elsewhereOf(suffix)];
  const ous = [base, elsewhere, `OU=Berlin,${base}`, `OU=${escaped('Sales, EMEA')},${base}`, `OU=Paris,${elsewhere}`];
  const people = Array.from({ length: firstUsers }, (_, index) => {
    const parent = [base, ...ous.slice(2)][index % 4]!;
    return userRecord(`CN=First ${index},${parent}`, `first${index}`, index % 5 > 0);
  });
  const made = ous.map((dn) => adding(dn, [['objectClass', 'organizationalUnit']]));
  return [...made, ...people, userRecord(canaryOf(suffix), 'canary-0', true)];
}

const userRecord = (dn: string, name: string, isEnabled: boolean): string =>
  adding(dn, [
    ['objectClass', 'user'],
    ['sAMAccountName', name],
    ['userAccountControl', '544'],
    ['msRTCSIP-PrimaryUserAddress', sip(name)],
    ['msRTCSIP-UserEnabled', isEnabled ? 'TRUE' : 'FALSE'],
  ]);
