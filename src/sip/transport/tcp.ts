/** TCP sockets as a stream connection wants them: listening and connecting. */
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Listener, Target } from './flow.ts';
import { sourceAddress } from './listener.ts';
import type { ListenSetting, PortSharing } from './settings.ts';

/** @returns the listening server; rejects with the system's error */
export async function listenTcp(
  setting: ListenSetting,
  sharing: PortSharing,
  accept: (socket: Socket) => void,
): Promise<Server> {
  if (sharing === 'first') (await listenAt(setting, false, (socket) => socket.destroy())).close();
  return listenAt(setting, sharing !== 'sole', accept);
}

function listenAt(
  { address, port }: ListenSetting,
  reusePort: boolean,
  accept: (socket: Socket) => void,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept);
    server.once('error', reject);
    server.listen({ host: address, port, ipv6Only: isIPv6(address), reusePort }, () => resolve(server));
  });
}

export function dialTcp(target: Target, listener: Listener): Socket {
  const localAddress = sourceAddress(listener, target);
  return connect({
    host: target.address,
    port: target.port,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
}
