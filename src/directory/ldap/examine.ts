/** Tries a source for an administrator: each of its servers by itself, and with one that works all that it knows. */

import type { DirectoryParts } from '../directory.ts';
import {
  readContextCsns,
  readHighestUsn,
  readSeesDeletions,
  readServerFacts,
  type ServerFacts,
} from '../sync/server-facts.ts';
import { asksForMembership } from '../sync/user-source.ts';
import { type Census, CensusTaker } from './census.ts';
import { ldapConnections } from './connections.ts';
import { type LdapConnection, LdapError } from './ldap.ts';
import { type PasswordExpiry, readPasswordExpiry } from './password-expiry.ts';
import { readAttributes, readBase } from './schema-check.ts';
import { everyUser, type LdapSourceSettings, serversOf } from './settings.ts';

export interface SourceExamination {
  /** Distinguished name that the servers are asked under. */
  readonly account: string;
  readonly servers: readonly ServerExamination[];
  /** Undefined when no server works, or `censusFailure` says why there is none. */
  readonly census: Census | undefined;
  readonly censusFailure: string | undefined;
}

export type ServerExamination =
  | { readonly url: string; readonly works: false; readonly why: string }
  | { readonly url: string; readonly works: true; readonly connectMs: number; readonly facts: ExaminedFacts };

export interface ExaminedFacts {
  readonly kind: ServerFacts['kind'];
  /** `dc1.example.com`; undefined: it does not say. */
  readonly hostName: string | undefined;
  /** How far its clock is ahead of ours; undefined: it does not tell its time. */
  readonly clockAheadMs: number | undefined;
  /** Where it stands in its changes: the USN of a domain controller, the CSN of OpenLDAP. */
  readonly lastChange: { readonly name: 'USN' | 'CSN'; readonly value: string } | undefined;
  /** How far the last change lies ahead of our clock; undefined where it is no time. Until then its provider's changes are not seen. */
  readonly changesAheadMs: number | undefined;
  readonly canDirSync: boolean;
  readonly canNotify: boolean;
  /** Of the bases those that are not there, or not for this account. */
  readonly missingBases: readonly string[];
  /** The source's filter asks for groups, which is nothing that a user's own object shows. */
  readonly asksForMembership: boolean;
  /** Of an Active Directory: the account sees what is left of deleted objects. Elsewhere undefined. */
  readonly seesDeletions: boolean | undefined;
  /** Of the account; undefined where the server does not tell. */
  readonly passwordExpiry: PasswordExpiry | undefined;
  /** Attributes of this source that are missing in the global catalog; undefined: there is none. */
  readonly notInGlobalCatalog: readonly string[] | undefined;
  /** This very server is asked by a port of the global catalog. */
  readonly isGlobalCatalog: boolean;
}

/** @param domains that both sides share, lower case */
export async function examineSource(
  settings: LdapSourceSettings,
  domains: readonly string[],
  parts: DirectoryParts,
): Promise<SourceExamination> {
  const servers: ServerExamination[] = [];
  let census: Census | undefined;
  let censusFailure: string | undefined;
  for (const url of settings.servers.urls) {
    const connections = ldapConnections({ ...serversOf(settings), urls: [url] }, parts);
    try {
      const beganMs = parts.clock.now();
      const connection = await connections.open('sync');
      const connectMs = parts.clock.now() - beganMs;
      servers.push({ url, works: true, connectMs, facts: await readFacts(connection, settings) });
      if (census === undefined) {
        [census, censusFailure] = await takeCensus(connection, settings, domains);
      }
    } catch (error) {
      servers.push({ url, works: false, why: whyOf(error) });
    } finally {
      connections.close();
    }
  }
  return { account: settings.servers.bindDn, servers, census, censusFailure };
}

const whyOf = (error: unknown): string => {
  if (error instanceof LdapError) return error.message;
  throw error;
};

async function readFacts(connection: LdapConnection, settings: LdapSourceSettings): Promise<ExaminedFacts> {
  const server = await readServerFacts(connection, settings.baseDns);
  const root = await readBase(connection, '', ['dnsHostName', 'currentTime']);
  const { addresses, enabled } = settings.attributes;
  const lastChange = await readLastChange(connection, server);
  return {
    kind: server.kind,
    hostName: root?.text('dnsHostName'),
    clockAheadMs: clockAhead(root?.text('currentTime')),
    lastChange,
    changesAheadMs: lastChange?.name === 'CSN' ? changesAhead(lastChange.value) : undefined,
    canDirSync: server.canDirSync,
    canNotify: server.canNotify,
    missingBases: server.missingBases,
    asksForMembership: asksForMembership(everyUser(settings)),
    seesDeletions:
      server.kind === 'active-directory' ? await readSeesDeletions(connection, server.namingContexts) : undefined,
    passwordExpiry:
      server.kind === 'active-directory' ? await readPasswordExpiry(connection, settings.servers.bindDn) : undefined,
    notInGlobalCatalog: await readNotInGlobalCatalog(connection, server, [...addresses, enabled]),
    isGlobalCatalog: /:326[89]$/.test(connection.server),
  };
}

/** GeneralizedTime (RFC 4517 §3.3.13) as domain controllers write it: `20261121140747.0Z`. */
function clockAhead(time: string | undefined): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(time ?? '') ?? [];
  if (year === undefined) return undefined;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - Date.now();
}

/** Of the latest of several CSNs: each begins with a time. */
const changesAhead = (csns: string): number | undefined =>
  csns
    .split(', ')
    .flatMap((csn) => clockAhead(csn.split('#')[0]) ?? [])
    .toSorted((a, b) => b - a)[0];

async function readLastChange(connection: LdapConnection, server: ServerFacts): Promise<ExaminedFacts['lastChange']> {
  if (server.kind === 'active-directory') return { name: 'USN', value: await readHighestUsn(connection) };
  const csns: string[] = [];
  for (const each of server.namingContexts) csns.push(...(await readContextCsns(connection, each).catch(() => [])));
  return csns.length === 0 ? undefined : { name: 'CSN', value: csns.join(', ') };
}

async function readNotInGlobalCatalog(
  connection: LdapConnection,
  { kind }: ServerFacts,
  names: readonly string[],
): Promise<readonly string[] | undefined> {
  if (kind !== 'active-directory') return undefined;
  const attributes = await readAttributes(connection, names);
  const isThere = (name: string) =>
    attributes.find((each) => each.name === name.toLowerCase())?.isInGlobalCatalog === true;
  return names.filter((name) => !isThere(name));
}

type Taken = readonly [census: Census, failure: undefined] | readonly [census: undefined, failure: string];

async function takeCensus(
  connection: LdapConnection,
  settings: LdapSourceSettings,
  domains: readonly string[],
): Promise<Taken> {
  const { baseDns, scope, attributes, pageSize } = settings;
  const taker = new CensusTaker(attributes, domains);
  const search = { scope, filter: everyUser(settings), attributes: taker.wanted, budgetMs: sweepBudgetMs };
  try {
    for (const baseDn of baseDns) {
      await connection.searchPaged({ ...search, baseDn, onEntry: (entry) => taker.add(entry) }, pageSize).done;
    }
    return [taker.census, undefined];
  } catch (error) {
    return [undefined, whyOf(error)];
  }
}

/** The first page of 100,000 users takes a domain controller ten seconds and more. */
const sweepBudgetMs = 60_000;
