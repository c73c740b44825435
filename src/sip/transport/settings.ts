/** What the transport layer is given at start: its settings, and values that are compiled from the configuration. */
import { getHeapStatistics } from 'node:v8';
import type { Transport } from '../../net/ports.ts';
import type { ObjectOf } from '../../settings/declared.ts';
import { called, defaultsOf, optional, withDefault } from '../../settings/reader.ts';
import { DAY, KIB, MIB, MINUTE, SECOND } from '../../settings/units.ts';
import { duration, integer, size } from '../../settings/values.ts';

export interface TransportSettings {
  /** Host for Via and Record-Route where a listener has no `name` of its own; required with wildcard addresses. */
  readonly nodeName: string | undefined;
  readonly listen: readonly ListenSetting[];
  /** By profile name. */
  readonly tls: ReadonlyMap<string, TlsProfile>;
  readonly limits: TransportLimits;
  readonly timeouts: TransportTimeouts;
  /** 64*T1: so long may peers repeat a request (RFC 3261 §17.1.2.2). */
  readonly transactionMs: number;
}

export interface ListenSetting {
  readonly transport: Transport;
  /** IP address without brackets; `0.0.0.0` and `::` mean all of their family. */
  readonly address: string;
  /** 0 lets the system choose (tests). */
  readonly port: number;
  readonly name?: string;
  /** Required when transport is tls. */
  readonly tlsProfile?: string;
}

export interface TlsProfile {
  readonly name: string;
  /** PEM, leaf first, then the chain. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** PEM bundle of trusted CAs. The system's own roots are never used. */
  readonly ca: string;
  /** PEM texts of revocation lists; with any, every CA of a chain needs one (RFC 5280 §6.3). */
  readonly crl?: readonly string[];
  /** What a peer that connects to us must show. */
  readonly clientCertificate: 'required' | 'optional' | 'none';
  /** The names that may connect; undefined: any with a certificate of a trusted CA. */
  readonly peers?: readonly string[];
  /** A certificate without subjectAltName is known by its common name (RFC 5922 §7.1); default true. */
  readonly commonName?: boolean;
  /** Wildcards in certificates count, against RFC 5922 §7.2; default false. */
  readonly wildcards?: boolean;
  readonly minVersion: TlsVersion;
  /** Default: the newest. */
  readonly maxVersion?: TlsVersion;
  /** OpenSSL cipher list; default: that of Node. */
  readonly ciphers?: string;
  /** OpenSSL security level 0, without which OCS 2007 (TLS 1.0, SHA-1) cannot be met. */
  readonly legacy?: boolean;
}

/**
 * Whether a port is this thread's own, or one of several sockets of the same program with the same address, among which the
 * system spreads connections and the senders of datagrams (SO_REUSEPORT). Another program of the same user could join them,
 * too: the `first` sees to it that nobody has the port yet, the `joining` do not look.
 */
export type PortSharing = 'sole' | 'first' | 'joining';

type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** 65535 less the IPv4 (20) and UDP (8) headers. */
const largestDatagram = 65_507;

export const limitFields = {
  /** Octets of start line and header fields of one message. */
  headerBytes: called('header', withDefault(size(KIB, MIB), 64 * KIB)),
  bodyBytes: called('body', withDefault(size(KIB, 64 * MIB), MIB)),
  /** Accepted stream connections of admitted peers at a time. */
  connections: withDefault(integer(1, 1_000_000), 10_000),
  /** Of all connections that peers opened, from one IPv4 address or IPv6 /64. */
  connectionsPerAddress: called('connections-per-address', withDefault(integer(1, 1_000_000), 1_000)),
  /** Accepted besides: of peers that are not let in, or have yet to prove that they are. */
  connectionsOfStrangers: called('connections-of-strangers', withDefault(integer(1, 100_000), 500)),
  /** Octets that wait to be written on one connection. */
  writeQueueBytes: called('write-queue', withDefault(size(64 * KIB, 1_024 * MIB), 4 * MIB)),
  udpDatagramBytes: called('udp-datagram', withDefault(size(KIB, largestDatagram), largestDatagram)),
  /** Remote UDP addresses that are remembered per listener. */
  udpFlows: called('udp-peers', withDefault(integer(1, 1_000_000), 20_000)),
  /** Octets of others' text that the transport layer and the transactions above it may hold: of all workers together. */
  memoryBytes: called('memory', optional(size(16 * MIB, 65_536 * MIB))),
};

/** Of one worker. */
export type TransportLimits = ObjectOf<typeof limitFields> & { readonly memoryBytes: number };

/** @param workers among which the memory is divided */
export const limitsOf = (limits: ObjectOf<typeof limitFields>, workers: number): TransportLimits => ({
  ...limits,
  memoryBytes: Math.floor((limits.memoryBytes ?? usualMemoryBytes()) / workers),
});

/** Half of what V8 lets the heap of one thread grow to: the rest is for the router's own, and for what waits for collection. */
const usualMemoryBytes = (): number => Math.floor(getHeapStatistics().heap_size_limit / 2);

export const defaultLimits: TransportLimits = limitsOf(defaultsOf(limitFields), 1);

export const timeoutFields = {
  /** To connect, TLS handshake included. */
  connectMs: called('connect', withDefault(duration(100, MINUTE), 2 * SECOND)),
  /** A connection without traffic or users is closed after this, at the latest after twice this. */
  idleMs: called('idle', withDefault(duration(SECOND, 7 * DAY), 10 * MINUTE)),
  /** A message that has begun must end within this, at the latest within twice this; so must the TLS handshake of a peer. */
  messageMs: called('message', withDefault(duration(SECOND, 10 * MINUTE), 30 * SECOND)),
  /** So long may a connection be open whose peer is not let in. */
  strangerMs: called('stranger', withDefault(duration(100, MINUTE), 5 * SECOND)),
  /**
   * Answers may still leave on a connection for this long after the peer has ended its side. The default is 64*T1: by then a
   * non-INVITE transaction is over (RFC 3261 §17.1.2.2).
   */
  halfOpenMs: called('half-open', withDefault(duration(SECOND, 10 * MINUTE), 32 * SECOND)),
  /** Quiet time before TCP probes its peer. */
  keepAliveMs: called('keep-alive', withDefault(duration(SECOND, DAY), MINUTE)),
};

type Timeouts = ObjectOf<typeof timeoutFields>;

/** Without `keepAliveMs`: no probes. */
export type TransportTimeouts = Omit<Timeouts, 'keepAliveMs'> & Partial<Pick<Timeouts, 'keepAliveMs'>>;
