/** Both ends of TLS connections with certificates that a test has made: a transport layer, peers that call it, and peers that it calls. */
import { type ConnectionOptions, connect, createServer, type TlsOptions } from 'node:tls';
import type { Listener } from '../../src/sip/transport/flow.ts';
import type { TlsProfile } from '../../src/sip/transport/settings.ts';
import type { TestAuthority, TestCertificate } from './certificates.ts';
import { type OpenTransports, openTransports } from './open-transports.ts';
import { requestText } from './raw-message.ts';
import { keepPeer, listenAsPeer, type PeerServer, type StreamPeer } from './stream-peer.ts';

interface TlsEnds {
  readonly router: TestCertificate;
  readonly frontEnd: TestCertificate;
  profileOf(own: TestCertificate, changes?: Partial<TlsProfile>): TlsProfile;
  /** With one listener, whose profile is named default. */
  openTls(changes?: Partial<TlsProfile>): Promise<OpenTransports>;
  connectTls(listener: Listener, own: TestCertificate | undefined, options?: ConnectionOptions): StreamPeer;
  listenTls(own: TestCertificate, options?: TlsOptions): Promise<PeerServer>;
}

/** @param authority whom all of them trust */
export function tlsEnds(authority: TestAuthority): TlsEnds {
  const router = authority.issue({ commonName: 'router.example.com', alternativeNames: ['DNS:router.example.com'] });
  const frontEnd = authority.issue({
    commonName: 'pool.example.com',
    alternativeNames: ['DNS:pool.example.com', 'DNS:fe1.example.com', 'IP:127.0.0.1'],
  });
  const profileOf = (own: TestCertificate, changes: Partial<TlsProfile> = {}): TlsProfile => ({
    name: 'default',
    certificate: own.certificate,
    key: own.key,
    ca: authority.certificate,
    clientCertificate: 'required',
    minVersion: 'TLSv1.2',
    ...changes,
  });
  return {
    router,
    frontEnd,
    profileOf,
    openTls: (changes = {}) =>
      openTransports({ listen: [{ transport: 'tls', tlsProfile: 'default' }], tls: [profileOf(router, changes)] }),
    connectTls(listener, own, options = {}) {
      const shown = own === undefined ? {} : { cert: own.certificate, key: own.key };
      const { address: host, port } = listener;
      const named = { host, port, ca: authority.certificate, servername: 'router.example.com' };
      return keepPeer(connect({ ...named, ...shown, ...options }));
    },
    listenTls(own, options = {}) {
      const asked = { requestCert: true, rejectUnauthorized: true, ca: authority.certificate };
      const server = createServer({ cert: own.certificate, key: own.key, ...asked, ...options });
      return listenAsPeer('127.0.0.1', server, 'secureConnection');
    },
  };
}

/** A MESSAGE from a host with this sent-by and these parameters. */
export const messageFrom = (via = 'fe1.example.com:5061'): string =>
  requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via: [`SIP/2.0/TLS ${via};branch=z9hG4bK1`] });
