/** What a directory server says of itself in its root DSE: what it is, and where in the stream of its changes it stands. */

import { controlOids, plainControl } from '../ldap/controls.ts';
import { depthBelow, parseDn } from '../ldap/distinguished-name.ts';
import { ignoreRefusal, type LdapConnection, type LdapEntry, type LdapError } from '../ldap/ldap.ts';
import { resultCodes } from '../ldap/result-code.ts';

/** `plain`: it tells neither of USNs nor of CSNs, and can only be swept. */
type ServerKind = 'active-directory' | 'content-sync' | 'plain';

export interface ServerFacts {
  readonly kind: ServerKind;
  /** The attribute that tells an object from all others for ever. */
  readonly identity: 'objectGUID' | 'entryUUID';
  /** Where changes are looked for: those that hold a base of the source, each once, in an order that stays the same. */
  readonly namingContexts: readonly string[];
  /** Of each base, as they are in `bases`, which of these. */
  readonly contextOfBase: readonly string[];
  /** The bases of the source as the server itself calls them; as they were written where it does not say. */
  readonly bases: readonly string[];
  /** Of the bases those that are not there, or not for this account. */
  readonly missingBases: readonly string[];
  /**
   * Names this database of this server; a state (USN, cookie) of one is worth nothing on another. In Active Directory the
   * invocationId, which changes also when a controller was restored from a backup.
   */
  readonly instance: string;
  readonly canDirSync: boolean;
  readonly canNotify: boolean;
}

// [MS-ADTS] 3.1.1.3.4.3.1, LDAP_CAP_ACTIVE_DIRECTORY_OID.
const activeDirectory = '1.2.840.113556.1.4.800';

async function readOne(
  connection: LdapConnection,
  dn: string,
  names: readonly string[],
): Promise<LdapEntry | undefined> {
  let found: LdapEntry | undefined;
  const onEntry = (entry: LdapEntry): void => {
    found = entry;
  };
  await connection.search({ baseDn: dn, scope: 'base', filter: { present: 'objectClass' }, attributes: names, onEntry })
    .done;
  return found;
}

const rootDse = [
  'supportedCapabilities',
  'supportedControl',
  'defaultNamingContext',
  'namingContexts',
  'dsServiceName',
];

export async function readServerFacts(connection: LdapConnection, baseDns: readonly string[]): Promise<ServerFacts> {
  const root = await readOne(connection, '', rootDse);
  const controls = root?.texts('supportedControl') ?? [];
  const isAd = root?.texts('supportedCapabilities').includes(activeDirectory) ?? false;
  const hasSync = controls.includes(controlOids.syncRequest);
  const { bases, missingBases } = await readBases(connection, baseDns);
  const contextOfBase = bases.map((base) => namingContextOf(root, base));
  return {
    kind: isAd ? 'active-directory' : hasSync ? 'content-sync' : 'plain',
    identity: isAd ? 'objectGUID' : 'entryUUID',
    namingContexts: [...new Set(contextOfBase)].toSorted(),
    contextOfBase,
    bases,
    missingBases,
    instance: isAd ? await readInvocationId(connection, root?.text('dsServiceName')) : connection.server,
    canDirSync: controls.includes(controlOids.dirSync),
    canNotify: isAd ? controls.includes(controlOids.notification) : hasSync,
  };
}

/** `<GUID=...>`, or a name with blanks and escapes, the server writes otherwise. */
export async function readBases(
  connection: LdapConnection,
  baseDns: readonly string[],
): Promise<Pick<ServerFacts, 'bases' | 'missingBases'>> {
  const bases: string[] = [];
  const missingBases: string[] = [];
  for (const baseDn of baseDns) {
    try {
      bases.push(await readOwnName(connection, baseDn));
    } catch (error) {
      // Whatever else the server says against a base, it says to the search for users, too.
      const { resultCode } = error as LdapError;
      if (resultCode === undefined) throw error;
      if (resultCode === resultCodes.noSuchObject && !(await isSearchable(connection, baseDn)))
        missingBases.push(baseDn);
      bases.push(baseDn);
    }
  }
  return { bases, missingBases };
}

/** A base may be hidden, and what is below it not. */
async function isSearchable(connection: LdapConnection, baseDn: string): Promise<boolean> {
  const filter = { present: 'objectClass' };
  const search = { baseDn, scope: 'sub', filter, attributes: ['1.1'], sizeLimit: 1, onEntry: () => undefined } as const;
  try {
    await connection.search(search).done;
    return true;
  } catch (error) {
    const { resultCode } = error as LdapError;
    if (resultCode === undefined) throw error;
    return resultCode !== resultCodes.noSuchObject;
  }
}

async function readOwnName(connection: LdapConnection, baseDn: string): Promise<string> {
  // The root has no name.
  if (baseDn.trim() === '') return '';
  return (await readOne(connection, baseDn, ['objectClass']))?.dn ?? baseDn;
}

/** The nearest one above the base. */
function namingContextOf(root: LdapEntry | undefined, baseDn: string): string {
  const base = parseDn(baseDn) ?? [];
  const above = (root?.texts('namingContexts') ?? []).flatMap((name) => {
    const context = parseDn(name);
    const depth = context && depthBelow(base, context);
    return depth === undefined ? [] : [{ name, depth }];
  });
  return above.toSorted((a, b) => a.depth - b.depth)[0]?.name ?? root?.text('defaultNamingContext') ?? baseDn;
}

/** Who may not read it is still told apart by the server's name, only a restored backup then goes unnoticed. */
async function readInvocationId(connection: LdapConnection, settingsDn: string | undefined): Promise<string> {
  if (settingsDn === undefined) return connection.server;
  const settings = await readOne(connection, settingsDn, ['invocationId']).catch(() => undefined);
  return settings?.octets('invocationId')[0]?.toString('hex') ?? connection.server;
}

/** The number of the last change in the controller's database; half a millisecond at any size. */
export async function readHighestUsn(connection: LdapConnection): Promise<string> {
  return (await readOne(connection, '', ['highestCommittedUSN']))?.text('highestCommittedUSN') ?? '0';
}

/** The last change of each provider of a naming context of OpenLDAP, by its CSN; empty where it keeps none. */
export async function readContextCsns(connection: LdapConnection, namingContext: string): Promise<readonly string[]> {
  const entry = await readOne(connection, namingContext, ['contextCSN']);
  return entry?.texts('contextCSN').toSorted() ?? [];
}

/**
 * Whether an account sees what is left of deleted objects: without rights on the container of an Active Directory it is not
 * even there for it ([MS-ADTS] 3.1.1.4.3.4.1.14, 6.1.1.4.2).
 */
export async function readSeesDeletions(connection: LdapConnection, contexts: readonly string[]): Promise<boolean> {
  for (const each of contexts) if (!(await seesDeletionsIn(connection, each))) return false;
  return true;
}

async function seesDeletionsIn(connection: LdapConnection, namingContext: string): Promise<boolean> {
  let isSeen = false;
  const baseDn = `CN=Deleted Objects,${namingContext}`;
  const controls = [plainControl(controlOids.showDeleted, false)];
  // Samba shows the container to everybody, and nothing of it.
  const onEntry = (entry: LdapEntry): void => {
    isSeen = entry.has('objectClass');
  };
  const search = {
    baseDn,
    scope: 'base',
    filter: { present: 'objectClass' },
    attributes: ['objectClass'],
    onEntry,
  } as const;
  await connection.search({ ...search, controls }).done.catch(ignoreRefusal);
  return isSeen;
}
