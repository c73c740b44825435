/** What the router says itself: refusals with their reasons, answers to OPTIONS, and no relaying for strangers. */
import { expect } from 'vitest';
import { newBranch, newTag, type RawMessage, requestText, responseText } from '../support/raw-message.ts';
import type { Received } from '../support/raw-sip.ts';
import { connectPeer } from '../support/stream-peer.ts';
import { frameDatagram, fullName } from '../support/strict-framer.ts';
import { until } from '../support/until.ts';
import { type Check, conformance } from './check.ts';
import { contactAt, Talk } from './talk.ts';
import type { World } from './world.ts';

/** RFC 3261 §8.2.6.2. */
function expectCopied(request: RawMessage, answer: Received): void {
  for (const name of ['Via', 'From', 'Call-ID', 'CSeq']) expect(answer.headers(name)).toEqual(request.headers(name));
  expect(answer.header('To')?.startsWith(request.header('To') ?? '')).toBe(true);
  expect(answer.header('To')).toMatch(/;tag=[^;]+/);
}

/** From an address that no access rule names. */
async function stranger(world: World, method: string): Promise<Talk> {
  const talk = await Talk.open(world, { asker: await world.asker('udp', { host: 'denied' }) });
  talk.ask(method, { uri: talk.uri });
  return talk;
}

async function refusedRelay(world: World, uri: string, headers: readonly string[], to?: string): Promise<void> {
  for (const from of ['cisco', 'microsoft'] as const) {
    const talk = await Talk.open(world, { from });
    talk.ask('MESSAGE', { uri, headers, ...(to === undefined ? {} : { to }) });
    expect([403, 404, 481]).toContain((await talk.answer()).status);
    await talk.reachedNobody(50);
  }
}

const ownFields = ['via', 'from', 'to', 'call-id', 'cseq', 'warning', 'ms-diagnostics', 'content-length'];

/** Ways to mean the router itself. */
const ownUris = (world: World): string[] => [
  `sip:${world.address('router')}`,
  `sip:${world.address('router')}:5060`,
  `sip:${world.address('router')}:5061;transport=tls`,
  'sip:router.example.com',
  'sip:router.example.com:5060;transport=tcp',
  'sip:ROUTER.example.com',
  'sip:tcp.example.com',
];

