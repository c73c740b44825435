/** One SIPp client and one SIPp server on the two sides of a router, and what must hold when both have ended. */
import { expect, inject } from 'vitest';
import { type Credentials, credentials } from '../support/development-certificates.ts';
import type { Transport } from '../support/raw-sip.ts';
import { runClient, type SippResult, startServer } from '../support/sipp.ts';
import { domainOf, portOf, type TwoSides } from '../support/two-sides.ts';

export type Side = 'cisco' | 'microsoft';

export const directions: readonly (readonly [from: Side, to: Side])[] = [
  ['cisco', 'microsoft'],
  ['microsoft', 'cisco'],
];

export const credentialsOf = (side: Side): Credentials =>
  credentials(inject('certificates'), side === 'cisco' ? 'imp1' : 'fe1');

interface ClientOnly {
  readonly sides: TwoSides;
  readonly from: Side;
  /** Where the client speaks from; default the address of its side. */
  readonly address?: string;
  /** Transport between the client and the router. */
  readonly near: Transport;
  /** Transport between the router and the recipient's server: the recipient's domain says it, see `domainOf`. */
  readonly far: Transport;
  /** The client's scenario. */
  readonly client: string;
  /** Recipient; default bob. */
  readonly user?: string;
  /** Domain of the recipient; default that of `far`. */
  readonly domain?: string;
  /** Default 3. */
  readonly calls?: number;
}

interface Exchange extends ClientOnly {
  /** The server's scenario. */
  readonly server: string;
}

const usualCalls = 3;

/** Runs both ends until each has had all its calls, and expects that every one went as its scenario says. */
export async function expectExchange(exchange: Exchange): Promise<void> {
  const { sides, from, far, calls = usualCalls } = exchange;
  const to = from === 'cisco' ? 'microsoft' : 'cisco';
  const server = await startServer({
    scenario: exchange.server,
    transport: far,
    at: { address: sides[to], port: portOf(far) },
    calls,
    credentials: credentialsOf(to),
  });
  const client = await runOnly(exchange);
  const taken = await (client.exitCode === 0 ? server.finished : server.stop());
  expectAllCalls(exchange.client, client, calls, taken);
  expectAllCalls(exchange.server, taken, calls, client);
}

/** Only a client, for what the router answers itself. */
export async function expectAnswer(exchange: ClientOnly): Promise<void> {
  expectAllCalls(exchange.client, await runOnly(exchange), exchange.calls ?? usualCalls);
}

const runOnly = (it: ClientOnly): Promise<SippResult> =>
  runClient({
    scenario: it.client,
    transport: it.near,
    address: it.address ?? it.sides[it.from],
    to: { address: it.sides.router, port: portOf(it.near) },
    user: it.user ?? 'bob',
    domain: it.domain ?? domainOf(it.far),
    calls: it.calls ?? usualCalls,
    credentials: credentialsOf(it.from),
  });

/** @param other what the other end saw, told when this one failed */
export function expectAllCalls(name: string, result: SippResult, calls: number, other?: SippResult): void {
  const hint = [name, result.errors, result.messages, 'The other end:', other?.errors, other?.messages].join('\n');
  expect(result, result.exitCode === 0 ? name : hint).toMatchObject({ exitCode: 0, successful: calls, failed: 0 });
}
