/** What goes through: every method, every octet that RFC 3261 §16.6 does not name, both ways and both directions. */
import { expect } from 'vitest';
import { newTag, RawMessage, responseText } from '../support/raw-message.ts';
import { type Check, conformance, expectResponseUntouched, expectUntouched } from './check.ts';
import { contactAt, Talk } from './talk.ts';

const allOctets = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet)).join('');

/** Not the bytes of UTF-8: header field values may hold octets that no decoder likes (§25.1 UTF8-NONASCII aside). */
const oddFields = [
  'X-Empty:',
  'X-One: first',
  'x-ONE :   second, "third, and half"',
  'X-Odd:\t<>;=?&"\\"unbalanced>" ;;;',
  'X-Utf8: gr\xc3\xbc\xc3\x9fe \xe2\x82\xac',
  'X-Octets: \xff\xfe\x80',
  'P-Asserted-Identity: "Alice, A." <sip:alice@example.com>',
  'P-Asserted-Identity: tel:+15551234',
  'ms-text-format: text/plain; charset=UTF-8;ms-body=SGVsbG8=',
  'User-Agent: UCCAPI/15.0.4517.1504 OC/15.0 (Microsoft Lync)',
  'X-One: fourth',
  'Date: Sat, 13 Nov 2010 23:29:00 GMT',
  `X-Long: ${'a long value '.repeat(150)}`,
  'Timestamp: 54.2',
];

const extensionMethods = ['SERVICE', 'PUBLISH', 'REFER', "!x-*_+`'~%", 'message'];

