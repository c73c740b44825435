/** Connections and sources to the test servers, closed when the test is over. */
import { onTestFinished } from 'vitest';
import { createTimerWheel } from '../../../src/clock.ts';
import { type OpenDirectory, openDirectory } from '../../../src/directory/compose.ts';
import {
  type LdapServersSettings,
  ldapConnections,
  type OwnedConnections,
} from '../../../src/directory/ldap/connections.ts';
import type { LdapSourceSettings } from '../../../src/directory/ldap/settings.ts';
import { LdapSource } from '../../../src/directory/ldap/source.ts';
import type { TestDirectory } from './test-directory.ts';

export interface LogLine {
  readonly level: 'info' | 'warn';
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

export const recordingLog = () => {
  const lines: LogLine[] = [];
  const add = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message });
  };
  return { lines, info: add('info'), warn: add('warn') };
};

/** Generous budgets, for busy machines; who tests a silent server gives its own. */
export const serversTo = (
  { ldapsUrl, ca, tlsName, reader }: TestDirectory,
  changed: Partial<LdapServersSettings> = {},
): LdapServersSettings => ({
  urls: [ldapsUrl],
  startTls: true,
  trust: { ca, tlsName },
  bindDn: reader.dn,
  password: reader.password,
  connectMs: 5_000,
  bindMs: 5_000,
  searchMs: 5_000,
  keepAliveMs: 30_000,
  returnAfterMs: 300_000,
  requiredAttributes: [],
  ...changed,
});

export function connectionsTo(directory: TestDirectory, changed: Partial<LdapServersSettings> = {}): OwnedConnections {
  const clock = createTimerWheel();
  const connections = ldapConnections(serversTo(directory, changed), { clock, random: () => 0, log: recordingLog() });
  onTestFinished(() => {
    connections.close();
    clock.close();
  });
  return connections;
}

interface SourceWish {
  readonly servers?: Partial<LdapServersSettings>;
  readonly source?: Partial<Omit<LdapSourceSettings, 'servers'>>;
  /** Default: nothing is remembered, so that every look-up is a search. */
  readonly cache?: {
    readonly foundMs?: number;
    readonly unknownMs?: number;
    readonly staleMs?: number;
    readonly budgetMs?: number;
  };
}

export type OpenedDirectory = OpenDirectory & { readonly log: ReturnType<typeof recordingLog> };

/** As routes.yaml has it by default, but no sweep waits for a random while. */
export const usualSnapshot: LdapSourceSettings['snapshot'] = {
  follow: 'poll',
  followEveryMs: 1_000,
  sweep: { kind: 'interval', everyMs: 86_400_000 },
  sweepJitterMs: 0,
  maxLoss: 0.1,
  staleAfterMs: 172_800_000,
  expireAfterMs: 604_800_000,
  file: undefined,
  requireFirstSync: false,
};

export const sourceOf = (directory: TestDirectory, { servers, source }: SourceWish = {}): LdapSourceSettings => {
  const { password, requiredAttributes: _, ...rest } = serversTo(directory, servers);
  return {
    name: 'corp',
    mode: 'lookup',
    snapshot: usualSnapshot,
    servers: { ...rest, password: { reveal: () => password } },
    baseDns: [directory.suffix],
    scope: 'sub',
    filter: undefined,
    attributes: {
      addresses: ['msRTCSIP-PrimaryUserAddress', 'proxyAddresses'],
      enabled: 'msRTCSIP-UserEnabled',
      decides: true,
    },
    followReferrals: false,
    pageSize: 1_000,
    maxSearches: 64,
    ...source,
  };
};

/** The look-up mode as the product composes it, connected. */
export async function openedDirectory(
  sources: readonly LdapSourceSettings[],
  cache: SourceWish['cache'] = {},
): Promise<OpenedDirectory> {
  const clock = createTimerWheel();
  const log = recordingLog();
  const settings = { size: 100_000, foundMs: 0, unknownMs: 0, staleMs: 0, budgetMs: 5_000, ...cache };
  const open = openDirectory(
    { sources: sources.map((each) => new LdapSource(each)), cache: settings },
    { clock, random: () => 0, log },
  );
  onTestFinished(async () => {
    await open.close();
    clock.close();
  });
  await open.ready();
  return Object.assign(open, { log });
}

export const lookupIn = (directory: TestDirectory, wish: SourceWish = {}): Promise<OpenedDirectory> =>
  openedDirectory([sourceOf(directory, wish)], wish.cache);
