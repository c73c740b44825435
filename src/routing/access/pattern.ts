/** The forms in which an access rule says whom it means: Apache's "allow from", as Cisco's incoming ACL has it, and verified TLS names. */
import { isHostName, withoutBrackets, withoutFinalDot } from '../../net/host.ts';
import { type IpAddress, type IpNetwork, masked, parseIp, parseIpv4 } from '../../net/ip-address.ts';
import type { ParseResult } from '../parsed.ts';

/** Names by which a rule knows a verified certificate, or a host in From. */
export type NamePattern =
  /** Exactly this one; lower case. */
  | { readonly kind: 'name'; readonly name: string }
  /** Every name below `domain` by whole labels; lower case, without the leading dot. */
  | {
      readonly kind: 'names-below';
      readonly domain: string /** And `domain` itself. */;
      readonly isWithDomain: boolean;
    };

export type AccessPattern =
  | { readonly kind: 'all' }
  | { readonly kind: 'network'; readonly network: IpNetwork }
  | NamePattern;

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

const readNetwork = (text: string): ParseResult<AccessPattern> => {
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
const readPartialAddress = (text: string): ParseResult<AccessPattern> => {
  const octets = text.replace(/\.$/, '').split('.');
  const address = parseIpv4([...octets, ...Array<string>(Math.max(0, 4 - octets.length)).fill('0')].join('.'));
  if (address === undefined || octets.length > 3) {
    return { problem: `"${text}" is neither an IPv4 address nor the first one to three octets of one` };
  }
  return { value: network({ family: 4, value: address }, octets.length * 8) };
};

/** What people try and what does not exist, with what to write instead. */
const foreignForms: readonly (readonly [form: RegExp, problem: (text: string) => string])[] = [
  [/^(?:\*|any)$/i, (text) => `"${text}" is written all`],
  [/^\d{1,3}(?:\.\d{1,3}){0,2}(?:\.\*)+$/, (text) => `"${text}" is written ${text.replace(/\*.*$/, '')}`],
  [
    /^[\d.]+-[\d.]*$/,
    (text) => `"${text}" is a range: write a network such as 192.0.2.0/28, or a row for each address`,
  ],
  [/^[\d.]+:\d+$/, (text) => `"${text}" has a port: a peer is known by its address alone`],
  [/^(?:\d{1,3}\.){3}[\d]*[a-z]\w*$/i, (text) => `"${text}" looks like an address, and is none`],
  [/^\*\./, (text) => `"${text}" is written ${text.slice(1)}, for all names below it`],
  [/^env=/i, (text) => `"${text}" asks for a variable of a web server, which a SIP peer does not have`],
  [/^deny\s+from\b/i, (text) => `"${text}" is written as a row with deny: true, and the rest behind from`],
  [/\s/, (text) => `"${text}" has several words: each address or name needs a row of its own`],
];

const readName = (text: string): ParseResult<NamePattern> => {
  const name = withoutFinalDot(text.toLowerCase());
  const isPartial = name.startsWith('.');
  const bare = isPartial ? name.slice(1) : name;
  if (!isHostName(bare)) {
    return { problem: `"${text}" is not all, an address, a network, a TLS name or a partial name like .example.com` };
  }
  return {
    value: isPartial ? { kind: 'names-below', domain: bare, isWithDomain: false } : { kind: 'name', name: bare },
  };
};

const readBare = (text: string): ParseResult<AccessPattern> => {
  const foreign = foreignForms.find(([form]) => form.test(text));
  if (foreign !== undefined) return { problem: foreign[1](text) };
  if (text.toLowerCase() === 'all') return { value: everybody };
  if (text.includes('/')) return readNetwork(text);
  const address = parseIp(withoutBrackets(text));
  if (address !== undefined) return { value: network(address, bitsOf(address)) };
  return /^[0-9][0-9.]*$/.test(text) ? readPartialAddress(text) : readName(text);
};

/** In Apache's directive, and so on IM&P, a name means itself and all names that end in it (whole labels). */
const asDirective = (read: ParseResult<AccessPattern>): ParseResult<AccessPattern> =>
  read.value?.kind === 'name' ? { value: { kind: 'names-below', domain: read.value.name, isWithDomain: true } } : read;

/**
 * Reads what stands behind `from` in an access rule: an address pattern, or a whole line of Cisco's incoming ACL
 * (`Allow from company.com`). The text must be as written: YAML would make a number of `10.1`.
 */
export const parseFrom = (text: string): ParseResult<AccessPattern> => {
  const trimmed = text.trim();
  const directive = /^allow\s+from\s+(.*)$/i.exec(trimmed)?.[1];
  return directive === undefined ? readBare(trimmed) : asDirective(readBare(directive));
};

/** Reads a name or a partial name; an address is none. */
export const parseName = (text: string): ParseResult<NamePattern> => {
  const { value, problem } = readBare(text.trim());
  if (value === undefined) return { problem };
  if (value.kind === 'name' || value.kind === 'names-below') return { value };
  return { problem: `"${text}" is not a name such as fe1.example.com or .example.com` };
};

/** Reads whom From may name: a domain, a partial one, or an address, as servers have it in requests of their own. */
export const parseFromDomain = (text: string): ParseResult<NamePattern> => {
  const host = withoutBrackets(text.trim().toLowerCase());
  return parseIp(host) === undefined ? parseName(text) : { value: { kind: 'name', name: host } };
};
