/** The socket for administration: between processes of one user of one machine, or of one group. */
import { chmodSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { RouterError } from '../router-error.ts';
import { answering, type Endpoints, serverLimits } from './http.ts';

export interface AdminSocket {
  readonly path: string;
  /** @param mode 0600, or 0660 for the router's group, too */
  open(mode: number): void;
  /** Answers what is under way, takes nothing more, and removes the socket. */
  close(): void;
}

/** Of the socket, until it is opened to others. */
const ownerOnly = 0o600;

/** File permissions guard it. @throws RouterError that names the path and what is wrong with it */
export const openAdminSocket = async (path: string, endpoints: Endpoints): Promise<AdminSocket> => {
  const server = createServer(
    serverLimits,
    answering(endpoints, () => undefined),
  );
  await listenAt(server, path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' || (await isServed(path))) throw cannotOpen(path, error);
    // What a process left behind that was killed.
    unlinkSync(path);
    await listenAt(server, path).catch((again: NodeJS.ErrnoException) => Promise.reject(cannotOpen(path, again)));
  });
  return { path, open: (mode) => chmodSync(path, mode), close: () => void server.close() };
};

const cannotOpen = (path: string, error: NodeJS.ErrnoException): RouterError => {
  const why = error.code === 'EADDRINUSE' ? 'another router answers there' : error.message;
  return new RouterError('admin-socket', `admin.socket ${path} cannot be opened: ${why}`, { cause: error });
};

/** The mask holds while the socket is made, so that it is nobody else's for not even a moment. */
const listenAt = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const mask = process.umask(0o777 & ~ownerOnly);
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      chmodSync(path, ownerOnly);
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
