/** LDIF change records (RFC 2849) by which the directory is changed, with OpenLDAP's `ldapmodify` and the account that may do everything. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { SambaDirectory } from '../interop/directory/samba-ad.ts';

export type Values = readonly (readonly [name: string, value: string | Buffer])[];

const plain = /^[!-9;=-~](?:[ -~]*[!-~])?$/;

const line = (name: string, value: string | Buffer): string =>
  typeof value === 'string' && plain.test(value)
    ? `${name}: ${value}\n`
    : `${name}:: ${Buffer.from(value as string).toString('base64')}\n`;

const lines = (values: Values): string => values.map(([name, value]) => line(name, value)).join('');

// [MS-ADTS] 3.1.1.3.4.1.14 and 3.1.1.3.4.1.15.
const controls = { showDeleted: '1.2.840.113556.1.4.417', treeDelete: '1.2.840.113556.1.4.805' } as const;

export const adding = (dn: string, values: Values): string => lines([['dn', dn], ['changetype', 'add'], ...values]);

/** What is left of somebody who was deleted, and may come back. */
export interface Tombstone {
  readonly guid: string;
  readonly rdn: string;
}

export interface Change {
  readonly operation: 'add' | 'replace' | 'delete';
  readonly attribute: string;
  readonly values: readonly (string | Buffer)[];
}

const changed = ({ operation, attribute, values }: Change): string =>
  `${operation}: ${attribute}\n${lines(values.map((value) => [attribute, value]))}-\n`;

export const changing = (dn: string, ...changes: readonly Change[]): string =>
  `${line('dn', dn)}changetype: modify\n${changes.map(changed).join('')}`;

export const replacing = (dn: string, attribute: string, ...values: readonly (string | Buffer)[]): string =>
  changing(dn, { operation: 'replace', attribute, values });

/** @param rdn escaped, as in a name */
export const moving = (dn: string, rdn: string, parent: string): string =>
  `${line('dn', dn)}changetype: modrdn\n${line('newrdn', rdn)}deleteoldrdn: 1\n${line('newsuperior', parent)}`;

export const deleting = (dn: string, withAllBelow = false): string =>
  `${line('dn', dn)}${withAllBelow ? `control: ${controls.treeDelete} true\n` : ''}changetype: delete\n`;

/** Reanimation of a tombstone, [MS-ADTS] 3.1.1.5.3.7; Samba does it by the tombstone's own name only, 3.1.1.5.5.1. */
export const restoring = (tombstone: Tombstone, dn: string, suffix: string): string =>
  [
    line('dn', `${tombstone.rdn}\\0ADEL:${tombstone.guid},CN=Deleted Objects,${suffix}`),
    `control: ${controls.showDeleted} true\nchangetype: modify\n`,
    changed({ operation: 'delete', attribute: 'isDeleted', values: [] }),
    changed({ operation: 'replace', attribute: 'distinguishedName', values: [dn] }),
  ].join('');

/**
 * Makes the changes one after the other.
 * @throws Error with what the directory says of the first that it refuses
 */
export async function change(server: SambaDirectory, records: readonly string[]): Promise<void> {
  const who = ['-x', '-H', server.ldapsUrl, '-D', server.admin.dn, '-w', server.admin.password];
  const env = { ...process.env, LDAPTLS_CACERT: server.caFile };
  const child = spawn('ldapmodify', who, { env, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'close');
  child.stdin.end(records.join('\n'));
  const [code] = await ended;
  if (code !== 0) throw new Error(`ldapmodify ended with ${code}: ${said.trim()}\n${records.join('\n')}`);
}

/** A value of a name in a distinguished name (RFC 4514 section 2.4). */
export const escaped = (value: string): string => value.replace(/[,+"\\<>;=]/g, '\\$&').replace(/^[# ]/, '\\$&');
