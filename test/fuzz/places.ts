/** Where everybody is during a fuzz campaign, and the routes.yaml that says so. */
import type { Transport } from '../support/raw-sip.ts';

type Plain = Exclude<Transport, 'tls'>;

export interface Places {
  readonly router: string;
  /** Three hosts of the Cisco side that send the fuzz, and one that sends the canary. */
  readonly senders: readonly [string, string, string];
  readonly canary: string;
  /** A next hop that answers as it should, */
  readonly strict: string;
  /** and one whose answers are fuzz. */
  readonly loud: string;
}

/** @param net as in `twoSides` */
export const places = (net: number): Places => ({
  router: `127.0.${net}.1`,
  senders: [`127.0.${net}.11`, `127.0.${net}.12`, `127.0.${net}.13`],
  canary: `127.0.${net}.14`,
  strict: `127.0.${net}.21`,
  loud: `127.0.${net}.22`,
});

export const port = 5060;

export const plainTransports: readonly Plain[] = ['udp', 'tcp'];

/** The domain says by which transport and to which of the two hops a request goes on. */
export const strictDomain = (transport: Plain): string => `${transport}.example.com`;
export const loudDomain = (transport: Plain): string => `loud-${transport}.example.com`;

/** Timers are a tenth of the RFC's, so that what a campaign leaves behind is over within seconds. */
export function fuzzRoutes(at: Places): string {
  const hops = plainTransports.flatMap((transport) => [
    { pattern: strictDomain(transport), 'next-hop': at.strict, transport },
    { pattern: loudDomain(transport), 'next-hop': at.loud, transport },
  ]);
  const back = plainTransports.map((transport) => ({
    to: 'cisco',
    pattern: strictDomain(transport),
    'next-hop': at.senders[0],
    transport,
  }));
  return JSON.stringify({
    node: { name: 'router.example.com' },
    domains: hops.map(({ pattern }) => pattern),
    listen: plainTransports.map((transport) => ({ transport, address: at.router, port })),
    access: [
      ...[...at.senders, at.canary].map((from) => ({ side: 'cisco', from })),
      ...[at.strict, at.loud].map((from) => ({ side: 'microsoft', from })),
    ],
    routing: { mode: 'basic', 'failover-after': '500ms' },
    routes: [...hops.map((hop) => ({ to: 'microsoft', ...hop, port })), ...back.map((hop) => ({ ...hop, port }))],
    timers: { t1: '50ms', t2: '400ms', t4: '500ms', message: '2s', 'half-open': '1s', idle: '30s' },
    health: { probe: { enabled: false } },
    stop: { drain: '1s' },
    log: { level: 'error', decisions: 'none' },
  });
}
