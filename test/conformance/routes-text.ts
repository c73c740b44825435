/** The routes.yaml of a conformance world. JSON is YAML, so it is written as such. */
import { join } from 'node:path';
import type { Transport } from '../support/raw-sip.ts';
import { domainOf, portOf } from '../support/two-sides.ts';
import type { Host } from './world.ts';

/** A shared domain whose Microsoft side has two next hops of its own, on `port` of the two Microsoft hosts. */
export interface Couple {
  readonly domain: string;
  readonly port: number;
  /** Default tcp. */
  readonly transport?: Transport;
  /** Where nothing listens. */
  readonly down?: readonly ('first' | 'second')[];
  /** TLS only: the host whose certificate is shown in place of the right one. */
  readonly shows?: Partial<Record<'microsoft' | 'second', Host>>;
}

export interface WorldOptions {
  /** Which ten addresses of 127.0.30.0/24; 0 to 24, another for each file. */
  readonly block: number;
  readonly routing?: Readonly<Record<string, unknown>>;
  readonly timers?: Readonly<Record<string, unknown>>;
  readonly limits?: Readonly<Record<string, unknown>>;
  readonly pins?: readonly object[];
  readonly access?: readonly object[];
  /** Fields of further rows, which lead to Microsoft's host over TCP unless they say otherwise. */
  readonly routes?: readonly object[];
  readonly tls?: Readonly<Record<string, unknown>>;
  readonly couples?: readonly Couple[];
  /** Text of the directory; only asked in advanced mode. */
  readonly ldif?: string;
  /** Listens on ::1 as well, on this port (UDP and TCP), and takes what comes from there for Cisco. */
  readonly ipv6Port?: number;
  /** Default router.example.com. */
  readonly nodeName?: string;
  /** Of the TLS listener; default that of the node. */
  readonly tlsListenerName?: string;
}

interface Surroundings {
  readonly address: (host: Host) => string;
  /** Folder of the development certificates. */
  readonly certificates: string;
  readonly ldifFile: string;
}

const transports: readonly Transport[] = ['udp', 'tcp', 'tls'];

const tlsNames = { cisco: 'imp1.example.com', microsoft: 'fe1.example.com', second: 'fe2.example.com' } as const;

/** No OPTIONS between what a check expects, and what one check does to a hop is forgotten in the next. */
const soonForgotten = {
  probe: { enabled: false, every: '100ms', timeout: '50ms' },
  'slow-return': '0s',
  'flap-memory': '1s',
};

export function routesText(options: WorldOptions, { address, certificates, ldifFile }: Surroundings): string {
  const { couples = [], ipv6Port, nodeName = 'router.example.com', tlsListenerName } = options;
  const hop = (to: 'cisco' | 'microsoft', host: keyof typeof tlsNames, transport: Transport, row: object) => ({
    to,
    'next-hop': address(host),
    transport,
    port: portOf(transport),
    ...(transport === 'tls' ? { 'tls-name': tlsNames[host] } : {}),
    ...row,
  });
  const both = (transport: Transport) => [
    hop('microsoft', 'microsoft', transport, { pattern: domainOf(transport) }),
    hop('cisco', 'cisco', transport, { pattern: domainOf(transport) }),
  ];
  const coupleRows = couples.flatMap(({ domain, port, transport = 'tcp' }) => [
    hop('microsoft', 'microsoft', transport, { pattern: domain, port, priority: 1 }),
    hop('microsoft', 'second', transport, { pattern: domain, port, priority: 2 }),
    hop('cisco', 'cisco', transport, { pattern: domain }),
  ]);
  const listeners = transports.map((transport) => ({
    transport,
    address: address('router'),
    port: portOf(transport),
    ...(transport === 'tls' && tlsListenerName !== undefined ? { name: tlsListenerName } : {}),
  }));
  const ipv6 = (['udp', 'tcp'] as const).map((transport) => ({ transport, address: '::1', port: ipv6Port }));
  return JSON.stringify({
    node: { name: nodeName },
    domains: [...transports.map(domainOf), ...couples.map(({ domain }) => domain)],
    listen: ipv6Port === undefined ? listeners : [...listeners, ...ipv6],
    tls: {
      default: {
        certificate: join(certificates, 'router.crt'),
        key: join(certificates, 'router.key'),
        ca: join(certificates, 'ca.crt'),
        'client-certificate': 'required',
        ...options.tls,
      },
    },
    access: [
      { side: 'cisco', from: address('cisco') },
      { side: 'microsoft', from: address('microsoft') },
      { side: 'microsoft', from: address('second') },
      ...(ipv6Port === undefined ? [] : [{ side: 'cisco', from: '::1' }]),
      ...(options.access ?? []),
    ],
    routing: { mode: 'basic', ...options.routing },
    routes: [
      ...transports.flatMap(both),
      hop('microsoft', 'second', 'tcp', { pattern: domainOf('tcp'), priority: 2 }),
      ...coupleRows,
      ...(options.routes ?? []).map((row) => hop('microsoft', 'microsoft', 'tcp', row)),
    ],
    pins: options.pins ?? [],
    directory: { sources: options.ldif === undefined ? [] : [{ kind: 'ldif', file: ldifFile }] },
    health: soonForgotten,
    timers: options.timers ?? {},
    // Requests that a check leaves without an answer need not be waited for.
    stop: { drain: '1s' },
    limits: options.limits ?? {},
    log: { level: 'warn', decisions: 'none' },
  });
}
