/** The ways in for administration as a part of the router: a reload may move them, and change who may enter. */
import type { Change, Part } from '../config/reload.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { Log } from '../log.ts';
import type { Endpoints } from './http.ts';
import { type AdminPort, createAdminServer, openAdminPort } from './network.ts';
import { openAdminSocket } from './socket.ts';

export interface Administration extends Part {
  close(): void;
}

/** @throws RouterError when the socket or the port cannot be opened */
export const openAdministration = async (first: Snapshot, endpoints: Endpoints, log: Log): Promise<Administration> => {
  const socket = await socketPart(first, endpoints);
  const network = await networkPart(first, endpoints, log).catch((error) => {
    socket.close();
    throw error;
  });
  return {
    async prepare(next) {
      const moved = await socket.prepare(next);
      const opened = await network.prepare(next).catch((error) => {
        moved.abandon();
        throw error;
      });
      return both(moved, opened);
    },
    close() {
      socket.close();
      network.close();
    },
  };
};

const both = (a: Change, b: Change): Change => ({
  commit() {
    a.commit();
    b.commit();
  },
  abandon() {
    a.abandon();
    b.abandon();
  },
});

const socketPart = async ({ admin: first }: Snapshot, endpoints: Endpoints): Promise<Administration> => {
  let socket = await openAdminSocket(first.socket, endpoints);
  socket.open(first.socketMode);
  return {
    async prepare({ admin }) {
      const next = admin.socket === socket.path ? socket : await openAdminSocket(admin.socket, endpoints);
      const commit = () => {
        next.open(admin.socketMode);
        if (next !== socket) socket.close();
        socket = next;
      };
      const abandon = () => {
        if (next !== socket) next.close();
      };
      return { commit, abandon };
    },
    close: () => socket.close(),
  };
};

const networkPart = async (first: Snapshot, endpoints: Endpoints, log: Log): Promise<Administration> => {
  let port: AdminPort | undefined;
  const use = (next: AdminPort | undefined) => () => {
    port?.close();
    port = next;
  };
  const nothing = () => undefined;

  const prepare = async ({ admin: { network }, transport }: Snapshot): Promise<Change> => {
    if (network === undefined) return { commit: use(undefined), abandon: nothing };
    const server = createAdminServer(network, transport.tls, endpoints, log);
    const kept = port;
    if (kept?.address === network.address && kept.port === network.port)
      return { commit: () => kept.serve(server), abandon: nothing };
    const opened = await openAdminPort(network, server);
    return { commit: use(opened), abandon: opened.close };
  };

  (await prepare(first)).commit();
  return { prepare, close: () => port?.close() };
};
