/** Which transports a name offers (RFC 3263 §4.1). Pure. */
import type { Transport } from '../../net/ports.ts';
import type { NaptrRecord } from './dns-client.ts';

/** Where SRV records may be found, and the transport that they are for. */
export interface Service {
  readonly name: string;
  readonly transport: Transport;
}

const transportOf: Readonly<Record<string, Transport>> = { 'SIPS+D2T': 'tls', 'SIP+D2T': 'tcp', 'SIP+D2U': 'udp' };

/** Most secure first, as nothing else says which is better. */
const inOrder: readonly Transport[] = ['tls', 'tcp', 'udp'];

/** RFC 3263 §4.1 and §4.2. */
const servicePrefix: Readonly<Record<Transport, string>> = { udp: '_sip._udp.', tcp: '_sip._tcp.', tls: '_sips._tcp.' };

export const serviceOf = (host: string, transport: Transport): Service => ({
  name: `${servicePrefix[transport]}${host}`,
  transport,
});

/** Without NAPTR records every transport that is spoken here is asked for. */
export const everyService = (host: string, spoken: ReadonlySet<Transport>): Service[] =>
  inOrder.filter((transport) => spoken.has(transport)).map((transport) => serviceOf(host, transport));

/**
 * The services that NAPTR records offer, the preferred one first: of the lowest order that has one which is spoken here, for
 * a higher order must not be looked at then (RFC 3403 §4.1).
 */
export const offeredServices = (records: readonly NaptrRecord[], spoken: ReadonlySet<Transport>): Service[] => {
  const usable = records.flatMap(({ order, preference, flags, service, regexp, replacement }) => {
    const transport = transportOf[service.toUpperCase()];
    const isUsable = transport !== undefined && spoken.has(transport) && flags.toLowerCase() === 's' && regexp === '';
    return isUsable ? [{ order, preference, name: replacement, transport }] : [];
  });
  const lowest = Math.min(...usable.map(({ order }) => order));
  return usable
    .filter(({ order }) => order === lowest)
    .sort((a, b) => a.preference - b.preference)
    .map(({ name, transport }) => ({ name, transport }));
};

/** What a name without NAPTR and SRV records is reached by: UDP, as RFC 3263 §4.1 has it, where that is spoken. */
export const lastResort = (spoken: ReadonlySet<Transport>): Transport =>
  inOrder.findLast((it) => spoken.has(it)) ?? 'udp';
