/** The ports of SIP (RFC 3261 §19.1.2, §18.2.2). */

export const sipPort = 5060;

/** SIP over TLS. */
export const sipsPort = 5061;

/** The port of a URI, Via, listener or route that names none. */
export const defaultPort = (transport: 'udp' | 'tcp' | 'tls'): number => (transport === 'tls' ? sipsPort : sipPort);
