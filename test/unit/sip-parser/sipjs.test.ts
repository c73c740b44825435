import { describe, expect, it } from 'vitest';
import {
  copyMessage,
  generateBranch,
  makeResponse,
  parse,
  parseAOR,
  parseUri,
  type SipJsRequest,
  stringify,
  stringifyUri,
} from '../../../src/sip-parser/sipjs.ts';

const text = [
  'MESSAGE sip:bob@example.com SIP/2.0',
  'v: SIP/2.0/TLS [2001:db8::9];branch=z9hG4bK1;received=2001:db8::7, SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK2;rport',
  'Route: <sip:[2001:db8::1]:5070;transport=tcp;lr>',
  'From: "Bell, \\"A\\" <x>" <sips:a.bell@example.com>;tag=43',
  'To: Bob',
  '  <im:bob@example.com>',
  'Call-ID: 1@example.com',
  'CSeq: 5 MESSAGE',
  'Content-Length: 5',
  '',
  'h\xc3\xa9yo',
].join('\r\n');

function request(): SipJsRequest {
  return parse(text) as SipJsRequest;
}

describe('parse', () => {
  it('gives the objects of npm sip, with IPv6 where npm sip has none (RFC 5118)', () => {
    expect(parse(text)).toEqual({
      method: 'MESSAGE',
      uri: 'sip:bob@example.com',
      version: '2.0',
      headers: {
        via: [
          {
            version: '2.0',
            protocol: 'TLS',
            host: '[2001:db8::9]',
            port: undefined,
            params: { branch: 'z9hG4bK1', received: '2001:db8::7' },
          },
          {
            version: '2.0',
            protocol: 'UDP',
            host: '192.0.2.4',
            port: 5070,
            params: { branch: 'z9hG4bK2', rport: null },
          },
        ],
        route: [
          {
            name: undefined,
            uri: {
              schema: 'sip',
              user: undefined,
              password: undefined,
              host: '[2001:db8::1]',
              port: 5070,
              params: { transport: 'tcp', lr: null },
              headers: {},
            },
            params: {},
          },
        ],
        from: { name: '"Bell, \\"A\\" <x>"', uri: 'sips:a.bell@example.com', params: { tag: '43' } },
        to: { name: 'Bob', uri: 'im:bob@example.com', params: {} },
        'call-id': '1@example.com',
        cseq: { seq: 5, method: 'MESSAGE' },
        'content-length': 5,
      },
      content: 'h\xc3\xa9yo',
    });
  });

  it('takes octets, also those in the middle of a larger buffer', () => {
    const octets = Buffer.from(`xx${text}`, 'latin1');
    expect(parse(new Uint8Array(octets.buffer, octets.byteOffset + 2, octets.length - 2))).toEqual(parse(text));
  });

  it('gives undefined for what has no SIP start line, or no end of its headers', () => {
    expect(
      ['', 'GET / HTTP/1.1\r\n\r\n', 'INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\n', 'SIP/2.0 OK\r\n\r\n'].map((bad) =>
        parse(bad),
      ),
    ).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('names every header that it could not read, and keeps the rest', () => {
    const bad = text.replace(
      'Call-ID',
      'To: "Bob <sip:b>\r\nVia: SIP/2.0/UDP\r\nContact: <sip:a>, <sip:b\r\nno header\r\nCall-ID',
    );
    expect(parse(bad)?.problems).toEqual([
      { header: '', detail: 'a header line without name and colon' },
      { header: 'to', detail: 'left out: "\\"Bob <sip:b>"' },
      { header: 'via', detail: 'left out: "SIP/2.0/UDP"' },
      { header: 'contact', detail: 'left out: "<sip:a>, <sip:b"' },
    ]);
    expect(parse(bad)?.headers).toEqual(parse(text)?.headers);
  });

  it('quotes no more of a bad header than a log line bears', () => {
    expect(parse(text.replace('CSeq: 5', `CSeq: ${'x'.repeat(500)}`))?.problems?.[0]?.detail).toHaveLength(72);
  });
});

describe('stringify', () => {
  it('writes IPv6 and unread schemes as they came', () => {
    const written = stringify(request());
    expect(written).toContain('Via: SIP/2.0/TLS [2001:db8::9];branch=z9hG4bK1;received=2001:db8::7\r\n');
    expect(written).toContain('Route:  <sip:[2001:db8::1]:5070;transport=tcp;lr>\r\n');
    expect(stringifyUri(parseUri('urn:service:sos')!)).toBe('urn:service:sos');
  });

  it('takes a Request-URI as an object, and a known header as text', () => {
    const message = { ...request(), uri: parseUri('tel:+1;x=y')!, headers: { contact: '*' as never, to: undefined } };
    expect(stringify(message)).toBe('MESSAGE tel:+1;x=y SIP/2.0\r\nContact: *\r\nContent-Length: 5\r\n\r\nh\xc3\xa9yo');
  });
});

describe('makeResponse', () => {
  it('has the fields of RFC 3261 §8.2.6.2, shared with the request', () => {
    const original = request();
    const response = makeResponse(original, 404, 'Not Found', { headers: { 'retry-after': '5' }, content: 'x' });
    const { via, to, from, cseq } = original.headers;
    expect(response).toEqual({
      status: 404,
      reason: 'Not Found',
      version: '2.0',
      headers: { via, to, from, 'call-id': '1@example.com', cseq, 'retry-after': '5' },
      content: 'x',
    });
    expect(response.headers.to).toBe(to);
  });
});

describe('copyMessage', () => {
  it('gives a copy whose headers and Via list are its own', () => {
    const original = request();
    const copy = copyMessage(original);
    copy.headers.via?.shift();
    copy.headers.subject = 'x';
    expect(original).toEqual(parse(text));
  });

  it('gives a deep copy that shares nothing', () => {
    const original = request();
    const copy = copyMessage(original, true);
    copy.headers.from!.params!.tag = 'x';
    copy.headers.route![0]!.uri = 'x';
    expect(original).toEqual(parse(text));
  });
});

describe('parseUri', () => {
  it('gives an object back as it is', () => {
    const uri = parseUri('sip:example.com')!;
    expect(parseUri(uri)).toBe(uri);
  });

  it.each([
    [
      'sips:a%20b:p:w@[2001:db8::1]:5061;lr;x=a=b?c=',
      { user: 'a%20b', password: 'p:w', host: '[2001:db8::1]', port: 5061 },
    ],
    ['PRES:bob@example.com', { schema: 'pres', user: 'bob', host: 'example.com' }],
    ['urn:service:sos', { schema: 'urn', opaque: 'service:sos' }],
    ['tel:+1-201-555-0123', { schema: 'tel', opaque: '+1-201-555-0123' }],
  ])('reads %s', (uri, parts) => {
    expect(parseUri(uri)).toMatchObject(parts);
  });

  it.each([
    'bob@example.com',
    'sip:',
    'sip:@example.com',
    'sip:bob@',
    'sip:bob@example.com:',
    'sip:bob@example.com:port',
    'sip:[2001:db8::1',
    'sip:[example.com]',
    'sip:[2001:db8::1]x',
    'sip:2001:db8::1',
    'sip:example.com;',
    'sip:example.com;=x',
    'sip:example.com?x',
    'sip:example.com?x=y&=z',
    'sip:b ob@example.com',
    'sip:<bob>@example.com',
    'im:',
    'tel:',
    'tel:+1 201',
    ':x',
  ])('gives undefined for %s', (uri) => {
    expect(parseUri(uri)).toBeUndefined();
  });
});

describe('parseAOR', () => {
  it("moves a cursor of npm sip's form behind the address", () => {
    const cursor = { s: 'x <sip:a>;tag=1, <sip:b>', i: 2 };
    expect(parseAOR(cursor)).toEqual({ name: undefined, uri: 'sip:a', params: { tag: '1' } });
    expect(cursor.i).toBe('x <sip:a>;tag=1'.length);
  });
});

describe('generateBranch', () => {
  it('gives a new branch each time, with the magic cookie (RFC 3261 §8.1.1.7)', () => {
    const branches = new Set(Array.from({ length: 10_000 }, generateBranch));
    expect(branches.size).toBe(10_000);
    expect([...branches].every((branch) => /^z9hG4bK[0-9a-f]{24}$/.test(branch))).toBe(true);
  });
});
