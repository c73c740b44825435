/** The forms in which an access rule says whom it means: Apache's "allow from", as Cisco's incoming ACL has it, and verified TLS names. */
import { type IpAddress, type IpNetwork, masked, parseIp, parseIpv4 } from './ip-address.ts';
import type { Parsed } from './parsed.ts';

export type AccessPattern =
  | { readonly kind: 'all' }
  | { readonly kind: 'network'; readonly network: IpNetwork }
  /** A name of the peer's verified certificate; lower case. */
  | { readonly kind: 'name'; readonly name: string }
  /** Every name below `domain` by whole labels, not `domain` itself; lower case, without the leading dot. */
  | { readonly kind: 'names-below'; readonly domain: string };

const everybody: AccessPattern = { kind: 'all' };

const network = (address: IpAddress, prefix: number): AccessPattern => ({
  kind: 'network',
  network: { address, prefix },
});

const bitsOf = (address: IpAddress): number => (address.family === 4 ? 32 : 128);

/** The prefix length of a netmask like 255.255.0.0; undefined when its ones are not all in front. */
const prefixOfNetmask = (text: string): number | undefined => {
  const mask = parseIpv4(text);
  if (mask === undefined) return undefined;
  const prefix = Math.clz32(~mask);
  return masked({ family: 4, value: 0xffffffff }, prefix) === mask ? prefix : undefined;
};

const prefixOf = (text: string, address: IpAddress): number | undefined => {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= bitsOf(address) ? Number(text) : undefined;
  return address.family === 4 ? prefixOfNetmask(text) : undefined;
};

const readNetwork = (text: string): Parsed<AccessPattern> => {
  const slash = text.indexOf('/');
  const address = parseIp(text.slice(0, slash));
  if (address === undefined) return { problem: `"${text}" does not begin with an IPv4 or IPv6 address` };
  const prefix = prefixOf(text.slice(slash + 1), address);
  if (prefix === undefined) {
    return { problem: `"${text}" needs a prefix of 0 to ${bitsOf(address)} bits or a netmask behind the slash` };
  }
  if (masked(address, prefix) !== address.value) {
    return { problem: `"${text}" has address bits set behind its first ${prefix} bits: is the prefix too short?` };
  }
  return { value: network(address, prefix) };
};

/** `10.`, `10.1.` or `10.1.2.`: the first octets; Apache lets the last dot be left out. */
const readPartialAddress = (text: string): Parsed<AccessPattern> => {
  const octets = text.replace(/\.$/, '').split('.');
  const address = parseIpv4([...octets, ...Array<string>(Math.max(0, 4 - octets.length)).fill('0')].join('.'));
  if (address === undefined || octets.length > 3) {
    return { problem: `"${text}" is neither an IPv4 address nor the first one to three octets of one` };
  }
  return { value: network({ family: 4, value: address }, octets.length * 8) };
};

const hostName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** True for a lower-case host name: labels of letters, digits, `-` and `_`. */
export const isHostName = (text: string): boolean => hostName.test(text);

const readName = (text: string): Parsed<AccessPattern> => {
  const name = text.toLowerCase();
  const isPartial = name.startsWith('.');
  const bare = isPartial ? name.slice(1) : name;
  if (!isHostName(bare)) {
    return { problem: `"${text}" is not all, an address, a network, a TLS name or a partial name like .example.com` };
  }
  return { value: isPartial ? { kind: 'names-below', domain: bare } : { kind: 'name', name: bare } };
};

const withoutBrackets = (text: string): string => (/^\[.*\]$/.test(text) ? text.slice(1, -1) : text);

/** Reads what stands behind `from` in an access rule. The text must be as written: YAML would make a number of `10.1`. */
export const parseFrom = (text: string): Parsed<AccessPattern> => {
  const trimmed = text.trim();
  if (trimmed.toLowerCase() === 'all') return { value: everybody };
  if (trimmed.includes('/')) return readNetwork(trimmed);
  const address = parseIp(withoutBrackets(trimmed));
  if (address !== undefined) return { value: network(address, bitsOf(address)) };
  return /^[0-9][0-9.]*$/.test(trimmed) ? readPartialAddress(trimmed) : readName(trimmed);
};
