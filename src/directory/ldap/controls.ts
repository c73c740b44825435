/** The values of the controls that the sources send and read; the messages round them are in `ldap-wire.ts`. */
import { Ber, BerReader, BerWriter } from 'ldapts';
import { readUntil, whole } from './ber-strict.ts';
import type { LdapControl } from './ldap.ts';

export const controlOids = {
  /** RFC 2696. */
  paged: '1.2.840.113556.1.4.319',
  /** [MS-ADTS] 3.1.1.3.4.1.3. */
  dirSync: '1.2.840.113556.1.4.841',
  /** [MS-ADTS] 3.1.1.3.4.1.9, change notification. */
  notification: '1.2.840.113556.1.4.528',
  showDeleted: '1.2.840.113556.1.4.417',
  /** [MS-ADTS] 3.1.1.3.4.1.4: no continuation references. */
  domainScope: '1.2.840.113556.1.4.1339',
  /** RFC 4533. */
  syncRequest: '1.3.6.1.4.1.4203.1.9.1.1',
  syncState: '1.3.6.1.4.1.4203.1.9.1.2',
  syncDone: '1.3.6.1.4.1.4203.1.9.1.3',
} as const;

/** OID of RFC 4533's intermediate response. */
export const syncInfoOid = '1.3.6.1.4.1.4203.1.9.1.4';

export const plainControl = (oid: string, isCritical: boolean): LdapControl => ({ oid, isCritical, value: undefined });

const sequence = (write: (writer: BerWriter) => void): Buffer => {
  const writer = new BerWriter();
  writer.startSequence();
  write(writer);
  writer.endSequence();
  return writer.buffer;
};

const none = Buffer.alloc(0);

/** A copy: what a reader gives is a view of the message. */
const octets = (reader: BerReader, tag: number = Ber.OctetString): Buffer =>
  Buffer.from(whole(reader.readString(tag, true)));

const controlOf = (controls: readonly LdapControl[], oid: string): BerReader | undefined => {
  const value = controls.find((control) => control.oid === oid)?.value;
  return value && new BerReader(value);
};

export const pagedControl = (pageSize: number, cookie: Buffer = none): LdapControl => ({
  oid: controlOids.paged,
  // A server without paging must refuse: it would send its first thousand entries as if they were all.
  isCritical: true,
  value: sequence((writer) => {
    writer.writeInt(pageSize);
    writer.writeBuffer(cookie, Ber.OctetString);
  }),
});

/** The cookie for the next page; empty: that was the last one; undefined: the server knows nothing of pages. */
export function readPagedCookie(controls: readonly LdapControl[]): Buffer | undefined {
  const reader = controlOf(controls, controlOids.paged);
  if (reader === undefined) return undefined;
  reader.readSequence();
  reader.readInt();
  return octets(reader);
}

/** Lets every account use DirSync, which then shows what the account may read. */
export const dirSyncObjectSecurity = 0x1;

/** Of an attribute with links, `member` for one, only the values that have come or gone ([MS-ADTS] 3.1.1.3.4.1.3). */
export const dirSyncIncrementalValues = -0x80000000;

/** @param flags of `dirSyncObjectSecurity` and `dirSyncIncrementalValues`, or 0 */
export const dirSyncControl = (cookie: Buffer = none, flags = 0): LdapControl => ({
  oid: controlOids.dirSync,
  isCritical: true,
  value: sequence((writer) => {
    writer.writeInt(flags);
    writer.writeInt(0);
    writer.writeBuffer(cookie, Ber.OctetString);
  }),
});

interface DirSyncState {
  readonly cookie: Buffer;
  /** More can be fetched at once. */
  readonly hasMore: boolean;
}

export function readDirSync(controls: readonly LdapControl[]): DirSyncState | undefined {
  const reader = controlOf(controls, controlOids.dirSync);
  if (reader === undefined) return undefined;
  reader.readSequence();
  const hasMore = reader.readInt() !== 0;
  reader.readInt();
  return { hasMore, cookie: octets(reader) };
}

