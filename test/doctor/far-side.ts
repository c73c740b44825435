/** Far sides as the doctor may meet them: real servers with certificates of every kind, and some that are no servers at all. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { TestCertificate } from '../support/certificates.ts';
import { RawFramer, RawMessage, responseText } from '../support/raw-message.ts';

interface Place {
  readonly address: string;
  readonly port: number;
}

interface Shown {
  readonly certificate: TestCertificate;
  /** PEM: sent along, leaf not included. */
  readonly chain?: string;
  /** PEM: whom it trusts, and asks for a certificate. Default: it asks nobody. */
  readonly trusts?: string;
}

/** What it answers to OPTIONS; undefined: nothing. */
type Respond = (request: RawMessage) => string | undefined;

export const ok: Respond = (request) => responseText(request, 200);

export const silent: Respond = () => undefined;

/** A SIP server over TLS that closes without a word on whom it does not trust, as Node's do. */
export async function serveTls(
  at: Place,
  shown: Shown,
  respond: Respond = ok,
  options: TlsOptions = {},
): Promise<void> {
  const asks = shown.trusts === undefined ? {} : { ca: shown.trusts, requestCert: true, rejectUnauthorized: true };
  const { certificate, key } = shown.certificate;
  const server = createTlsServer({ cert: certificate + (shown.chain ?? ''), key, ...asks, ...options });
  server.on('secureConnection', (socket) => answer(socket, respond));
  await serve(server, at);
}

/**
 * The same without TLS; without `respond` it takes connections and is silent.
 * @param greeting what it says to whatever comes first
 */
export async function serveTcp(at: Place, respond = silent, greeting?: string): Promise<void> {
  const server = createServer((socket) => {
    if (greeting !== undefined) socket.once('data', () => socket.write(greeting));
    answer(socket, respond);
  });
  await serve(server, at);
}

export async function serveUdp({ address, port }: Place, respond: Respond): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (datagram, from) => {
    const response = respond(new RawMessage(datagram.toString('latin1')));
    if (response !== undefined) socket.send(Buffer.from(response, 'latin1'), from.port, from.address);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
  onTestFinished(() => new Promise((resolve) => socket.close(() => resolve())));
}

function answer(socket: Socket, respond: Respond): void {
  const framer = new RawFramer();
  socket.setEncoding('latin1');
  // The doctor disconnects when it has seen enough.
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    for (const text of framer.push(chunk)) {
      const response = respond(new RawMessage(text));
      if (response !== undefined) socket.write(response, 'latin1');
    }
  });
}

async function serve(server: Server, { address, port }: Place): Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(port, address);
  await once(server, 'listening');
  onTestFinished(async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
}

/**
 * OpenSSL's own server, which refuses a client's certificate by an alert as most SIP servers do. It speaks no SIP.
 * @param args such as `-tls1_2`
 */
export async function serveByOpenssl(
  { address, port }: Place,
  shown: Shown,
  ...args: readonly string[]
): Promise<void> {
  const { certificateFile, keyFile } = shown.certificate;
  const place = ['-accept', `${address}:${port}`, '-cert', certificateFile, '-key', keyFile];
  const child = spawn('openssl', ['s_server', ...place, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => end(child));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk));
  while (!said.includes('ACCEPT')) {
    if (child.exitCode !== null) throw new Error(`openssl s_server ended with ${child.exitCode}: ${said}`);
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
