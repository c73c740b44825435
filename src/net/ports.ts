/** The transports of SIP and their ports (RFC 3261 §19.1.2, §18.2.2). */

export type Transport = 'udp' | 'tcp' | 'tls';

export const sipPort = 5060;

/** SIP over TLS. */
export const sipsPort = 5061;

/** The port of a URI, Via, listener or route that names none. */
export const defaultPort = (transport: Transport): number => (transport === 'tls' ? sipsPort : sipPort);
