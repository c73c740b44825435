/** Every message of RFC 4475, sent at the running program: what happens to it on the wire, and that nothing happens to anybody else. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CorpusMessage, readCorpus } from '../support/corpus.ts';
import { forwardedRequest, madeByRouter } from '../support/forwarded-bytes.ts';
import type { RawEnd, Received } from '../support/raw-sip.ts';
import { soon } from '../support/until.ts';
import { Passages, routerSentBy, timerJMs, type Way, ways } from './passages.ts';

/** Hosts that the router has routes for, that of the one Route included; registrar.example.com is none of them. */
const domains = [
  'example.com',
  'example.net',
  'example.org',
  'chair-dnrc.example.com',
  'company.com',
  'services.example.com',
];

/**
 * `forwarded`: it arrives at the next hop with the changes of RFC 3261 §16.6, octet for octet, and its 200 comes back. A number:
 * refused with that status, and forwarded to nobody. `dropped`: no answer, and forwarded to nobody.
 */
type Outcome = 'forwarded' | 'dropped' | number;

/** On a stream a message without a usable end cannot be followed by another: the connection is closed as well. */
interface Row {
  readonly udp: Outcome;
  /** Default: as by UDP. */
  readonly tcp?: Outcome;
  readonly closes?: true;
  /** A field that is taken out first, as it leads to a host that is no peer; with it the answer is 403. */
  readonly without?: string;
}

const rows: Readonly<Record<string, Row>> = {
  wsinv: { udp: 'forwarded' },
  intmeth: { udp: 'forwarded' },
  esc01: { udp: 'forwarded' },
  escnull: { udp: 'forwarded' },
  esc02: { udp: 404 },
  lwsdisp: { udp: 'forwarded' },
  longreq: { udp: 'forwarded' },
  dblreq: { udp: 'forwarded' },
  semiuri: { udp: 'forwarded' },
  transports: { udp: 'forwarded' },
  mpart01: { udp: 'forwarded', without: 'Route' },
  unreason: { udp: 'dropped' },
  noreason: { udp: 'dropped' },
  badinv01: { udp: 400 },
  clerr: { udp: 400, tcp: 'dropped', closes: true },
  ncl: { udp: 400, closes: true },
  scalar02: { udp: 400 },
  scalarlg: { udp: 'dropped' },
  quotbal: { udp: 400 },
  ltgtruri: { udp: 400 },
  lwsruri: { udp: 400 },
  lwsstart: { udp: 400 },
  trws: { udp: 400 },
  escruri: { udp: 400 },
  baddate: { udp: 'forwarded' },
  regbadct: { udp: 'forwarded' },
  badaspec: { udp: 400 },
  // The file has no empty line: a datagram ends there, a stream waits for more.
  baddn: { udp: 400, tcp: 'dropped', closes: true },
  badvers: { udp: 505 },
  mismatch01: { udp: 400 },
  mismatch02: { udp: 400 },
  bigcode: { udp: 'dropped' },
  badbranch: { udp: 'forwarded' },
  insuf: { udp: 400 },
  unkscm: { udp: 416 },
  novelsc: { udp: 416 },
  unksm2: { udp: 'forwarded' },
  bext01: { udp: 420 },
  invut: { udp: 'forwarded' },
  regaut01: { udp: 'forwarded' },
  multi01: { udp: 400 },
  mcl01: { udp: 400, closes: true },
  bcast: { udp: 'dropped' },
  zeromf: { udp: 483 },
  cparam01: { udp: 'forwarded' },
  cparam02: { udp: 'forwarded' },
  regescrt: { udp: 'forwarded' },
  sdp01: { udp: 'forwarded' },
  // RFC 2543 let a stream's end be the message's end; RFC 3261 §18.3 does not.
  inv2543: { udp: 'forwarded', tcp: 400, closes: true },
  test: { udp: 'dropped', closes: true },
};

const messages = readCorpus().filter(({ name }) => name.startsWith('rfc4475/'));
const shortName = ({ name }: CorpusMessage): string => name.slice('rfc4475/'.length);

