/** `status`, `reload`, `drain` and `undrain`: ask the running router what it is asked for, and tell what it answers. */
import type { Status } from '../admin/status.ts';
import type { ReloadResult } from '../config/reload.ts';
import { type Answer, ask, type Target, takeTarget, targetUsage } from './admin-client.ts';
import { type Io, takeFlag, usualFile } from './printing.ts';

interface Order {
  /** Throws when a file or a variable that it needs is not there. */
  target(): Target;
  readonly isJson: boolean;
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

const describeStatus = (status: Status): readonly string[] => {
  const { state, pid, startedAt, load, workers, configuration, listeners, certificates, directory } = status;
  const { number, file, inForceSince, lastReload } = configuration;
  return [
    `${state}, process ${pid} since ${startedAt}`,
    `configuration ${number} from ${file}, in force since ${inForceSince}`,
    ...(lastReload === undefined
      ? []
      : describeReload(lastReload).map((line) => `last reload (${lastReload.cause}): ${line}`)),
    ...listeners.map(({ address, sentBy }) => `listening  ${address} as ${sentBy}`),
    `load       ${describeLoad(load)}`,
    ...(workers.length === 1 ? [] : workers.map((own, number) => `  worker ${number}  ${describeLoad(own)}`)),
    ...certificates.filter(({ state: validity }) => validity !== 'valid').map(describeCertificate),
    ...status.legacyProfiles.map((profile) => `warning    TLS profile ${profile} takes old versions and short keys`),
    ...load.knownByCommonName.map((peer) => `warning    ${peer} is known by the common name of its certificate only`),
    ...directory.flatMap(describeSource),
  ];
};

const mib = (octets: number): string => (octets / 2 ** 20).toFixed(octets < 10 * 2 ** 20 ? 1 : 0);

const describeLoad = (load: Status['load']): string => {
  const { requests, openRequests, connections, heldOctets, memoryLimitOctets, memoryRefusals } = load;
  const refused = memoryRefusals === 0 ? '' : `, ${memoryRefusals} refusals for memory`;
  const held = `${mib(heldOctets)} of ${mib(memoryLimitOctets)} MiB held for peers`;
  return `${requests} requests heard, ${openRequests} open, ${connections} connections, ${held}${refused}`;
};

const describeCertificate = ({ use, subject, where, text }: Status['certificates'][number]): string =>
  `${use === 'revocation-list' ? 'crl       ' : 'certificate'} ${subject} (${where}) ${text}`;

const describeSource = ({ source, summary, snapshot, held }: Status['directory'][number]): readonly string[] => {
  const why = snapshot?.lastSweep?.why;
  return [
    `directory  ${source}: ${summary}`,
    ...(why === undefined ? [] : [`           last sweep ${snapshot?.lastSweep?.outcome}: ${why}`]),
    ...(held === undefined ? [] : [`           held back: ${held.why}`]),
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
  tell: Tell,
): Promise<number> {
  const order = readOrder(args);
  if (order === undefined) {
    io.err(usageOf(command));
    return 2;
  }
  try {
    const target = order.target();
    const answer = await ask(target, what).catch((error: Error) => {
      throw new Error(
        `no router answers at ${target.text} (${error.message}): does it run with this file, and as this user?`,
      );
    });
    return tellAnswer(answer, order.isJson, io, tell);
  } catch (error) {
    io.err((error as Error).message);
    return 1;
  }
}

type Tell = (answer: Answer, out: (line: string) => void) => number;

/** Who is not let in reads why, whatever the command. */
function tellAnswer(answer: Answer, isJson: boolean, io: Io, tell: Tell): number {
  if (answer.status === 401 || answer.status === 403) {
    io.err(`the router refuses this: ${(JSON.parse(answer.text) as { readonly error: string }).error}`);
    return 1;
  }
  if (!isJson) return tell(answer, io.out);
  io.out(answer.text.trimEnd());
  return tell(answer, () => undefined);
}

export const usageOf = (command: string): string => `usage: pif-router ${command} [--json] ${targetUsage} [FILE]`;

function readOrder(args: readonly string[]): Order | undefined {
  const left = [...args];
  const isJson = takeFlag(left, '--json');
  const target = takeTarget(left);
  const [file = usualFile, ...more] = left;
  if (more.length > 0 || file.startsWith('-') || target === undefined) return undefined;
  return { target: () => target(file), isJson };
}
