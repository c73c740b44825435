/** Turns what sockets and OpenSSL say into transport errors. Pure. */
import type { Flow } from './flow.ts';
import { isWithoutTls } from './strange-speech.ts';
import type { TransportError, TransportErrorCode } from './transport-error.ts';

export interface SocketError extends NodeJS.ErrnoException {
  /** OpenSSL's words: `sslv3 alert bad certificate`. */
  readonly reason?: string;
}

type Connection = Pick<Flow, 'transport' | 'state' | 'remoteAddress' | 'remotePort'>;

export function socketError(error: SocketError, connection: Connection): TransportError {
  const code = codeOf(error, connection);
  if (code !== 'tls-failed') return { code, detail: error.message };
  const { reason = error.message } = error;
  const what = isWithoutTls(reason) ? `it answers without TLS, the route says transport: tls (${reason})` : reason;
  return { code, detail: `TLS with ${connection.remoteAddress} port ${connection.remotePort}: ${what}` };
}

function codeOf(error: SocketError, connection: Connection): TransportErrorCode {
  const isConnecting = connection.state === 'connecting';
  if (isConnecting && error.code === 'ECONNREFUSED') return 'connect-refused';
  if (isConnecting && error.code === 'ETIMEDOUT') return 'connect-timeout';
  if (isConnecting && (error.syscall === 'connect' || error.syscall === 'bind')) return 'connect-failed';
  if (connection.transport === 'tls' && (isConnecting || isAlert(error))) return 'tls-failed';
  return isConnecting ? 'connect-failed' : 'closed';
}

/** With TLS 1.3 a server refuses our certificate only after the handshake has ended for us. */
const isAlert = (error: SocketError): boolean => error.code?.startsWith('ERR_SSL') === true;
