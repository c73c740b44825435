/** baresip as a user agent on a loopback address of its own: told what to do over its control connection, heard by its events. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programVersion } from '../../support/program-version.ts';
import { pause } from '../../support/router-process.ts';
import { until } from '../../support/until.ts';

interface BaresipWish {
  /** It speaks SIP over UDP from port 5060 of this address. */
  readonly address: string;
  /** Its own address of record and that of its only contact, without `sip:`. */
  readonly self: string;
  readonly contact: string;
  /** The server through which all its requests go; UDP 5060. */
  readonly server: string;
}

/** What baresip tells of itself. */
interface BaresipEvent {
  /** `CALL_RINGING`, `CALL_ESTABLISHED`, `CALL_CLOSED`. */
  readonly type: string;
  readonly param?: string;
}

export interface Baresip {
  /** All that it has written so far, with every SIP message. */
  readonly output: string;
  /** A command of its menu: `dial`, `accept`, `hold`, `resume`, `hangup`, `message`, `presence_online`, `presence_offline`. */
  command(name: string, params?: string): void;
  /** The next event of that type; those before it are forgotten. */
  event(type: string): Promise<BaresipEvent>;
  /** The next SIP message that came in and that all patterns match; those before it are forgotten. */
  received(...wanted: readonly RegExp[]): Promise<string>;
  stop(): Promise<void>;
}

const controlPort = 4444;
const longestS = 120;

/** `baresip v1.0.0`. */
export const baresipVersion = (): string => programVersion('baresip', '-h', /baresip v[\d.]+/);

/** Resolves when it can be told what to do; by then it has subscribed to the presence of its contact. */
export async function startBaresip(wish: BaresipWish): Promise<Baresip> {
  const folder = mkdtempSync(join(tmpdir(), 'pif-baresip-'));
  writeFileSync(join(folder, 'config'), configuration(wish));
  writeFileSync(join(folder, 'accounts'), account(wish));
  writeFileSync(join(folder, 'contacts'), `"Contact" <sip:${wish.contact}>;presence=p2p\n`);
  const child = spawn('baresip', ['-s', '-t', `${longestS}`, '-f', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()));
  let output = '';
  const keep = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding('latin1').on('data', keep);
  child.stderr.setEncoding('latin1').on('data', keep);
  const control = await controlOf(wish.address, child);
  const stop = async (): Promise<void> => {
    control?.destroy();
    child.kill('SIGTERM');
    const insist = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(insist);
    rmSync(folder, { recursive: true, force: true });
  };
  if (control === undefined) {
    await stop();
    throw new Error(`baresip did not start:\n${output}`);
  }
  const events: BaresipEvent[] = [];
  let messagesTaken = 0;
  readEvents(control, (event) => events.push(event));
  return {
    get output() {
      return output;
    },
    command: (name, params) => void control.write(netstring(JSON.stringify({ command: name, params }))),
    event: (type) =>
      until(() => {
        const index = events.findIndex((event) => event.type === type);
        return index >= 0 && events.splice(0, index + 1).at(-1);
      }),
    received: (...wanted) =>
      until(() => {
        const messages = receivedMessages(output, wish.address);
        const isWanted = (text: string, index: number): boolean =>
          index >= messagesTaken && wanted.every((pattern) => pattern.test(text));
        const index = messages.findIndex(isWanted);
        if (index < 0) return undefined;
        messagesTaken = index + 1;
        return messages[index];
      }),
    stop,
  };
}

/** Before and after each message in its output: colours of a terminal. */
const messageStart = '\u001b[36;1m#\n';
const messageEnd = '\u001b[;m';

/** Of blocks `UDP 127.0.0.1:5060 -> 127.0.0.2:5060`, message, those that came to `address`. */
function receivedMessages(output: string, address: string): string[] {
  return output
    .split(messageStart)
    .slice(1)
    .filter((block) => block.includes(messageEnd))
    .map((block) => block.slice(0, block.indexOf(messageEnd)))
    .filter((block) => block.slice(0, block.indexOf('\n')).endsWith(` -> ${address}:5060`))
    .map((block) => block.slice(block.indexOf('\n') + 1));
}

/** What it hears is what it says, as there is no sound card. */
const configuration = ({ address }: BaresipWish): string => `sip_listen ${address}:5060
net_interface ${address}
audio_source aubridge,loop
audio_player aubridge,loop
audio_alert aubridge,alert
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app presence.so
module_app ctrl_tcp.so
ctrl_tcp_listen ${address}:${controlPort}
`;

/** It registers nowhere. */
const account = ({ self, server }: BaresipWish): string =>
  `<sip:${self};transport=udp>;regint=0;outbound="sip:${server}:5060;transport=udp"\n`;

async function controlOf(address: string, child: ChildProcess): Promise<Socket | undefined> {
  for (let triesLeft = 250; triesLeft > 0 && child.pid !== undefined && child.exitCode === null; triesLeft -= 1) {
    const socket = await tryConnect(address);
    if (socket !== undefined) return socket;
    await pause(20);
  }
  return undefined;
}

const tryConnect = (address: string): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = connect(controlPort, address);
    socket.once('connect', () => resolve(socket)).on('error', () => resolve(undefined));
  });

const netstring = (text: string): string => `${text.length}:${text},`;

/** `25:{"event":true,"type":"..."},`: answers to commands come the same way, without `event`. */
function readEvents(socket: Socket, tell: (event: BaresipEvent) => void): void {
  let waiting = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    waiting += chunk;
    for (let head = /^(\d+):/.exec(waiting); head !== null; head = /^(\d+):/.exec(waiting)) {
      const end = head[0].length + Number(head[1]);
      if (waiting.length <= end) return;
      const value = JSON.parse(waiting.slice(head[0].length, end)) as BaresipEvent & { readonly event?: boolean };
      waiting = waiting.slice(end + 1);
      if (value.event === true) tell(value);
    }
  });
}
