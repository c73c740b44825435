/** `directory check [FILE]`: whether the sources of users work, and what they know, in plain words. */

import { createTimerWheel } from '../clock.ts';
import { loadSnapshot, type Snapshot } from '../config/snapshot.ts';
import type { Census, Tally } from '../directory/ldap/census.ts';
import type { ExaminedFacts, ServerExamination, SourceExamination } from '../directory/ldap/examine.ts';
import { expiryWarning, tellExpiry } from '../directory/ldap/password-expiry.ts';
import type { Source } from '../directory/source.ts';
import { silentLog } from '../log.ts';
import { type Command, fileWord } from './command.ts';
import { type Io, printProblems } from './printing.ts';

export const command: Command = {
  name: 'directory check',
  summary: 'tries each server of each source of users, and tells what they know, in plain words',
  usage: '[FILE]',
  words: [fileWord],
  options: {},
  exitCodes: [
    'every server of every source works',
    'one does not',
    'the command or the configuration is not understood',
  ],
  examples: [{ line: '', what: 'asks the servers that routes.yaml in this folder names' }],
  async run({ words: [file = ''] }, io) {
    const { snapshot, problems } = loadSnapshot(file, 1);
    printProblems(problems, io.err);
    return snapshot === undefined ? 2 : checkSources(snapshot, io);
  },
};

async function checkSources(snapshot: Snapshot, io: Io): Promise<number> {
  const { sources } = snapshot.directory;
  if (sources.length === 0) io.out('no directory is configured: nothing to check');
  let areWell = true;
  for (const source of sources) areWell = (await checkSource(source, snapshot, io)) && areWell;
  return areWell ? 0 : 1;
}

async function checkSource(source: Source, { rows }: Snapshot, io: Io): Promise<boolean> {
  const clock = createTimerWheel();
  const examination = await source.examine(rows.domains, { clock, random: Math.random, log: silentLog });
  clock.close();
  if (examination === undefined) {
    io.out(`${source.name}: ${source.describe().summary}`);
    return true;
  }
  io.out(`${source.name}, as ${examination.account}`);
  for (const line of tellSource(examination)) io.out(`  ${line}`);
  return isWell(examination);
}

const isWell = ({ servers, census }: SourceExamination): boolean =>
  census !== undefined && servers.every((server) => server.works && !isBlindCatalog(server.facts));

const tellSource = ({ servers, census, censusFailure }: SourceExamination): readonly string[] => [
  ...servers.flatMap(tellServer),
  ...(census === undefined ? [] : tellCensus(census)),
  ...(censusFailure === undefined ? [] : [`users cannot be read: ${censusFailure}`]),
];

function tellServer(server: ServerExamination): readonly string[] {
  if (!server.works) return [`does not work: ${server.why}`];
  const { url, connectMs, facts } = server;
  const name = facts.hostName === undefined ? '' : `, ${facts.hostName}`;
  return [
    `works: ${url} (${kinds[facts.kind]}${name}), connected and bound in ${Math.ceil(connectMs)} ms`,
    ...[
      tellClock(facts),
      tellLastChange(facts),
      ...tellChangesAhead(facts),
      ...facts.missingBases.map((base) => `base: ${base} is not there, or the account may not see it`),
      ...tellPassword(facts),
      tellFollowing(facts),
      ...tellDeletions(facts),
      ...tellMembership(facts),
      ...tellCatalog(facts),
    ].map((line) => `  ${line}`),
  ];
}

const kinds: Readonly<Record<ExaminedFacts['kind'], string>> = {
  'active-directory': 'Active Directory',
  'content-sync': 'LDAP with content synchronisation',
  plain: 'LDAP',
};

/** Certificates and Kerberos begin to fail at five minutes; a wrong clock also makes ages wrong. */
const clockToleranceMs = 60_000;

function tellClock({ clockAheadMs }: ExaminedFacts): string {
  if (clockAheadMs === undefined) return 'clock: it does not tell its time';
  const seconds = Math.round(Math.abs(clockAheadMs) / 1_000);
  if (Math.abs(clockAheadMs) < 2_000) return 'clock: as ours';
  const warning = Math.abs(clockAheadMs) > clockToleranceMs ? ': set one of them right' : '';
  return `clock: ${seconds} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} ours${warning}`;
}

