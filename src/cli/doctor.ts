/** `doctor [FILE]`: whether certificates, names, listeners and next hops are as both sides need them, and what to do where. */

import { createTimerWheel } from '../clock.ts';
import { loadSnapshot, type Snapshot } from '../config/snapshot.ts';
import { examine } from '../doctor/examine.ts';
import type { Examination, Finding, FindingSeverity } from '../doctor/finding.ts';
import { machineAddresses } from '../net/own-addresses.ts';
import { RouterError } from '../router-error.ts';
import { dnsOf } from '../sip/resolve/dns-client.ts';
import { type Command, fileWord, jsonOption } from './command.ts';
import { type Io, printProblems } from './printing.ts';

export const command: Command = {
  name: 'doctor',
  summary: 'tries certificates, names, listeners and next hops, and says what to do on which system',
  usage: '[--json] [FILE]',
  words: [fileWord],
  options: { json: jsonOption },
  exitCodes: [
    'nothing fails; there may be warnings',
    'something fails',
    'the command or the configuration is not understood',
  ],
  examples: [
    { line: '', what: 'examines what routes.yaml in this folder names' },
    { line: '--json /etc/pif-router/routes.yaml', what: 'the same for a program to read' },
  ],
  run: ({ words: [file = ''], has }, io) => doctor(file, has('json'), io),
};

/** Fit for JSON. */
export interface DoctorReport {
  readonly file: string;
  /** ISO 8601. */
  readonly at: string;
  readonly errors: number;
  readonly warnings: number;
  readonly examinations: readonly Examination[];
}

async function doctor(file: string, isJson: boolean, io: Io): Promise<number> {
  const { snapshot, problems } = loadSnapshot(file, 1);
  printProblems(problems, io.err);
  if (snapshot === undefined) return 2;
  try {
    const report = reportOn(file, await examineNow(snapshot));
    if (isJson) io.out(JSON.stringify(report));
    else describe(report).forEach(io.out);
    return report.errors > 0 ? 1 : 0;
  } catch (failure) {
    if (!(failure instanceof RouterError)) throw failure;
    io.err(failure.message);
    return 2;
  }
}

async function examineNow(snapshot: Snapshot): Promise<readonly Examination[]> {
  const clock = createTimerWheel();
  const interfaces = machineAddresses();
  const { warnBeforeMs } = snapshot.certificates;
  const parts = { clock, dns: dnsOf(snapshot.dns), interfaces, now: new Date(), warnBeforeMs };
  try {
    return await examine(snapshot, parts);
  } finally {
    clock.close();
  }
}

function reportOn(file: string, examinations: readonly Examination[]): DoctorReport {
  const count = (wanted: FindingSeverity) =>
    examinations.flatMap(({ findings }) => findings).filter(({ severity }) => severity === wanted).length;
  return { file, at: new Date().toISOString(), errors: count('error'), warnings: count('warning'), examinations };
}

const describe = ({ file, errors, warnings, examinations }: DoctorReport): readonly string[] => [
  ...examinations.flatMap(describeExamination),
  `${file}: ${errors} errors, ${warnings} warnings`,
];

const kinds: Readonly<Record<Examination['kind'], string>> = {
  'tls-profile': 'TLS profile',
  node: 'this node,',
  listener: 'listener',
  'next-hop': 'next hop',
};

const describeExamination = ({ kind, subject, side, findings }: Examination): readonly string[] => [
  `${kinds[kind]} ${subject}${side === undefined ? '' : `, ${side} side`}`,
  ...findings.flatMap(describeFinding),
];

const describeFinding = ({ code, severity, seen, steps }: Finding): readonly string[] => [
  `  ${severity.padEnd(7)} ${code}: ${seen}`,
  ...steps.map(({ on, what }) => `          ${on}: ${what}`),
];
