/** `status`, `reload`, `drain` and `undrain`: ask the running router what it is asked for, and tell what it answers. */
import type { ServerStatus } from '../admin/directory.ts';
import type { Status } from '../admin/status.ts';
import type { ReloadResult } from '../config/reload.ts';
import { type Answer, ask, targetOf, targetOptions, targetUsage, unfitTarget } from './admin-client.ts';
import { type Command, fileWord, type Given, jsonOption, Misuse } from './command.ts';
import type { Io } from './printing.ts';

/** What all that ask the running router have. */
export const asking = {
  usage: `[--json] ${targetUsage} [FILE]`,
  words: [{ ...fileWord, what: 'the configuration that it was started with' }],
  options: { json: jsonOption, ...targetOptions },
};

export const status: Command = {
  ...asking,
  name: 'status',
  summary: 'tells how the running router is: configuration, listeners, load, certificates, directory, next hops',
  exitCodes: ['it runs and takes new requests', 'it does not'],
  examples: [
    { line: '', what: 'asks the router that runs with routes.yaml in this folder' },
    { line: '--admin https://192.0.2.10:8443 --token-file token --ca ca.crt', what: 'asks one on another machine' },
  ],
  run: (given, io) =>
    administer('GET /ready', given, io, (answer, out) => {
      describeStatus(JSON.parse(answer.text) as Status).forEach(out);
      return answer.status === 200 ? 0 : 1;
    }),
};

export const reload: Command = {
  ...asking,
  name: 'reload',
  summary: 'puts the changed configuration of the running router in force',
  exitCodes: ['it is in force', 'it was refused, or no router runs'],
  examples: [{ line: '', what: 'tells what is wrong with it when it is refused; the one before then stays in force' }],
  run: (given, io) =>
    administer('POST /reload', given, io, ({ text }, out) => {
      const result = JSON.parse(text) as ReloadResult;
      describeReload(result).forEach(out);
      return result.outcome === 'applied' ? 0 : 1;
    }),
};

const changingState = (name: 'drain' | 'undrain', summary: string, what: string): Command => ({
  ...asking,
  name,
  summary,
  exitCodes: ['it is done', 'no router runs'],
  examples: [{ line: '', what }],
  run: (given, io) =>
    administer(`POST /${name}`, given, io, ({ status: code, text }, out) => {
      describeStatus(JSON.parse(text) as Status).forEach(out);
      return code === 200 ? 0 : 1;
    }),
});

export const drain = changingState(
  'drain',
  'lets the running router refuse what would begin, so that peers go elsewhere',
  'new requests get 503 from now on; what is under way, and what is within a dialog, is served',
);

export const undrain = changingState('undrain', 'lets the running router serve again', 'ends a drain');

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

const describeServer = ({ url, isInUse, lastFailure, failedAt, restsUntil }: ServerStatus): string => {
  const failed = lastFailure === undefined ? 'well, as far as it was asked' : `failed ${failedAt}: ${lastFailure}`;
  const next = restsUntil === undefined ? '' : `; it rests until ${restsUntil}`;
  return `           ${url}${isInUse ? ' (in use)' : ''}: ${failed}${next}`;
};

const describeSource = ({
  source,
  summary,
  servers = [],
  snapshot,
  held,
}: Status['directory'][number]): readonly string[] => {
  const why = snapshot?.lastSweep?.why;
  return [
    `directory  ${source}: ${summary}`,
    ...(servers.length > 1 || servers.some(({ lastFailure }) => lastFailure !== undefined)
      ? servers.map(describeServer)
      : []),
    ...(why === undefined ? [] : [`           last sweep ${snapshot?.lastSweep?.outcome}: ${why}`]),
    ...(held === undefined ? [] : [`           held back: ${held.why}`]),
  ];
};

/**
 * @param what method and path
 * @param tell prints the answer for people, and says with which code the command ends
 */
export async function administer(what: string, given: Given, io: Io, tell: Tell): Promise<number> {
  try {
    const target = targetOf(given, given.words.at(-1)!);
    if (target === undefined) throw new Misuse(unfitTarget);
    const answer = await ask(target, what).catch((error: Error) => {
      throw new Error(
        `no router answers at ${target.text} (${error.message}): does it run with this file, and as this user?`,
      );
    });
    return tellAnswer(answer, given.has('json'), io, tell);
  } catch (error) {
    if (error instanceof Misuse) throw error;
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
