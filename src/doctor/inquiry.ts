/** Sends one OPTIONS on an open connection and waits for its answer (RFC 3261 §11). */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Target } from '../sip/transport/flow.ts';
import { defaultLimits } from '../sip/transport/settings.ts';
import type { SocketError } from '../sip/transport/socket-error.ts';
import { strangeSpeech } from '../sip/transport/strange-speech.ts';
import { octetsOnly, parseMessage, type SipRequest, type SipResponse, StreamFramer } from '../sip-parser/index.ts';

export interface Inquiry {
  readonly text: string;
  readonly callId: string;
  readonly waitMs: number;
}

export type InquiryResult =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly ms: number;
      /** The Date field as it stands; undefined: it has none. */
      readonly date: string | undefined;
      /** When it came, in milliseconds since 1970. */
      readonly atMs: number;
    }
  /** By an alert after the handshake: with TLS 1.3 there is no other way to refuse a client's certificate (RFC 8446 §4.4.2). */
  | { readonly kind: 'certificate-refused'; readonly detail: string }
  | { readonly kind: 'closed'; readonly detail: string }
  | { readonly kind: 'not-sip'; readonly detail: string }
  | { readonly kind: 'silent'; readonly waitedMs: number };

/** Over UDP only: it could not be sent, or ICMP says that nobody is there. */
interface Unsent {
  readonly kind: 'unsent';
  readonly error: SocketError;
}

/** @param socket open; is not closed here */
export const inquire = (socket: Socket, inquiry: Inquiry): Promise<InquiryResult> =>
  firstTold<InquiryResult>(inquiry, (tell) => {
    const startMs = performance.now();
    const ours = { isAccepted: false, transport: socket instanceof TLSSocket ? 'tls' : 'tcp' } as const;
    const framer = new StreamFramer(defaultLimits);
    socket.on('data', (chunk) => {
      framer.push(chunk.toString('latin1'));
      for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
        if (frame.kind === 'message') tell(finalAnswer(frame.message, inquiry, startMs));
        else if (frame.kind === 'lost')
          tell({ kind: 'not-sip', detail: strangeSpeech(frame.text, ours) ?? frame.detail });
      }
    });
    socket.on('error', (error: SocketError) => tell(endedBy(error)));
    socket.on('end', () => tell({ kind: 'closed', detail: 'it has ended the connection' }));
    socket.on('close', () => tell({ kind: 'closed', detail: 'it has closed the connection' }));
    socket.write(octetsOnly(inquiry.text), 'latin1');
    return () => undefined;
  });

const endedBy = (error: SocketError): InquiryResult => ({
  kind: isAboutCertificate(error) ? 'certificate-refused' : 'closed',
  detail: error.reason ?? error.message,
});

/** In the words of OpenSSL, such as `tlsv1 alert unknown ca`, `sslv3 alert bad certificate`. */
export const isAboutCertificate = ({ reason = '' }: SocketError): boolean =>
  /alert .*(?:certificate|unknown ca|access denied)/.test(reason);

/** RFC 3261 §17.1.2.2: Timer E, which doubles. */
const firstRepeatMs = 500;

export const inquireByUdp = (
  { address, port }: Target,
  localAddress: string | undefined,
  inquiry: Inquiry,
): Promise<InquiryResult | Unsent> =>
  firstTold<InquiryResult | Unsent>(inquiry, (tell) => {
    const startMs = performance.now();
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const datagram = Buffer.from(octetsOnly(inquiry.text), 'latin1');
    let repeat: NodeJS.Timeout | undefined;
    const send = (nextInMs: number): void => {
      socket.send(datagram);
      repeat = setTimeout(() => send(2 * nextInMs), nextInMs);
    };
    socket.on('message', (octets) => {
      const message = parseMessage(octets.toString('latin1'));
      tell(message && finalAnswer(message, inquiry, startMs));
    });
    socket.on('error', (error) => tell({ kind: 'unsent', error }));
    socket.on('connect', () => send(firstRepeatMs));
    socket.bind(0, localAddress, () => socket.connect(port, address));
    return () => {
      clearTimeout(repeat);
      socket.close();
    };
  });

/** Undefined: it is something else, or provisional. */
function finalAnswer(
  message: SipRequest | SipResponse,
  { callId }: Inquiry,
  startMs: number,
): InquiryResult | undefined {
  if (message.kind !== 'response' || message.callId !== callId || message.status < 200) return undefined;
  const ms = performance.now() - startMs;
  return { kind: 'answered', status: message.status, ms, date: message.all('date')[0], atMs: Date.now() };
}

/**
 * Resolves with the first result that `begin` tells, or `silent` after `waitMs`.
 * @param begin returns what cleans up; to tell undefined changes nothing
 */
const firstTold = <Told>(
  { waitMs }: Inquiry,
  begin: (tell: (told: Told | undefined) => void) => () => void,
): Promise<Told | Extract<InquiryResult, { kind: 'silent' }>> =>
  new Promise((resolve) => {
    const finish = (told: Told | Extract<InquiryResult, { kind: 'silent' }>): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      end();
      resolve(told);
    };
    let isOver = false;
    const timer = setTimeout(() => finish({ kind: 'silent', waitedMs: waitMs }), waitMs);
    const end = begin((told) => {
      if (told !== undefined) finish(told);
    });
  });
