import { describe, expect, it } from 'vitest';
import { checkRequest, checkResponse } from '../../../src/sip-parser/index.ts';
import { type Lines, parseRequest, parseResponse, request, requestText, responseText } from './sample.ts';

function headerAtFault(changes: Lines): string | undefined {
  return checkRequest(request(changes))?.header;
}

describe('checkRequest takes', () => {
  it.each<[string, Lines]>([
    ['an ordinary request', {}],
    [
      'a request of RFC 2543 (RFC 4475 §3.4.1)',
      {
        Via: 'Via: SIP/2.0/UDP a.example.com',
        From: 'From: sip:alice@example.com',
        'Max-Forwards': undefined,
        'Content-Length': undefined,
      },
    ],
    ["Max-Forwards 0: 483 is the proxy's to say (RFC 3261 §16.3)", { 'Max-Forwards': 'Max-Forwards: 0' }],
    ['Max-Forwards 255', { 'Max-Forwards': 'Max-Forwards: 255' }],
    ['CSeq 2**31 - 1 (RFC 3261 §8.1.1.5)', { CSeq: 'CSeq: 2147483647 MESSAGE' }],
    [
      'From and To of unknown schemes (RFC 4475 §3.3.4)',
      { From: 'From: <http://www.example.com>;tag=1', To: 'To: isbn:2983792873' },
    ],
    ['a Contact that removes all bindings (RFC 3261 §10.2.2)', { contact: 'Contact: *' }],
    [
      'several Via, Route, Record-Route and Contact lines (RFC 3261 §7.3.1)',
      {
        a: 'Via: SIP/2.0/UDP a.example.com, SIP/2.0/UDP b.example.com',
        b: 'Route: <sip:a.example.com;lr>',
        c: 'Route: <sip:b.example.com;lr>',
        d: 'Record-Route: <sip:c.example.com;lr>, <sip:d.example.com;lr>',
        e: 'Contact: sip:a@example.com;expires=5',
      },
    ],
    [
      'a NUL that is escaped in a quoted string (RFC 4475 §3.1.1.2)',
      { From: 'From: "NUL:\\\0" <sip:a@example.com>;tag=1' },
    ],
    [
      'escaped NULs in several quoted strings, folded, behind an escaped quote',
      { From: 'From: "\\\0\\"\\\0\r\n x\\\0" <sip:a@example.com>;tag=1;x="\\\0"' },
    ],
    [
      'a malformed Contact, which no proxy reads (RFC 3261 §16.3 step 1)',
      { contact: 'Contact: <sip:a@192.0.2.4>;expires=390,: <sip:a@ua.example.com>', second: 'm: Smith, J <sip:j s@a>' },
    ],
    [
      'a Record-Route without a value, and commas too many: they name nobody',
      { a: 'Record-Route:', b: 'Record-Route: , <sip:a.example.com;lr>,, <sip:b.example.com;lr> ,' },
    ],
    [
      'lower Vias that can be read no further than their transport (RFC 3261 §16.3 step 4)',
      {
        a: 'Via: SIP/2.0/UDP [fe80::1%25eth0]:5060;branch=z9hG4bK1, SIP/2.0/TCP 2001:db8::1;branch=z9hG4bK2',
        b: 'v: SIP/2.0/UDP a.example.com (Acme (1)), SIP/2.0/UDP b.example.com',
      },
    ],
    ['empty rport and received in Via', { Via: 'Via: SIP/2.0/UDP 192.0.2.10;rport=;received=;branch=z9hG4bK1' }],
    ['an unquoted ampersand in a display name', { From: 'From: AT&T [Desk #1] <sip:a@example.com>;tag=1' }],
    ['a line without colon', { x: 'Foobar roobar' }],
    ['a line without name', { x: ': value' }],
    ['a blank in a name', { x: 'X Custom Id: 7' }],
    ['a name in UTF-8', { x: 'Gr\xc3\xb6\xc3\x9fe: 5', y: '\xd0\x98\xd0\xbc\xd1\x8f: 6', z: '\xe5\x90\x8d: 7' }],
    ['other octets above 127 in a name', { x: 'Gr\xf6\xdfe: 5' }],
    ['a separator in a name', { x: 'X-(a)/b@c: 7', y: '"X": 8' }],
    [
      'escaped NULs in several quoted strings, folded, behind an escaped quote',
      { From: 'From: "\\\0\\"\\\0\r\n x\\\0" <sip:a@example.com>;tag=1;x="\\\0"' },
    ],
    ['UTF-8 in unknown fields', { x: 'X-Name: J\xc3\xbcrgen' }],
    ['unknown fields of any shape (RFC 4475 §3.1.1.1)', { x: 'UnknownHeaderWithUnusualValue: ;;,,;;,;"<' }],
  ])('%s', (_, changes) => {
    expect(checkRequest(request(changes))).toBeUndefined();
  });

  it.each(['tel:+12015550123', 'urn:service:sos', 'nobodyKnowsThisScheme:totallyopaquecontent'])(
    "the Request-URI %s: 416 is the proxy's to say (RFC 3261 §16.3)",
    (uri) => {
      expect(checkRequest(parseRequest(requestText({}, `MESSAGE ${uri} SIP/2.0`)))).toBeUndefined();
    },
  );
});

