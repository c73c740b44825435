/** Both sides as Kamailio, the router between them, and SIPp as the user agent beyond each Kamailio. */
import { inject } from 'vitest';
import { expectAllCalls, type Side } from '../../scenarios/through-router.ts';
import type { DevelopmentCertificate } from '../../support/development-certificates.ts';
import type { Transport } from '../../support/raw-sip.ts';
import { RouterProcess } from '../../support/router-process.ts';
import { runClient, type SippResult, startServer } from '../../support/sipp.ts';
import { domainOf, portOf, routesYaml, twoSides } from '../../support/two-sides.ts';
import { type Kamailio, startKamailio } from './kamailio.ts';

export const sides = twoSides(40);
export const transports: readonly Transport[] = ['udp', 'tcp', 'tls'];

/** Where the user agents of each side are: none of these addresses is known to the router. */
export const agents = { cisco: '127.0.40.12', microsoft: '127.0.40.24' } as const;

/** Each side's only user. */
export const users = { cisco: 'alice', microsoft: 'bob' } as const;

export const otherSide = (side: Side): Side => (side === 'cisco' ? 'microsoft' : 'cisco');

interface SideWish {
  readonly side: Side;
  readonly certificate: DevelopmentCertificate;
  /** Default: the first server of its side. */
  readonly address?: string;
  /** How the user agent is spoken to. */
  readonly agentOver: 'udp' | 'tcp';
}

export const startSide = ({ side, certificate, address = sides[side], agentOver }: SideWish): Promise<Kamailio> =>
  startKamailio({
    address,
    certificates: inject('certificates'),
    certificate,
    user: users[side],
    agent: `sip:${agents[side]}:5060;transport=${agentOver}`,
    router: sides.router,
  });

const second = (transport: Transport): string =>
  `{ to: microsoft, pattern: ${domainOf(transport)}, next-hop: ${sides.microsoft2}, port: ${portOf(transport)},
      transport: ${transport}, priority: 2${transport === 'tls' ? ', tls-name: fe2.example.com' : ''} }`;

export interface Servers {
  readonly microsoft: Kamailio;
  stop(): Promise<void>;
}

/** The router and one Kamailio on each side; a second Microsoft one has its routes, and is started by who needs it. */
export async function startServers(agentOver: 'udp' | 'tcp'): Promise<Servers> {
  const certificates = inject('certificates');
  const routes = routesYaml(sides, { certificates, routes: transports.map(second), failoverAfter: '1s' });
  const [router, cisco, microsoft] = await Promise.all([
    RouterProcess.start({ routes }),
    startSide({ side: 'cisco', certificate: 'imp1', agentOver }),
    startSide({ side: 'microsoft', certificate: 'fe1', agentOver }),
  ]);
  return { microsoft, stop: async () => void (await Promise.all([router.stop(), cisco.stop(), microsoft.stop()])) };
}

interface Flow {
  readonly from: Side;
  /** Between the servers and the router: the recipient's domain says it. */
  readonly over: Transport;
  readonly client: string;
  readonly server: string;
}

/** A SIPp that gets a retransmission late takes it for something new: between it and its server nothing is retransmitted. */
export const sippOver = 'tcp';

const calls = 3;
/** The two connections of each pair of servers, one for the requests of either side, keep no order between them. */
const pauseMs = 100;

/** Runs both user agents until each has had all its calls, and expects that every one went as its scenario says. */
export async function expectFlow({ from, over, client, server }: Flow): Promise<void> {
  const to = otherSide(from);
  const at = { address: agents[to], port: 5060 };
  const taking = await startServer({ scenario: server, transport: sippOver, at, calls, pauseMs });
  const asked = await ask({ from, over, client, user: users[to] });
  const taken = await (asked.exitCode === 0 ? taking.finished : taking.stop());
  expectAllCalls(client, asked, calls, taken);
  expectAllCalls(server, taken, calls, asked);
}

interface Question {
  readonly from: Side;
  readonly over: Transport;
  readonly client: string;
  readonly user: string;
}

/** Only the asking user agent, for what the servers and the router answer. */
export async function expectAnswer(question: Question): Promise<void> {
  expectAllCalls(question.client, await ask(question), calls);
}

const ask = ({ from, over, client, user }: Question): Promise<SippResult> =>
  runClient({
    scenario: client,
    transport: sippOver,
    address: agents[from],
    to: { address: sides[from], port: portOf(sippOver) },
    user,
    domain: domainOf(over),
    calls,
    pauseMs,
  });
