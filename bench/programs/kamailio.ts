/** Debian's Kamailio set up for the router's work; how is told in kamailio.cfg. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { processesOfGroup } from './processes.ts';
import { addresses, type Program, placesOf, portOf, type Wish } from './program.ts';

// A user's PATH may leave out where Debian puts servers.
process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin`;

interface KamailioWish extends Wish {
  /** A line for each request, and a memory of which side it came from. */
  readonly records: boolean;
}

/** @throws Error with what it wrote, when it does not listen within ten seconds */
export async function startKamailio(wish: KamailioWish): Promise<Program> {
  mkdirSync(wish.folder, { recursive: true });
  writeFileSync(join(wish.folder, 'address.list'), addressList());
  writeFileSync(join(wish.folder, 'dispatcher.list'), dispatcherList(wish));
  const log = join(wish.folder, 'kamailio.log');
  const fd = openSync(log, 'a');
  // Its processes are a group of their own, by which they are found.
  const child = spawn('kamailio', argumentsFor(wish), { detached: true, stdio: ['ignore', fd, fd] });
  const kill = (): void => void (child.exitCode === null && process.kill(-child.pid!, 'SIGKILL'));
  process.once('exit', kill);
  const at = { address: addresses.kamailio, port: portOf(wish.transport) };
  if (!(await listens(at.address, at.port, wish, child))) {
    throw new Error(`Kamailio did not start:\n${readFileSync(log, 'utf8')}`);
  }
  return {
    name: `Kamailio ${version()}`,
    at,
    pids: () => processesOfGroup(child.pid!),
    async stop() {
      process.off('exit', kill);
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

const version = (): string =>
  /kamailio (\d[\w.]*)/.exec(execFileSync('kamailio', ['-v'], { encoding: 'utf8' }))?.[1] ?? '';

/** permissions: group, address. */
const addressList = (): string =>
  [...addresses.cisco.map((it) => `1 ${it}`), ...addresses.microsoft.map((it) => `2 ${it}`), ''].join('\n');

/** dispatcher: set, destination, flags, priority (the highest is taken). */
function dispatcherList({ transport }: Wish): string {
  const set = (number: number, side: 'cisco' | 'microsoft'): string[] =>
    placesOf(side, transport).map(
      ({ address, port }, index) => `${number} sip:${address}:${port};transport=${transport} 0 ${10 - index}`,
    );
  return [...set(1, 'cisco'), ...set(2, 'microsoft'), ''].join('\n');
}

/** -DD -E: in the foreground, logging to stderr; -m and -M: MiB of shared memory, and of each process. */
function argumentsFor({ transport, mode, users, folder, certificates, records }: KamailioWish): string[] {
  const words = {
    MY_LISTEN: `${transport}:${addresses.kamailio}:${portOf(transport)}`,
    MY_ADDRESS: addresses.kamailio,
    MY_FOLDER: folder,
    MY_USERS: String(mode === 'advanced' ? users : 0),
    MY_CERTIFICATES: certificates,
  };
  const switches = [
    transport === 'tls' ? 'TLS' : '',
    mode === 'advanced' ? 'ADVANCED' : '',
    records ? 'RECORDS' : '',
  ].filter(Boolean);
  return [
    ...['-DD', '-E', '-f', join(import.meta.dirname, 'kamailio.cfg'), '-Y', folder, '-m', '2048', '-M', '32'],
    ...Object.entries(words).flatMap(([word, value]) => ['--substdef', `!${word}!${value}!g`]),
    ...switches.flatMap((name) => ['-A', name]),
  ];
}

/** Over UDP it has no connection to refuse; the kernel lists its socket. */
async function listens(address: string, port: number, { transport }: Wish, child: ChildProcess): Promise<boolean> {
  for (let triesLeft = 500; triesLeft > 0 && child.pid !== undefined && child.exitCode === null; triesLeft -= 1) {
    if (transport === 'udp' ? isBound(address, port) : await connects(address, port)) return true;
    await pause(20);
  }
  return false;
}

/** /proc/net/udp lists sockets as little-endian hexadecimal. */
function isBound(address: string, port: number): boolean {
  const octets = Buffer.from(address.split('.').map(Number).reverse()).toString('hex');
  const wanted = `${octets}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  return readFileSync('/proc/net/udp', 'latin1').includes(wanted);
}

const connects = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, host);
    const tell = (is: boolean) => () => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', tell(true)).once('error', tell(false));
  });
