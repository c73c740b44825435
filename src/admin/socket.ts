/** The socket for administration: HTTP and JSON between processes of one user of one machine. */
import { chmodSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { RouterError } from '../router-error.ts';

export interface Reply {
  readonly status: number;
  /** Fit for JSON. */
  readonly body: unknown;
}

/** What stands behind the question mark. */
export type Query = URLSearchParams;

/** By method and path: `POST /reload`. */
export type Endpoints = Readonly<Record<string, (query: Query) => Reply | Promise<Reply>>>;

export interface AdminSocket {
  readonly path: string;
  /** Answers what is under way, takes nothing more, and removes the socket. */
  close(): void;
}

/** @throws RouterError that names the path and what is wrong with it */
export const openAdminSocket = async (path: string, endpoints: Endpoints): Promise<AdminSocket> => {
  const server = createServer((request, response) => void answer(request, response, endpoints));
  await listenAt(server, path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' || (await isServed(path))) throw cannotOpen(path, error);
    // What a process left behind that was killed.
    unlinkSync(path);
    await listenAt(server, path).catch((again: NodeJS.ErrnoException) => Promise.reject(cannotOpen(path, again)));
  });
  return { path, close: () => void server.close() };
};

const cannotOpen = (path: string, error: NodeJS.ErrnoException): RouterError => {
  const why = error.code === 'EADDRINUSE' ? 'another router answers there' : error.message;
  return new RouterError('admin-socket', `admin.socket ${path} cannot be opened: ${why}`, { cause: error });
};

/** The mask holds while the socket is made, so that it is nobody else's for not even a moment. */
const listenAt = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const mask = process.umask(0o177);
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      chmodSync(path, 0o600);
      resolve();
    });
    process.umask(mask);
  });

const isServed = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

const answer = async (request: IncomingMessage, response: ServerResponse, endpoints: Endpoints): Promise<void> => {
  request.resume();
  const [path = '', query] = request.url?.split('?', 2) ?? [];
  const { status, body } = await replyTo(`${request.method} ${path}`, new URLSearchParams(query), endpoints);
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify(body)}\n`);
};

const replyTo = async (asked: string, query: Query, endpoints: Endpoints): Promise<Reply> => {
  const endpoint = Object.hasOwn(endpoints, asked) ? endpoints[asked] : undefined;
  if (endpoint === undefined)
    return { status: 404, body: { error: `there is no ${asked}`, try: Object.keys(endpoints) } };
  try {
    return await endpoint(query);
  } catch (error) {
    return { status: 500, body: { error: error instanceof Error ? error.message : String(error) } };
  }
};
