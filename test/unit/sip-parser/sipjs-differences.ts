/**
 * Every deliberate difference between the sip.js-compatible door and npm `sip` 0.0.6, each with an example that runs against both.
 * What is not listed here is equal over the whole corpus and over generated well-formed messages, or a test fails.
 */
import type { NpmSip, Untyped } from '../../support/npm-sip.ts';

/** One place where the results for one input differ. */
export interface Found {
  /** `/headers/via/0/host`; `''` when one of both gives no message at all. */
  readonly path: string;
  readonly theirs: unknown;
  readonly ours: unknown;
  /** The whole result of ours. */
  readonly result: Untyped;
}

export interface Difference {
  readonly name: string;
  readonly example: (sip: NpmSip) => unknown;
  /** What the example gives; `throws` when it throws. */
  readonly npmSip: unknown;
  readonly ours: unknown;
  readonly reason: string;
  /** Present where messages of the corpus show the difference. */
  readonly covers?: (found: Found) => boolean;
}

export const throws = 'throws';

/** A request that both read alike, with header lines added. */
function request(...lines: string[]): string {
  return ['MESSAGE sip:bob@example.com SIP/2.0', ...lines, '', ''].join('\r\n');
}

function headersOf(sip: NpmSip, ...lines: string[]): Untyped {
  return sip.parse(request(...lines)).headers;
}

function isReported({ path, result }: Found, detail: string): boolean {
  const header = path.split('/')[2];
  return (result?.problems ?? []).some(
    (problem: Untyped) => problem.header === header && problem.detail.includes(detail),
  );
}

const uris: readonly Difference[] = [
  {
    name: 'an absent port is undefined',
    example: (sip) => sip.parseUri('sip:example.com').port,
    npmSip: Number.NaN,
    ours: undefined,
    reason:
      'NaN is not even equal to itself, and a Via without a port has undefined in npm sip as well; stringifyUri takes both',
    covers: ({ path, theirs, ours }) => path.endsWith('/port') && Number.isNaN(theirs) && ours === undefined,
  },
  {
    name: 'an IPv6 address is a host, in brackets',
    example: (sip) => sip.parseUri('sip:bob@[2001:db8::1]:5070')?.host,
    npmSip: undefined,
    ours: '[2001:db8::1]',
    reason: 'RFC 3261 §25.1, RFC 5118; the brackets stay, so that code which joins host and port stays right',
  },
  {
    name: 'a scheme may be written in any case',
    example: (sip) => sip.parseUri('SIP:bob@example.com')?.schema,
    npmSip: undefined,
    ours: 'sip',
    reason: 'RFC 3261 §19.1.4',
  },
  {
    name: 'im: and pres: are read like sip:',
    example: (sip) => sip.parseUri('pres:bob@example.com')?.user,
    npmSip: undefined,
    ours: 'bob',
    reason: 'RFC 3859, RFC 3860: presence servers send them as recipients',
  },
  {
    name: 'any other scheme gives its schema and the rest, not taken apart',
    example: (sip) => sip.parseUri('tel:+1-201-555-0123;phone-context=example.com'),
    npmSip: undefined,
    ours: { schema: 'tel', opaque: '+1-201-555-0123;phone-context=example.com' },
    reason: 'RFC 3261 §19.1: other schemes are legal; a caller must be able to tell them from bad syntax',
    covers: ({ path, theirs, ours }) => path === '' && theirs === undefined && Object.hasOwn(Object(ours), 'opaque'),
  },
  {
    name: 'the value of a URI parameter may hold an equals sign',
    example: (sip) => ({ ...sip.parseUri('sip:example.com;ms-route-sig=ab=;lr').params }),
    npmSip: { 'ms-route-sig': 'ab', lr: null },
    ours: { 'ms-route-sig': 'ab=', lr: null },
    reason: 'Microsoft servers sign their routes in base64; a route that lost a character is refused',
  },
  {
    name: 'the value of a URI header may be empty',
    example: (sip) => ({ ...sip.parseUri('sip:example.com?subject=')?.headers }),
    npmSip: {},
    ours: { subject: '' },
    reason: 'RFC 3261 §25.1: hvalue = *( ... )',
    covers: ({ path, theirs, result }) =>
      path === '' && theirs === undefined && Object.values(Object(result?.headers)).includes(''),
  },
  {
    name: 'a password may be empty',
    example: (sip) => sip.parseUri('sip:bob:@example.com')?.password,
    npmSip: undefined,
    ours: '',
    reason: 'RFC 3261 §25.1: password = *( ... )',
  },
  {
    name: 'octet A0 is no white space',
    example: (sip) => sip.parseUri('sip:\xc3\xa0@example.com')?.user,
    npmSip: undefined,
    ours: '\xc3\xa0',
    reason: 'it is the second half of many UTF-8 letters; white space in SIP is SP, HTAB and CRLF',
  },
];

