/** What the transport layer is told at start: plain values, compiled from the configuration by somebody else. */
import { getHeapStatistics } from 'node:v8';
import type { Transport } from './flow.ts';

export interface TransportSettings {
  /** Host for Via and Record-Route where a listener has no `name` of its own; required with wildcard addresses. */
  readonly nodeName: string | undefined;
  readonly listen: readonly ListenSetting[];
  /** By profile name. */
  readonly tls: ReadonlyMap<string, TlsProfile>;
  readonly limits: TransportLimits;
  readonly timeouts: TransportTimeouts;
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
  /** PEM bundle: whom to trust. The system's own roots are never used. */
  readonly ca: string;
  /** PEM texts of revocation lists; with any, every CA of a chain needs one (RFC 5280 §6.3). */
  readonly crl?: readonly string[];
  /** What a peer that connects to us must show. */
  readonly clientCertificate: 'required' | 'optional' | 'none';
  /** The names that may connect; undefined: all whom the CA vouches for. */
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
 * too: the `first` sees to it that nobody has the port yet, `fellow`s join without a look.
 */
export type PortSharing = 'sole' | 'first' | 'fellow';

type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

export interface TransportLimits {
  /** Octets of start line and header fields of one message. */
  readonly headerBytes: number;
  readonly bodyBytes: number;
  /** Accepted stream connections of admitted peers at a time. */
  readonly connections: number;
  /** Of all connections that peers opened, from one IPv4 address or IPv6 /64. */
  readonly connectionsPerAddress: number;
  /** Accepted besides: of peers that are not let in, or have yet to prove that they are. */
  readonly connectionsOfStrangers: number;
  /** Octets that wait to be written on one connection. */
  readonly writeQueueBytes: number;
  readonly udpDatagramBytes: number;
  /** Remote UDP addresses that are remembered per listener. */
  readonly udpFlows: number;
  /** Octets of others' text that the transport layer and the transactions above it may hold. */
  readonly memoryBytes: number;
}

export interface TransportTimeouts {
  /** To connect, TLS handshake included. */
  readonly connectMs: number;
  /** A connection without traffic or users is closed after this, at the latest after twice this. */
  readonly idleMs: number;
  /** A message that has begun must end within this, at the latest within twice this; so must the TLS handshake of a peer. */
  readonly messageMs: number;
  /** So long may a connection be open whose peer is not let in. */
  readonly strangerMs: number;
  /** Answers may still leave on a connection for this long after the peer has ended its side. */
  readonly halfOpenMs: number;
  /** Quiet time before TCP probes its peer; undefined: no probes. */
  readonly keepAliveMs?: number;
}

const KIB = 1024;

export const defaultLimits: TransportLimits = {
  headerBytes: 64 * KIB,
  bodyBytes: KIB * KIB,
  connections: 10_000,
  connectionsPerAddress: 1_000,
  connectionsOfStrangers: 500,
  writeQueueBytes: 4 * KIB * KIB,
  // 65535 less the IPv4 (20) and UDP (8) headers.
  udpDatagramBytes: 65_507,
  udpFlows: 20_000,
  // The other half of the heap is for the router's own, and for what waits for collection.
  memoryBytes: Math.floor(getHeapStatistics().heap_size_limit / 2),
};

export const defaultTimeouts: TransportTimeouts = {
  connectMs: 2_000,
  idleMs: 600_000,
  messageMs: 30_000,
  strangerMs: 5_000,
  // 64*T1: by then a non-INVITE transaction is over (RFC 3261 §17.1.2.2).
  halfOpenMs: 32_000,
  keepAliveMs: 60_000,
};
