/** What the throw-away servers have in common: a folder, certificates, a process that can be killed, paused and started again. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  type CertificateWish,
  createAuthority,
  type TestAuthority,
  type TestCertificate,
} from '../../support/certificates.ts';

// Where servers lie, which a user's PATH may leave out.
process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin`;

export interface Account {
  readonly dn: string;
  readonly password: string;
}

export interface TestDirectory {
  readonly kind: 'openldap' | 'samba';
  readonly version: string;
  readonly host: string;
  readonly ldapUrl: string;
  readonly ldapsUrl: string;
  /** PEM, and its file. */
  readonly ca: string;
  readonly caFile: string;
  /** A name in the server's certificate; so are localhost and the address. */
  readonly tlsName: string;
  readonly suffix: string;
  /** Container of the numbered users. */
  readonly usersDn: string;
  readonly sipDomain: string;
  readonly users: number;
  /** Reads; may use DirSync and see deleted objects (Samba); has a page limit (slapd). */
  readonly reader: Account;
  /** May change every object of the first naming context. */
  readonly writer: Account;
  /** May do everything. */
  readonly admin: Account;
  readonly pid: number;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** It keeps its connections and answers nothing, from when this resolves (SIGSTOP). */
  pause(): Promise<void>;
  resume(): void;
  /** Keeps a copy of its data as they are; after `kill`. */
  keepData(): void;
  /** Its data are again as they were kept; after `kill`. */
  restoreData(): void;
  /** Starts it again with its data, address and ports, after `kill`. */
  start(): Promise<void>;
  /** Ends it and removes all it left. */
  stop(): Promise<void>;
}

export const suffixOf = (domain: string): string =>
  domain
    .split('.')
    .map((label) => `DC=${label}`)
    .join(',');

/** A folder with certificates in it; removed by `stop` of the server that lives there. */
export class ServerFolder {
  readonly path: string;
  readonly authority: TestAuthority;
  readonly certificate: TestCertificate;

  /** @param names in the certificate, beside localhost and the address */
  constructor(kind: string, host: string, wish: Partial<CertificateWish> & { readonly name: string }) {
    this.path = mkdtempSync(join(tmpdir(), `pif-${kind}-`));
    this.authority = createAuthority(`CA of a test ${kind}`);
    this.certificate = this.authority.issue({
      commonName: wish.name,
      alternativeNames: wish.alternativeNames ?? [`DNS:${wish.name}`, 'DNS:localhost', `IP:${host}`],
      usages: ['serverAuth'],
      ...(wish.days === undefined ? {} : { days: wish.days }),
      ...(wish.digest === undefined ? {} : { digest: wish.digest }),
    });
  }

  make(...names: readonly string[]): string {
    const path = join(this.path, ...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Copies folders within it, and leaves nothing of what was there. A database may be a large file with little in it. */
  copy(names: readonly string[], from: string, to: string): void {
    for (const name of names) {
      rmSync(join(this.path, to, name), { recursive: true, force: true });
      mkdirSync(join(this.path, to), { recursive: true });
      execFileSync('cp', ['-r', '--sparse=always', join(this.path, from, name), join(this.path, to, name)]);
    }
  }

  remove(): void {
    this.authority.remove();
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A server in the foreground, whose ports tell that it is ready. */
export class ServerProcess {
  readonly #command: readonly [string, ...string[]];
  readonly #logFile: string;
  readonly #ports: readonly (readonly [host: string, port: number])[];
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(command: readonly [string, ...string[]], logFile: string, ports: readonly (readonly [string, number])[]) {
    this.#command = command;
    this.#logFile = logFile;
    this.#ports = ports;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(withinMs = 60_000): Promise<void> {
    const [program, ...args] = this.#command;
    const log = openSync(this.#logFile, 'a');
    const child = spawn(program, args, { stdio: ['ignore', log, log] });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
    const end = Date.now() + withinMs;
    for (const [host, port] of this.#ports) {
      while (!(await accepts(host, port))) {
        if (child.exitCode !== null || child.pid === undefined || Date.now() > end) throw await this.#notReady(program);
        await setTimeout(20);
      }
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    // A test may have left it paused.
    this.signal('SIGCONT');
    this.signal(signal);
    const insist = globalThis.setTimeout(() => this.signal('SIGKILL'), 10_000);
    await this.#ended;
    clearTimeout(insist);
  }

  async #notReady(program: string): Promise<Error> {
    await this.end('SIGKILL');
    return new Error(`${program} did not start:\n${readFileSync(this.#logFile, 'utf8').slice(-2_000)}`);
  }
}

const accepts = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, host);
    const tell = (is: boolean) => () => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', tell(true)).once('error', tell(false));
  });

/** Of each worker of the test run others, below those that the system gives to clients and to port 0 (ip_local_port_range). */
const portsOfWorker = 1_000;
const firstPort = 10_000 + portsOfWorker * (Number(process.env.VITEST_POOL_ID ?? 0) % 20);
let lastPort = Math.floor(Math.random() * portsOfWorker);

/** A port that nobody else takes before the server has it, or while it is down. */
export async function freePort(host: string): Promise<number> {
  for (let tries = 0; tries < portsOfWorker; tries += 1) {
    lastPort = (lastPort + 1) % portsOfWorker;
    const port = firstPort + lastPort;
    if (await isFree(host, port)) return port;
  }
  throw new Error(`no port of ${host} from ${firstPort} on is free`);
}

const isFree = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