const startLines: readonly Difference[] = [
  {
    name: 'a percent sign in a method is a percent sign',
    example: (sip) => sip.parse('RE%47IST%45R sip:example.com SIP/2.0\r\n\r\n').method,
    npmSip: 'REGISTER',
    ours: 'RE%47IST%45R',
    reason: 'RFC 4475 §3.1.1.5: the method is unknown, not REGISTER',
    covers: ({ path, ours }) => /^\/(method|headers\/cseq\/method)$/.test(path) && /%/.test(String(ours)),
  },
  {
    name: 'a request line with white space where none belongs is read, and reported',
    example: (sip) => sip.parse('INVITE  sip:bob@example.com SIP/2.0\r\n\r\n')?.problems.length,
    npmSip: undefined,
    ours: 1,
    reason: 'the request must be answered with 400 (RFC 4475 §3.1.2.8, §3.1.2.9), for which its headers are needed',
    covers: ({ path, theirs, result }) => path === '' && theirs === undefined && result?.problems?.[0]?.header === '',
  },
  {
    name: 'a header line without a colon is reported, and the others are read',
    example: (sip) => sip.parse(request('Subject: x', 'no header'))?.headers.subject,
    npmSip: undefined,
    ours: 'x',
    reason: 'the request must be answered with 400, for which its other headers are needed',
  },
  {
    name: 'a header name is a token',
    example: (sip) => sip.parse(request('Sub/ject: x')).headers['sub/ject'],
    npmSip: 'x',
    ours: undefined,
    reason: 'RFC 3261 §7.3.1; the line is reported as one that is no header',
  },
  {
    name: 'only SP separates the parts of a start line',
    example: (sip) => sip.parse('INVITE\tsip:bob@example.com\tSIP / 2.0\r\n\r\n')?.method,
    npmSip: 'INVITE',
    ours: undefined,
    reason: 'RFC 3261 §7.1; whoever reads more finds requests where others find none',
  },
  {
    name: 'the version may be written in any case',
    example: (sip) => sip.parse('INVITE sip:bob@example.com sip/2.0\r\n\r\n')?.version,
    npmSip: undefined,
    ours: '2.0',
    reason: 'RFC 3261 §7.1',
  },
  {
    name: 'a response has a status',
    example: (sip) => sip.parse('SIP/2.0 000 Nothing\r\n\r\n')?.status,
    npmSip: 0,
    ours: undefined,
    reason: 'by the status not being 0 its users tell responses from requests',
  },
  {
    name: 'a reason phrase is as sent',
    example: (sip) => sip.parse('SIP/2.0 200  OK\r\n\r\n').reason,
    npmSip: 'OK',
    ours: ' OK',
    reason: 'RFC 3261 §25.1: it may begin with SP',
  },
  {
    name: 'only CRLF may precede a message',
    example: (sip) => sip.parse(` ${request()}`)?.method,
    npmSip: 'MESSAGE',
    ours: undefined,
    reason: 'RFC 3261 §7.5',
  },
];

