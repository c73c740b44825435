/** Administration over the network: a port that stays open while a reload changes who may enter, and how. */
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Socket } from 'node:net';
import type { AdminNetwork } from '../config/admin.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { Log } from '../log.ts';
import { RouterError } from '../router-error.ts';
import { createTlsContext } from '../sip/transport/tls.ts';
import { createGuard } from './guard.ts';
import { answering, type Endpoints, type Guard, serverLimits } from './http.ts';

export interface AdminPort {
  readonly address: string;
  readonly port: number;
  /** From the next connection on. */
  serve(server: AdminServer): void;
  /** Answers what is under way, and takes nothing more. */
  close(): void;
}

/** A server that never listens: accepted connections are given to it. */
type AdminServer = Server;

/** A connection on which no request comes is ended after this time. */
const quietMs = 5_000;

/** From the connection to the end of the answer; a reload may take its time. */
const exchangeMs = 60_000;

const mostConnections = 32;

/** @throws RouterError when the TLS profile cannot be used */
export const createAdminServer = (
  network: AdminNetwork,
  profiles: Snapshot['transport']['tls'],
  endpoints: Endpoints,
  log: Log,
): AdminServer => {
  const answer = answering(endpoints, telling(createGuard(network), log));
  const profile = profiles.get(network.tlsProfile ?? '');
  const server =
    profile === undefined
      ? createHttpServer(serverLimits, answer)
      : createHttpsServer(
          {
            ...serverLimits,
            ...createTlsContext(profile).options,
            requestCert: profile.clientCertificate !== 'none',
            rejectUnauthorized: profile.clientCertificate === 'required',
            handshakeTimeout: quietMs,
          },
          answer,
        );
  server.on('request', ({ socket }: IncomingMessage) => socket.setTimeout(exchangeMs));
  return server.setTimeout(quietMs);
};

/** @throws RouterError that names the address and what is wrong with it */
export const openAdminPort = ({ address, port }: AdminNetwork, first: AdminServer): Promise<AdminPort> =>
  new Promise((resolve, reject) => {
    let inForce = first;
    const server = createServer((socket) => {
      endInTime(socket);
      inForce.emit('connection', socket);
    });
    server.maxConnections = mostConnections;
    server.once('error', (error) => reject(cannotOpen(address, port, error)));
    server.listen({ host: address, port, ipv6Only: address.includes(':') }, () => {
      const serve = (next: AdminServer): void => {
        inForce = next;
      };
      resolve({ address, port, serve, close: () => void server.close() });
    });
  });

const endInTime = (socket: Socket): void => {
  const end = setTimeout(() => socket.destroy(), exchangeMs).unref();
  socket.once('close', () => clearTimeout(end)).on('error', () => undefined);
};

const cannotOpen = (address: string, port: number, cause: Error): RouterError =>
  new RouterError('admin-listen', `admin.listen ${address}, port ${port}, cannot be opened: ${cause.message}`, {
    cause,
  });

/** Refused attempts may come in floods: at most one log line in this time, with their number. */
const tellEveryMs = 1_000;

const telling = (guard: Guard, log: Log): Guard => {
  let count = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  return (request) => {
    const refusal = guard(request);
    if (refusal === undefined) return undefined;
    count += 1;
    if (performance.now() - toldMs >= tellEveryMs) {
      toldMs = performance.now();
      const { method, url, socket } = request;
      const { status } = refusal;
      log.warn(
        { event: 'admin-refused', from: socket.remoteAddress, method, url, status, count },
        'administration was refused',
      );
      count = 0;
    }
    return refusal;
  };
};
