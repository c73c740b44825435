/** What peers are told to reach this node by: a name, or at a site without DNS an address (`node.name`, and `name` of a listener). */
import { isIP } from 'node:net';
import { parseIp } from '../net/ip-address.ts';
import type { Reader } from '../settings/declared.ts';
import { quote } from '../settings/problem.ts';
import { reader } from '../settings/reader.ts';
import { host } from '../settings/values.ts';

/** A host name, or an IP address that one machine can have and a SIP URI can hold (RFC 3261 §25.1: no zone); without brackets. */
export const ownHost: Reader<string> = reader((node, spot) => {
  const value = host(node, spot);
  const wrong = value === undefined || isIP(value) === 0 ? undefined : whyNotReached(value);
  if (wrong === undefined) return value;
  spot.problems.error(node.place, spot.path, ...wrong);
  return undefined;
}, host);

function whyNotReached(address: string): readonly [what: string, hint: string] | undefined {
  const hint = 'write the name or the address that peers connect to';
  if (address.includes('%')) return [`${quote(address)} has a zone, which means something on this machine only`, hint];
  const ip = parseIp(address);
  if (ip === undefined || ip.value === 0 || ip.value === 0n) return [`nobody can connect to ${quote(address)}`, hint];
  if (ip.family === 4 && address.includes(':')) return [`${quote(address)} is an IPv4 address`, 'write it as such'];
  // 224.0.0.0/3 (RFC 5771, RFC 1112 §4) and ff00::/8 (RFC 4291 §2.7).
  const isGroup = ip.family === 4 ? ip.value >= 0xe0000000 : ip.value >> 120n === 0xffn;
  return isGroup ? [`${quote(address)} is no address of a single machine`, hint] : undefined;
}
