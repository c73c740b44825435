/** Runs SIPp with one of the scenarios of test/scenarios, over TLS too: Debian's SIPp has none, so a bridge stands beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from './development-certificates.ts';
import { programVersion } from './program-version.ts';
import type { Address } from './raw-message.ts';
import type { Transport } from './raw-sip.ts';
import { pause } from './router-process.ts';
import { type Bridge, bridgeInward, bridgeOutward } from './tls-bridge.ts';

interface SippOptions {
  /** Name of a scenario: the file without `.xml`. */
  readonly scenario: string;
  readonly transport: Transport;
  /** Calls to make, or to take, before it ends. Default 1. */
  readonly calls?: number;
  /** Needed for TLS. */
  readonly credentials?: Credentials;
  /** Default 20. */
  readonly withinS?: number;
  /**
   * Wait before each request that the scenario sends, and before each final answer to an INVITE. Behind several proxies what
   * is sent at once by two connections may arrive in another order, which a scenario cannot take. Default none.
   */
  readonly pauseMs?: number;
}

interface ClientOptions extends SippOptions {
  /** The address to speak from; the port is chosen. */
  readonly address: string;
  /** The router. */
  readonly to: Address;
  /** Recipient: user part and domain of the Request-URI. */
  readonly user: string;
  readonly domain: string;
}

interface ServerOptions extends SippOptions {
  /** Where it is reached. */
  readonly at: Address;
}

export interface SippResult {
  /** 0: all calls went as the scenario says; 1: some did not. */
  readonly exitCode: number | null;
  readonly successful: number;
  readonly failed: number;
  /** What was unexpected, in SIPp's words; empty when all went well. */
  readonly errors: string;
  /** All messages sent and received. */
  readonly messages: string;
}

interface Sipp {
  /** Rejects never: a failed run is a result. */
  readonly finished: Promise<SippResult>;
  /** Ends it now; `finished` then tells what had been until then. */
  stop(): Promise<SippResult>;
}

/** Where a UAC's TLS connection comes from and where a bridge takes plain TCP; new for each run, so that none is in TIME_WAIT. */
let lastPort = 20_000;
const newPort = (): number => {
  lastPort += 1;
  return lastPort;
};

/** `SIPp v3.6.1-SCTP-PCAP-RTPSTREAM`. */
export const sippVersion = (): string => programVersion('sipp', '-v', /SIPp v[\w.-]*\w/);

/** A client: it sends the first request of each call. */
export async function runClient(options: ClientOptions): Promise<SippResult> {
  const local = { address: options.address, port: newPort() };
  const args = ['-r', '50', '-s', options.user, '-key', 'domain', options.domain];
  if (options.transport !== 'tls') return launch(options, local, [...args, hostPort(options.to)]).finished;

  const plain = { address: options.address, port: newPort() };
  const source = { address: options.address, port: newPort() };
  const bridge = await bridgeOutward({
    plain,
    source,
    to: options.to,
    serverName: 'router.example.com',
    credentials: options.credentials!,
  });
  return launch(options, local, [...args, hostPort(plain)], bridge, source).finished;
}

/** A server: resolves when it listens. */
export async function startServer(options: ServerOptions): Promise<Sipp> {
  const { at, transport } = options;
  if (transport !== 'tls') return listening(launch(options, at, []), transport, at);

  const plain = { address: at.address, port: newPort() };
  const bridge = await bridgeInward({ secure: at, to: plain, credentials: options.credentials! });
  return listening(launch(options, plain, [], bridge, at), 'tcp', plain);
}

const hostPort = ({ address, port }: Address): string => `${address}:${port}`;

