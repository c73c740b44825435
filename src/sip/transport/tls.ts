/** TLS below a stream connection: profiles made ready, handshakes in both directions, and the names that a peer has proved. */
import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import tls from 'node:tls';
import { type CertificateNames, certificateNames, matchesName, nobody } from '../../certificates/names.ts';
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
  return { profile, options, secureContext };
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

function secureOptions(profile: TlsProfile): tls.SecureContextOptions {
  const ciphers = profile.ciphers ?? (profile.legacy ? 'DEFAULT' : undefined);
  return {
    cert: profile.certificate,
    key: profile.key,
    ca: profile.ca,
    minVersion: profile.minVersion,
    // No resumption: every connection proves its names anew, against the CA now in force.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(ciphers === undefined ? {} : { ciphers: profile.legacy ? `${ciphers}:@SECLEVEL=0` : ciphers }),
  };
}

export interface HandshakeHandler {
  onSecured(socket: tls.TLSSocket): void;
  /** @param reason for people */
  onFailed(reason: string, socket: Socket): void;
}

/** Makes a server that never listens: accepted sockets are given to it with `emit('connection', socket)`. */
export function createHandshaker(context: TlsContext, handshakeMs: number, handler: HandshakeHandler): tls.Server {
  const { profile, options } = context;
  const requestCert = profile.clientCertificate !== 'none';
  // Node would destroy an unauthorized socket without a word; judged here, its address and the reason are still known.
  const server = tls.createServer({
    ...options,
    requestCert,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeMs,
  });
  server.on('secureConnection', (socket) => {
    const fault = profile.clientCertificate === 'required' ? certificateFault(socket) : undefined;
    if (fault === undefined) handler.onSecured(socket);
    else handler.onFailed(fault, socket);
  });
  server.on('tlsClientError', (error: SocketError, socket) => handler.onFailed(error.reason ?? error.message, socket));
  return server;
}

function certificateFault(socket: tls.TLSSocket): string | undefined {
  if (socket.authorized) return undefined;
  if (socket.getPeerX509Certificate() === undefined) return 'the peer has shown no certificate';
  return `the peer's certificate is refused: ${socket.authorizationError}`;
}

/** Begins to connect, shows our certificate, and accepts only a peer that `target.tlsName` is a name of (if there is one). */
export function dialTls(target: Target, listener: Listener, context: TlsContext): tls.TLSSocket {
  const { tlsName } = target;
  const localAddress = sourceAddress(listener, target);
  // Node hands the options on to net.connect, which its types do not say.
  const options: tls.ConnectionOptions & Pick<TcpNetConnectOpts, 'localAddress'> = {
    host: target.address,
    port: target.port,
    secureContext: context.secureContext,
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) =>
      identityError(certificateNames(new X509Certificate(certificate.raw), usualRules), tlsName),
    ...(localAddress === undefined ? {} : { localAddress }),
    // RFC 6066 §3: an address must not stand in SNI.
    ...(tlsName === undefined || isIP(tlsName) !== 0 ? {} : { servername: tlsName }),
  };
  return tls.connect(options);
}

const usualRules = { wildcards: false, commonName: true };

/** RFC 5922 §7.3. */
function identityError(names: CertificateNames, expected: string | undefined): Error | undefined {
  if (expected === undefined || matchesName(names, expected)) return undefined;
  const shown = [...names.hosts, ...names.addresses].join(', ') || 'nobody';
  return new Error(`the peer's certificate names ${shown}, not ${expected}`);
}

/** What the peer's certificate says, if the CA vouches for it. */
export function provedNames(socket: tls.TLSSocket): CertificateNames {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return certificate === undefined ? nobody : certificateNames(certificate, usualRules);
}

/** The peer's certificate, whoever vouches for it. Node gives its X509Certificate away once only (24.21): made anew here. */
export function shownCertificate(socket: tls.TLSSocket): X509Certificate | undefined {
  const { raw } = socket.getPeerCertificate() as Partial<tls.PeerCertificate>;
  return raw === undefined ? undefined : new X509Certificate(raw);
}
