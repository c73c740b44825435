/** `directory refresh`, `confirm` and `show`: the directory of the running router, asked over its socket for administration. */
import type { SweepOrder, UserInSource, UserReport } from '../admin/directory.ts';
import { ownCommand } from '../config/own-command.ts';
import type { DirectoryAnswer } from '../routing/types.ts';
import { keyOfAddress } from '../routing/user-key.ts';
import type { Answer } from './admin-client.ts';
import { administer, usageOf } from './administer.ts';
import type { Io } from './printing.ts';

/** @returns 0 when a sweep begins, 1 when none does or no router runs, 2 when the command is not understood */
export const refresh = (args: readonly string[], io: Io): Promise<number> => order('refresh', args, io);

/** As `refresh`, for what was held back: the loss that was shown is believed, and nothing beyond it. */
export const confirm = (args: readonly string[], io: Io): Promise<number> => order('confirm', args, io);

const order = (what: 'refresh' | 'confirm', args: readonly string[], io: Io): Promise<number> =>
  administer(`directory ${what}`, `POST /directory/${what}`, args, io, (answer, out) => {
    if (answer.status !== 202) return refuse(answer, out);
    const { sweeping, confirmed = [] } = JSON.parse(answer.text) as SweepOrder;
    if (confirmed.length > 0) out(`${confirmed.join(', ')}: the version that was held back is in force`);
    if (sweeping.length > 0) {
      out(`${sweeping.join(', ')}: all users are read anew; ${ownCommand('status')} says what came of it`);
    }
    return 0;
  });

/** @returns 0 when a source has the user, 1 when none has, none can be asked or no router runs, 2 when the command is not understood */
export const show = async ([address = '', ...args]: readonly string[], io: Io): Promise<number> => {
  const command = 'directory show ADDRESS';
  if (address === '' || address.startsWith('-')) {
    io.err(usageOf(command));
    return 2;
  }
  if (keyOfAddress(address) === undefined) {
    io.err(`${JSON.stringify(address)} is no SIP address: ${ownCommand('directory show', ['sip:bob@example.com'])}`);
    return 2;
  }
  const what = `GET /directory/user?address=${encodeURIComponent(address)}`;
  return administer(command, what, args, io, (answer, out) => {
    if (answer.status !== 200) return refuse(answer, out);
    const report = JSON.parse(answer.text) as UserReport;
    describeUser(report).forEach(out);
    return report.answer.kind === 'home' ? 0 : 1;
  });
};

const refuse = ({ text }: Answer, out: (line: string) => void): number => {
  out((JSON.parse(text) as { readonly error: string }).error);
  return 1;
};

const describeUser = ({ address, answer, sources }: UserReport): readonly string[] => [
  `${address}: ${describeAnswer(answer)}`,
  ...sources.flatMap(describeInSource),
];

function describeAnswer(answer: DirectoryAnswer): string {
  if (answer.kind === 'unavailable') return `the directory cannot answer: ${answer.why}`;
  const told = `${answer.source}, ${Math.round(answer.ageMs / 1_000)} s ago`;
  if (answer.kind === 'unknown-user') return `unknown (${told})`;
  const { side, addressOnly, freshness } = answer;
  const home = addressOnly ? `has an address only, not enabled on the ${side} side` : `at home on the ${side} side`;
  return `${home} (${told}, ${freshness})`;
}

function describeInSource({ source, answer, known, names, namesFailure }: UserInSource): readonly string[] {
  const seen = known && `  in memory since ${known.knownSince}, last seen ${known.lastSeen}`;
  return [
    `${source}: ${describeAnswer(answer)}`,
    ...(seen === undefined ? [] : [seen]),
    ...(known?.isShared === true ? ['  more than one object has this address'] : []),
    ...(names ?? []).map((name) => `  ${name}`),
    ...(namesFailure === undefined ? [] : [`  its name cannot be asked for: ${namesFailure}`]),
  ];
}
