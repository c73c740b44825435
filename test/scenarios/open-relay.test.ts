/**
 * Tries to make the started program send something to a host that is nobody's peer: by requests, within dialogs, by
 * responses. A victim listens beside the router and must never hear a word, and each try must end with its reason.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, connect as netConnect, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { credentials } from '../support/development-certificates.ts';
import {
  newBranch,
  newTag,
  RawMessage,
  type RequestFields,
  requestText,
  responseText,
} from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Received, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { portOf, routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(100);
const victim = '127.0.100.66';
/** In a network that an access rule admits, but no next hop. */
const neighbour = '127.0.100.130';
const oneWay = 'one-way.example.net';
const bob = 'sip:bob@tcp.example.com';

/** Whoever connects or sends a datagram to it is noted. */
class Silent {
  readonly heard: string[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets: UdpSocket[] = [];

  static async at(...addresses: readonly string[]): Promise<Silent> {
    const silent = new Silent();
    for (const address of addresses) for (const port of [5060, 5061, 5070]) await silent.#listen(address, port);
    return silent;
  }

  async #listen(address: string, port: number): Promise<void> {
    const server = createServer((socket) => {
      this.heard.push(`connection to ${address}:${port}`);
      socket.destroy();
    });
    const udp = createSocket('udp4');
    udp.on('message', (text) => this.heard.push(`datagram to ${address}:${port}: ${text.toString('latin1')}`));
    this.#servers.push(server.listen(port, address));
    udp.bind(port, address);
    this.#sockets.push(udp);
    await Promise.all([once(server, 'listening'), once(udp, 'listening')]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    for (const socket of this.#sockets) socket.close();
  }
}

/** A dialog that was opened through the router, as the caller knows it. */
interface Opened {
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  /** Our Route. */
  readonly route: string;
}

interface Try extends Omit<RequestFields, 'method' | 'uri' | 'via' | 'headers'> {
  readonly title: string;
  /** Default MESSAGE. */
  readonly method?: string;
  /** Default bob of a shared domain. */
  readonly uri?: string;
  readonly headers?: (dialog: Opened) => readonly string[];
  /** Default: a new one of the asker. */
  readonly via?: (own: string) => readonly string[];
  /** Default tcp. */
  readonly by?: Transport;
  /** Default none: outside any dialog. `real`: the one that was opened; `pretended`: a To tag and nothing else. */
  readonly dialog?: 'real' | 'pretended';
  /** 0: nothing is answered. */
  readonly status: number;
  /** A reason in the decision record. */
  readonly code: string;
}

const toVictim = `sip:bob@${victim}:5060;transport=tcp`;
const forged = `<sip:router.example.com:5060;transport=tcp;lr;pif=b${'0123456789abcdef01234567'}>`;
const unsigned = '<sip:router.example.com:5060;transport=tcp;lr>';
const victimRoute = `<sip:${victim}:5060;transport=tcp;lr>`;
const route = (...values: readonly string[]) => values.map((value) => `Route: ${value}`);

const foreign = (title: string, uri: string): Try => ({ title, uri, status: 404, code: 'foreign-domain-no-route' });

const elsewhere = (title: string, uri: string): Try => ({ title, uri, status: 403, code: 'maddr-elsewhere' });

const tries: readonly Try[] = [
  foreign('a foreign address in the Request-URI', toVictim),
  foreign('a foreign domain', 'sip:bob@victim.example.net'),
  elsewhere('our own host with a foreign maddr', `sip:router.example.com;maddr=${victim}`),
  elsewhere('a shared domain with a foreign maddr', `${bob};maddr=${victim};transport=tcp`),
  elsewhere('a shared domain with a foreign maddr and port', `sip:bob@tcp.example.com:5070;maddr=${victim}`),
  foreign('an IPv4 address in an IPv6 one', `sip:bob@[::ffff:${victim}]:5060`),
  foreign('an address as one decimal number', 'sip:bob@2130732098'),
  foreign('an address in octal numbers', 'sip:bob@0177.0.0144.0102'),
  foreign('an address in hexadecimal numbers', 'sip:bob@0x7f.0.0x64.0x42'),
  foreign('a subdomain of a shared domain', 'sip:bob@victim.tcp.example.com'),
  foreign('a domain that ends like a shared one', 'sip:bob@nottcp.example.com'),
  foreign('a domain that begins like a shared one', 'sip:bob@tcp.example.com.victim.example.net'),
  foreign('a domain with a route in the other direction only', `sip:bob@${oneWay}`),
  { ...foreign('sips over TLS', `sips:bob@${victim}:5061`), by: 'tls' },
  { ...foreign('CANCEL of nothing, to a foreign host', toVictim), method: 'CANCEL' },
  { ...foreign('REGISTER at a foreign host', `sip:${victim}:5060`), method: 'REGISTER' },
  { ...foreign('ACK to a foreign host', toVictim), method: 'ACK', status: 0 },
  { ...foreign('BENOTIFY to a foreign host', toVictim), method: 'BENOTIFY', status: 0 },
  { ...foreign('OPTIONS to another port of our own address', `sip:${sides.router}:5070`), method: 'OPTIONS' },
  { title: 'a user with an @ in it', uri: `sip:bob@${victim}@tcp.example.com`, status: 400, code: 'syntax' },
  { title: 'a NUL behind a shared domain', uri: `${bob}\0.victim.example.net`, status: 400, code: 'syntax' },
  { title: 'a tel URI', uri: 'tel:+15550100;phone-context=victim.example.net', status: 416, code: 'uri-scheme' },
  {
    title: 'OPTIONS that must go no further, to a foreign host',
    method: 'OPTIONS',
    uri: toVictim,
    maxForwards: 0,
    status: 483,
    code: 'max-forwards',
  },
  {
    title: 'our own address behind three Routes of ours',
    uri: 'sip:router.example.com:5060',
    headers: () => route(unsigned, unsigned, unsigned),
    status: 404,
    code: 'own-address',
  },
  { title: 'a foreign Route', headers: () => route(victimRoute), status: 403, code: 'target-not-a-peer' },
  {
    title: 'a foreign Route without lr (RFC 2543)',
    headers: () => route(`<sip:${victim}:5060;transport=tcp>`),
    status: 403,
    code: 'target-not-a-peer',
  },
  {
    title: 'our Route, and a foreign one',
    headers: () => route(unsigned, victimRoute),
    status: 403,
    code: 'target-not-a-peer',
  },
  {
    title: 'our signed Route of another dialog, and a foreign one',
    headers: ({ route: own }) => route(own, victimRoute),
    status: 403,
    code: 'target-not-a-peer',
  },
  {
    title: 'a Route with an escaped line end',
    headers: () => route(`<sip:tcp.example.com%0D%0ARoute:%20victim;maddr=${victim};lr>`),
    status: 400,
    code: 'syntax',
  },
  {
    title: 'a Route to a host of an admitted network that is no next hop',
    headers: () => route(`<sip:${neighbour}:5060;transport=tcp;lr>`),
    status: 403,
    code: 'target-not-a-peer',
  },
  {
    title: 'our Record-Route as Request-URI, and the foreign host as last Route (RFC 2543)',
    uri: 'sip:router.example.com:5060;transport=tcp;lr',
    headers: () => route(`<${toVictim}>`),
    status: 404,
    code: 'foreign-domain-no-route',
  },
  {
    title: 'a Via that names us and is not ours',
    via: (own) => [own, `SIP/2.0/TCP router.example.com:5060;branch=z9hG4bKpif-${'0'.repeat(26)}-1`],
    status: 403,
    code: 'via-forged',
  },
  {
    title: 'a Record-Route that names us and is not ours',
    method: 'SUBSCRIBE',
    headers: () => [`Record-Route: ${forged}`, `Contact: <${toVictim}>`],
    status: 403,
    code: 'record-route-forged',
  },
  { title: 'a To tag and a foreign host', uri: toVictim, dialog: 'pretended', status: 403, code: 'target-not-a-peer' },
  {
    title: 'a To tag and a host of an admitted network',
    uri: `sip:bob@${neighbour}:5060;transport=tcp`,
    dialog: 'pretended',
    status: 403,
    code: 'target-not-a-peer',
  },
  {
    title: 'a To tag, our Route without signature and a foreign host',
    uri: toVictim,
    dialog: 'pretended',
    headers: () => route(unsigned),
    status: 403,
    code: 'route-not-signed',
  },
  {
    title: 'the same by the form of a strict router (RFC 2543)',
    uri: 'sip:router.example.com:5060;transport=tcp;lr',
    dialog: 'pretended',
    headers: () => route(`<${toVictim}>`),
    status: 403,
    code: 'route-not-signed',
  },
  {
    title: 'a To tag, our Route signed by another key, and a foreign host',
    uri: toVictim,
    dialog: 'pretended',
    headers: () => route(forged),
    status: 403,
    code: 'route-forged',
  },
  {
    title: 'a To tag, our Route of another dialog, and a foreign host',
    uri: toVictim,
    dialog: 'pretended',
    headers: ({ route: own }) => route(own),
    status: 403,
    code: 'route-forged',
  },
  {
    title: 'our Route of another dialog before a GRUU of a shared domain',
    dialog: 'pretended',
    headers: ({ route: own }) => route(own),
    status: 403,
    code: 'route-forged',
  },
  {
    title: 'ACK within a pretended dialog',
    method: 'ACK',
    uri: toVictim,
    dialog: 'pretended',
    headers: () => route(forged),
    status: 0,
    code: 'route-forged',
  },
  {
    title: 'a real dialog whose remote target is foreign, as a Contact may say',
    uri: toVictim,
    dialog: 'real',
    headers: ({ route: own }) => route(own),
    status: 403,
    code: 'target-not-a-peer',
  },
  {
    title: 'a real dialog with a foreign Route, as a Record-Route of the far side may say',
    dialog: 'real',
    headers: ({ route: own }) => route(own, victimRoute),
    status: 403,
    code: 'target-not-a-peer',
  },
  {
    title: 'a real dialog with a Route of ours too many, which nobody has signed',
    uri: toVictim,
    dialog: 'real',
    headers: ({ route: own }) => route(own, unsigned),
    status: 403,
    code: 'route-not-signed',
  },
  // What is carried, and to whom: the next hop, whatever the rest of the request says.
  {
    title: 'an escaped @ in the user goes to the next hop',
    uri: `sip:bob%40${victim}@tcp.example.com`,
    status: 200,
    code: 'route-matched',
  },
  {
    title: 'port and transport of a shared domain do not lead past the next hop',
    uri: 'sip:bob@tcp.example.com:5070;transport=udp',
    status: 200,
    code: 'route-matched',
  },
  {
    title: 'a foreign Contact, Record-Route and Refer-To go to the next hop',
    method: 'REFER',
    headers: () => [`Contact: <${toVictim}>`, `Record-Route: ${victimRoute}`, `Refer-To: <${toVictim}>`],
    status: 200,
    code: 'route-matched',
  },
  { title: 'a 302 to a foreign Contact is handed back', method: 'PUBLISH', status: 302, code: 'route-matched' },
  {
    title: 'a Via of the foreign host over TCP',
    via: () => [`SIP/2.0/TCP ${victim}:5060;branch=${newBranch()};received=${victim};rport=5060`],
    status: 200,
    code: 'route-matched',
  },
  ...['', ';rport', `;received=${victim};rport=5070`, `;maddr=${victim}`, `;maddr=${victim};rport`].map(
    (params): Try => ({
      title: `a Via of the foreign host over UDP, with "${params}"`,
      by: 'udp',
      via: () => [`SIP/2.0/UDP ${victim}:5060;branch=${newBranch()}${params}`],
      status: 200,
      code: 'route-matched',
    }),
  ),
];

describe('never an open relay (RFC 3261 §16.4, §16.5, §18.2.2, §26.1)', () => {
  let router: RouterProcess;
  let silent: Silent;
  let microsoft: RawEnd;
  let dialog: Opened;
  const askers = new Map<Transport, RawEnd>();
  const ends: RawEnd[] = [];

  const open = async (options: Parameters<typeof openEnd>[0]): Promise<RawEnd> => {
    const end = await openEnd(options);
    ends.push(end);
    return end;
  };

  const routerAt = (transport: Transport) => ({ address: sides.router, port: portOf(transport) });

  const speaker = (transport: Transport, address: string, port = 0): Promise<RawEnd> =>
    open({
      transport,
      address,
      port,
      to: routerAt(transport),
      ...(transport === 'tls' ? { credentials: credentials(inject('certificates'), 'imp1') } : {}),
    });

  /** What the real next hop says; INVITEs are left to the test. */
  const hop = (request: Received): string | undefined => {
    if (request.method === undefined || request.method === 'ACK' || request.method === 'INVITE') return undefined;
    if (request.method === 'PUBLISH') return responseText(request, 302, { headers: [`Contact: <${toVictim}>`] });
    return responseText(request, 200, { headers: [`Contact: <${toVictim}>`] });
  };

  /** A request that has its own Call-ID arrives at the next hop; the test answers for it. */
  const invite = async (asker: RawEnd) => {
    const via = `${asker.via};branch=${newBranch()}`;
    const sent = new RawMessage(requestText({ method: 'INVITE', uri: bob, via: [via] }));
    asker.send(sent.text);
    const arrived = await microsoft.take((message) => message.header('Call-ID') === sent.header('Call-ID'));
    return { sent, arrived, via };
  };

  const ofCall = (message: RawMessage) => (other: Received) => other.header('Call-ID') === message.header('Call-ID');
  const finalOf = (message: RawMessage) => (other: Received) => ofCall(message)(other) && (other.status ?? 0) >= 200;

  const strays = (): unknown[] =>
    router.logLines.filter(({ event }) => event === 'stray-response').map(({ code }) => code);

  beforeAll(async () => {
    silent = await Silent.at(victim, neighbour);
    microsoft = await open({ transport: 'tcp', address: sides.microsoft, port: 5060 });
    microsoft.respond(hop);
    const usual = routesYaml(sides, {
      certificates: inject('certificates'),
      routes: [`{ to: cisco, pattern: ${oneWay}, next-hop: ${sides.cisco} }`],
    });
    const access = 'access:\n  - { side: microsoft, from: 127.0.100.128/25 }\n';
    // What the tests leave unfinished need not be waited for.
    router = await RouterProcess.start({ routes: `${usual.replace('access:\n', access)}stop: { drain: 500ms }\n` });
    for (const by of ['tcp', 'tls'] as const) askers.set(by, await speaker(by, sides.cisco));
    askers.set('udp', await speaker('udp', sides.cisco, 5060));
    dialog = await openDialog(askers.get('tcp')!);
  });

  const openDialog = async (asker: RawEnd): Promise<Opened> => {
    const { arrived, sent } = await invite(asker);
    arrived.reply(responseText(arrived, 200, { headers: [`Contact: <${toVictim}>`] }));
    const ok = await asker.take(finalOf(sent));
    return {
      callId: ok.header('Call-ID')!,
      from: ok.header('From')!,
      to: ok.header('To')!,
      route: ok.header('Record-Route')!,
    };
  };

  afterAll(async () => {
    await router.stop();
    await silent.close();
    for (const end of ends) await end.close();
  });

  test.each(tries)(
    '$title: $status $code',
    async ({ by = 'tcp', method = 'MESSAGE', uri = bob, status, code, ...more }) => {
      const asker = askers.get(by)!;
      const inDialog =
        more.dialog === 'real'
          ? { callId: dialog.callId, from: dialog.from, to: dialog.to }
          : { callId: newTag(), ...(more.dialog === 'pretended' ? { to: `<${bob}>;tag=${newTag()}` } : {}) };
      const cseq = 100 + tries.findIndex(({ title }) => title === more.title);
      const own = `${asker.via};branch=${newBranch()}`;
      const fields = { maxForwards: more.maxForwards ?? 70, headers: more.headers?.(dialog) ?? [], cseq };
      asker.send(requestText({ method, uri, via: more.via?.(own) ?? [own], ...fields, ...inDialog }));
      const record = await until(() =>
        router.logLines.find(({ event, id }) => event === 'request' && id === `${inDialog.callId} ${cseq}`),
      );
      expect(record).toMatchObject({ method, status });
      expect((record.because as string[]).map((reason) => reason.split(':')[0])).toContain(code);
      if (status === 0) return;
      const answer = await asker.take(({ text }) => text.includes(inDialog.callId) && text.includes(`CSeq: ${cseq} `));
      expect(answer.status).toBe(status);
    },
  );

  test('a stranger that writes the foreign host into its Via over UDP gets the answer itself, once', async () => {
    const stranger = await speaker('udp', sides.stranger);
    const via = [`SIP/2.0/UDP ${victim}:5060;branch=${newBranch()};maddr=${victim};received=${victim}`];
    stranger.send(requestText({ method: 'MESSAGE', uri: bob, via }));
    expect((await stranger.take(403)).header('Warning')).toContain('access-denied');
  });

  test('a response that nobody asked for is dropped, though our Via is on top and the foreign one below', async () => {
    const stray = (branch: string): string =>
      responseText(
        new RawMessage(
          requestText({
            method: 'MESSAGE',
            uri: bob,
            via: [`SIP/2.0/TCP router.example.com:5060;branch=${branch}`, `SIP/2.0/UDP ${victim}:5060;branch=z9hG4bKv`],
          }),
        ),
        200,
      );
    const server = await speaker('tcp', sides.microsoft);
    server.send(stray(newBranch()) + stray(`z9hG4bKpif-${'0'.repeat(26)}-1`));
    // Messages of one connection are read in their order: with the answer to this one both have been dropped.
    const options = requestText({
      method: 'OPTIONS',
      uri: `sip:${sides.router}`,
      via: [`${server.via};branch=${newBranch()}`],
    });
    server.send(options);
    await server.take(200);
  });

  test('a response with the foreign host for the asker in its second Via is dropped', async () => {
    const asker = askers.get('tcp')!;
    const { sent, arrived } = await invite(asker);
    const reply = responseText(arrived, 486);
    const before = strays().length;
    arrived.reply(reply.replace(sent.header('Via')!.split(';')[0]!, `SIP/2.0/UDP ${victim}:5060`));
    await until(() => strays().length > before);
    expect(strays().at(-1)).toBe('not-for-the-asker');
    arrived.reply(reply);
    expect((await asker.take(finalOf(sent))).status).toBe(486);
  });

  test('a response is believed from the side that was asked, and from nobody else (§18.1.2)', async () => {
    const asker = askers.get('tcp')!;
    const { sent, arrived } = await invite(asker);
    const other = await speaker('tcp', sides.cisco);
    const stranger = await speaker('udp', sides.stranger);
    for (const liar of [other, stranger]) {
      const before = strays().length;
      liar.send(responseText(arrived, 603));
      await until(() => strays().length > before);
      expect(strays().at(-1)).toBe('not-from-the-hop');
    }
    const colleague = await speaker('tcp', sides.microsoft2);
    colleague.send(responseText(arrived, 486));
    expect((await asker.take(finalOf(sent))).status).toBe(486);
  });

  test('a CANCEL or ACK of another peer does nothing to a transaction, though it knows the branch (§9.1, §17.2.3)', async () => {
    const asker = askers.get('tcp')!;
    const { sent, arrived, via } = await invite(asker);
    const other = await speaker('tcp', sides.microsoft2);
    const callId = sent.header('Call-ID')!;
    const fields = { uri: bob, via: [via], from: sent.header('From')!, callId };
    other.send(requestText({ method: 'CANCEL', ...fields }));
    const refused = await other.take(481);
    expect(refused.header('Warning')).toContain('cancel-not-the-asker');
    arrived.reply(responseText(arrived, 486));
    const final = await asker.take(finalOf(sent));
    expect(final.status).toBe(486);
    other.send(requestText({ method: 'ACK', ...fields, to: final.header('To')! }));
    await until(() => router.logLines.find(({ method, id }) => method === 'ACK' && id === `${callId} 1`));
  });

  test('the foreign host, who hears what is sent to it, has heard nothing when the router has ended', async () => {
    expect(await router.stop()).toBe(0);
    expect(silent.heard).toEqual([]);
    await once(netConnect(5060, victim), 'close');
    expect(silent.heard).toEqual([`connection to ${victim}:5060`]);
  });
});
