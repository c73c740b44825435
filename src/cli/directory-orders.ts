/** `directory refresh`, `confirm` and `show`: the directory of the running router, asked over its socket for administration. */
import type { SweepOrder, UserInSource, UserReport } from '../admin/directory.ts';
import { ownCommand } from '../config/own-command.ts';
import type { DirectoryAnswer } from '../routing/types.ts';
import { keyOfAddress } from '../routing/user-key.ts';
import type { Answer } from './admin-client.ts';
import { administer, asking } from './administer.ts';
import type { Command } from './command.ts';

const order = (what: 'refresh' | 'confirm', summary: string, example: string): Command => ({
  ...asking,
  name: `directory ${what}`,
  summary,
  exitCodes: ['it is done, or begins', 'there is nothing to do, or no router runs'],
  examples: [{ line: '', what: example }],
  run: (given, io) =>
    administer(`POST /directory/${what}`, given, io, (answer, out) => {
      if (answer.status !== 202) return refuse(answer, out);
      const { sweeping, confirmed = [], tried = [] } = JSON.parse(answer.text) as SweepOrder;
      if (confirmed.length > 0) out(`${confirmed.join(', ')}: the version that was held back is in force`);
      if (tried.length > 0)
        out(`${tried.join(', ')}: servers are tried at once; ${ownCommand('status')} says how they are`);
      if (sweeping.length > 0) {
        out(`${sweeping.join(', ')}: all users are read anew; ${ownCommand('status')} says what came of it`);
      }
      return 0;
    }),
});

export const refresh = order(
  'refresh',
  'lets the running router try its directory servers at once, and read all users of its snapshots anew',
  'status says what came of it',
);

export const confirm = order(
  'confirm',
  'believes the loss of users that a sweep or a file was held back for, and nothing beyond it',
  'look first at what status says of it',
);

export const show: Command = {
  ...asking,
  name: 'directory show',
  summary: 'tells what the running router knows of one user, source by source',
  usage: `ADDRESS ${asking.usage}`,
  words: [{ name: 'ADDRESS', what: 'the SIP address of the user' }, ...asking.words],
  exitCodes: ['a source has the user', 'none has, none can be asked, or no router runs'],
  examples: [{ line: 'sip:bob@example.com', what: 'since when it is known, last seen when, and in which objects' }],
  run: async (given, io) => {
    const [address = ''] = given.words;
    if (keyOfAddress(address) === undefined) {
      io.err(`${JSON.stringify(address)} is no SIP address: ${ownCommand('directory show', ['sip:bob@example.com'])}`);
      return 2;
    }
    return administer(`GET /directory/user?address=${encodeURIComponent(address)}`, given, io, (answer, out) => {
      if (answer.status !== 200) return refuse(answer, out);
      const report = JSON.parse(answer.text) as UserReport;
      describeUser(report).forEach(out);
      return report.answer.kind === 'home' ? 0 : 1;
    });
  },
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