describe('checkRequest refuses with 400', () => {
  it.each(['Via', 'From', 'To', 'Call-ID', 'CSeq'])('a request without %s (RFC 3261 §8.1.1)', (name) => {
    expect(checkRequest(request({ [name]: undefined }))).toMatchObject({
      status: 400,
      header: name,
      detail: `${name} is missing`,
    });
  });

  it.each([
    ['From', 'f: <sip:x@example.com>;tag=1'],
    ['To', 'T: <sip:x@example.com>'],
    ['Call-ID', 'I: other'],
    ['CSeq', 'cseq: 1 MESSAGE'],
    ['Max-Forwards', 'max-forwards: 70'],
    ['Content-Length', 'l: 5'],
  ])('a second %s, be it spelled %j (RFC 4475 §3.3.8, §3.3.9)', (name, line) => {
    expect(checkRequest(request({ second: line }))).toMatchObject({
      status: 400,
      header: name,
      detail: `more than one ${name}`,
    });
  });

  it.each<[string, string, string]>([
    ['Via', 'Via: SIP/2.0/UDP 192.0.2.15;;,;,,', 'extraneous separators (RFC 4475 §3.1.2.1)'],
    ['Via', 'Via: SIP/2.0/UDP a.example.com, SIP/2.0/UDP', 'a second value that is none'],
    ['From', 'From: "Alice <sip:alice@example.com>;tag=1', 'an open quoted string (RFC 4475 §3.1.2.6)'],
    [
      'From',
      'From: Bell, Alexander <sip:a@example.com>;tag=43',
      'a comma in an unquoted display name (RFC 4475 §3.1.2.15)',
    ],
    ['To', 'To: "Watson" < sip:t.watson@example.org >', 'spaces within addr-spec (RFC 4475 §3.1.2.14)'],
    ['To', 'To: <sip:bob@example.com>;tag="1"', 'a tag that is no token (RFC 3261 §19.3)'],
    ['From', 'From: <sip:alice@example.com>;tag', 'a tag without value (RFC 3261 §19.3)'],
    ['Call-ID', 'Call-ID:', 'an empty Call-ID'],
    ['Call-ID', 'Call-ID: a b', 'white space in Call-ID'],
    ['CSeq', 'CSeq: MESSAGE 1', 'a CSeq the wrong way round'],
    ['CSeq', 'CSeq: 2147483648 MESSAGE', 'CSeq 2**31 (RFC 3261 §8.1.1.5)'],
    ['CSeq', 'CSeq: 36893488147419103232 MESSAGE', 'an overlarge CSeq (RFC 4475 §3.1.2.4)'],
    ['CSeq', 'CSeq: 1 INVITE', 'the method of another request (RFC 4475 §3.1.2.17)'],
    ['CSeq', 'CSeq: 1 message', 'the method in other case (RFC 3261 §7.1)'],
    ['Max-Forwards', 'Max-Forwards: 256', 'Max-Forwards above 255 (RFC 3261 §20.22)'],
    ['Max-Forwards', 'Max-Forwards: many', 'Max-Forwards that is no number'],
    ['Content-Length', 'Content-Length: -5', 'a negative Content-Length (RFC 4475 §3.1.2.3)'],
    ['Content-Length', 'Content-Length: 5, 5', 'a list of Content-Length'],
    ['Content-Length', 'Content-Length: 6', 'Content-Length larger than the message (RFC 4475 §3.1.2.2)'],
    ['Content-Length', `Content-Length: ${'9'.repeat(400)}`, 'Content-Length beyond all numbers'],
    ['Route', 'Route: <sip:a.example.com;lr', 'a Route that is not closed'],
    ['Record-Route', 'Record-Route: "a <sip:a.example.com;lr>', 'a Record-Route that is not closed'],
    ['Via', 'Via: SIP/2.0/UDP a.example.com, (b), SIP/2.0/UDP c.example.com', 'a lower Via that is only a comment'],
    ['Via', 'Via: SIP/2.0/UDP a.example.com, SIP/2.0/UDP ;x', 'a lower Via without sent-by'],
    ['Via', 'Via: SIP/2.0/UDP a.example.com;branch=z9hG4bK1,', 'a comma too many (RFC 4475 §3.1.2.1)'],
    ['Via', 'Via: SIP/2.0/UDP [fe80::1%25eth0];branch=z9hG4bK1', 'a zone in the topmost Via, which is the way back'],
    ['Via', 'Via: SIP/2.0/UDP 2001:db8::1;branch=z9hG4bK1', 'IPv6 without brackets in the topmost Via'],
    ['Via', 'Via: SIP/2.0/UDP a.example.com;branch=z9hG4bK1 (Acme)', 'a comment in the topmost Via'],
    ['Via', 'Via: SIP/2.0/UDP a.example.com;branch=', 'a branch that is none'],
    ['From', 'From: sip:x@example.com <sip:a@example.com>;tag=1', 'an address in front of the address'],
    ['From', 'From: x@example.com <sip:a@example.com>;tag=1', 'half an address in front of the address'],
    ['From', 'From: (<sip:x@example.com>) <sip:a@example.com>;tag=1', 'an address in a comment'],
    ['From', 'From: <sip:a@example.com>;tag=', 'an empty tag'],
    ['Route', 'Route:', 'a Route without a value'],
    ['Route', 'Route: <sip:a.example.com;lr>,', 'a Route with a comma too many'],
  ])('in %s: %j, %s', (name, line) => {
    expect(checkRequest(request({ [name]: line }))).toMatchObject({ status: 400, header: name });
  });

  it.each([
    ['MESSAGE <sip:bob@example.com> SIP/2.0', '§3.1.2.7'],
    ['MESSAGE sip:bob@example.com; lr SIP/2.0', '§3.1.2.8'],
    ['MESSAGE  sip:bob@example.com  SIP/2.0', '§3.1.2.9'],
    ['MESSAGE sip:bob@example.com SIP/2.0  ', '§3.1.2.10'],
    ['MESSAGE sip:bob@example.com?Route=%3Csip:example.com%3E SIP/2.0', '§3.1.2.11'],
    ['MESSAGE sip:bob@ SIP/2.0', '§3.1.2'],
    ['MESSAGE bob@example.com SIP/2.0', '§3.1.2'],
    ['MESSAGE SIP/2.0', '§3.1.2'],
  ])('the request line %j (RFC 4475 %s)', (line) => {
    expect(checkRequest(parseRequest(requestText({}, line)))).toMatchObject({ status: 400, header: 'Request-Line' });
  });

  it.each([
    ['a bare LF as line end', 'X-A: 1\nContent-Length: 0'],
    ['a bare CR as line end', 'X-A: 1\rContent-Length: 0'],
    ['a CR before the CRLF', 'X-A: 1\r'],
    ['an LF before the CRLF', 'X-A: 1\n'],
    ['a NUL', 'X-A: 1\0'],
    ['a backslash and a NUL outside of quotes, where nothing is escaped', 'X-A: 1\\\0'],
    ['the same behind a quoted string', 'X-A: "1" \\\0'],
    ['a NUL behind an escaped backslash', 'X-A: "1\\\\\0"'],
    ['a NUL behind a quoted string that ends in an escaped backslash', 'X-A: "1\\\\" \\\0'],
    ['a NUL in quotes, not escaped', 'X-A: "1\0"'],
    ['a backslash and a NUL in quotes, in a text that knows no quoted strings', 'Subject: "1\\\0"'],
    ['a NUL in a name', 'Content-Length\0: 0'],
    ['a blank in the name of a field that frames', 'Content Length: 0'],
    ['such a name with a blank before it', 'X Content-Length: 0'],
    ['such a name without its colon', 'Via SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1'],
    ['such a name without its colon, in compact form', 'l 5'],
    ['such a name and a no-break space', 'Route\xa0: <sip:a.example.com>'],
    ['such a name and a no-break space in UTF-8', 'Route\xc2\xa0: <sip:a.example.com>'],
    ['such a name with a soft hyphen in it', 'Fr\xc2\xadom: <sip:a@example.com>'],
    ['such a name in full width', '\xef\xbc\xa3Seq: 1 MESSAGE'],
    ['such a name with a long s', 'C\xc5\xbfeq: 1 MESSAGE'],
    ['such a name with a dotless i', 'V\xc4\xb1a: SIP/2.0/UDP 192.0.2.1'],
    ['such a name in quotes', '"Max-Forwards": 0'],
    ['such a name that is folded', 'X-Odd Name\r\n : 1'],
    ['a vertical tab as white space', '\x0bX: 1'],
    ['a no-break space at the beginning', '\xa0X: 1'],
    ['a no-break space in UTF-8 at the beginning', '\xc2\xa0X: 1'],
    ['a byte order mark at the beginning', '\xef\xbb\xbfX: 1'],
    ['a line separator at the beginning', '\xe2\x80\xa8X: 1'],
  ])('%s, which a lenient receiver would read in another way (RFC 3261 §7.3)', (_, line) => {
    expect(checkRequest(request({ 'X-A': line }))).toMatchObject({ status: 400, header: '' });
  });

  it('a message whose header section does not end (RFC 3261 §7)', () => {
    const text = requestText({ 'Content-Length': undefined });
    const cut = text.slice(0, text.indexOf('\r\n\r\n') + 2);
    expect(checkRequest(parseRequest(cut))).toMatchObject({ status: 400, header: '' });
    expect(checkRequest(parseRequest(`${cut}\r\n`))).toBeUndefined();
  });

  it('a first header line that is indented, as if it folded the start line', () => {
    const text = requestText().replace('Via:', ' Via:');
    expect(checkRequest(parseRequest(text))?.status).toBe(400);
  });
});

