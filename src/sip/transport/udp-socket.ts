/** UDP sockets of the system as a port wants them. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { ListenSetting } from './settings.ts';

/** Room for some thousand messages that arrive while something else is being done; the system may grant less. */
const receiveBufferBytes = 4 * 1024 * 1024;

export const createUdpSocket = ({ address }: ListenSetting, reusePort: boolean): Socket =>
  createSocket({
    type: isIPv6(address) ? 'udp6' : 'udp4',
    ipv6Only: isIPv6(address),
    recvBufferSize: receiveBufferBytes,
    reusePort,
    // All addresses are literal; the system's resolver would cost a thread's work per message.
    lookup: (host, family, whenFound) => whenFound(null, host, Number(family)),
  });
