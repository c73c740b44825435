/** Debian's dnsmasq on loopback with records of a test's own, and a relay in front of it that spoils its answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from './router-process.ts';

/** Lines of a dnsmasq configuration: `host-record=fe1.example.com,127.0.0.21`, `srv-host=...`, `naptr-record=...`. */
type Records = readonly string[];

export class DnsServer {
  /** `127.0.0.1:5353`, as settings want it. */
  readonly server: string;
  readonly address: string;
  readonly port: number;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(address: string, port: number) {
    this.address = address;
    this.port = port;
    this.server = `${address}:${port}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'pif-dns-'));
  }

  static async start(address: string, port: number, records: Records): Promise<DnsServer> {
    const dns = new DnsServer(address, port);
    await dns.restart(records);
    return dns;
  }

  /** With other records, on the same port. */
  async restart(records: Records): Promise<void> {
    await this.stop();
    const file = join(this.#folder, 'dnsmasq.conf');
    const own = [
      'no-resolv',
      'no-hosts',
      'no-poll',
      'bind-interfaces',
      'no-daemon',
      'log-facility=-',
      'local=/com/',
      'user=',
    ];
    writeFileSync(
      file,
      [...own, `listen-address=${this.address}`, `port=${this.port}`, 'local-ttl=1', ...records, ''].join('\n'),
    );
    const child = spawn('dnsmasq', [`--conf-file=${file}`, `--pid-file=${join(this.#folder, 'pid')}`], {
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    while (!said.includes('started, version')) {
      if (child.exitCode !== null) throw new Error(`dnsmasq ended with ${child.exitCode}: ${said}`);
      await pause(5);
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What becomes of an answer: as it is, something else, or (undefined) nothing. */
type Spoil = (answer: Buffer) => Buffer | undefined | Promise<Buffer | undefined>;

/** Hears UDP on a port, asks `upstream`, and gives back what `spoil` makes of the answer. */
export class DnsRelay {
  readonly server: string;
  /** Questions so far. */
  asked = 0;
  spoil: Spoil = (answer) => answer;
  readonly #front: Socket;
  readonly #upstream: DnsServer;

  private constructor(front: Socket, upstream: DnsServer) {
    this.#front = front;
    this.#upstream = upstream;
    const { address, port } = front.address();
    this.server = `${address}:${port}`;
    front.on('message', (question, asker) => this.#ask(question, asker));
  }

  static async start(address: string, upstream: DnsServer): Promise<DnsRelay> {
    const front = createSocket('udp4');
    front.bind(0, address);
    await once(front, 'listening');
    return new DnsRelay(front, upstream);
  }

  #ask(question: Buffer, asker: RemoteInfo): void {
    this.asked += 1;
    const back = createSocket('udp4');
    back.on('error', () => back.close());
    back.on('message', async (answer) => {
      back.close();
      const given = await this.spoil(answer);
      if (given !== undefined && this.#isOpen) this.#front.send(given, asker.port, asker.address);
    });
    back.send(question, this.#upstream.port, this.#upstream.address);
  }

  #isOpen = true;

  close(): Promise<void> {
    this.#isOpen = false;
    return new Promise((resolve) => this.#front.close(() => resolve()));
  }
}
