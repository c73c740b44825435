/** What is malformed is refused, what is only odd is forwarded, and nothing brings the router down (RFC 4475 and beyond). */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { newBranch, newTag, RawMessage, responseText } from '../support/raw-message.ts';
import { type Check, conformance, expectUntouched } from './check.ts';
import { Talk } from './talk.ts';
import type { World } from './world.ts';

type Spoil = (text: string, talk: Talk) => string;

/** One answer with that status, and nobody else hears of it. */
async function refused(world: World, spoil: Spoil, statuses: readonly number[], method = 'MESSAGE'): Promise<void> {
  const talk = await Talk.open(world, { by: 'udp' });
  talk.send(spoil(talk.request(method, { body: 'hi' }).text, talk));
  expect(statuses).toContain((await talk.answer()).status);
  await talk.reachedNobody(100);
  await talk.nothingAt(talk.asker, undefined, 50);
}

const malformed: readonly (readonly [what: string, spoil: Spoil])[] = [
  ['no From', (text) => text.replace(/From: .*\r\n/, '')],
  ['no To', (text) => text.replace(/To: .*\r\n/, '')],
  ['no CSeq', (text) => text.replace(/CSeq: .*\r\n/, '')],
  ['two From', (text) => text.replace(/(From: .*\r\n)/, '$1$1')],
  ['two To', (text) => text.replace(/(To: .*\r\n)/, '$1$1')],
  ['two Call-ID', (text) => text.replace(/(Call-ID: .*\r\n)/, '$1$1')],
  ['two CSeq', (text) => text.replace(/(CSeq: .*\r\n)/, '$1$1')],
  ['two Max-Forwards', (text) => text.replace(/(Max-Forwards: .*\r\n)/, '$1$1')],
  ['two From, one of them compact', (text) => text.replace(/From: (.*\r\n)/, 'From: $1f: $1')],
  ['CSeq of another method', (text) => text.replace('CSeq: 1 MESSAGE', 'CSeq: 1 INFO')],
  ['CSeq beyond 2**32-1', (text) => text.replace('CSeq: 1 ', 'CSeq: 36893488147419103232 ')],
  ['CSeq without number', (text) => text.replace('CSeq: 1 ', 'CSeq: ')],
  [
    'To with an unclosed quoted string',
    (text) => text.replace(/To: .*\r\n/, 'To: "Mr. J. User <sip:j@example.com>\r\n'),
  ],
  ['Request-URI in angle brackets', (text) => text.replace(/^MESSAGE (\S+)/, 'MESSAGE <$1>')],
  ['white space within the Request-URI', (text) => text.replace(/^MESSAGE (\S+)/, 'MESSAGE $1; lr')],
];

const chat = 'hi';

const garbage: readonly (readonly [what: string, octets: () => string])[] = [
  ['random octets', () => randomBytes(4000).toString('latin1')],
  ['HTTP', () => 'GET / HTTP/1.1\r\nHost: router\r\n\r\n'],
  ['the hello of TLS', () => `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${randomBytes(500).toString('latin1')}`],
  ['a flood of NUL', () => '\0'.repeat(200_000)],
  ['a request without SIP version', () => 'MESSAGE sip:bob@example.com\r\nContent-Length: 0\r\n\r\n'],
  ['a start line of SIP/1', () => 'MESSAGE sip:bob@example.com SIP/1.0\r\n\r\n'],
  ['CRLFs without end', () => '\r\n'.repeat(50_000)],
];

/** Of the same seed come the same messages. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    yield state >> 8;
  }
}

/** Cuts, doubles and replaces octets of a valid request, by a fixed sequence of numbers. */
function mutants(text: string, count: number): string[] {
  const next = numbers(42);
  const number = (below: number): number => (next.next().value as number) % below;
  return Array.from({ length: count }, () => {
    let mutant = text;
    for (let edits = 1 + number(3); edits > 0; edits--) {
      const at = number(mutant.length);
      const end = at + number(12);
      const insert = [String.fromCharCode(number(256)), mutant.slice(at, end).repeat(2), '', '\r\n', ',', '"'][
        number(6)
      ];
      mutant = mutant.slice(0, at) + insert + mutant.slice(end);
    }
    return mutant;
  });
}