/** `dblreq` is one datagram with an INVITE behind the REGISTER; a stream is given the REGISTER alone. */
const asSentBy = (way: Way, message: CorpusMessage): string =>
  way === 'tcp' && shortName(message) === 'dblreq'
    ? message.text.slice(0, message.text.indexOf('\r\n\r\n') + 4)
    : withoutField(message.text, rows[shortName(message)]?.without);

function withoutField(text: string, name: string | undefined): string {
  return name === undefined ? text : text.replace(new RegExp(`^${name}:[^\\r]*\\r\\n`, 'm'), '');
}

function describeOutcome(outcome: Outcome, { closes, without }: Row, way: Way): string {
  const what = typeof outcome === 'number' ? `refused with ${outcome}` : outcome;
  const end = closes && way === 'tcp' ? ', and the connection closed' : '';
  return `${without === undefined ? '' : `without its ${without} `}${what}${end}`;
}

/** The next hop is reached over TCP, where an octet too many or too few would show at once. */
describe.each(ways)('RFC 4475 by %s, each message followed by a canary', (way) => {
  let passages: Passages;
  let asker: RawEnd;
  /** By UDP the answer to an INVITE that nobody acknowledges is sent again and again. */
  const answers = new Set<string>();
  const branches = new Set<string>();

  beforeAll(async () => {
    passages = await Passages.open(way === 'udp' ? 71 : 72, 'tcp', domains);
  });
  afterAll(async () => {
    expect(await passages.close(), passages.router.output).toBe(0);
    expect(passages.router.output).not.toContain('"event":"bug"');
  });

  for (const message of messages) {
    const row = rows[shortName(message)]!;
    const outcome = (way === 'tcp' ? row.tcp : undefined) ?? row.udp;
    it(`§${message.section} ${shortName(message)} (${message.title}) is ${describeOutcome(outcome, row, way)}`, async () => {
      asker = await passages.asker(way);
      forgetRepeated();
      passages.arrived.length = 0;
      const text = asSentBy(way, message);
      await untilBranchIsFree(text);
      asker.send(text);
      if (outcome === 'forwarded') await isForwarded(text);
      else await isNotForwarded(outcome, row.closes === true && way === 'tcp');
      await passages.canary('example.com', way);
      await passages.hangUp(asker);
    });
  }

  async function isForwarded(text: string): Promise<void> {
    const request = await soon(() => passages.arrived[0]);
    const source = { address: asker.address, port: asker.port };
    const passage = {
      ingress: way,
      egress: 'tcp',
      source,
      sentBy: routerSentBy,
      ...madeByRouter(request.text),
    } as const;
    expect(request.text).toBe(forwardedRequest(text, passage));
    // Answers by UDP go to the port of the Via, where for some nobody listens here.
    if (way === 'tcp') expect(await statusOfAnswer()).toBe(200);
  }

  async function isNotForwarded(outcome: Outcome, closes: boolean): Promise<void> {
    if (typeof outcome === 'number') expect(await statusOfAnswer()).toBe(outcome);
    if (closes) await soon(() => asker.isClosed);
    else await pause(30);
    expect(passages.arrived.map(({ startLine }) => startLine)).toEqual([]);
    expect(asker.inbox.filter(isNew).map(({ startLine }) => startLine)).toEqual([]);
  }

  function isNew(response: Received): boolean {
    return (response.status ?? 0) >= 200 && !answers.has(response.text);
  }

  async function statusOfAnswer(): Promise<number | undefined> {
    const { text, status } = await asker.take(isNew);
    answers.add(text);
    return status;
  }

  /** Three of the RFC's messages share a branch, so each must wait until the transaction before is over (Timer J). */
  async function untilBranchIsFree(text: string): Promise<void> {
    const branch = /branch *= *([^;\s]+)/.exec(text)?.[1] ?? '';
    if (way === 'udp' && branches.has(branch)) await pause(timerJMs);
    branches.add(branch);
  }

  function forgetRepeated(): void {
    for (const { text } of asker.inbox.splice(0)) answers.add(text);
  }
});

it('every message of the corpus has its row', () => {
  expect(Object.keys(rows).sort()).toEqual(messages.map(shortName).sort());
});
