/** One short connection to a far end, as far as it gets: TCP, TLS with our certificate, OPTIONS. It judges nothing. */
import type { X509Certificate } from 'node:crypto';
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Target } from '../sip/transport/flow.ts';
import type { SocketError } from '../sip/transport/socket-error.ts';
import { isWithoutTls } from '../sip/transport/strange-speech.ts';
import { shownChain } from '../sip/transport/tls.ts';
import { type Inquiry, type InquiryResult, inquire, inquireByUdp, isAboutCertificate } from './inquiry.ts';

interface Call {
  readonly target: Target;
  /** Undefined: the system chooses. */
  readonly localAddress: string | undefined;
  /** With transport tls. */
  readonly secureContext: SecureContext | undefined;
  /** For TCP, and again for TLS. */
  readonly connectMs: number;
  readonly inquiry: Inquiry;
}

/** How far it went. */
export type Contact =
  | {
      readonly kind: 'not-connected';
      /** `closed`: opened, and reset at once; `not-here`: the address that we send from is none of this machine. */
      readonly why: 'refused' | 'closed' | 'silent' | 'unreachable' | 'not-here';
      readonly detail: string;
    }
  | { readonly kind: 'not-secured'; readonly why: HandshakeFault; readonly detail: string }
  | { readonly kind: 'open'; readonly secured: Secured | undefined; readonly answer: InquiryResult };

type HandshakeFault =
  /** An alert that names a certificate: it has looked at ours. */
  | 'certificate-refused'
  /** No version or no cipher in common. */
  | 'nothing-in-common'
  | 'not-tls'
  | 'silent'
  | 'closed'
  | 'failed';

/** What a handshake came to, and what the far end has shown in it. */
export interface Secured {
  /** `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  /** Leaf first, each the issuer of the one before, as far as the peer has sent them or our CA file has them. */
  readonly chain: readonly X509Certificate[];
  /** OpenSSL's code, such as CERT_HAS_EXPIRED; undefined: the CA vouches for it. */
  readonly fault: string | undefined;
}

/** Never rejects. */
export async function makeContact(call: Call): Promise<Contact> {
  if (call.target.transport === 'udp') return contactByUdp(call);
  const opened = await openTcp(call);
  if ('kind' in opened) return opened;
  const { secureContext } = call;
  const secured = secureContext === undefined ? opened : await secure(opened, secureContext, call);
  if ('kind' in secured) return secured;
  const answer = await inquire(secured, call.inquiry);
  const shown = 'getPeerCertificate' in secured ? readSecured(secured as TLSSocket) : undefined;
  secured.destroy();
  return { kind: 'open', secured: shown, answer };
}

async function contactByUdp({ target, localAddress, inquiry }: Call): Promise<Contact> {
  const answer = await inquireByUdp(target, localAddress, inquiry);
  if (answer.kind === 'unsent') return notConnected(answer.error);
  return { kind: 'open', secured: undefined, answer };
}

async function openTcp({ target, localAddress, connectMs }: Call): Promise<Socket | Contact> {
  const socket = tcpConnect({
    host: target.address,
    port: target.port,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  const outcome = await firstOf(socket, 'connect', connectMs);
  if (outcome === undefined) return socket;
  socket.destroy();
  if (outcome === 'late') return { kind: 'not-connected', why: 'silent', detail: `nothing within ${connectMs} ms` };
  return notConnected(outcome);
}

const notConnected = (error: SocketError): Contact => ({
  kind: 'not-connected',
  why: whyNotConnected(error),
  detail: error.message,
});

const whyNotConnected = ({ code }: SocketError) => {
  if (code === 'ECONNREFUSED') return 'refused';
  if (code === 'ECONNRESET') return 'closed';
  if (code === 'ETIMEDOUT') return 'silent';
  return code === 'EADDRNOTAVAIL' ? 'not-here' : 'unreachable';
};

async function secure(
  socket: Socket,
  secureContext: SecureContext,
  { target, connectMs }: Call,
): Promise<TLSSocket | Contact> {
  const { tlsName } = target;
  const secured = tlsConnect({
    socket,
    secureContext,
    // What is wrong with the far certificate is judged afterwards, with the certificate at hand.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    // RFC 6066 §3: an address must not stand in SNI.
    ...(tlsName === undefined || isIP(tlsName) !== 0 ? {} : { servername: tlsName }),
  });
  const outcome = await firstOf(secured, 'secureConnect', connectMs);
  if (outcome === undefined) return secured;
  secured.destroy();
  if (outcome === 'late') return { kind: 'not-secured', why: 'silent', detail: `nothing within ${connectMs} ms` };
  return { kind: 'not-secured', why: whyNotSecured(outcome), detail: outcome.reason ?? outcome.message };
}

const nothingInCommon =
  /protocol version|unsupported protocol|handshake failure|no ciphers|no protocols|insufficient security|too small|too weak|wrong signature type|unsafe legacy/;

const whyNotSecured = (error: SocketError): HandshakeFault => {
  const { code = '', reason = '' } = error;
  if (isAboutCertificate(error)) return 'certificate-refused';
  if (isWithoutTls(reason)) return 'not-tls';
  if (nothingInCommon.test(reason)) return 'nothing-in-common';
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'closed' : 'failed';
};

/** @returns undefined when it has happened */
const firstOf = (socket: Socket, event: string, withinMs: number): Promise<SocketError | 'late' | undefined> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve('late'), withinMs);
    const end = (outcome: SocketError | undefined): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    socket.once(event, () => end(undefined));
    socket.on('error', end);
    socket.once('close', () => end(Object.assign(new Error('it has closed the connection'), { code: 'ECONNRESET' })));
  });

function readSecured(socket: TLSSocket): Secured {
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher()?.standardName ?? 'unknown',
    chain: shownChain(socket),
    fault: socket.authorized ? undefined : String(socket.authorizationError),
  };
}
