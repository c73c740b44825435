/** Kamailio as the server of one side, in the foreground on a loopback address of its own; what it does is told in kamailio.cfg. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DevelopmentCertificate } from '../../support/development-certificates.ts';
import { programVersion } from '../../support/program-version.ts';
import { pause } from '../../support/router-process.ts';

// A user's PATH may leave out where Debian puts servers.
process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin`;

interface KamailioWish {
  /** Listens here on UDP and TCP 5060 and TLS 5061, and speaks from here. */
  readonly address: string;
  /** A folder made by certs/make-dev-certs.sh, and which of its certificates is shown. */
  readonly certificates: string;
  readonly certificate: DevelopmentCertificate;
  /** User part of its only user; all others are for the router. */
  readonly user: string;
  /** SIP URI where the user agent of this user listens. */
  readonly agent: string;
  /** Address of the router. */
  readonly router: string;
}

export interface Kamailio {
  /** Ends it with all its processes; once more is harmless. */
  stop(): Promise<void>;
}

/** `kamailio 5.6.3 (x86_64/linux)`. */
export const kamailioVersion = (): string => programVersion('kamailio', '-v', /kamailio \d.*\)/);

/** Far more than the tests of one file take. */
const longestS = 300;

/** Resolves when it accepts connections; rejects with what it wrote when it does not within ten seconds. */
export async function startKamailio(wish: KamailioWish): Promise<Kamailio> {
  const folder = mkdtempSync(join(tmpdir(), 'pif-kamailio-'));
  // Its processes are a group of their own, and the group has an end even if the test has none: none can be left behind.
  const command = ['-k', '5', `${longestS}`, 'kamailio', ...argumentsFor(wish, folder)];
  const child = spawn('timeout', command, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()));
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const stop = async (): Promise<void> => {
    await end(child, ended);
    rmSync(folder, { recursive: true, force: true });
  };
  for (const port of [5060, 5061]) {
    if (await accepts(wish.address, port, child)) continue;
    await stop();
    throw new Error(`Kamailio did not start:\n${output}`);
  }
  return { stop };
}

const configuration = join(import.meta.dirname, 'kamailio.cfg');

/** -DD -E: in the foreground, logging to stderr; -m and -M: MiB of shared memory, and of each process. */
function argumentsFor(wish: KamailioWish, folder: string): string[] {
  const words = {
    MY_ADDRESS: wish.address,
    MY_CERTIFICATE: join(wish.certificates, wish.certificate),
    MY_AUTHORITY: join(wish.certificates, 'ca.crt'),
    MY_USER: wish.user,
    MY_AGENT: wish.agent,
    MY_ROUTER: wish.router,
  };
  const substitutions = Object.entries(words).flatMap(([word, value]) => ['--substdef', `!${word}!${value}!g`]);
  return ['-DD', '-E', '-f', configuration, '-Y', folder, '-m', '32', '-M', '4', ...substitutions];
}

async function accepts(host: string, port: number, child: ChildProcess): Promise<boolean> {
  for (let triesLeft = 500; triesLeft > 0 && child.pid !== undefined && child.exitCode === null; triesLeft -= 1) {
    if (await connects(host, port)) return true;
    await pause(20);
  }
  return false;
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

/** The first process ends the others when it is asked to; when it does not within five seconds, all are killed. */
async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return ended;
  child.kill('SIGTERM');
  const insist = setTimeout(() => process.kill(-pid, 'SIGKILL'), 5000);
  await ended;
  clearTimeout(insist);
}
