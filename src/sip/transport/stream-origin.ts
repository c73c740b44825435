/** How a stream connection comes about: what the listener or the connector hands over. */
import type { Socket } from 'node:net';
import type { CertificateNames } from '../../certificates/names.ts';
import type { Listener } from './flow.ts';
import type { Expectation } from './peer-identity.ts';
import type { PeerRefusal } from './peer-refusal.ts';

export interface StreamOrigin {
  readonly socket: Socket;
  readonly transport: 'tcp' | 'tls';
  readonly listener: Listener;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly tlsProfile: string | undefined;
  /** The event of `socket` that ends our connecting; undefined when the peer connected and is ready. */
  readonly openEvent: 'connect' | 'secureConnect' | undefined;
  /** Asked once, when the connection is open; undefined: TCP, where nothing is proved. */
  readonly identify: (() => CertificateNames | PeerRefusal) | undefined;
  /** TLS only. */
  readonly expectation: Expectation | undefined;
}
