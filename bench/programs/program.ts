/** What is measured: a program between the two sides, and where all who take part have their addresses. */
import type { Place, Transport } from '../load/wire.ts';

/** How the program is to be set up. */
export interface Wish {
  readonly transport: Transport;
  readonly mode: 'basic' | 'advanced';
  /** Known users, all of them at home on the Microsoft side. */
  readonly users: number;
  /** Its own, and empty. */
  readonly folder: string;
  /** Made by certs/make-dev-certs.sh. */
  readonly certificates: string;
}

export interface Program {
  /** With its version. */
  readonly name: string;
  readonly at: Place;
  /** All its processes. */
  pids(): readonly number[];
  stop(): Promise<void>;
}

/** Loopback addresses. Of each side the first server takes all; the second stands by for failover. */
export const addresses = {
  router: '127.0.130.1',
  kamailio: '127.0.130.2',
  cisco: ['127.0.130.11', '127.0.130.12'],
  microsoft: ['127.0.130.21', '127.0.130.22'],
} as const;

export const portOf = (transport: Transport): number => (transport === 'tls' ? 5061 : 5060);

export const placesOf = (side: 'cisco' | 'microsoft', transport: Transport): [Place, ...Place[]] => {
  const [first, second] = addresses[side];
  const port = portOf(transport);
  return [
    { address: first, port },
    { address: second, port },
  ];
};
