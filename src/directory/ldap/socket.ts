/** Opens the stream to an LDAP server: LDAPS, StartTLS or plain, as configured and never less; the certificate is always verified. */

import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls } from 'node:tls';
import type { Clock } from '../../clock.ts';
import { withoutBrackets } from '../../net/host.ts';
import { LdapError } from './ldap.ts';
import { messageLength, readResponse, writeStartTls } from './wire.ts';

export interface LdapServer {
  /** `ldaps://dc1.example.com:636`, with the port. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly security: 'ldaps' | 'start-tls' | 'none';
}

export interface LdapTrust {
  /** PEM: whom to trust. Undefined only where no server uses TLS. */
  readonly ca: string | undefined;
  /** The name that the certificate must carry; undefined: the host of the URL. */
  readonly tlsName: string | undefined;
}

const usualPorts = { 'ldap:': 389, 'ldaps:': 636 } as const;

/**
 * Reads `ldap://host[:port]` or `ldaps://host[:port]`.
 * @param startTls what protects `ldap:`
 * @returns undefined when it is neither
 */
export function readLdapUrl(text: string, startTls: boolean): LdapServer | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'ldap:' && url.protocol !== 'ldaps:') || url.hostname === '')
    return undefined;
  const port = url.port === '' ? usualPorts[url.protocol] : Number(url.port);
  const security = url.protocol === 'ldaps:' ? 'ldaps' : startTls ? 'start-tls' : 'none';
  return {
    url: `${url.protocol}//${url.hostname}:${port}`,
    host: withoutBrackets(url.hostname),
    port,
    security,
  };
}

/**
 * Connects within `budgetMs`, the handshake included.
 * @returns an open stream that nobody reads yet
 * @throws LdapError `ldap-unreachable`, `ldap-not-trusted`, `ldap-timeout` or `ldap-refused`; the socket is then gone
 */
export async function openLdapSocket(
  server: LdapServer,
  trust: LdapTrust,
  budgetMs: number,
  clock: Clock,
): Promise<Socket> {
  const sockets: Socket[] = [];
  const own = (socket: Socket): Socket => {
    sockets.push(socket);
    // Its errors are told by `close`, and by whoever waits for it.
    return socket.on('error', () => undefined);
  };
  const silence = new LdapError('ldap-timeout', `${server.url} did not let us connect within ${budgetMs} ms`);
  const budget = clock.after(budgetMs, () => {
    for (const socket of sockets) socket.destroy(silence);
  });
  try {
    return await connect(server, trust, own);
  } catch (error) {
    for (const socket of sockets) socket.destroy();
    throw error instanceof LdapError ? error : whyNot(error as NodeJS.ErrnoException, server);
  } finally {
    budget.cancel();
  }
}

async function connect(server: LdapServer, trust: LdapTrust, own: (socket: Socket) => Socket): Promise<Socket> {
  const { host, port, security } = server;
  if (security === 'ldaps') return ready(own(connectTls({ host, port, ...verifying(server, trust) })), 'secureConnect');
  const socket = await ready(own(connectTcp({ host, port, noDelay: true, keepAlive: true })), 'connect');
  if (security === 'none') return socket;
  await askForTls(socket, server);
  return ready(own(connectTls({ socket, ...verifying(server, trust) })), 'secureConnect');
}

function ready(socket: Socket, event: 'connect' | 'secureConnect'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
    socket.once(event, () => {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, keepAliveProbeMs);
      resolve(socket);
    });
  });
}

/** TCP's own probes: they find a dead peer while we are quiet. */
const keepAliveProbeMs = 10_000;

const verifying = ({ host }: LdapServer, { ca, tlsName = host }: LdapTrust): ConnectionOptions => ({
  ca: ca ?? [],
  rejectUnauthorized: true,
  minVersion: 'TLSv1.2',
  // RFC 6066 §3: no addresses in SNI.
  ...(isIP(tlsName) === 0 ? { servername: tlsName } : {}),
  checkServerIdentity: (_, certificate) => checkServerIdentity(tlsName, certificate),
});

/** RFC 4511 §4.14. Whatever else than a plain "yes" comes, the connection is not used: it would be in the clear. */
async function askForTls(socket: Socket, { url }: LdapServer): Promise<void> {
  socket.write(writeStartTls(1));
  const response = readResponse(await oneMessage(socket));
  if (response.kind !== 'result') throw new LdapError('ldap-protocol', `${url} does not answer StartTLS with a result`);
  const { code, diagnostic } = response.result;
  if (code !== 0) throw new LdapError('ldap-refused', `${url} refuses StartTLS: ${diagnostic || `code ${code}`}`, code);
}

/** Reads one message and leaves the stream stopped; what came behind it unprotected must not be taken for protected. */
function oneMessage(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const read = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const length = messageLength(received);
      if (length === 0 || received.length < length) return;
      socket.off('data', read);
      socket.pause();
      if (received.length > length) reject(new Error('octets came between StartTLS and the handshake'));
      else resolve(received);
    };
    socket.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        reject(error as Error);
      }
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
  });
}

/** OpenSSL's verdicts on a certificate (RFC 5280), and Node's on its names. */
const isDistrust = (code: string): boolean =>
  code.startsWith('ERR_TLS_CERT') || /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|ISSUER|HOSTNAME/.test(code);

/** Of its security level, for which Node has no code. */
const isTooWeak = (message: string): boolean =>
  /^(?:CA|EE) (?:signature digest algorithm|certificate key) too weak$|^CA certificate key too weak$/i.test(message);

function whyNot({ code = '', message }: NodeJS.ErrnoException, server: LdapServer): LdapError {
  const { url } = server;
  if (isDistrust(code) || isTooWeak(message))
    return new LdapError('ldap-not-trusted', `the certificate of ${url} is not trusted: ${distrust(code, message)}`);
  return new LdapError('ldap-unreachable', `${url} cannot be reached: ${lackOfTls(code, message, server) ?? message}`);
}

/** What a handshake comes to with a server that takes it for LDAP: an answer that is no TLS, or the end of the connection. */
function lackOfTls(code: string, message: string, { port, security }: LdapServer): string | undefined {
  if (security !== 'ldaps') return undefined;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return `it does not speak TLS on port ${port}: ldaps:// wants the port of LDAPS (636, 3269), ldap:// has start-tls`;
  if (!/disconnected before secure TLS connection/.test(message)) return undefined;
  return `it ends the connection instead of a handshake: is port ${port} for LDAPS (usual: 636, 3269), and has it a certificate?`;
}

function distrust(code: string, message: string): string {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'it has expired';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `it is for another name (${message.replace(/^.*altnames: /, '')})`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return 'none of the authorities in "ca" has signed it';
    default:
      return weakness(message) ?? message;
  }
}

/** OpenSSL's security level 1 and above (SSL_CTX_set_security_level(3)). */
function weakness(message: string): string | undefined {
  if (/signature digest algorithm too weak/i.test(message))
    return 'it, or a CA of its chain, is signed with SHA-1 or MD5, which TLS does not take any more: have it issued anew with SHA-256';
  if (/certificate key too weak/i.test(message))
    return 'its key, or that of a CA of its chain, is too short: have it issued anew with RSA of 2048 bits or more';
  return undefined;
}