const checks: readonly Check[] = [
  ...malformed.map(
    ([what, spoil], index): Check => ({
      id: `ROB-4.${index + 1}`,
      rfc: 4475,
      section: '3.1.2, 3.3',
      level: 'MUST',
      title: `${what}: one 400, and it is not forwarded`,
      run: (world) => refused(world, spoil, [400]),
    }),
  ),
  {
    id: 'ROB-4.30',
    rfc: 4475,
    section: '3.1.2.18',
    level: 'MUST',
    title: 'O-3: an unknown method with another one in CSeq gets 400 or 501',
    run: (world) =>
      refused(world, (text) => text.replace('CSeq: 1 NEWMETHOD', 'CSeq: 1 INVITE'), [400, 501], 'NEWMETHOD'),
  },
  {
    id: 'ROB-5',
    rfc: 4475,
    section: '3.1.2.16; 3261 §8.1.1, 21.5.6',
    level: 'MUST',
    title: 'O-1: SIP/7.0 in the start line gets 505, over UDP and TCP',
    async run(world) {
      for (const by of ['udp', 'tcp'] as const) {
        const talk = await Talk.open(world, { by });
        talk.send(talk.request('MESSAGE').text.replace('SIP/2.0\r\n', 'SIP/7.0\r\n'));
        await talk.answer(505);
        await talk.reachedNobody(50);
      }
    },
  },
  {
    id: 'ROB-6',
    rfc: 4475,
    section: '3.1.1.2, 3.1.1.3',
    level: 'MUST',
    title: 'O-7: a request of every legal token character, escape and odd quoting is forwarded untouched',
    async run(world) {
      const talk = await Talk.open(world);
      const method = "!interesting-Method0123456789_*+`.%indeed'~";
      const sent = new RawMessage(
        [
          `${method} sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@${talk.domain} SIP/2.0`,
          `Via: ${talk.via()}`,
          `To: "BEL:\x07 NUL:\\\x00 DEL:\x7f" <sip:1_unusual.URI~@${talk.domain}>`,
          `From: token1~\` token2'+_ token3*%!.- <sip:mundane@${talk.domain}>;fromParam''~+*_!.-%="\xd1\x80\xd0\xb0";tag=_token~1'+\`*%!-.`,
          `Call-ID: ${talk.callId}.word%ZK-!.*_+'@word\`~)(><:\\/"][?}{`,
          `CSeq: 139122385 ${method}`,
          'Max-Forwards: 255',
          "extensionHeader-!.%*+_`'~:\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb",
          'Content-Length: 0',
          '\r\n',
        ].join('\r\n'),
      );
      talk.send(sent);
      const forwarded = await talk.arrived(method);
      expectUntouched(sent, forwarded);
      expect(forwarded.startLine).toBe(sent.startLine);
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'ROB-7',
    rfc: 4475,
    section: '3.4.1; 3261 §8.1.1.7, 12.1.1',
    level: 'MUST',
    title: 'O-9: an INVITE of RFC 2543 without branch, From tag and Max-Forwards is forwarded and answered',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      await talk.exchange('INVITE', {
        via: [talk.asker.via],
        from: '<sip:caller@example.net>',
        maxForwards: null,
        headers: ['Contact: <sip:caller@192.0.2.4>'],
      });
    },
  },
  {
    id: 'ROB-8',
    rfc: 3261,
    section: '16.3(2); 4475 §3.3.2, 3.3.3',
    level: 'MUST',
    title: 'an unknown URI scheme gets 416 and To is not used instead',
    async run(world) {
      for (const uri of ['gopher:x', 'urn:service:sos', 'nobodyKnowsThisScheme:totallyopaquecontent']) {
        const talk = await Talk.open(world);
        talk.ask('MESSAGE', { uri, to: `<${talk.uri}>` });
        await talk.answer(416);
        await talk.reachedNobody(50);
      }
    },
  },
  {
    id: 'ROB-9',
    rfc: 4475,
    section: '3.3.4, 3.1.2.12',
    level: 'MUST',
    title: 'unknown schemes, dates and parameters in fields that a proxy does not read are forwarded',
    async run(world) {
      const talk = await Talk.open(world);
      const headers = [
        'Contact: <name:John_Smith>, <http://www.example.com/x>',
        'Date: Fri, 01 Jan 2010 16:00:00 EST',
        'Expires: 0 0l@company.example.com',
        'Accept: text/plain;, */*',
        'Warning: 1812 overture "In Progress"',
      ];
      const { sent, forwarded } = await talk.exchange('MESSAGE', { headers, body: chat });
      expectUntouched(sent, forwarded);
    },
  },
  {
    id: 'ROB-16',
    rfc: 3261,
    section: '16.3(1), 16.7',
    level: 'SHOULD',
    title:
      'lines that a proxy does not read pass as they are, malformed or not: in the request, in the 180 and in the 200',
    async run(world) {
      for (const by of ['udp', 'tcp'] as const) {
        const talk = await Talk.open(world, { by });
        const sent = talk.ask('INVITE', {
          headers: [
            'X Custom Id: 7',
            'no colon at all',
            'Gr\xc3\xb6\xc3\x9fe: 5',
            'Contact: <sip:alice@192.0.2.4>;expires=390,: <sip:alice@ua.example.com>',
            'Record-Route: <sip:p1.example.net;lr>,',
          ],
          body: 'v=0\r\n',
        });
        const invite = await talk.arrived('INVITE');
        expectUntouched(sent, invite);
        for (const [status, tag] of [
          [180, ';tag='],
          [200, ';tag=b'],
        ] as const) {
          const text = responseText(invite, status, {
            headers: ['X Custom Id: 7', 'no colon', 'Contact: <'],
            body: 'v=0',
          });
          const reply = text.replace(/^(To: [^;\r]*).*/m, `$1${tag}`);
          invite.reply(reply);
          const answer = await talk.answer(status);
          expect(answer.body).toBe('v=0');
          for (const line of ['X Custom Id: 7', 'no colon', 'Contact: <'])
            expect(answer.text).toContain(`\r\n${line}\r\n`);
          expect(answer.header('To')).toMatch(new RegExp(`${tag}$`));
        }
      }
    },
  },
  {
    id: 'ROB-17',
    rfc: 3261,
    section: '16.3(4)',
    level: 'SHOULD',
    title: 'a phone with a zone, a comment or no brackets in its Via, below that of its server, is served',
    async run(world) {
      const talk = await Talk.open(world);
      const via = [
        talk.via(),
        'SIP/2.0/UDP [fe80::1%25eth0]:5060;branch=z9hG4bKzone',
        'SIP/2.0/UDP 2001:db8::1;branch=z9hG4bKbare',
        'SIP/2.0/UDP a.example.com;branch=z9hG4bKold (Acme)',
      ];
      const { sent, forwarded } = await talk.exchange('MESSAGE', { via });
      expectUntouched(sent, forwarded);
    },
  },
  {
    id: 'ROB-1',
    rfc: 3261,
    section: '21.4.11, 21.5.7',
    level: 'MUST',
    title: 'a header field of 1 MiB, and 1 MiB without a line end: refused or closed, and the router goes on',
    async run(world) {
      const long = 'x'.repeat(1_048_576);
      const talk = await Talk.open(world);
      talk.send(talk.request('MESSAGE', { headers: [`X-Long: ${long}`] }).text);
      const other = await Talk.open(world);
      other.send(long);
      await pause(500);
      for (const { status } of talk.waitingAt(talk.asker)) expect(status).toBeGreaterThanOrEqual(400);
      expect(await world.isAlive()).toBe(true);
    },
  },
  {
    id: 'ROB-2',
    rfc: 3261,
    section: '21.5.7',
    level: 'MUST',
    title: 'ten thousand header fields: refused or delivered, and the router goes on',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE', { headers: Array.from({ length: 10_000 }, (_, index) => `X-${index}: ${index}`) });
      await pause(400);
      expect(await world.isAlive()).toBe(true);
    },
  },
  ...garbage.map(
    ([what, octets], index): Check => ({
      id: `ROB-3.${index + 1}`,
      rfc: 3261,
      section: '18.3',
      level: 'MUST',
      title: `${what} on a stream harms nobody`,
      async run(world) {
        const asker = await world.asker('tcp');
        asker.send(octets());
        await pause(200);
        for (const { status } of asker.inbox) expect(status).toBeGreaterThanOrEqual(400);
        expect(await world.isAlive()).toBe(true);
      },
    }),
  ),
  {
    id: 'ROB-10',
    rfc: 3261,
    section: '18, 16.3(1)',
    level: 'MUST',
    title: 'five hundred mutants of a valid MESSAGE by UDP: the router goes on',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp', to: 'udp' });
      const text = talk.request('MESSAGE', { body: 'hello', headers: ['Route: <sip:router.example.com;lr>'] }).text;
      for (const mutant of mutants(text, 500)) {
        talk.send(mutant);
        await new Promise(setImmediate);
      }
      await pause(300);
      expect(await world.isAlive()).toBe(true);
    },
  },
  {
    id: 'ROB-11',
    rfc: 3261,
    section: '16.3(1), 17',
    level: 'MUST',
    title: 'mutants of responses and of ACK are never answered, and the router goes on',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const request = talk.request('ACK', { via: [`${talk.asker.via};branch=${newBranch()}`] });
      const response = new RawMessage(responseText(request, 200));
      for (const text of [...mutants(response.text, 100).filter((mutant) => mutant.startsWith('SIP/2.0 '))]) {
        talk.send(text);
        await new Promise(setImmediate);
      }
      await pause(300);
      expect(talk.waitingAt(talk.asker)).toEqual([]);
      expect(await world.isAlive()).toBe(true);
    },
  },
  {
    id: 'ROB-12',
    rfc: 3261,
    section: '8.2.6.2, 17.2.1',
    level: 'MUST',
    title: 'a malformed INVITE is refused once per copy, and its ACK goes nowhere',
    async run(world) {
      const talk = await Talk.open(world);
      const invite = new RawMessage(talk.request('INVITE').text.replace('CSeq: 1 INVITE', 'CSeq: 1 BYE'));
      talk.send(invite);
      talk.acknowledge(invite, await talk.answer(400));
      await talk.reachedNobody();
    },
  },
  {
    id: 'ROB-13',
    rfc: 3261,
    section: '18.1.1, 18.2.2',
    level: 'MUST',
    title: 'Via values that name nonsense hosts and ports bring the router into no trouble',
    async run(world) {
      for (const sentBy of ['255.255.255.255', '0.0.0.0:0', 'client.invalid:65536', '[::1:5060', 'x'.repeat(300)]) {
        const talk = await Talk.open(world, { by: 'udp' });
        talk.ask('MESSAGE', { via: [`SIP/2.0/UDP ${sentBy};branch=${newBranch()}`], maxForwards: 0 });
      }
      const talk = await Talk.open(world, { by: 'udp' });
      talk.send(`MESSAGE ${talk.uri} SIP/2.0\r\nCall-ID: ${newTag()}\r\n\r\n`);
      await pause(200);
      expect(await world.isAlive()).toBe(true);
    },
  },
  {
    id: 'ROB-14',
    rfc: 4475,
    section: '3.1.1.1',
    level: 'MUST',
    title: 'O-7: an INVITE with white space and folding wherever it is legal is forwarded, and its answer comes back',
    async run(world) {
      const talk = await Talk.open(world);
      const via = talk.via();
      const body = 'v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\n';
      const sent = new RawMessage(
        [
          `INVITE ${talk.uri};unknownparam SIP/2.0`,
          'TO :',
          ` ${talk.uri} `,
          'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>',
          '  ;',
          `  tag = ${talk.fromTag}`,
          'MaX-fOrWaRdS: 0068',
          `Call-ID: ${talk.callId}`,
          `Content-Length   : ${body.length}`,
          'cseq: 0009',
          '  INVITE',
          `Via  : ${via.replace('SIP/2.0/TCP ', 'SIP  /   2.0\r\n /TCP\r\n    ')}`,
          's :',
          'NewFangledHeader:   newfangled value',
          ' continued newfangled value',
          'UnknownHeaderWithUnusualValue: ;;,,;;,;',
          'Content-Type: application/sdp',
          'Route:',
          ' <sip:router.example.com;lr;unknownwith=value;unknown-no-value>',
          'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
          '  branch  =   z9hG4bK9ikj8  ,',
          ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
          ' z9hG4bK30239',
          'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =',
          '      newvalue ;',
          '  secondparam ; q = 0.33',
          '',
          body,
        ].join('\r\n'),
      );
      talk.send(sent);
      const forwarded = await talk.arrived('INVITE');
      expectUntouched(sent, forwarded);
      expect(forwarded.headers('Max-Forwards')).toEqual(['67']);
      expect(forwarded.headers('Route')).toEqual([]);
      const own = forwarded.headers('Via')[0];
      const rest =
        'Via: SIP / 2.0 / TCP spindle.example.com ; branch = z9hG4bK9ikj8, SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239';
      forwarded.reply(
        [
          'SIP/2.0 486 Busy Here',
          `Via: ${own}`,
          `Via: ${via}`,
          rest,
          `To: ${talk.uri};tag=busy`,
          `From: "J Rosenberg \\\\\\"" <sip:jdrosen@example.com>;tag=${talk.fromTag}`,
          `Call-ID: ${talk.callId}`,
          'CSeq: 9 INVITE',
          'Content-Length: 0',
          '\r\n',
        ].join('\r\n'),
      );
      await talk.answer(486);
      const ack = await talk.arrived('ACK');
      expect(ack.header('CSeq')).toMatch(/^0*9\s+ACK$/);
    },
  },
  {
    id: 'ROB-15',
    rfc: 3261,
    section: '18.2',
    level: 'MUST',
    title: 'three hundred connections that each hold half a message keep nobody else from being served',
    async run(world) {
      const talk = await Talk.open(world);
      const half = talk.request('MESSAGE', { body: 'half' }).text.slice(0, 120);
      const idle = await Promise.all(Array.from({ length: 300 }, () => world.asker('tcp')));
      for (const asker of idle) asker.send(half);
      await talk.exchange('MESSAGE');
      expect(await world.isAlive()).toBe(true);
    },
  },
];

conformance('malformed and odd messages', { block: 12 }, checks);
