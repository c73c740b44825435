/** The router's sockets in a simulated network. */
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Sockets } from '../../src/sip/transport/sockets.ts';
import { type Network, type SimulatedSocket, SimulatedUdpSocket } from './network.ts';

/** A round trip more than TCP (TLS 1.3). */
const handshakeTrips = 2;

/** @param own where the router lives */
export const socketsOf = (network: Network, own: string): Sockets => ({
  async listenTcp({ address, port }, _, accept) {
    const { close } = network.listen({ address, port }, (socket) => accept(socket as unknown as Socket));
    return { address: () => ({ address, port, family: 'IPv4' }), close } as unknown as Server;
  },
  dialTcp: (target) => network.connect(own, target) as unknown as Socket,
  dialTls(target) {
    const socket = network.connect(own, target);
    socket.once('connect', () => {
      network.world.after(handshakeTrips * network.delayMs(), () => {
        if (!socket.destroyed) socket.emit('secureConnect');
      });
    });
    return socket as unknown as TLSSocket;
  },
  createHandshaker: (_, __, handler) => ({
    emit(_event: 'connection', accepted: Socket) {
      const socket = accepted as unknown as SimulatedSocket;
      let isSecured = false;
      socket.on('error', ({ message }) => {
        if (!isSecured) handler.onFailed(message, accepted);
      });
      network.world.after(handshakeTrips * network.delayMs(), () => {
        if (socket.destroyed) return;
        isSecured = true;
        handler.onSecured(accepted as TLSSocket);
      });
      return true;
    },
  }),
  createUdpSocket: () => new SimulatedUdpSocket(network) as unknown as UdpSocket,
});
