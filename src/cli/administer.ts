/** `status`, `reload`, `drain` and `undrain`: ask the running router over its socket for administration. */
import { request } from 'node:http';
import type { Status } from '../admin/status.ts';
import { adminSocketOf } from '../config/admin-socket.ts';
import type { ReloadResult } from '../config/reload.ts';
import { type Io, usualFile } from './printing.ts';

interface Order {
  readonly socket: string;
  readonly isJson: boolean;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** @returns 0 when the router runs and takes new requests, 1 when not, 2 when the command is not understood */
export const status = (args: readonly string[], io: Io): Promise<number> =>
  administer('status', 'GET /ready', args, io, (answer, out) => {
    describeStatus(JSON.parse(answer.text) as Status).forEach(out);
    return answer.status === 200 ? 0 : 1;
  });

/** @returns 0 when the file is in force, 1 when it was refused or no router runs, 2 when the command is not understood */
export const reload = (args: readonly string[], io: Io): Promise<number> =>
  administer('reload', 'POST /reload', args, io, ({ text }, out) => {
    const result = JSON.parse(text) as ReloadResult;
    describeReload(result).forEach(out);
    return result.outcome === 'applied' ? 0 : 1;
  });

/** @returns 0 when done, 1 when no router runs, 2 when the command is not understood */
export const drain = (args: readonly string[], io: Io): Promise<number> => changeState('drain', args, io);

/** As `drain`. */
export const undrain = (args: readonly string[], io: Io): Promise<number> => changeState('undrain', args, io);

const changeState = (command: 'drain' | 'undrain', args: readonly string[], io: Io): Promise<number> =>
  administer(command, `POST /${command}`, args, io, ({ status: code, text }, out) => {
    describeStatus(JSON.parse(text) as Status).forEach(out);
    return code === 200 ? 0 : 1;
  });

const describeReload = ({ outcome, number, problems, ms }: ReloadResult): readonly string[] => [
  ...problems,
  outcome === 'applied'
    ? `configuration ${number} is in force (${ms} ms)`
    : `refused: configuration ${number} is still in force`,
];

const describeStatus = ({ state, pid, startedAt, configuration, listeners, directory }: Status): readonly string[] => {
  const { number, file, inForceSince, lastReload } = configuration;
  return [
    `${state}, process ${pid} since ${startedAt}`,
    `configuration ${number} from ${file}, in force since ${inForceSince}`,
    ...(lastReload === undefined
      ? []
      : describeReload(lastReload).map((line) => `last reload (${lastReload.cause}): ${line}`)),
    ...listeners.map(({ address, sentBy }) => `listening  ${address} as ${sentBy}`),
    ...directory.flatMap(describeSource),
  ];
};

const describeSource = ({ source, summary, snapshot }: Status['directory'][number]): readonly string[] => {
  const why = snapshot?.lastSweep?.why;
  return [
    `directory  ${source}: ${summary}`,
    ...(why === undefined ? [] : [`           last sweep ${snapshot?.lastSweep?.outcome}: ${why}`]),
  ];
};

/**
 * @param command as it stands in the usage
 * @param what method and path
 * @param tell prints the answer for people, and says with which code the command ends
 */
export async function administer(
  command: string,
  what: string,
  args: readonly string[],
  io: Io,
  tell: (answer: Answer, out: (line: string) => void) => number,
): Promise<number> {
  const order = readOrder(args);
  if (order === undefined) {
    io.err(usageOf(command));
    return 2;
  }
  const answer = await ask(order.socket, what).catch((error: Error) => error.message);
  if (typeof answer === 'string') {
    io.err(`no router answers at ${order.socket} (${answer}): does it run with this file, and as this user?`);
    return 1;
  }
  if (!order.isJson) return tell(answer, io.out);
  io.out(answer.text.trimEnd());
  return tell(answer, () => undefined);
}

export const usageOf = (command: string): string => `usage: pif-router ${command} [--json] [--socket PATH] [FILE]`;

function readOrder(args: readonly string[]): Order | undefined {
  const left = [...args];
  const isJson = takeFlag(left, '--json');
  const at = left.indexOf('--socket');
  const named = at < 0 ? undefined : left.splice(at, 2)[1];
  const [file = usualFile, ...more] = left;
  if (more.length > 0 || file.startsWith('-') || (at >= 0 && named === undefined)) return undefined;
  return { socket: named ?? adminSocketOf(file), isJson };
}

function takeFlag(args: string[], flag: string): boolean {
  const at = args.indexOf(flag);
  if (at >= 0) args.splice(at, 1);
  return at >= 0;
}

/** @param what method and path */
const ask = (socketPath: string, what: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const [method, path] = what.split(' ');
    const asked = request({ socketPath, method, path }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