const checks: readonly Check[] = [
  {
    id: 'PR-1',
    rfc: 3261,
    section: '16.3(5), 20.29',
    level: 'MUST',
    title: 'unknown Proxy-Require gets 420 with Unsupported naming those tags and no others',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE', { headers: ['Proxy-Require: gabba, hey', 'Proxy-Require: ms-benotify', 'Require: lunch'] });
      const unsupported = (await talk.answer(420)).headers('Unsupported').join(',');
      expect(unsupported.split(/\s*,\s*/).sort()).toEqual(['gabba', 'hey']);
      await talk.reachedNobody();
    },
  },
  {
    id: 'PR-3',
    rfc: 'MS-SIP §3.5.1',
    section: '16.3(5)',
    level: 'MUST',
    title: 'Proxy-Require: ms-benotify is understood, in any case, and passed on',
    async run(world) {
      const talk = await Talk.open(world);
      const headers = [contactAt(world.cisco.tcp), 'Proxy-Require: MS-BENOTIFY', 'Event: presence'];
      const { forwarded } = await talk.exchange('SUBSCRIBE', { headers });
      expect(forwarded.headers('Proxy-Require')).toEqual(['MS-BENOTIFY']);
    },
  },
  {
    id: 'PR-4',
    rfc: 'MS-SIP §3.5',
    section: '16.3(5)',
    level: 'MUST',
    title: 'a BENOTIFY that cannot be forwarded is dropped without an answer: Proxy-Require, scheme, domain, syntax',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      talk.ask('BENOTIFY', { headers: ['Proxy-Require: gabba'] });
      talk.ask('BENOTIFY', { uri: 'gopher:x' });
      talk.ask('BENOTIFY', { uri: 'sip:bob@stranger.example.net' });
      talk.ask('BENOTIFY', { uri: `sip:${world.address('router')}` });
      talk.send(talk.request('BENOTIFY').text.replace(/From: .*\r\n/, ''));
      await talk.reachedNobody();
      expect(talk.waitingAt(talk.asker)).toEqual([]);
    },
  },
  ...(['udp', 'tcp', 'tls'] as const).map(
    (by, index): Check => ({
      id: `OWN-1.${index + 1}`,
      rfc: 3261,
      section: '8.2.6.2, 18.2.1',
      level: 'MUST',
      title: `O-10: a refusal over ${by} copies all Via values, From, Call-ID and CSeq, and adds a To tag`,
      async run(world) {
        const talk = await Talk.open(world, { by });
        const sent = talk.ask('MESSAGE', {
          via: [
            talk.via(),
            'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;received=192.0.2.2',
            'SIP/2.0/TCP far;branch=z9hG4bKb',
          ],
          maxForwards: 0,
        });
        expectCopied(sent, await talk.answer(483));
      },
    }),
  ),
  {
    id: 'OWN-2',
    rfc: 3261,
    section: '8.2.6.2',
    level: 'MUST',
    title: 'a refusal within a dialog keeps the To tag that is there',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE', { to: `<${talk.uri}>;tag=there`, maxForwards: 0 });
      expect((await talk.answer(483)).header('To')).toBe(`<${talk.uri}>;tag=there`);
    },
  },
  {
    id: 'OWN-3',
    rfc: 'product',
    section: '20.43',
    level: 'product',
    title: 'refusals say why, in Warning or ms-diagnostics',
    async run(world) {
      const uris = ['gopher:x', 'sip:bob@stranger.example.net', `sip:bob@${world.address('router')}`];
      for (const uri of uris) {
        const talk = await Talk.open(world);
        talk.ask('MESSAGE', { uri });
        const answer = await talk.answer();
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.header('Warning') ?? answer.header('ms-diagnostics')).toMatch(/\S/);
      }
    },
  },
  {
    id: 'OWN-4',
    rfc: 'product',
    section: '25.1',
    level: 'product',
    title: 'text of a request in a refusal is text of one Warning, whatever its octets or escapes stand for',
    async run(world) {
      // U+010D U+030A: what is left of them in one octet each is CR LF. U+033A, U+0120: a colon and a blank.
      const lineEnd = '%C4%8D%CC%8A';
      const field = `${lineEnd}X-Evil%CC%BA%C4%A0yes`;
      const request = `${lineEnd}${lineEnd}OPTIONS%C4%A0sip%CC%BAa`;
      for (const user of [
        field,
        request,
        'x%0d%0aX-Evil:%20yes',
        'x\xc4\x8d\xcc\x8aX-Evil\xcc\xba',
        '%22%5c%22',
        '%C2%9b',
      ]) {
        for (const host of ['stranger.example.net', world.address('router')]) {
          const talk = await Talk.open(world);
          const uri = `sip:${user}@${host}`;
          talk.ask('MESSAGE', { uri, to: '<sip:bob@example.com>' });
          const answer = await talk.answer(404);
          const framed = frameDatagram(answer.text);
          if ('why' in framed) throw new Error(framed.why);
          expect(framed.lines.map(([name]) => fullName(name))).toEqual(ownFields);
          expect(framed.body).toBe('');
          expect(answer.header('Warning')).toMatch(/^399 \S+ "(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"$/);
        }
      }
    },
  },
  ...Array.from(
    { length: 7 },
    (_, index): Check => ({
      id: `OPT-1.${index + 1}`,
      rfc: 3261,
      section: '11.2, 16.3(3)',
      level: 'SHOULD',
      title: `OPTIONS to the router itself is answered with 200 (${['address', 'address and port', 'TLS port', 'node name', 'node name, port and transport', 'upper case', 'domain without user'][index]})`,
      async run(world) {
        const talk = await Talk.open(world);
        const sent = talk.ask('OPTIONS', { uri: ownUris(world)[index]! });
        const answer = await talk.answer(200);
        expectCopied(sent, answer);
        expect(answer.header('Allow')).toContain('INVITE');
        await talk.reachedNobody(50);
      },
    }),
  ),
  {
    id: 'OPT-2',
    rfc: 3261,
    section: '16.3, 16.5',
    level: 'MUST',
    title: 'OPTIONS to a user is forwarded like any request',
    async run(world) {
      await (await Talk.open(world)).exchange('OPTIONS');
    },
  },
  {
    id: 'OPT-3',
    rfc: 3261,
    section: '16.4, 11.2',
    level: 'SHOULD',
    title: 'OPTIONS to the router with its own Route on top is answered too',
    async run(world) {
      const talk = await Talk.open(world);
      const own = `sip:${world.address('router')}:5060;transport=tcp`;
      talk.ask('OPTIONS', { uri: own, headers: [`Route: <${own};lr>`] });
      await talk.answer(200);
    },
  },
  {
    id: 'OWN-4',
    rfc: 3261,
    section: '16.5',
    level: 'MUST',
    title: 'users of the router itself are nobody: 404',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE', { uri: 'sip:bob@router.example.com' });
      await talk.answer(404);
      await talk.reachedNobody(50);
    },
  },
  {
    id: 'REL-1',
    rfc: 'product',
    section: '16.5',
    level: 'product',
    title: 'no relaying to a domain that is not ours: 404',
    run: (world) => refusedRelay(world, 'sip:someone@stranger.example.net', []),
  },
  {
    id: 'REL-2',
    rfc: 'product',
    section: '16.6(6)',
    level: 'product',
    title: 'no relaying by a Route that names a stranger, with or without our own Route before it',
    async run(world) {
      const strange = 'Route: <sip:192.0.2.66:5060;lr>';
      await refusedRelay(world, 'sip:bob@tcp.example.com', [strange]);
      await refusedRelay(world, 'sip:bob@tcp.example.com', ['Route: <sip:router.example.com;lr>', strange]);
    },
  },
  {
    id: 'REL-3',
    rfc: 'product',
    section: '16.6',
    level: 'product',
    title: 'no relaying within a pretended dialog to a stranger',
    run: (world) =>
      refusedRelay(
        world,
        'sip:victim@192.0.2.66:5060',
        ['Route: <sip:router.example.com:5060;transport=tcp;lr>'],
        `<sip:bob@tcp.example.com>;tag=${newTag()}`,
      ),
  },
  {
    id: 'REL-4',
    rfc: 'product',
    section: '16.6',
    level: 'product',
    title: 'no relaying by maddr, by a port or by a host that only looks like ours',
    async run(world) {
      await refusedRelay(world, 'sip:bob@tcp.example.com.stranger.example.net', []);
      await refusedRelay(world, 'sip:bob@nottcp.example.com', []);
      const talk = await Talk.open(world);
      talk.ask('MESSAGE', { uri: `sip:bob@tcp.example.com;maddr=${world.address('spare')}` });
      const seen = await Promise.race([talk.answer(), talk.arrived('MESSAGE')]);
      expect(seen.method === 'MESSAGE' || (seen.status ?? 0) >= 400).toBe(true);
    },
  },
  ...['MESSAGE', 'OPTIONS', 'INVITE'].map(
    (method, index): Check => ({
      id: `ACL-1.${index + 1}`,
      rfc: 'product',
      section: '22',
      level: 'product',
      title: `${method} over udp from an address that no rule names gets 403 and reaches nobody`,
      async run(world) {
        const talk = await stranger(world, method);
        expect((await talk.answer()).status).toBe(403);
        await talk.reachedNobody();
      },
    }),
  ),
  ...(['tcp', 'tls'] as const).map(
    (by, index): Check => ({
      id: `ACL-1.${index + 4}`,
      rfc: 'product',
      section: '22',
      level: 'product',
      title: `a connection over ${by} from an address that no rule names is closed, and what it sends reaches nobody`,
      async run(world) {
        const talk = await Talk.open(world);
        const peer = connectPeer(world.routerAt(by), world.address('denied'));
        const via = [`SIP/2.0/${by.toUpperCase()} ${world.address('denied')};branch=${newBranch()}`];
        peer.send(requestText({ method: 'MESSAGE', uri: talk.uri, via, callId: newTag() }));
        await until(() => peer.isClosed);
        expect(peer.text).toBe('');
        await talk.reachedNobody();
      },
    }),
  ),
  {
    id: 'ACL-2',
    rfc: 'product',
    section: '22',
    level: 'product',
    title: 'ACK, BENOTIFY and CANCEL of a stranger change nothing and get no answer but a refusal',
    async run(world) {
      const talk = await Talk.open(world);
      const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      await talk.arrived('INVITE');
      const asker = await world.asker('udp', { host: 'denied' });
      for (const method of ['ACK', 'BENOTIFY', 'CANCEL']) {
        const via = `${asker.via};branch=${newBranch()}`;
        asker.send(invite.text.replace(/INVITE/g, method).replace(/Via: .*/, `Via: ${via}`));
      }
      await talk.nothingAt(talk.callee, (message) => message.method !== undefined);
      for (const { status } of talk.waitingAt(asker)) expect(status).toBeGreaterThanOrEqual(400);
    },
  },
  {
    id: 'ACL-4',
    rfc: 'product',
    section: '22',
    level: 'product',
    title: 'a CANCEL of a stranger who knows the branch cancels nothing',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const forwarded = await talk.arrived('INVITE');
      forwarded.reply(responseText(forwarded, 180));
      await talk.answer(180);
      const stranger = await world.asker('udp', { host: 'denied' });
      stranger.send(invite.text.replace(/INVITE/g, 'CANCEL'));
      await talk.nothingAt(talk.callee, 'CANCEL');
      expect(talk.waitingAt(stranger, 200)).toEqual([]);
    },
  },
  {
    id: 'ACL-5',
    rfc: 'product',
    section: '22',
    level: 'product',
    title: 'an INVITE of a stranger over UDP gets one 403, which is never repeated, whatever else is wrong with it',
    async run(world) {
      const asker = await world.asker('udp', { host: 'denied' });
      const talk = await Talk.open(world, { asker });
      talk.ask('INVITE', { maxForwards: 0 });
      expect((await talk.answer()).status).toBe(403);
      await talk.nothingAt(asker, (message) => message.status !== undefined, 1200);
    },
  },
  {
    id: 'ACL-3',
    rfc: 'product',
    section: '22',
    level: 'product',
    title: 'a response from a stranger, with a branch that it cannot know, goes nowhere',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      const asker = await world.asker('udp', { host: 'denied' });
      const via = (forwarded.header('Via') ?? '').replace(/branch=[^;]+/, `branch=${newBranch()}`);
      asker.send(
        [
          'SIP/2.0 200 OK',
          `Via: ${via}`,
          `Via: ${forwarded.headers('Via')[1]}`,
          `From: ${forwarded.header('From')}`,
          `To: ${forwarded.header('To')};tag=x`,
          `Call-ID: ${talk.callId}`,
          'CSeq: 1 MESSAGE',
          'Content-Length: 0',
          '\r\n',
        ].join('\r\n'),
      );
      await talk.nothingAt(talk.asker, 200);
    },
  },
  {
    id: 'RTE-1',
    rfc: 'product',
    section: '16.5',
    level: 'product',
    title: 'a blocked route gets 403, one out of service 503 with Retry-After',
    async run(world) {
      const blocked = await Talk.open(world);
      blocked.ask('MESSAGE', { uri: 'sip:bob@blocked.example.org' });
      await blocked.answer(403);
      const out = await Talk.open(world);
      out.ask('MESSAGE', { uri: 'sip:bob@away.example.org' });
      expect((await out.answer(503)).header('Retry-After')).toMatch(/^\d+/);
      await out.reachedNobody(50);
    },
  },
  {
    id: 'RTE-2',
    rfc: 'product',
    section: '16.5',
    level: 'product',
    title: 'another domain with a static route is reached in that direction only',
    async run(world) {
      const talk = await Talk.open(world);
      await talk.exchange('MESSAGE', { uri: 'sip:bob@partner.example.org' });
      const back = await Talk.open(world, { from: 'microsoft' });
      back.ask('MESSAGE', { uri: 'sip:bob@partner.example.org' });
      await back.answer(404);
    },
  },
];

conformance(
  "the router's own answers",
  {
    block: 14,
    routes: [
      { pattern: 'blocked.example.org', block: true },
      { pattern: 'away.example.org', 'in-service': false },
      { pattern: 'partner.example.org' },
    ],
  },
  checks,
);