const tellLastChange = ({ lastChange }: ExaminedFacts): string =>
  lastChange === undefined ? 'last change: it does not tell' : `last change: ${lastChange.name} ${lastChange.value}`;

/** A provider whose clock was set back numbers its changes as before until the clock has come so far again. */
const tellChangesAhead = ({ changesAheadMs = 0 }: ExaminedFacts): readonly string[] =>
  changesAheadMs > clockToleranceMs
    ? [
        `changes: the last one is ${Math.round(changesAheadMs / 1_000)} s ahead of our clock; if the server's clock was set back, a poll misses what changes until then: sweep more often`,
      ]
    : [];

function tellPassword({ passwordExpiry: expiry }: ExaminedFacts): readonly string[] {
  if (expiry === undefined) return [];
  const nowMs = Date.now();
  return [`password: of this account ${expiryWarning(expiry, nowMs) ?? tellExpiry(expiry, nowMs)}`];
}

const tellMembership = ({ asksForMembership }: ExaminedFacts): readonly string[] =>
  asksForMembership
    ? [
        'filter: it asks for groups (memberOf), and who joins or leaves one does not change: each change of any group that the account may read brings a sweep forward',
      ]
    : [];

function tellFollowing({ kind, canDirSync, canNotify }: ExaminedFacts): string {
  const ways = [
    ...(kind === 'plain' ? [] : ['poll']),
    ...(canDirSync ? ['dirsync'] : []),
    ...(canNotify ? ['notify'] : []),
  ];
  return `changes can be followed by: ${ways.length === 0 ? 'nothing but sweeps' : ways.join(', ')}`;
}

/** What an account may not see is no fault where sweeps are frequent, but it must be known. */
const tellDeletions = ({ seesDeletions }: ExaminedFacts): readonly string[] =>
  seesDeletions === false
    ? [
        'deletions: this account may not read CN=Deleted Objects, so a deleted user stays until the next sweep, however changes are followed (let it list and read there: dsacls "CN=Deleted Objects,DC=..." /takeownership, then /g ACCOUNT:LCRP; or sweep more often)',
      ]
    : [];

const isBlindCatalog = ({ isGlobalCatalog, notInGlobalCatalog = [] }: ExaminedFacts): boolean =>
  isGlobalCatalog && notInGlobalCatalog.length > 0;

function tellCatalog(facts: ExaminedFacts): readonly string[] {
  const { notInGlobalCatalog: missing } = facts;
  if (missing === undefined) return [];
  if (missing.length === 0) return ['global catalog: has all attributes that are asked for'];
  const advice = isBlindCatalog(facts)
    ? 'this is a port of the global catalog: use 636, or leave them out'
    : 'do not use the ports 3268 and 3269';
  return [`global catalog: lacks ${missing.join(', ')}; ${advice}`];
}

const tellCensus = ({ users, enabled, addressOnly, unseenAttribute, ...findings }: Census): readonly string[] => [
  `${users} users with a SIP address`,
  `  ${enabled} enabled on the Microsoft side`,
  `  ${addressOnly} with an address only: migrated, or made searchable`,
  ...(unseenAttribute === undefined
    ? []
    : [
        `  none of them shows ${unseenAttribute}: may the account read it? As it is, everybody counts as not enabled, and is at home on the Cisco side`,
      ]),
  ...tellFinding(
    findings.accountDisabled,
    'of the enabled whose account is disabled in the directory; they stay reachable',
  ),
  ...tellFinding(findings.malformed, 'with a malformed address, which is passed over'),
  ...tellFinding(findings.duplicate, 'addresses that several objects have; the enabled object decides'),
  ...tellFinding(findings.foreignDomain, 'with addresses in other domains only, which are never asked for'),
];

const tellFinding = ({ count, examples }: Tally, what: string): readonly string[] =>
  count === 0
    ? [`  0 ${what}`]
    : [
        `  ${count} ${what}:`,
        ...examples.map((each) => `    ${each}`),
        ...(count > examples.length ? ['    ...'] : []),
      ];