/** @param seenAs for TLS: the address that the far side knows, which the scenario must write in Via and Contact */
function launch(
  options: SippOptions,
  local: Address,
  args: readonly string[],
  bridge?: Bridge,
  seenAs?: Address,
): Sipp {
  const folder = mkdtempSync(join(tmpdir(), 'pif-sipp-'));
  const file = join(folder, `${options.scenario}.xml`);
  const scenario = readFileSync(join(import.meta.dirname, '../scenarios', `${options.scenario}.xml`), 'utf8');
  writeFileSync(file, withPauses(seenAs ? overTls(scenario, seenAs) : scenario, options.pauseMs));
  const child = spawn('sipp', [...commonArgs(options, file, local), ...args], { cwd: folder, stdio: 'ignore' });
  const finished = result(child, folder, bridge);
  return {
    finished,
    stop: () => {
      child.kill('SIGKILL');
      return finished;
    },
  };
}

const overTls = (scenario: string, { port }: Address): string =>
  scenario.replaceAll('[transport]', 'TLS').replaceAll('[local_port]', String(port));

/** What is retransmitted: a request, or the final answer to an INVITE. A CANCEL counts its steps back to the INVITE: none is added. */
const sendsAgain = /<send retrans="\d+">(?!\s*<!\[CDATA\[\s*CANCEL )/g;

const withPauses = (scenario: string, pauseMs: number | undefined): string =>
  pauseMs === undefined ? scenario : scenario.replace(sendsAgain, `<pause milliseconds="${pauseMs}" />$&`);

function commonArgs(options: SippOptions, file: string, { address, port }: Address): string[] {
  const { transport, calls = 1, withinS = 20 } = options;
  return [
    ...['-sf', file, '-m', String(calls), '-t', transport === 'udp' ? 'u1' : 't1', '-nostdin'],
    ...['-i', address, '-p', String(port), '-bind_local', '-ci', address],
    ...['-timeout', `${withinS}s`, '-timeout_error', '-recv_timeout', `${withinS * 1000}`],
    ...['-trace_err', '-error_file', 'errors.log', '-trace_msg', '-message_file', 'messages.log'],
    ...['-trace_stat', '-stf', 'statistics.csv'],
  ];
}

async function result(child: ChildProcess, folder: string, bridge: Bridge | undefined): Promise<SippResult> {
  const exitCode = await new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
    // Not installed, or no more processes: then there is no exit either.
    child.once('error', () => resolve(null));
  });
  await bridge?.close();
  const read = (file: string): string => {
    const path = join(folder, file);
    return existsSync(path) ? readFileSync(path, 'latin1') : '';
  };
  const statistics = read('statistics.csv');
  const outcome = {
    exitCode,
    successful: lastValue(statistics, 'SuccessfulCall(C)'),
    failed: lastValue(statistics, 'FailedCall(C)'),
    errors: read('errors.log'),
    messages: read('messages.log'),
  };
  rmSync(folder, { recursive: true });
  return outcome;
}

/** A column of the last line of SIPp's statistics; 0 when it wrote none. */
function lastValue(statistics: string, column: string): number {
  const [head = '', ...lines] = statistics.trim().split('\n');
  const index = head.split(';').indexOf(column);
  return Number(lines.at(-1)?.split(';')[index] ?? 0);
}

/** Resolves when the kernel knows the socket; SIPp itself says nothing. */
async function listening(sipp: Sipp, transport: 'udp' | 'tcp', at: Address): Promise<Sipp> {
  let ended: SippResult | undefined;
  void sipp.finished.then((early) => {
    ended = early;
  });
  for (let waitedMs = 0; !isBound(transport, at); waitedMs += 10) {
    if (ended) throw new Error(`SIPp ended with ${ended.exitCode} before it listened: ${ended.errors}`);
    if (waitedMs > 5000) throw new Error(`SIPp does not listen on ${hostPort(at)}`);
    await pause(10);
  }
  return sipp;
}

/** /proc/net lists sockets as little-endian hexadecimal: 127.0.10.21:5060 is 150A007F:13C4. */
function isBound(transport: 'udp' | 'tcp', { address, port }: Address): boolean {
  const octets = address.split('.').map(Number).reverse();
  const wanted = `${Buffer.from(octets).toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  return readFileSync(`/proc/net/${transport}`, 'latin1').includes(` ${wanted} 00000000:0000 `);
}
