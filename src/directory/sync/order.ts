/** All that a sync is made of; values only, for it runs in a thread of its own. */
import type { LdapServersSettings } from '../ldap/connections.ts';
import type { SnapshotSettings } from './snapshot-settings.ts';
import type { UserSource } from './user-source.ts';

export interface SyncOrder {
  readonly servers: LdapServersSettings;
  readonly source: UserSource;
  readonly settings: SnapshotSettings;
}
