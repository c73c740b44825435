/** The directory that needs no server: users of the Microsoft side from an LDIF export of Active Directory. */
import { randomSeed } from '../../hash/keyed-hash.ts';
import type { DirectoryAnswer } from '../../routing/types.ts';
import type { Directory, DirectoryDescription } from '../directory.ts';
import type { SharedTable } from '../table/user-records.ts';
import { UserTable } from '../table/user-table.ts';
import { compareClaims, keyIn, readEnabled } from '../user-entry.ts';
import { type LdifProblem, type LdifRecord, type LdifValue, readLdif } from './reader.ts';

/** The user's SIP address; Cisco's migration tools keep it, because the address book needs it. */
const addressAttribute = 'msRTCSIP-PrimaryUserAddress';
/** Only TRUE makes a Microsoft user of an entry with an address. */
const enabledAttribute = 'msRTCSIP-UserEnabled';

export interface LdifUsers extends Directory {
  /** The same users for other threads to read. */
  table(): SharedTable;
}

export interface LdifDirectory {
  /** Complete without the values that have a problem; of two entries with one address the enabled one counts, as with LDAP. */
  readonly directory: LdifUsers;
  readonly userCount: number;
  /** Whether any of them says who is enabled, be it yes or no. */
  readonly showsEnabled: boolean;
  /** By line. Where the file itself cannot be read as LDIF, it is no reason to believe the rest. */
  readonly problems: readonly LdifProblem[];
}

interface User {
  readonly key: string;
  readonly isEnabled: boolean;
  readonly showsEnabled: boolean;
  readonly line: number;
  readonly dn: string;
}

type Report = (problem: LdifProblem) => void;

/** Both attributes are single-valued in the schema of Lync. */
const singleValue = (record: LdifRecord, attribute: string, report: Report): LdifValue | undefined => {
  const name = attribute.toLowerCase();
  const [first, second] = record.values.filter((value) => value.attribute === name);
  if (second !== undefined) {
    report({ kind: 'value', line: second.line, problem: `a second ${attribute}: line ${first?.line} has one already` });
  }
  return first;
};

const readAddress = ({ line, text }: LdifValue, report: Report): string | undefined => {
  const key = text === undefined ? undefined : keyIn(addressAttribute, text);
  if (key === undefined) {
    const shown = text === undefined ? 'something that is not UTF-8' : JSON.stringify(text);
    report({ kind: 'value', line, problem: `${addressAttribute} must be like sip:bob@example.com, and is ${shown}` });
  }
  return key;
};

const isEnabledBy = (value: LdifValue | undefined, report: Report): boolean => {
  if (value === undefined) return false;
  const isEnabled = value.text === undefined ? undefined : readEnabled(value.text);
  if (isEnabled !== undefined) return isEnabled;
  const shown = JSON.stringify(value.text ?? 'octets that are not UTF-8');
  report({ kind: 'value', line: value.line, problem: `${enabledAttribute} must be TRUE or FALSE, and is ${shown}` });
  return false;
};

const readUser = (record: LdifRecord, report: Report): User | undefined => {
  const address = singleValue(record, addressAttribute, report);
  const enabled = singleValue(record, enabledAttribute, report);
  const isEnabled = isEnabledBy(enabled, report);
  const key = address && readAddress(address, report);
  if (key === undefined) return undefined;
  return { key, isEnabled, showsEnabled: enabled !== undefined, line: address?.line ?? record.line, dn: record.dn };
};

const collectUsers = (records: readonly LdifRecord[], report: Report): Map<string, User> => {
  const users = new Map<string, User>();
  for (const record of records) {
    const user = readUser(record, report);
    if (user === undefined) continue;
    const other = users.get(user.key);
    if (other === undefined || compareClaims({ ...user, rank: 0 }, { ...other, rank: 0 }) < 0)
      users.set(user.key, user);
    if (other !== undefined) {
      const [here, there] = [user.dn, other.dn].map((dn) => JSON.stringify(dn));
      const problem = `"${user.key}" is the address of two entries: here of ${here}, and in line ${other.line} of ${there}`;
      report({ kind: 'duplicate', line: user.line, problem });
    }
  }
  return users;
};

/** Answers are made once: the file was read at start and is the truth until the next reload. */
const answersOf = (source: string) => {
  const home = { kind: 'home', side: 'microsoft', freshness: 'fresh', source, ageMs: 0 } as const;
  return {
    enabled: { ...home, addressOnly: false },
    addressOnly: { ...home, addressOnly: true },
    unknown: { kind: 'unknown-user', source, ageMs: 0 },
  } satisfies Record<string, DirectoryAnswer>;
};

const inTable = (source: string, users: ReadonlyMap<string, User>, passedOver: number): LdifUsers => {
  const shared = tableOf(users);
  const enabled = [...users.values()].filter(({ isEnabled }) => isEnabled).length;
  const rest = passedOver === 0 ? '' : `, ${passedOver} values passed over`;
  const summary = `${users.size} users, ${enabled} of them enabled${rest}`;
  return { ...ldifInTable({ source, summary }, shared), table: () => shared };
};

/** One for all: what a version of a file loses is found by comparing its table with that of the one before. */
const seed = randomSeed();

/** A `Map` of a hundred thousand addresses lies all over the heap: to find one took a twenty-fifth of a MESSAGE's way. */
const tableOf = (users: ReadonlyMap<string, User>): SharedTable => {
  const table = UserTable.create(users.size, seed);
  for (const [key, { isEnabled }] of users) table.put(key, [key], isEnabled ? 'enabled' : 'address-only', 0);
  return table.shared;
};

/** The users of an LDIF file, which another thread may have read. */
export const ldifInTable = (description: DirectoryDescription, shared: SharedTable): Directory => {
  const { enabled, addressOnly, unknown } = answersOf(description.source);
  const table = new UserTable(shared);
  const lookup = (recipientKey: string): DirectoryAnswer => {
    const state = table.stateOf(recipientKey);
    if (state === undefined) return unknown;
    return state === 'enabled' ? enabled : addressOnly;
  };
  return { lookup, describe: () => description };
};

/** In words for an administrator: who has an address only would all be at home on the other side. */
export const tellBlindFile = (userCount: number): string =>
  `none of its users (${userCount}) has ${enabledAttribute}, so all are at home on the Cisco side: was that attribute left out of the export?`;

/**
 * Makes a directory of an LDIF file.
 * @param text the file, decoded
 * @param fileName stands in answers and descriptions, as `ldif NAME`
 */
export const ldifDirectory = (text: string, fileName: string): LdifDirectory => {
  const { records, problems: syntax } = readLdif(text);
  const problems: LdifProblem[] = [...syntax];
  const users = collectUsers(records, (problem) => problems.push(problem));
  problems.sort((a, b) => a.line - b.line);
  const passedOver = problems.filter(({ kind }) => kind === 'value').length;
  const showsEnabled = [...users.values()].some((user) => user.showsEnabled);
  return { directory: inTable(`ldif ${fileName}`, users, passedOver), userCount: users.size, showsEnabled, problems };
};