const headers: readonly Difference[] = [
  {
    name: 'what is wrong is reported in an extra field, problems',
    example: (sip) => sip.parse(request('CSeq: none', 'Via: SIP/2.0/UDP a.example.com;;branch=x')).problems,
    npmSip: undefined,
    ours: [
      { header: 'cseq', detail: 'left out: "none"' },
      { header: 'via', detail: 'ignored from ";;branch=x"' },
    ],
    reason: 'npm sip leaves out what it cannot read without a word; the field is absent from a clean message',
    covers: ({ path, theirs }) => path === '/problems' && theirs === undefined,
  },
  {
    name: 'a percent sign in a header name is a percent sign',
    example: (sip) => Object.keys(headersOf(sip, 'C%6Fntact: <sip:alias2@example.com>')),
    npmSip: ['contact'],
    ours: ['c%6fntact'],
    reason: 'RFC 4475 §3.1.1.5: an unknown header, not a Contact',
    covers: ({ path, result }) =>
      'c%6fntact' in (result?.headers ?? {}) && /^\/headers\/c(ontact|%6fntact)\b/.test(path),
  },
  {
    name: 'e is the compact form of Content-Encoding',
    example: (sip) => Object.keys(headersOf(sip, 'e: gzip')),
    npmSip: ['contact-encoding'],
    ours: ['content-encoding'],
    reason: 'RFC 3261 §20.12; there is no Contact-Encoding',
  },
  {
    name: 'all registered compact forms are expanded',
    example: (sip) => Object.keys(headersOf(sip, 'o: presence', 'u: presence', 'r: <sip:carol@example.com>')),
    npmSip: ['o', 'u', 'r'],
    ours: ['event', 'allow-events', 'refer-to'],
    reason: 'one header must not stand under two names (RFC 6665 §8.2, RFC 3515 §2.1)',
  },
  {
    name: 'a name that Object.prototype has is a name like any other',
    example: (sip) => [
      typeof headersOf(sip, 'Constructor: x').constructor,
      Object.keys(headersOf(sip, 'To: <sip:a>;__proto__=x').to.params),
    ],
    npmSip: ['function', []],
    ours: ['string', ['__proto__']],
    reason: 'names come from the network: headers, params and URI headers have no prototype',
  },
  {
    name: 'white space behind a value is no part of it',
    example: (sip) => headersOf(sip, 'Subject: lunch \t').subject,
    npmSip: 'lunch \t',
    ours: 'lunch',
    reason: 'RFC 3261 §7.3.1',
  },
  {
    name: 'of a header that may stand only once, the first counts',
    example: (sip) => headersOf(sip, 'To: <sip:bob@example.com>', 'To: <sip:carol@example.com>').to.uri,
    npmSip: 'sip:carol@example.com',
    ours: 'sip:bob@example.com',
    reason: 'as everywhere in this parser, and reported; two readings of one message are a way around an access list',
    covers: (found) =>
      isReported(found, 'repeated') ||
      isReported({ ...found, path: found.path.replace('/content', '/headers/content-length') }, 'repeated'),
  },
  {
    name: 'a header of which one value is bad is left out as a whole, on whichever line',
    example: (sip) => headersOf(sip, 'Route: <sip:a>', 'Route: <sip:b>,').route.length,
    npmSip: 2,
    ours: 1,
    reason: 'half a list leads elsewhere; npm sip keeps the readable values of a second line, but not of a first',
  },
  {
    name: 'Content-Length: 0 is a length',
    example: (sip) => sip.parse(`${request('Content-Length: 0')}more`).content,
    npmSip: 'more',
    ours: '',
    reason: 'RFC 3261 §18.3: octets behind the body are discarded (RFC 4475 §3.1.1.8)',
    covers: ({ path, ours, result }) => path === '/content' && ours === '' && result.headers['content-length'] === 0,
  },
  {
    name: 'a Content-Length is digits',
    example: (sip) => headersOf(sip, 'Content-Length: 0x10')['content-length'],
    npmSip: 16,
    ours: undefined,
    reason: 'RFC 3261 §20.14; -999 and 1e3 are no lengths either. Reported, and the body is then all that follows',
    covers: (found) =>
      /^\/(content|headers\/content-length)$/.test(found.path) &&
      isReported({ ...found, path: '/headers/content-length' }, 'left out'),
  },
  {
    name: 'a CSeq begins with its number',
    example: (sip) => headersOf(sip, 'CSeq: x9 INVITE').cseq?.seq,
    npmSip: 9,
    ours: undefined,
    reason: 'RFC 3261 §20.16',
  },
  {
    name: 'a CSeq has a method',
    example: (sip) => ({ ...headersOf(sip, 'CSeq: 12').cseq }),
    npmSip: { seq: 1, method: '2' },
    ours: {},
    reason: 'RFC 3261 §20.16; the last digit of the number is none',
  },
];