/** RFC 4533 §2.2. */
export const syncRequestControl = (mode: 'refresh' | 'refresh-and-persist', cookie?: Buffer): LdapControl => ({
  oid: controlOids.syncRequest,
  isCritical: true,
  value: sequence((writer) => {
    writer.writeEnumeration(mode === 'refresh' ? 1 : 3);
    if (cookie !== undefined && cookie.length > 0) writer.writeBuffer(cookie, Ber.OctetString);
  }),
});

const syncStates = ['present', 'add', 'modify', 'delete'] as const;

interface SyncState {
  readonly state: (typeof syncStates)[number];
  readonly entryUuid: Buffer;
  readonly cookie: Buffer | undefined;
}

/** RFC 4533 §2.3, of an entry. */
export function readSyncState(controls: readonly LdapControl[]): SyncState | undefined {
  const reader = controlOf(controls, controlOids.syncState);
  if (reader === undefined) return undefined;
  reader.readSequence();
  const state = syncStates[reader.readEnumeration() ?? 0] ?? 'present';
  const entryUuid = octets(reader);
  return { state, entryUuid, cookie: optionalCookie(reader) };
}

/** RFC 4533 §2.4, of the result: whether all that is gone was told; else all that is still there was. Undefined: it says nothing. */
export function readRefreshDeletes(controls: readonly LdapControl[]): boolean | undefined {
  const reader = controlOf(controls, controlOids.syncDone);
  if (reader === undefined) return undefined;
  reader.readSequence();
  optionalCookie(reader);
  return optionalBoolean(reader, false);
}

type SyncInfo =
  | { readonly kind: 'new-cookie'; readonly cookie: Buffer }
  | {
      /** `refresh-delete`: deletions were told; `refresh-present`: who was not told of is gone. */
      readonly kind: 'refresh-delete' | 'refresh-present';
      readonly cookie: Buffer | undefined;
      readonly isRefreshDone: boolean;
    }
  | {
      readonly kind: 'id-set';
      readonly cookie: Buffer | undefined;
      /** The UUIDs are of entries that are gone; else of entries that are still as they were. */
      readonly areDeleted: boolean;
      readonly uuids: readonly Buffer[];
    };

const infoTags = { newCookie: 0x80, refreshDelete: 0xa1, refreshPresent: 0xa2, idSet: 0xa3 } as const;

/** RFC 4533 §2.5, the value of an intermediate response with `syncInfoOid`. */
export function readSyncInfo(value: Buffer): SyncInfo | undefined {
  const reader = new BerReader(value);
  const tag = reader.peek();
  if (tag === infoTags.newCookie) return { kind: 'new-cookie', cookie: octets(reader, tag) };
  if (tag === null || (tag !== infoTags.refreshDelete && tag !== infoTags.refreshPresent && tag !== infoTags.idSet)) {
    return undefined;
  }
  reader.readSequence(tag);
  const cookie = optionalCookie(reader);
  if (tag === infoTags.idSet) return { kind: 'id-set', cookie, ...readIdSet(reader) };
  const isRefreshDone = optionalBoolean(reader, true);
  return { kind: tag === infoTags.refreshDelete ? 'refresh-delete' : 'refresh-present', cookie, isRefreshDone };
}

function readIdSet(reader: BerReader): { areDeleted: boolean; uuids: Buffer[] } {
  const areDeleted = optionalBoolean(reader, false);
  const uuids: Buffer[] = [];
  reader.readSequence(0x31);
  const end = reader.offset + reader.length;
  readUntil(reader, end, () => uuids.push(octets(reader)));
  return { areDeleted, uuids };
}

const optionalCookie = (reader: BerReader): Buffer | undefined =>
  reader.remain > 0 && reader.peek() === Ber.OctetString ? octets(reader) : undefined;

const optionalBoolean = (reader: BerReader, absent: boolean): boolean =>
  reader.remain > 0 && reader.peek() === Ber.Boolean ? reader.readBoolean() === true : absent;
