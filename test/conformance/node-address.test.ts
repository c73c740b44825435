/** A node whose name is an address (a site without DNS): in brackets where SIP wants them (RFC 3261 §25.1), and ours wherever it comes back. */
import { expect } from 'vitest';
import { newBranch, responseText } from '../support/raw-message.ts';
import type { Transport } from '../support/raw-sip.ts';
import { portOf } from '../support/two-sides.ts';
import { type Check, conformance } from './check.ts';
import { exchangeWithin, openDialog } from './dialog.ts';
import { Talk, values } from './talk.ts';
import type { World } from './world.ts';

/** How a node of this name speaks of itself. */
interface Own {
  /** Of the checks' ids. */
  readonly id: string;
  /** As a SIP header has it. */
  readonly host: string;
  /** Where TLS peers are told something else. */
  readonly tlsHost?: string;
}

const hostBy = ({ host, tlsHost = host }: Own, transport: Transport): string => (transport === 'tls' ? tlsHost : host);

async function dialogGoesThrough(world: World, own: Own, by: Transport, to: Transport): Promise<void> {
  const dialog = await openDialog(await Talk.open(world, { by, to }));
  const ways = by === to ? [to] : [to, by];
  const { forwarded, ok } = dialog;
  expect(values(forwarded.headers('Record-Route')).map((value) => value.split(';')[0])).toEqual(
    ways.map((way) => `<sip:${hostBy(own, way)}:${portOf(way)}`),
  );
  const via = `SIP/2.0/${to.toUpperCase()} ${hostBy(own, to)}:${portOf(to)};branch=`;
  expect(forwarded.header('Via')?.slice(0, via.length)).toBe(via);
  expect(values(ok.headers('Record-Route'))).toEqual(values(forwarded.headers('Record-Route')));
  for (const [party, method] of [
    ['caller', 'INFO'],
    ['callee', 'INFO'],
    ['callee', 'BYE'],
  ] as const) {
    const arrived = await exchangeWithin(dialog, party, method, { cseq: method === 'BYE' ? 3 : 2 });
    expect(arrived.headers('Route')).toEqual([]);
    const far = party === 'caller' ? dialog.caller : dialog.callee;
    expect(arrived.requestUri).toBe(far.target);
  }
}

const checksOf = (own: Own): readonly Check[] => [
  ...(['udp', 'tcp', 'tls'] as const).flatMap((by, i) =>
    (['udp', 'tcp', 'tls'] as const).map(
      (to, j): Check => ({
        id: `${own.id}-1.${i * 3 + j + 1}`,
        rfc: 3261,
        section: '16.6(4), 16.6(8), 18.1.2, 25.1',
        level: 'MUST',
        title: `a dialog from ${by} to ${to} passes both ways through our Via and Record-Route`,
        run: (world) => dialogGoesThrough(world, own, by, to),
      }),
    ),
  ),
  {
    id: `${own.id}-2`,
    rfc: 3261,
    section: '20.43; MS-OCER 2',
    level: 'MUST',
    title: 'a refusal names us in Warning and ms-diagnostics',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE', { uri: 'sip:bob@example.net' });
      const answer = await talk.answer(404);
      expect(answer.header('Warning')).toMatch(/^399 \S+ "foreign-domain-no-route: /);
      expect(answer.header('Warning')?.split(' ')[1]).toBe(own.host);
      expect(answer.header('ms-diagnostics')).toContain(`;source="${own.host}";`);
    },
  },
  {
    id: `${own.id}-3`,
    rfc: 3261,
    section: '11.2, 16.4',
    level: 'MUST',
    title: 'OPTIONS to that address is ours to answer, and a Route that names it goes',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('OPTIONS', { uri: `sip:${own.host}:5060` });
      await talk.answer(200);
      const headers = [`Route: <sip:${own.host}:5060;transport=tcp;lr>`];
      const { forwarded } = await talk.exchange('MESSAGE', { headers });
      expect(forwarded.headers('Route')).toEqual([]);
    },
  },
  {
    id: `${own.id}-4`,
    rfc: 5393,
    section: '4.2.2',
    level: 'MUST',
    title: 'what comes back with our Via is a loop, and the asker hears of it as of any other',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      const looper = await world.asker('tcp', { host: 'microsoft' });
      looper.send(forwarded.text.replace('\r\n', `\r\nVia: ${looper.via};branch=${newBranch()}\r\n`));
      const refusal = await talk.at(looper, 482);
      expect(refusal.header('ms-diagnostics')).toContain(`;source="${own.host}";`);
      forwarded.reply(responseText(forwarded, 482, { reason: 'Loop Detected' }));
      expect((await talk.answer(404)).header('ms-diagnostics')).toMatch(/^1003;/);
    },
  },
  {
    id: `${own.id}-5`,
    rfc: 3261,
    section: '18.1.2',
    level: 'MUST',
    title: 'an answer whose Via names another host than ours belongs to nobody',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      const reply = responseText(forwarded, 200);
      forwarded.reply(reply.replace(`${own.host}:5060`, 'router.example.com:5060'));
      await talk.nothingAt(talk.asker, 200);
      forwarded.reply(reply);
      await talk.answer(200);
    },
  },
];

const ipv4 = '127.0.30.201';

conformance('a node named by its IPv4 address', { block: 20, nodeName: ipv4, tlsListenerName: 'router.example.com' }, [
  ...checksOf({ id: 'ADDR4', host: ipv4, tlsHost: 'router.example.com' }),
]);

/** The development certificate carries it, as TLS listeners must. */
conformance('a node named by its IPv6 address', { block: 21, nodeName: '::1', ipv6Port: 5161 }, [
  ...checksOf({ id: 'ADDR6', host: '[::1]' }),
]);