it('a request of another SIP version gets 505, whatever else is wrong (RFC 3261 §21.5.6, RFC 4475 §3.1.2.16)', () => {
  const text = requestText({ CSeq: 'CSeq: nonsense' }, 'MESSAGE sip:bob@example.com SIP/7.0');
  expect(checkRequest(parseRequest(text))).toMatchObject({ status: 505, header: 'Request-Line' });
});

it('a fault is told in words that fit a reason phrase: no octets of the message, no line ends', () => {
  const detail = checkRequest(request({ Via: 'Via: "nonsense' }))?.detail;
  expect(detail).toBe('Via is not well formed');
  expect(headerAtFault({ Via: 'Via: "nonsense' })).toBe('Via');
});

describe('checkResponse', () => {
  it.each<[string, Lines]>([
    ['an ordinary response', {}],
    [
      'a Contact that is malformed: it is no path through this proxy',
      { contact: 'Contact: "open <sip:a@example.com>' },
    ],
    ['two Max-Forwards, which mean nothing in a response', { second: 'Max-Forwards: 7x' }],
    ['an empty To tag, which is for the asker', { To: 'To: <sip:bob@example.com>;tag=' }],
    ['From and To that are malformed', { From: 'From: A, B <sip:a@example.com>', To: 'To: "open <sip:b@example.com>' }],
    ['lines that are no header fields', { x: 'X Custom Id: 7', y: 'Foobar roobar', z: 'Gr\xc3\xb6\xc3\x9fe: 5' }],
  ])('takes %s', (_, changes) => {
    expect(checkResponse(parseResponse(responseText(changes)))).toBeUndefined();
  });

  it.each([
    'SIP/2.0 4294967301 better not break the receiver',
    'SIP/2.0 99 too small',
    'SIP/2.0 700 too large',
    'SIP/2.0 0200 four digits',
    'SIP/2.0 abc no number',
    'SIP/2.0 200OK',
    'SIP/2.0 486 Bu\nsy',
    'SIP/2.0 486 Bu\rsy',
    'SIP/2.0 486 Busy\0',
    'SIP/3.0 200 OK',
  ])('finds fault with %j (RFC 3261 §7.2, RFC 4475 §3.1.2.19)', (line) => {
    expect(checkResponse(parseResponse(responseText({}, line)))?.header).toBe('Status-Line');
  });

  it.each<[string, Lines]>([
    ['no Via', { Via: undefined }],
    ['a second Via that is malformed', { second: 'Via: SIP/2.0/UDP' }],
    ['no CSeq', { CSeq: undefined }],
    ['an overlarge CSeq (RFC 4475 §3.1.2.5)', { CSeq: 'CSeq: 9292394834772304023312 OPTIONS' }],
    ['two To', { second: 't: <sip:x@example.com>' }],
    ['a Content-Length larger than the message', { 'Content-Length': 'Content-Length: 6' }],
    ['a bare LF', { x: 'X: 1\nVia: SIP/2.0/UDP evil.example.com' }],
    ['a bare CR', { x: 'X: 1\rVia: SIP/2.0/UDP evil.example.com' }],
    ['a NUL', { x: 'X: 1\0' }],
    ['a line that some could take for Content-Length', { x: 'Content Length: 0' }],
  ])('finds fault with %s (RFC 3261 §18.1.2)', (_, changes) => {
    expect(checkResponse(parseResponse(responseText(changes)))).toBeDefined();
  });
});
