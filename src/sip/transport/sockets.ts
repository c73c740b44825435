/** Where sockets come from: the system. Nothing else of the transports asks it for one, so another network can stand in its place. */
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Listener, Target } from './flow.ts';
import type { ListenSetting, PortSharing } from './settings.ts';
import { dialTcp, listenTcp } from './tcp.ts';
import { createHandshaker, dialTls, type HandshakeHandler, type Handshaker, type TlsContext } from './tls.ts';
import { createUdpSocket } from './udp-socket.ts';

export interface Sockets {
  /** Rejects with the system's error. */
  listenTcp(setting: ListenSetting, sharing: PortSharing, accept: (socket: Socket) => void): Promise<Server>;
  /** Begins to connect. */
  dialTcp(target: Target, listener: Listener): Socket;
  /** The same, and then TLS. The caller must judge the peer before it writes anything. */
  dialTls(target: Target, listener: Listener, context: TlsContext): TLSSocket;
  /** Sets up TLS on accepted sockets. */
  createHandshaker(context: TlsContext, handshakeMs: number, handler: HandshakeHandler): Handshaker;
  /** Not yet bound. */
  createUdpSocket(setting: ListenSetting, reusePort: boolean): UdpSocket;
}

export const systemSockets: Sockets = { listenTcp, dialTcp, dialTls, createHandshaker, createUdpSocket };