const values: readonly Difference[] = [
  {
    name: 'a Via may name an IPv6 address, in brackets',
    example: (sip) => {
      const via = headersOf(sip, 'Via: SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bK1').via[0];
      return [via.host, via.port, via.params.branch];
    },
    npmSip: ['[2001', undefined, undefined],
    ours: ['[2001:db8::9]', 5070, 'z9hG4bK1'],
    reason: 'RFC 3261 §25.1, RFC 5118 §4.1',
  },
  {
    name: 'an IPv6 address may be the value of a parameter',
    example: (sip) => ({ ...headersOf(sip, 'Via: SIP/2.0/UDP a;received=2001:db8::9;rport=5070').via[0].params }),
    npmSip: { received: '2001' },
    ours: { received: '2001:db8::9', rport: '5070' },
    reason: 'RFC 3261 §25.1 via-received; RFC 5118 §4.5 has it in brackets as well',
  },
  {
    name: 'the protocol of a Via may be written in any case',
    example: (sip) => headersOf(sip, 'Via: sip/2.0/udp a.example.com').via?.length,
    npmSip: undefined,
    ours: 1,
    reason: 'RFC 3261 §7.1: literal strings have no case',
  },
  {
    name: 'a comma ends a Via without port and parameters',
    example: (sip) =>
      headersOf(sip, 'Via: SIP/2.0/UDP a.example.com, SIP/2.0/UDP b.example.com').via.map((via: Untyped) => via.host),
    npmSip: ['a.example.com,'],
    ours: ['a.example.com', 'b.example.com'],
    reason: 'RFC 3261 §7.3.1',
  },
  {
    name: 'a comma ends a listed address without brackets',
    example: (sip) =>
      headersOf(sip, 'Contact: sip:a@example.com, sip:b@example.com').contact.map((contact: Untyped) => contact.uri),
    npmSip: ['sip:a@example.com,'],
    ours: ['sip:a@example.com', 'sip:b@example.com'],
    reason: 'RFC 3261 §20: a URI with a comma has to be in brackets',
  },
  {
    name: 'a display name may hold what would have to be quoted',
    example: (sip) => headersOf(sip, 'From: Zo\xc3\xab <sip:zoe@example.com>;tag=1').from,
    npmSip: { name: undefined, uri: 'Zo\xc3\xab', params: {} },
    ours: { name: 'Zo\xc3\xab', uri: 'sip:zoe@example.com', params: { tag: '1' } },
    reason: 'UTF-8 names without quotes are common, and RFC 4475 §3.1.2.15 allows to read them',
    covers: ({ path, result }) =>
      /^\/(name|uri|params\b.*)$/.test(path) && /^[^"]*[^\w\-.!%*+`'~ "]/.test(result?.name),
  },
  {
    name: 'a quote or bracket that is never closed is no address',
    example: (sip) => [
      headersOf(sip, 'To: "Bob <sip:bob@example.com>').to?.uri,
      headersOf(sip, 'To: <sip:bob@example.com').to?.uri,
    ],
    npmSip: ['"Bob', '<sip:bob@example.com'],
    ours: [undefined, undefined],
    reason: 'no address is better than a wrong one (RFC 4475 §3.1.2.6); it is reported',
    covers: (found) => found.ours === undefined && /^"[^"]*$/.test((found.theirs as Untyped)?.uri),
  },
  {
    name: 'a route whose URI is no URI stays text',
    example: (sip) => headersOf(sip, 'Route: <ss1.example.com;lr>').route[0].uri,
    npmSip: undefined,
    ours: 'ss1.example.com;lr',
    reason: 'stringify of npm sip throws at such a route; here it is written as it came',
    covers: ({ path, theirs, ours }) =>
      /^\/headers\/route\/\d\/uri$/.test(path) && theirs === undefined && typeof ours === 'string',
  },
];

