/** Whether names and addresses lead to each other: our own, and those of next hops. */

import { isIP } from 'node:net';
import { withoutFinalDot } from '../net/host.ts';
import type { DnsClient, ReverseDns } from '../sip/resolve/dns-client.ts';
import type { TransportError } from '../sip/transport/transport-error.ts';
import { error, type Finding, warning, well } from './finding.ts';
import { onDns, onRouter } from './remedies.ts';

export interface NameParts {
  readonly dns: DnsClient & ReverseDns;
  /** All waiting for one name together. */
  readonly budgetMs: number;
  /** Of this machine, and those that are listened on. */
  readonly isOwn: (address: string) => boolean;
}

/** Both sides resolve what stands in our Via and Record-Route, and what their routes lead to; an address leads to itself. */
export async function judgeOwnName(name: string, { dns, budgetMs, isOwn }: NameParts): Promise<Finding> {
  if (isIP(name) !== 0) return judgeOwnAddress(name, isOwn);
  const addresses = await within(
    budgetMs,
    dns.addresses(name).then(({ addresses }) => addresses),
  );
  const step = onDns(`an A record of ${name}, which both sides can see`);
  if ('why' in addresses) return error('own-name-address', `${name} has no address here: ${addresses.why}`, step);
  const seen = `${name} has the address ${addresses.join(', ')}`;
  if (addresses.some(isOwn)) return well('own-name-address', seen);
  return warning('own-name-address', `${seen}, which is none of this machine: right only for a virtual address`, step);
}

function judgeOwnAddress(address: string, isOwn: NameParts['isOwn']): Finding {
  if (isOwn(address)) return well('own-name-address', `node.name ${address} is an address of this machine`);
  const seen = `node.name ${address} is no address of this machine: right only for a virtual address`;
  return warning('own-name-address', seen, onRouter('node.name: an address of a listener, or a name for it'));
}

type ReverseCode = 'own-name-reverse' | 'hop-reverse';

/** Cisco's access list asks for the names of addresses (PTR), and Cisco's guide wants both directions for every node. */
export async function judgeReverse(
  code: ReverseCode,
  address: string,
  name: string | undefined,
  { dns, budgetMs }: NameParts,
): Promise<Finding> {
  const names = await within(budgetMs, dns.names(address));
  const step = onDns(`a PTR record of ${address}${name === undefined ? '' : ` for ${name}`}`);
  if ('why' in names) return warning(code, `${address} leads to no name: ${names.why}`, step);
  const seen = `${address} leads to ${names.join(', ')}`;
  const isIt = name === undefined || names.some((each) => withoutFinalDot(each.toLowerCase()) === name);
  return isIt ? well(code, seen) : warning(code, `${seen}, not to ${name}`, step);
}

/** @param found addresses, or why there are none */
export function judgeHopName(host: string, port: number, found: readonly string[] | TransportError): Finding {
  if ('code' in found) {
    const records = port === 0 ? `SRV records, or an A record, of ${host}` : `an A record of ${host}`;
    return error('hop-address', `${host} leads nowhere: ${found.detail}`, onDns(records));
  }
  return well('hop-address', `${host} leads to ${found.join(', ')}`);
}

interface Nothing {
  readonly why: string;
}

async function within(ms: number, asked: Promise<readonly string[]>): Promise<readonly string[] | Nothing> {
  const late = Promise.withResolvers<Nothing>();
  const timer = setTimeout(() => late.resolve({ why: `no answer from DNS within ${ms} ms` }), ms);
  const found = asked.catch(({ message }: Error): Nothing => ({ why: message }));
  const answer = await Promise.race([found, late.promise]);
  clearTimeout(timer);
  return answer;
}