const checks: readonly Check[] = [
  ...extensionMethods.map(
    (method, index): Check => ({
      id: `FWD-1.${index + 1}`,
      rfc: 3261,
      section: '16.3, 7.1',
      level: 'MUST',
      title: `${method} is forwarded with body and Content-Type, and its 200 comes back`,
      async run(world) {
        const talk = await Talk.open(world);
        const { sent, forwarded } = await talk.exchange(method, {
          headers: ['Content-Type: application/x-odd;p="1"'],
          body: '<a>\r\n\r\n</a>',
        });
        expect(forwarded.startLine).toBe(sent.startLine);
        expectUntouched(sent, forwarded);
      },
    }),
  ),
  ...(['cisco', 'microsoft'] as const).map(
    (from, index): Check => ({
      id: `FWD-1.${index + 6}`,
      rfc: 'MS-SIP §3.5',
      section: '3.5',
      level: 'MUST',
      title: `BENOTIFY from ${from} is forwarded once and nobody answers it`,
      async run(world) {
        const talk = await Talk.open(world, { from });
        const sent = talk.ask('BENOTIFY', { headers: ['Event: presence', 'Content-Type: a/b'], body: 'presence' });
        expectUntouched(sent, await talk.arrived('BENOTIFY'));
        await talk.nothingAt(talk.asker, undefined, 700);
        expect(talk.waitingAt(talk.callee)).toEqual([]);
      },
    }),
  ),
  {
    id: 'FWD-2',
    rfc: 3261,
    section: '7.3.1, 16.6',
    level: 'MUST',
    title: 'header fields nobody knows keep their octets, order, case and spacing',
    async run(world) {
      const talk = await Talk.open(world);
      const { sent, forwarded } = await talk.exchange('MESSAGE', { headers: oddFields, body: 'hi' });
      expectUntouched(sent, forwarded);
    },
  },
  {
    id: 'FWD-2.1',
    rfc: 3261,
    section: '16.7',
    level: 'MUST',
    title: 'a response keeps every octet but our Via',
    async run(world) {
      const talk = await Talk.open(world);
      const headers = [
        ...oddFields,
        'Ms-Diagnostics: 4005;source="fe1.example.com";reason="gone"',
        'Content-Type: a/b',
      ];
      const { reply, answer } = await talk.exchange('MESSAGE', {}, 404, { headers, body: allOctets });
      expectResponseUntouched(reply, answer);
    },
  },
  {
    id: 'FWD-2.2',
    rfc: 3261,
    section: '7.2',
    level: 'MUST',
    title: 'the reason phrase is kept: empty, with UTF-8, with odd spacing',
    async run(world) {
      for (const reason of ['', 'Zustand erfa\xc3\x9ft', 'a  b ', 'SIP/2.0 200 OK']) {
        const talk = await Talk.open(world);
        const { answer } = await talk.exchange('MESSAGE', {}, 299, { reason });
        expect(answer.startLine).toBe(`SIP/2.0 299 ${reason}`);
      }
    },
  },
  {
    id: 'FWD-2.3',
    rfc: 3261,
    section: '7.3.1',
    level: 'MUST',
    title: 'the order of all header fields is kept, even when the topmost Via is the last of them',
    async run(world) {
      const talk = await Talk.open(world);
      const sent = new RawMessage(
        [
          `MESSAGE ${talk.uri} SIP/2.0`,
          'Content-Length: 2',
          'X-A: 1',
          `Call-ID: ${talk.callId}`,
          'Max-Forwards: 20',
          'CSeq: 7 MESSAGE',
          `To: <${talk.uri}>`,
          'X-B: 2',
          `From: <sip:alice@example.com>;tag=${talk.fromTag}`,
          'Content-Type: text/plain',
          `Via: ${talk.via()}`,
          '',
          'hi',
        ].join('\r\n'),
      );
      talk.send(sent);
      const forwarded = await talk.arrived('MESSAGE');
      expectUntouched(sent, forwarded);
      expect(forwarded.header('Max-Forwards')).toBe('19');
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'FWD-3',
    rfc: 3261,
    section: '16.6, 7.4',
    level: 'MUST',
    title: 'a body of all octets from 0 to 255 is intact, there and back, over each transport',
    async run(world) {
      for (const to of ['udp', 'tcp', 'tls'] as const) {
        const talk = await Talk.open(world, { by: to, to });
        const { sent, forwarded, reply, answer } = await talk.exchange('MESSAGE', { body: allOctets }, 200, {
          headers: ['Content-Type: application/octet-stream'],
          body: allOctets,
        });
        expectUntouched(sent, forwarded);
        expectResponseUntouched(reply, answer);
      }
    },
  },
  {
    id: 'FWD-4',
    rfc: 3261,
    section: '7.3.1',
    level: 'MUST',
    title: 'folded header fields, with SP, HTAB and space before the colon, are understood and left folded',
    async run(world) {
      const talk = await Talk.open(world);
      const sent = new RawMessage(
        [
          `MESSAGE ${talk.uri} SIP/2.0`,
          `Via : ${talk.via()}`,
          'From\t:\r\n  "Alice\r\n\tA." <sip:alice@example.com>',
          `  ;tag=${talk.fromTag}`,
          `TO :`,
          `\t<${talk.uri}>`,
          `Call-ID:\r\n ${talk.callId}`,
          'CSeq:\r\n 4 \r\n\tMESSAGE',
          'Max-Forwards :\r\n\t 44',
          'Subject: one\r\n two\r\n\t three',
          'X-Unknown  :\r\n a\r\n  b;\r\n c',
          'Content-Length : 2',
          'Content-Type: text/plain',
          '',
          'hi',
        ].join('\r\n'),
      );
      talk.send(sent);
      const forwarded = await talk.arrived('MESSAGE');
      expectUntouched(sent, forwarded);
      expect(forwarded.headers('Max-Forwards')).toEqual(['43']);
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'FWD-5',
    rfc: 3261,
    section: '7.3.3',
    level: 'MUST',
    title: 'compact forms in mixed case are understood, and stay compact',
    async run(world) {
      const talk = await Talk.open(world);
      const sent = new RawMessage(
        [
          `MESSAGE ${talk.uri} SIP/2.0`,
          `V: ${talk.via()}`,
          `f: <sip:alice@example.com>;tag=${talk.fromTag}`,
          `T: <${talk.uri}>`,
          `i: ${talk.callId}`,
          'CSeq: 1 MESSAGE',
          'm: <sip:alice@192.0.2.1>',
          'C: text/plain',
          'k: 100rel',
          's: short',
          'L: 5',
          '',
          'hello',
        ].join('\r\n'),
      );
      talk.send(sent);
      const forwarded = await talk.arrived('MESSAGE');
      expectUntouched(sent, forwarded);
      const via = /^via: (.*?)\r$/im.exec(forwarded.text)?.[1];
      forwarded.reply(
        [
          'SIP/2.0 200 OK',
          `v: ${via}`,
          ...forwarded.text.split('\r\n').filter((line) => /^(?:v|f|t|i|cseq): /i.test(line) && !line.includes(via!)),
          'l: 0',
          '\r\n',
        ].join('\r\n'),
      );
      await talk.answer(200);
    },
  },
  {
    id: 'FWD-6',
    rfc: 3261,
    section: '16.6(2), 19.1.4',
    level: 'MUST',
    title: 'the Request-URI keeps its octets: escapes, case, parameters, headers',
    async run(world) {
      const { domain } = await Talk.open(world);
      const forms = [
        `sip:b%6Fb;day=tuesday@${domain}`,
        `sip:BOB@${domain.toUpperCase()};x-Odd=%41;lr-not;method=MESSAGE`,
        `SIP:bob:pass@${domain}`,
        `sip:bob@${domain};opaque=user:epid:abc;gruu`,
        `sip:+1(555)123@${domain};user=phone`,
      ];
      for (const uri of forms) {
        const talk = await Talk.open(world);
        const { forwarded } = await talk.exchange('MESSAGE', { uri });
        expect(forwarded.startLine).toBe(`MESSAGE ${uri} SIP/2.0`);
      }
    },
  },
  {
    id: 'FWD-11',
    rfc: 3261,
    section: '16.6',
    level: 'MUST',
    title: 'a multipart body whose parts look like SIP is opaque',
    async run(world) {
      const talk = await Talk.open(world);
      const body = ['--b', 'Via: SIP/2.0/TCP 192.0.2.1', 'Max-Forwards: 0', '', 'INVITE sip:a@b SIP/2.0', '--b--', ''];
      const { sent, forwarded } = await talk.exchange('MESSAGE', {
        headers: ['Content-Type: multipart/mixed;boundary=b'],
        body: body.join('\r\n'),
      });
      expectUntouched(sent, forwarded);
    },
  },
  {
    id: 'FWD-12',
    rfc: 3261,
    section: '16.6',
    level: 'MUST',
    title: 'Contact, Authorization, Expires, Event, Supported, Date and Content-* fields are no business of a proxy',
    async run(world) {
      const talk = await Talk.open(world);
      const { sent, forwarded } = await talk.exchange('SUBSCRIBE', {
        headers: [
          contactAt(world.cisco.tcp),
          'Authorization: Digest username="a", realm="r, s", nonce="n", uri="sip:b", response="00"',
          'Proxy-Authorization: Kerberos qop="auth", gssapi-data=""',
          'Expires: 7446',
          'Event: presence',
          'Supported: eventlist, ms-piggyback-first-notify, com.microsoft.autoextend',
          'Accept: application/pidf+xml, application/cpim-pidf+xml',
          'Content-Encoding: gzip',
          'Content-Disposition: render;handling=optional',
        ],
      });
      expectUntouched(sent, forwarded);
    },
  },
  {
    id: 'PR-2',
    rfc: 3261,
    section: '20.32',
    level: 'MUST',
    title: 'an unknown Require is forwarded',
    async run(world) {
      const talk = await Talk.open(world);
      const { forwarded } = await talk.exchange('MESSAGE', { headers: ['Require: lunch', 'Require: dinner'] });
      expect(forwarded.headers('Require')).toEqual(['lunch', 'dinner']);
    },
  },
  ...(['MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'INVITE', 'OPTIONS', 'INFO'] as const).map(
    (method, index): Check => ({
      id: `DIR-1.${index + 1}`,
      rfc: 3261,
      section: '16.5',
      level: 'MUST',
      title: `${method} from Microsoft arrives at Cisco, and its answer comes back`,
      async run(world) {
        const talk = await Talk.open(world, { from: 'microsoft' });
        const headers = [contactAt(world.microsoft.tcp), 'Event: presence', 'Subscription-State: active'];
        const { sent, forwarded } = await talk.exchange(method, { headers }, 202);
        expectUntouched(sent, forwarded);
      },
    }),
  ),
  {
    id: 'FWD-13',
    rfc: 3261,
    section: '7.3.1',
    level: 'MUST',
    title: 'five hundred header fields pass in their order',
    async run(world) {
      const talk = await Talk.open(world);
      const headers = Array.from({ length: 500 }, (_, index) => `X-${index % 7}: ${index} ${newTag()}`);
      const { sent, forwarded } = await talk.exchange('MESSAGE', { headers });
      expectUntouched(sent, forwarded);
    },
  },
  {
    id: 'FWD-15',
    rfc: 3261,
    section: '7.1, 7.2',
    level: 'MUST',
    title: 'the SIP version is read in any case',
    async run(world) {
      const talk = await Talk.open(world);
      talk.send(talk.request('MESSAGE').text.replace('SIP/2.0\r\n', 'sip/2.0\r\n'));
      const forwarded = await talk.arrived('MESSAGE');
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'FWD-16',
    rfc: 3261,
    section: '20.10, 20.20, 20.39',
    level: 'MUST',
    title: 'From and To without angle brackets are addresses whose parameters are those of the field',
    async run(world) {
      const talk = await Talk.open(world);
      const from = `sip:alice@${talk.domain};tag=${talk.fromTag};epid=0123`;
      const { forwarded } = await talk.exchange('MESSAGE', { from, to: `sip:bob@${talk.domain}` });
      expect(forwarded.header('From')).toBe(from);
    },
  },
  {
    id: 'FWD-17',
    rfc: 3261,
    section: '16.5, 19.1.4',
    level: 'MUST',
    title: 'copies of a request that an element before us has forked are forwarded each',
    async run(world) {
      const talk = await Talk.open(world);
      for (const _ of [1, 2])
        await talk.exchange('MESSAGE', { via: [talk.via(), 'SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKa'] });
    },
  },
];

conformance('what goes through', { block: 1 }, checks);
