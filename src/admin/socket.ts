/** The socket for administration: between processes of one user of one machine, or of one group. */
import { chmodSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { kindOf } from '../own-files.ts';
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
    if (error.code !== 'EADDRINUSE') throw cannotOpen(path, error.message, error);
    const why = await whyNotDead(path);
    if (why !== undefined) throw cannotOpen(path, why, error);
    // What a process left behind that was killed.
    unlinkSync(path);
    await listenAt(server, path).catch((again: NodeJS.ErrnoException) =>
      Promise.reject(cannotOpen(path, again.message, again)),
    );
  });
  return { path, open: (mode) => chmodSync(path, mode), close: () => void server.close() };
};

const cannotOpen = (path: string, why: string, cause: Error): RouterError =>
  new RouterError('admin-socket', `admin.socket ${path} cannot be opened: ${why}`, { cause });

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

/** Undefined for a socket that nobody listens on: all else that stands there stays. */
const whyNotDead = async (path: string): Promise<string | undefined> => {
  const kind = kindOf(path);
  if (kind !== 'socket') return `a ${kind ?? 'file'} is there, which stays as it is`;
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('another router answers there');
    });
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      resolve(code === 'ECONNREFUSED' ? undefined : `what is there may be in use: ${message}`);
    });
  });
};
