/** Addresses and routes.yaml of a router between two sides for tests, each test file in a loopback network of its own. */
import type { Transport } from './raw-sip.ts';

/** All ports of a side are the usual ones: 5060 for UDP and TCP, 5061 for TLS. */
export interface TwoSides {
  readonly router: string;
  readonly cisco: string;
  readonly microsoft: string;
  /** A second Microsoft server; a next hop only when a test adds it. */
  readonly microsoft2: string;
  /** Not in the access list. */
  readonly stranger: string;
}

/** @param net 1 to 254, one per test file: files then never meet on a port */
export const twoSides = (net: number): TwoSides => ({
  router: `127.0.${net}.1`,
  cisco: `127.0.${net}.11`,
  microsoft: `127.0.${net}.21`,
  microsoft2: `127.0.${net}.22`,
  stranger: `127.0.${net}.99`,
});

export const portOf = (transport: Transport): number => (transport === 'tls' ? 5061 : 5060);

/** The domain of a user says how their side is reached: udp.example.com over UDP, and so on. */
export const domainOf = (transport: Transport): string => `${transport}.example.com`;

const allTransports: readonly Transport[] = ['udp', 'tcp', 'tls'];

const soonForgotten = '{ probe: { enabled: false, every: 100ms, timeout: 50ms }, slow-return: 0s, flap-memory: 1s }';

export interface RoutesOptions {
  readonly mode?: 'basic' | 'advanced';
  /** A folder made by certs/make-dev-certs.sh. */
  readonly certificates: string;
  /** An LDIF file of users; default none. */
  readonly users?: string;
  /** Default 2s. */
  readonly failoverAfter?: string;
  /** Rows of `routes` before the usual ones, as YAML flow mappings: `{ to: microsoft, ... }`. */
  readonly routes?: readonly string[];
  /** Which are listened on and routed over; default all three. */
  readonly transports?: readonly Transport[];
  /** Value of `health`, as a YAML flow mapping; default: no OPTIONS, and what one test does to a server is forgotten in the next. */
  readonly health?: string;
  /** Value of `dns`, as a YAML flow mapping; default the system's. */
  readonly dns?: string;
  /** Further shared domains. */
  readonly domains?: readonly string[];
}

/** A routes.yaml for `sides`: listeners of all three transports, both sides by address, one route per side and transport. */
export function routesYaml(sides: TwoSides, options: RoutesOptions): string {
  const { mode = 'basic', certificates, users, failoverAfter = '2s' } = options;
  const { transports = allTransports, routes = [], domains = [] } = options;
  return `node: { name: router.example.com }
domains: [${[...transports.map(domainOf), ...domains].join(', ')}]
listen:
${transports.map((transport) => `  - { transport: ${transport}, address: ${sides.router}, port: ${portOf(transport)} }`).join('\n')}
tls:
  default:
    certificate: ${certificates}/router.crt
    key: ${certificates}/router.key
    ca: ${certificates}/ca.crt
    client-certificate: required
access:
  - { side: cisco, from: ${sides.cisco} }
  - { side: microsoft, from: ${sides.microsoft} }
  - { side: microsoft, from: ${sides.microsoft2} }
routing:
  mode: ${mode}
  failover-after: ${failoverAfter}
routes:
${[...routes, ...usualRoutes(sides, transports)].map((row) => `  - ${row}`).join('\n')}
health: ${options.health ?? soonForgotten}
dns: ${options.dns ?? '{}'}
directory:
  sources: ${users === undefined ? '[]' : `[{ kind: ldif, file: ${users} }]`}
`;
}

const usualRoutes = ({ cisco, microsoft }: TwoSides, transports: readonly Transport[]): string[] =>
  transports.flatMap((transport) => [
    routeRow('cisco', transport, cisco, 'imp1.example.com'),
    routeRow('microsoft', transport, microsoft, 'fe1.example.com'),
  ]);

const routeRow = (to: string, transport: Transport, address: string, tlsName: string): string =>
  `{ to: ${to}, pattern: ${domainOf(transport)}, next-hop: ${address}, port: ${portOf(transport)}, transport: ${transport}${
    transport === 'tls' ? `, tls-name: ${tlsName}` : ''
  } }`;

/** One entry of an LDIF file of users, as Active Directory would export it. */
export const ldifUser = (address: string, isEnabled: boolean): string => `dn: CN=${address},OU=People,DC=example,DC=com
objectClass: user
msRTCSIP-PrimaryUserAddress: sip:${address}
msRTCSIP-UserEnabled: ${isEnabled ? 'TRUE' : 'FALSE'}

`;
