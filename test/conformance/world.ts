/**
 * One router process between two fake sides, on loopback addresses of its own. The sides are raw sockets, so that nothing
 * of the product judges the product.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { credentials, type DevelopmentCertificate } from '../support/development-certificates.ts';
import type { Address } from '../support/raw-message.ts';
import { type EndOptions, openEnd, type RawEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { portOf } from '../support/two-sides.ts';
import { type Couple, routesText, type WorldOptions } from './routes-text.ts';

/** The ends of one host, by transport. */
type Ends = Readonly<Record<Transport, RawEnd>>;

export type Side = 'cisco' | 'microsoft';

/** Two next hops of a shared domain that no other check uses, so that what happens to them disturbs nobody. */
interface CoupleEnds {
  readonly domain: string;
  readonly first: RawEnd | undefined;
  readonly second: RawEnd | undefined;
}

/** Hosts of a world: each file has ten addresses of 127.0.30.0/24. */
const hostNumbers = { router: 1, cisco: 2, microsoft: 3, second: 4, denied: 5, spare: 6 } as const;

export type Host = keyof typeof hostNumbers;

const certificateOf: Readonly<Partial<Record<Host, DevelopmentCertificate>>> = {
  cisco: 'imp1',
  microsoft: 'fe1',
  second: 'fe2',
  denied: 'fe2',
  spare: 'fe2',
};

interface AskerOptions extends Partial<EndOptions> {
  readonly host?: Host;
}

export class World {
  readonly router: RouterProcess;
  readonly cisco: Ends;
  readonly microsoft: Ends;
  /** The second hop of tcp.example.com, for what comes from Cisco. */
  readonly second: Ends;
  readonly couples: ReadonlyMap<string, CoupleEnds>;
  readonly options: WorldOptions;
  readonly #folder: string;
  readonly #opened: RawEnd[] = [];

  private constructor(options: WorldOptions, folder: string, router: RouterProcess, ends: SideEnds) {
    this.options = options;
    this.router = router;
    this.#folder = folder;
    ({ cisco: this.cisco, microsoft: this.microsoft, second: this.second, couples: this.couples } = ends);
  }

  static async start(options: WorldOptions): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'pif-conformance-'));
    const ldifFile = join(folder, 'users.ldif');
    writeFileSync(ldifFile, options.ldif ?? '');
    const ends = await openSides(options);
    const address = (host: Host) => addressOf(options, host);
    const router = await RouterProcess.start({
      routes: routesText(options, { address, certificates: certificates(), ldifFile }),
    });
    return new World(options, folder, router, ends);
  }

  address(host: Host): string {
    return addressOf(this.options, host);
  }

  routerAt(transport: Transport): Address {
    return { address: this.address('router'), port: portOf(transport) };
  }

  /** An end that speaks to the router; by default as Cisco's host. It closes with the world. */
  async asker(transport: Transport, { host = 'cisco', ...options }: AskerOptions = {}): Promise<RawEnd> {
    const end = await openEnd({
      transport,
      address: this.address(host),
      to: this.routerAt(transport),
      ...(transport === 'tls' ? { credentials: hostCredentials(host) } : {}),
      ...options,
    });
    this.#opened.push(end);
    return end;
  }

  couple(domain: string): CoupleEnds {
    const found = this.couples.get(domain);
    if (!found) throw new Error(`this world has no couple ${domain}`);
    return found;
  }

  /** Every end that the router may send a request to. */
  get reachable(): RawEnd[] {
    const sides = [this.cisco, this.microsoft, this.second].flatMap((ends) => Object.values(ends));
    const hops = [...this.couples.values()].flatMap(({ first, second }) => [first, second]);
    return [...sides, ...hops.filter((hop) => hop !== undefined)];
  }

  /** Its answer to OPTIONS shows that the router is alive and well. */
  async isAlive(): Promise<boolean> {
    const asker = await this.asker('tcp');
    const { address } = this.routerAt('tcp');
    asker.send(
      [
        `OPTIONS sip:${address} SIP/2.0`,
        `Via: ${asker.via};branch=z9hG4bKalive${asker.port}`,
        'Max-Forwards: 70',
        `From: <sip:alive@example.com>;tag=${asker.port}`,
        `To: <sip:${address}>`,
        `Call-ID: alive-${asker.port}`,
        'CSeq: 1 OPTIONS',
        'Content-Length: 0',
        '\r\n',
      ].join('\r\n'),
    );
    return (await asker.take((message) => message.status !== undefined, 3000)).status === 200;
  }

  /** Ends all; the exit code of the router tells whether it was still well. */
  async stop(): Promise<number | null> {
    const code = await this.router.stop();
    await Promise.all([...this.#opened, ...this.reachable].map((end) => end.close().catch(alreadyClosed)));
    rmSync(this.#folder, { recursive: true });
    return code;
  }
}

/** A check may close its own end, and a UDP socket refuses to be closed twice. */
const alreadyClosed = (): void => undefined;

interface SideEnds {
  readonly cisco: Ends;
  readonly microsoft: Ends;
  readonly second: Ends;
  readonly couples: ReadonlyMap<string, CoupleEnds>;
}

const certificates = (): string => inject('certificates');

export const hostCredentials = (host: Host) => credentials(certificates(), certificateOf[host] ?? 'router');

const addressOf = ({ block }: WorldOptions, host: Host): string => `127.0.30.${block * 10 + hostNumbers[host]}`;

async function openSides(options: WorldOptions): Promise<SideEnds> {
  const [cisco, microsoft, second] = await Promise.all([
    openHost(options, 'cisco'),
    openHost(options, 'microsoft'),
    openHost(options, 'second'),
  ]);
  const couples = await Promise.all((options.couples ?? []).map((couple) => openCouple(options, couple)));
  return { cisco, microsoft, second, couples: new Map(couples.map((couple) => [couple.domain, couple])) };
}

async function openHost(options: WorldOptions, host: Host): Promise<Ends> {
  const address = addressOf(options, host);
  const [udp, tcp, tls] = await Promise.all([
    openEnd({ transport: 'udp', address, port: 5060 }),
    openEnd({ transport: 'tcp', address, port: 5060 }),
    openEnd({ transport: 'tls', address, port: 5061, credentials: hostCredentials(host) }),
  ]);
  return { udp, tcp, tls };
}

async function openCouple(options: WorldOptions, couple: Couple): Promise<CoupleEnds> {
  const { transport = 'tcp', port, down = [] } = couple;
  const open = (host: 'microsoft' | 'second') =>
    openEnd({
      transport,
      address: addressOf(options, host),
      port,
      ...(transport === 'tls' ? { credentials: hostCredentials(couple.shows?.[host] ?? host) } : {}),
    });
  const [first, second] = await Promise.all([
    down.includes('first') ? undefined : open('microsoft'),
    down.includes('second') ? undefined : open('second'),
  ]);
  return { domain: couple.domain, first, second };
}
