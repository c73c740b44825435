/**
 * Attributes with many values: Active Directory gives 1,500 of them at once, under a name that says which
 * (`proxyAddresses;range=0-1499`, [MS-ADTS] 3.1.1.3.1.3.3), and the others when they are asked for.
 */
import { type LdapEntry, LdapError } from './ldap.ts';
import { entryOf } from './wire.ts';

interface Range {
  /** With its options, without the range. */
  readonly attribute: string;
  /** Place of the first value that did not come; undefined: all came. */
  readonly next: number | undefined;
}

const option = /;range=\d+-(\d+|\*)$/;

function rangeOf(name: string): Range | undefined {
  const found = option.exec(name);
  if (found === null) return undefined;
  return { attribute: name.slice(0, found.index), next: found[1] === '*' ? undefined : Number(found[1]) + 1 };
}

export const hasMoreValues = (entry: LdapEntry): boolean => entry.names.some((name) => name.includes(';range='));

/**
 * The entry with all values of all its attributes, each under its plain name.
 * @param read the entry again, with this attribute only; undefined: it is gone, and what came of it must do
 * @throws LdapError when the server does not go on where it stood
 */
export async function withAllValues(
  entry: LdapEntry,
  read: (attribute: string) => Promise<LdapEntry | undefined>,
): Promise<LdapEntry> {
  const attributes = new Map<string, Buffer[]>();
  for (const name of entry.names) {
    const { attribute, next } = rangeOf(name) ?? { attribute: name, next: undefined };
    const values = [...(attributes.get(attribute) ?? []), ...entry.octets(name)];
    attributes.set(attribute, values);
    if (next !== undefined) await readFrom(next, attribute, values, read);
  }
  return entryOf(entry.dn, attributes, entry.controls);
}

async function readFrom(
  first: number,
  attribute: string,
  values: Buffer[],
  read: (attribute: string) => Promise<LdapEntry | undefined>,
): Promise<void> {
  for (let from: number | undefined = first; from !== undefined; ) {
    const entry = await read(`${attribute};range=${from}-*`);
    if (entry === undefined) return;
    const name = entry.names.find((each) => each.startsWith(`${attribute};range=${from}-`));
    const range = name === undefined ? undefined : rangeOf(name);
    if (name === undefined || range === undefined) {
      throw new LdapError('ldap-protocol', `the server gives no ${attribute} of ${entry.dn} from number ${from} on`);
    }
    values.push(...entry.octets(name));
    from = range.next;
  }
}
