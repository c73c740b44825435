/** What a directory server says of itself in its root DSE: what it is, and where in the stream of its changes it stands. */
import type { LdapConnection, LdapEntry } from '../ldap.ts';
import { controlOids } from '../ldap-controls.ts';

/** `plain`: it tells neither of USNs nor of CSNs, and can only be swept. */
export type ServerKind = 'active-directory' | 'content-sync' | 'plain';

export interface ServerFacts {
  readonly kind: ServerKind;
  /** The attribute that tells an object from all others for ever. */
  readonly identity: 'objectGUID' | 'entryUUID';
  /** Where changes are looked for: the domain of the controller; else the naming context with the users. */
  readonly namingContext: string;
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

/** @param baseDn of the source: says which naming context is meant where there are several */
export async function readServerFacts(connection: LdapConnection, baseDn: string): Promise<ServerFacts> {
  const root = await readOne(connection, '', rootDse);
  const controls = root?.texts('supportedControl') ?? [];
  const isAd = root?.texts('supportedCapabilities').includes(activeDirectory) ?? false;
  const hasSync = controls.includes(controlOids.syncRequest);
  return {
    kind: isAd ? 'active-directory' : hasSync ? 'content-sync' : 'plain',
    identity: isAd ? 'objectGUID' : 'entryUUID',
    namingContext: namingContextOf(root, baseDn),
    instance: isAd ? await readInvocationId(connection, root?.text('dsServiceName')) : connection.server,
    canDirSync: controls.includes(controlOids.dirSync),
    canNotify: isAd ? controls.includes(controlOids.notification) : hasSync,
  };
}

function namingContextOf(root: LdapEntry | undefined, baseDn: string): string {
  const base = baseDn.toLowerCase();
  const above = (root?.texts('namingContexts') ?? []).filter((name) => base.endsWith(name.toLowerCase()));
  return above.toSorted((a, b) => b.length - a.length)[0] ?? root?.text('defaultNamingContext') ?? baseDn;
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

/** The last change of a naming context of OpenLDAP: the greatest of its providers' CSNs; undefined where it keeps none. */
export async function readContextCsn(connection: LdapConnection, namingContext: string): Promise<string | undefined> {
  const entry = await readOne(connection, namingContext, ['contextCSN']);
  return entry?.texts('contextCSN').toSorted().at(-1);
}
