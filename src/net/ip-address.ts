/** IP addresses as numbers, so that networks can be compared; an IPv4-mapped IPv6 address is the IPv4 address (RFC 4291 §2.5.5.2). */

export type IpAddress =
  /** `value` is an unsigned 32-bit number. */
  | { readonly family: 4; readonly value: number }
  /** `value` is an unsigned 128-bit number. */
  | { readonly family: 6; readonly value: bigint };

const digit0 = 0x30;
const dot = 0x2e;

/** The unsigned 32-bit number of a dotted quad without leading zeros; undefined for any other text. */
export const parseIpv4 = (text: string): number | undefined => {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === dot) {
      if (octet < 0 || dots === 3) return undefined;
      value = value * 256 + octet;
      octet = -1;
      dots += 1;
      continue;
    }
    const digit = char - digit0;
    // A leading zero would mean octal to some programs and decimal to others (RFC 6943 §3.1.1).
    if (digit < 0 || digit > 9 || octet === 0) return undefined;
    octet = octet < 0 ? digit : octet * 10 + digit;
    if (octet > 255) return undefined;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : undefined;
};

const isHexGroup = (text: string): boolean => /^[0-9a-f]{1,4}$/i.test(text);

/** A trailing dotted quad stands for the last two groups (RFC 4291 §2.2 form 3). */
const withoutDottedQuad = (text: string): string | undefined => {
  if (!text.includes('.')) return text;
  const start = text.lastIndexOf(':') + 1;
  const quad = parseIpv4(text.slice(start));
  if (quad === undefined) return undefined;
  return `${text.slice(0, start)}${(quad >>> 16).toString(16)}:${(quad & 0xffff).toString(16)}`;
};

const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'));

/** The eight groups, `::` filled up with zeros; undefined when their number does not fit. */
const eightGroups = (text: string): string[] | undefined => {
  const halves = text.split('::');
  const head = groupsOf(halves[0] ?? '');
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  const tail = groupsOf(halves[1] ?? '');
  const missing = 8 - head.length - tail.length;
  if (halves.length > 2 || missing < 1) return undefined;
  return [...head, ...Array<string>(missing).fill('0'), ...tail];
};

const parseIpv6 = (text: string): bigint | undefined => {
  const hexOnly = withoutDottedQuad(text);
  const groups = hexOnly === undefined ? undefined : eightGroups(hexOnly);
  if (groups?.every(isHexGroup) !== true) return undefined;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
};

/** The bits that an IPv4-mapped address has in front of the IPv4 address: `::ffff:0:0/96`. */
const mappedPrefix = 0xffffn;

/**
 * Reads an IPv4 or IPv6 address; brackets are not part of one.
 * A zone (`fe80::1%eth0`) is dropped: it names our own interface, not the peer.
 */
export const parseIp = (text: string): IpAddress | undefined => {
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { family: 4, value };
  }
  const zone = text.indexOf('%');
  const value = parseIpv6(zone < 0 ? text : text.slice(0, zone));
  if (value === undefined) return undefined;
  return value >> 32n === mappedPrefix ? { family: 4, value: Number(value & 0xffffffffn) } : { family: 6, value };
};

export interface IpNetwork {
  readonly address: IpAddress;
  /** Number of leading bits that count: 0 to 32, or 0 to 128. */
  readonly prefix: number;
}

/** Only the first `prefix` bits of an address, the rest zero. */
export const masked = (address: IpAddress, prefix: number): number | bigint => {
  if (address.family === 6) return (address.value >> BigInt(128 - prefix)) << BigInt(128 - prefix);
  return prefix === 0 ? 0 : (address.value & (0xffffffff << (32 - prefix))) >>> 0;
};

/** One spelling per host, to compare hosts by: IPv6 addresses have many (RFC 5952 §1), all else stays as it is. */
export const hostKey = (host: string): string => {
  const address = host.includes(':') ? parseIp(host) : undefined;
  if (address === undefined) return host;
  if (address.family === 6) return address.value.toString(16);
  return [24, 16, 8, 0].map((shift) => (address.value >>> shift) & 0xff).join('.');
};

/** True for an IP address, false for a name. */
export const isIp = (host: string): boolean => host.includes(':') || parseIpv4(host) !== undefined;
