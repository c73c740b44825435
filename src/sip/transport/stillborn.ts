/** Stands for a connection that no message ever came by. */
import type { Socket } from 'node:net';
import { unlimitedAccount } from '../memory-budget.ts';
import type { Flow, Listener } from './flow.ts';
import { FlowUsers } from './flow-users.ts';

export const stillborn = (socket: Socket, listener: Listener): Flow => ({
  transport: listener.transport,
  isReliable: true,
  listener,
  localAddress: socket.localAddress ?? listener.address,
  localPort: socket.localPort ?? listener.port,
  remoteAddress: socket.remoteAddress ?? '',
  remotePort: socket.remotePort ?? 0,
  verifiedNames: [],
  state: 'closed',
  users: new FlowUsers(),
  account: unlimitedAccount,
  send: () => undefined,
});
