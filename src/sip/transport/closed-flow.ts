/** The flow of a connection that was closed before any message came: for reports of why. */
import type { Socket } from 'node:net';
import { unlimitedAccount } from '../memory-budget.ts';
import type { Flow, Listener } from './flow.ts';
import { FlowUsers } from './flow-users.ts';

/** Node's own link from a TLS socket to the one below it. */
interface LayeredSocket extends Socket {
  readonly _parent?: Socket | null;
}

/** A TLS socket whose handshake has failed has no address any more; the one below keeps what was read of it when it was accepted. */
const withAddress = (socket: LayeredSocket): Socket =>
  socket.remoteAddress === undefined ? (socket._parent ?? socket) : socket;

export const closedFlow = (closed: Socket, listener: Listener): Flow => {
  const { localAddress, localPort, remoteAddress, remotePort } = withAddress(closed);
  return {
    transport: listener.transport,
    isReliable: true,
    listener,
    localAddress: localAddress ?? listener.address,
    localPort: localPort ?? listener.port,
    remoteAddress: remoteAddress ?? '',
    remotePort: remotePort ?? 0,
    verifiedNames: [],
    state: 'closed',
    isEnding: true,
    maxOctets: 0,
    users: new FlowUsers(),
    account: unlimitedAccount,
    owe: () => undefined,
    send: () => undefined,
  };
};
