/** The socket for administration as a part of the router: a reload may move it. */
import type { Part } from '../config/reload.ts';
import { type AdminSocket, type Endpoints, openAdminSocket } from './socket.ts';

export interface Administration extends Part {
  close(): void;
}

/** @throws RouterError when the socket cannot be opened */
export const openAdministration = async (path: string, endpoints: Endpoints): Promise<Administration> => {
  let socket: AdminSocket = await openAdminSocket(path, endpoints);
  return {
    async prepare({ admin }) {
      if (admin.socket === socket.path) return { commit: () => undefined, abandon: () => undefined };
      const next = await openAdminSocket(admin.socket, endpoints);
      const commit = () => {
        socket.close();
        socket = next;
      };
      return { commit, abandon: () => next.close() };
    },
    close: () => socket.close(),
  };
};
