/** TLS below a stream connection: prepared profiles, and handshakes in both directions. The peer is judged after the handshake. */
import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import tls from 'node:tls';
import { pemBlocks } from '../../certificates/pem.ts';
import { readTrust, type Trust } from '../../certificates/trust.ts';
import type { Listener, Target } from './flow.ts';
import { ListenError } from './listen-error.ts';
import { sourceAddress } from './listener.ts';
import type { TlsProfile } from './settings.ts';
import type { SocketError } from './socket-error.ts';

/** A profile whose key and certificates have been read; used in both directions. */
export interface TlsContext {
  readonly profile: TlsProfile;
  readonly options: tls.SecureContextOptions;
  readonly secureContext: tls.SecureContext;
  /** For connections that were opened under another profile of this name. */
  readonly trust: Trust;
}

/** @throws ListenError that names the profile and what is wrong with it */
export function createTlsContext(profile: TlsProfile): TlsContext {
  const certificate = attempt(
    profile,
    'its certificate cannot be read as PEM',
    () => new X509Certificate(profile.certificate),
  );
  const key = attempt(profile, 'its key cannot be read as PEM', () => createPrivateKey(profile.key));
  // Without a CA, OpenSSL would fall back to the public roots and trust the whole world.
  attempt(profile, 'its ca cannot be read as PEM', () => new X509Certificate(profile.ca));
  checkPair(profile, certificate, key);
  const options = secureOptions(profile);
  const secureContext = attempt(profile, 'OpenSSL refuses it', () => tls.createSecureContext(options));
  const trust = attempt(profile, 'its crl cannot be read', () => readTrust(profile.ca, profile.crl ?? []));
  return { profile, options, secureContext, trust };
}

function attempt<Value>(profile: TlsProfile, complaint: string, make: () => Value): Value {
  try {
    return make();
  } catch (cause) {
    const { reason, message } = cause as SocketError;
    throw unusable(profile, `${complaint} (${reason ?? message})`, cause);
  }
}

function checkPair(profile: TlsProfile, certificate: X509Certificate, key: KeyObject): void {
  if (!certificate.checkPrivateKey(key)) throw unusable(profile, 'its key does not belong to its certificate');
}

function unusable(profile: TlsProfile, what: string, cause?: unknown): ListenError {
  return new ListenError('tls-profile-unusable', `TLS profile "${profile.name}": ${what}`, { cause });
}

/** Lync and OCS do not understand the empty fragments that guard TLS 1.0 (Cisco's guide turns them off, too). */
const forOldPeers = constants.SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS;

function secureOptions(profile: TlsProfile): tls.SecureContextOptions {
  // Of a text with several lists Node would take the first.
  const crl = (profile.crl ?? []).flatMap((text) => pemBlocks(text, 'X509 CRL'));
  const ciphers = profile.ciphers ?? (profile.legacy ? 'DEFAULT' : undefined);
  return {
    cert: profile.certificate,
    key: profile.key,
    ca: profile.ca,
    ...(crl.length === 0 ? {} : { crl }),
    minVersion: profile.minVersion,
    ...(profile.maxVersion === undefined ? {} : { maxVersion: profile.maxVersion }),
    // No resumption: every connection proves its names anew, against the CA now in force.
    secureOptions: constants.SSL_OP_NO_TICKET | (profile.legacy === true ? forOldPeers : 0),
    ...(ciphers === undefined ? {} : { ciphers: profile.legacy ? `${ciphers}:@SECLEVEL=0` : ciphers }),
  };
}

export interface HandshakeHandler {
  /** Before the peer's identity is known. */
  onSecured(socket: tls.TLSSocket): void;
  /** @param reason for people */
  onFailed(reason: string, socket: Socket): void;
}

/** Accepted sockets are given to it with `emit('connection', socket)`. */
export interface Handshaker {
  emit(event: 'connection', socket: Socket): boolean;
}

/** Makes a server that never listens: accepted sockets are given to it with `emit('connection', socket)`. */
export function createHandshaker(context: TlsContext, handshakeMs: number, handler: HandshakeHandler): Handshaker {
  const { profile, options } = context;
  const requestCert = profile.clientCertificate !== 'none';
  // Node would destroy an unauthorized socket without a word; judged by us, its address, its names and the reason are known.
  const server = tls.createServer({
    ...options,
    // Without renegotiation a peer keeps the name that it has proved (TLS 1.2 and before).
    secureOptions: Number(options.secureOptions) | constants.SSL_OP_NO_RENEGOTIATION,
    requestCert,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeMs,
  });
  server.on('secureConnection', (socket) => handler.onSecured(socket));
  server.on('tlsClientError', (error: SocketError, socket) => handler.onFailed(error.reason ?? error.message, socket));
  return server;
}

/** Begins to connect, and shows our certificate. The caller must judge the peer before it writes anything. */
export function dialTls(target: Target, listener: Listener, context: TlsContext): tls.TLSSocket {
  const { tlsName } = target;
  const localAddress = sourceAddress(listener, target);
  // Node hands the options on to net.connect, which its types do not say.
  const options: tls.ConnectionOptions & Pick<TcpNetConnectOpts, 'localAddress'> = {
    host: target.address,
    port: target.port,
    secureContext: context.secureContext,
    // As for accepted connections: OpenSSL verifies all the same, and `identify` closes with the names that were seen.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...(localAddress === undefined ? {} : { localAddress }),
    // RFC 6066 §3: an address must not stand in SNI.
    ...(tlsName === undefined || isIP(tlsName) !== 0 ? {} : { servername: tlsName }),
  };
  return tls.connect(options);
}

/** The peer's certificate, trusted or not. Node returns its X509Certificate only once (24.21), so it is created again here. */
export function shownCertificate(socket: tls.TLSSocket): X509Certificate | undefined {
  const { raw } = socket.getPeerCertificate() as Partial<tls.PeerCertificate>;
  return raw === undefined ? undefined : new X509Certificate(raw);
}

/** The certificate of the peer, and those that lead from it to a root as OpenSSL has found them. */
export function shownChain(socket: tls.TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next: Partial<tls.DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  // A root is its own issuer.
  while (next?.raw !== undefined && !chain.some(({ raw }) => raw.equals(next!.raw!))) {
    chain.push(new X509Certificate(next.raw));
    next = next.issuerCertificate;
  }
  return chain;
}