const others: readonly Difference[] = [
  {
    name: 'parseAOR also takes text, and gives undefined where there is no address',
    example: (sip) => [sip.parseAOR('<sip:bob@example.com>' as Untyped).uri, sip.parseAOR({ s: '', i: 0 })],
    npmSip: throws,
    ours: ['sip:bob@example.com', undefined],
    reason: 'nothing here throws at what a peer sent',
  },
  {
    name: 'stringify writes Contact: * without brackets',
    example: (sip) => sip.stringify(sip.parse(request('Contact: *'))).split('\r\n')[1],
    npmSip: 'Contact:  <*>',
    ours: 'Contact: *',
    reason: 'RFC 3261 §10.2.2: with brackets it unregisters nothing',
    covers: ({ theirs, ours }) => theirs === 'Contact:  <*>' && ours === 'Contact: *',
  },
  {
    name: 'stringify writes nothing for an empty contact list',
    example: (sip) => sip.stringify({ status: 200, reason: 'OK', headers: { contact: [] } }).split('\r\n')[1],
    npmSip: 'Contact: *',
    ours: 'Content-Length: 0',
    reason: 'all registrations are not what an empty list means',
  },
  {
    name: 'stringify leaves the message as it is',
    example: (sip) => {
      const message = { status: 200, reason: 'OK', headers: {} };
      sip.stringify(message);
      return message.headers;
    },
    npmSip: { 'content-length': 0 },
    ours: {},
    reason: 'writing a message is no reason to change it',
  },
  {
    name: 'an empty password and port 0 are written',
    example: (sip) => sip.stringifyUri({ user: 'bob', password: '', host: 'example.com', port: 0 }),
    npmSip: 'sip:bob@example.com',
    ours: 'sip:bob:@example.com:0',
    reason: 'what was read is what is written',
  },
  {
    name: 'a shallow copy keeps every field',
    example: (sip) => sip.copyMessage({ status: 200, reason: 'OK', version: '1.0', headers: {} }).version,
    npmSip: undefined,
    ours: '1.0',
    reason: 'a copy is a copy',
    covers: ({ path, theirs }) => /^\/(version|problems)$/.test(path) && theirs === undefined,
  },
  {
    name: 'a branch is 96 random bits',
    example: (sip) => sip.generateBranch().length > 'z9hG4bK1000000'.length,
    npmSip: false,
    ours: true,
    reason: 'RFC 3261 §8.1.1.7: unique across space and time, which one of a million is not',
  },
];

/** The methods that come out of a stream, and how often it was given up. */
function streamed(sip: NpmSip, ...chunks: readonly string[]): unknown {
  const methods: string[] = [];
  let floods = 0;
  const feed = sip.makeStreamParser(
    (message) => methods.push(message.method),
    () => {
      floods += 1;
    },
  );
  for (const chunk of chunks) feed(chunk);
  return { methods, floods };
}

const streams: readonly Difference[] = [
  {
    name: 'a message without Content-Length ends the stream',
    example: (sip) => streamed(sip, request('Subject: x'), request('Content-Length: 0')),
    npmSip: { methods: ['MESSAGE'], floods: 0 },
    ours: { methods: [], floods: 1 },
    reason:
      'RFC 3261 §18.3: nobody knows where the next message begins; npm sip loses this one and goes on without a word',
  },
  {
    name: 'after onFlood nothing more is read',
    example: (sip) => streamed(sip, `MESSAGE sip:a SIP/2.0\r\nX: ${'x'.repeat(60480)}`, request('Content-Length: 0')),
    npmSip: { methods: ['MESSAGE'], floods: 1 },
    ours: { methods: [], floods: 1 },
    reason: 'what follows may be the rest of the flood, made to look like a message',
  },
];

export const differences: readonly Difference[] = [
  ...uris,
  ...startLines,
  ...headers,
  ...values,
  ...others,
  ...streams,
];
