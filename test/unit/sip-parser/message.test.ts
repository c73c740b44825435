import { describe, expect, it } from 'vitest';
import { checkRequest, Edit, Header, parseMessage, type SipRequest } from '../../../src/sip-parser/index.ts';
import { parseRequest, parseResponse, request, requestText, responseText } from './sample.ts';

describe('parseMessage', () => {
  it('reads the start line of a request (RFC 3261 §7.1)', () => {
    const { kind, method, requestUri, version, uri } = request();
    expect({ kind, method, requestUri, version }).toEqual({
      kind: 'request',
      method: 'MESSAGE',
      requestUri: 'sip:bob@example.com',
      version: 'SIP/2.0',
    });
    expect(uri?.user).toBe('bob');
  });

  it.each([
    ['SIP/2.0 200 OK', 200, 'OK'],
    ['SIP/2.0 100 ', 100, ''],
    ['SIP/2.0 480 Temporarily not available', 480, 'Temporarily not available'],
    ['SIP/2.0 486', 486, ''],
  ])('reads the status line %j (RFC 3261 §7.2, RFC 4475 §3.1.1.13)', (line, status, reason) => {
    expect(parseResponse(responseText({}, line))).toMatchObject({
      kind: 'response',
      status,
      reason,
      version: 'SIP/2.0',
    });
  });

  it('takes the SIP version in any case (RFC 3261 §7.1)', () => {
    expect(parseRequest(requestText({}, 'MESSAGE sip:bob@example.com sip/2.0')).version).toBe('SIP/2.0');
    expect(parseResponse(responseText({}, 'sip/2.0 200 OK')).version).toBe('SIP/2.0');
  });

  it.each([
    '',
    '\r\n\r\n',
    'hello',
    'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\n',
    'SIP/2.0\r\n\r\n',
    'INVITE sip:bob@example.com\r\n\r\n',
    'IN(VITE sip:bob@example.com SIP/2.0\r\n\r\n',
    ' MESSAGE sip:bob@example.com SIP/2.0\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00',
  ])('gives nothing for %j, which has no SIP start line (RFC 3261 §7)', (text) => {
    expect(parseMessage(text)).toBeUndefined();
  });

  it('skips CRLFs before the start line (RFC 3261 §7.5)', () => {
    expect(parseMessage(`\r\n\r\n${requestText()}`)?.text).toBe(requestText());
  });

  it('cuts a datagram to its Content-Length (RFC 3261 §18.3, RFC 4475 §3.1.1.8)', () => {
    const message = parseMessage(`${requestText()} and more`);
    expect(message?.text).toBe(requestText());
    expect(message?.body).toBe('hello');
  });

  it('takes all that follows for the body when there is no Content-Length (RFC 3261 §18.3)', () => {
    expect(parseMessage(`${requestText({ 'Content-Length': undefined })} and more`)?.body).toBe('hello and more');
  });

  it('keeps body octets one char each (RFC 4475 §3.1.1.11)', () => {
    const octets = String.fromCharCode(...Array(256).keys());
    const text = requestText({ 'Content-Length': 'Content-Length: 256' }).replace(/hello$/, '') + octets;
    expect(parseMessage(text)?.body).toBe(octets);
  });

  it('tells editors where start line, header section and body are', () => {
    const { text, startLineEnd, headersEnd, bodyStart } = request();
    expect(text.slice(0, startLineEnd)).toBe('MESSAGE sip:bob@example.com SIP/2.0\r\n');
    expect(text.slice(headersEnd, bodyStart)).toBe('\r\n');
    expect(text.slice(bodyStart)).toBe('hello');
  });
});

describe('the values that a proxy reads', () => {
  it('are those of the header fields (RFC 3261 §20)', () => {
    const message = request({ To: 'To: <sip:bob@example.com>;tag=b1', breadth: 'Max-Breadth: 60' });
    expect({ ...values(message) }).toEqual({
      callId: '1j9FpLxk3uxtm8tn@192.0.2.10',
      cseqNumber: 1,
      cseqMethod: 'MESSAGE',
      fromTag: 'a73kszlfl',
      toTag: 'b1',
      maxForwards: 70,
      maxBreadth: 60,
      contentLength: 5,
    });
  });

  it('are the same in compact form, other case, with white space and folding (RFC 3261 §7.3.1, §7.3.3)', () => {
    const message = request({
      Via: 'v \t:  SIP / 2.0 /\r\n TLS\t192.0.2.10 : 49180 ; branch = z9hG4bKa1',
      From: 'F:\r\n\t"Alice"\r\n <sip:alice@example.com>\r\n ; tag =\r\n a73kszlfl',
      To: 't :<sip:bob@example.com>;TAG=b1',
      'Call-ID': 'i:1j9FpLxk3uxtm8tn@192.0.2.10  ',
      CSeq: 'cSEQ: 0001 \r\n\tMESSAGE',
      'Max-Forwards': 'MAX-FORWARDS : 0070',
      'Content-Length': 'L:5',
      breadth: 'max-breadth:60',
    });
    expect(values(message)).toEqual(
      values(request({ To: 'To: <sip:bob@example.com>;tag=b1', breadth: 'Max-Breadth: 60' })),
    );
    expect(message.topVia).toMatchObject({ transport: 'TLS', host: '192.0.2.10', port: 49180, branch: 'z9hG4bKa1' });
  });

  it('are undefined when their field is absent', () => {
    const { callId, cseqNumber, fromTag, toTag, maxForwards, maxBreadth, contentLength, topVia, from, to } =
      parseRequest('MESSAGE sip:bob@example.com SIP/2.0\r\n\r\n');
    const all = [callId, cseqNumber, fromTag, toTag, maxForwards, maxBreadth, contentLength, topVia, from, to];
    expect(all.every((value) => value === undefined)).toBe(true);
  });

  it.each([
    ['CSeq: 1', 'cseqNumber'],
    ['CSeq: MESSAGE', 'cseqNumber'],
    ['CSeq: 1MESSAGE', 'cseqNumber'],
    ['CSeq: 1 MES SAGE', 'cseqMethod'],
    ['CSeq: -1 MESSAGE', 'cseqNumber'],
    ['Max-Forwards: 7a', 'maxForwards'],
    ['Max-Forwards:', 'maxForwards'],
    ['Max-Forwards: -1', 'maxForwards'],
    ['Content-Length: 5, 5', 'contentLength'],
    ['Content-Length: +5', 'contentLength'],
    ['From: <sip:alice@example.com>;tag="a b"', 'fromTag'],
    ['To: <sip:bob@example.com>, <sip:carol@example.com>', 'to'],
    ['Call-ID:', 'callId'],
  ] as const)('%j gives no %s', (line, value) => {
    const name = line.slice(0, line.indexOf(':'));
    expect(request({ [name]: line })[value]).toBeUndefined();
  });

  it('take the tag from the header parameters, never from the URI (RFC 3261 §20)', () => {
    expect(request({ To: 'To: <sip:bob@example.com;tag=uri>' }).toTag).toBeUndefined();
    expect(request({ To: 'To: sip:bob@example.com;tag=header' }).toTag).toBe('header');
  });

  it('hold lists of fields over lines and commas, in order (RFC 3261 §7.3.1)', () => {
    const message = request({
      more: 'v: SIP/2.0/UDP a.example.com, SIP/2.0/TCP b.example.com',
      route: 'Route: <sip:p1.example.com;lr>,<sip:p2.example.com;lr>',
      other: 'Subject: "between, them"',
      last: 'ROUTE: "P, 3" <sip:p3.example.com;lr>',
      record: 'Record-Route: <sip:r1.example.com;lr>',
    });
    expect(message.vias.map(({ host }) => host)).toEqual(['192.0.2.10', 'a.example.com', 'b.example.com']);
    expect(message.routes.map(({ parsedUri }) => parsedUri?.host)).toEqual([
      'p1.example.com',
      'p2.example.com',
      'p3.example.com',
    ]);
    expect(message.recordRoutes.map(({ uri }) => uri)).toEqual(['sip:r1.example.com;lr']);
  });

  it('hold a list only up to its first malformed value', () => {
    const message = request({ more: 'Via: SIP/2.0/UDP a.example.com, nonsense, SIP/2.0/UDP b.example.com' });
    expect(message.vias.map(({ host }) => host)).toEqual(['192.0.2.10', 'a.example.com']);
  });

  it('hold the option tags of Proxy-Require (RFC 3261 §20.29)', () => {
    const message = request({ a: 'Proxy-Require: gabba, hey', b: 'proxy-require: ms-benotify' });
    expect(message.proxyRequire).toEqual(['gabba', 'hey', 'ms-benotify']);
    expect(request().proxyRequire).toEqual([]);
  });
});

function values(message: ReturnType<typeof request>) {
  const { callId, cseqNumber, cseqMethod, fromTag, toTag, maxForwards, maxBreadth, contentLength } = message;
  return { callId, cseqNumber, cseqMethod, fromTag, toTag, maxForwards, maxBreadth, contentLength };
}

describe('header lines', () => {
  it('are counted by field, not by value', () => {
    const message = request({ a: 'Route: <sip:a.example.com>, <sip:b.example.com>', b: 'route: <sip:c.example.com>' });
    expect(message.count(Header.Route)).toBe(2);
    expect(message.count(Header.RecordRoute)).toBe(0);
  });

  it('give their first value as sent, folding kept', () => {
    const message = request({ agent: 'User-Agent:  UCCAPI/4.0 \r\n  OC/4.0  ', second: 'User-Agent: other' });
    expect(message.first(Header.UserAgent)).toBe('UCCAPI/4.0 \r\n  OC/4.0');
    expect(message.first(Header.Server)).toBeUndefined();
  });

  it('are found by any name in any case or compact form, values unfolded (RFC 3261 §7.3.1, §7.3.3)', () => {
    const message = request({ a: 's: one\r\n  two', b: 'X-Mine: 1', c: 'SUBJECT : three', d: 'x-mine:' });
    expect(message.all('Subject')).toEqual(['one two', 'three']);
    expect(message.all('S')).toEqual(['one two', 'three']);
    expect(message.all('x-MINE')).toEqual(['1', '']);
    expect(message.all('f')).toEqual(['"Alice" <sip:alice@example.com>;tag=a73kszlfl']);
    expect(message.all('Absent')).toEqual([]);
  });

  it('do not reach into the body', () => {
    const text = requestText({ 'Content-Length': undefined }).replace(/hello$/, 'Subject: body\r\nTo: body\r\n');
    expect(parseMessage(text)?.all('Subject')).toEqual([]);
    expect(parseMessage(text)?.count(Header.To)).toBe(1);
  });

  it.each([
    ['Via', 'v', Header.Via],
    ['From', 'f', Header.From],
    ['To', 't', Header.To],
    ['Call-ID', 'i', Header.CallId],
    ['Contact', 'm', Header.Contact],
    ['Content-Length', 'l', Header.ContentLength],
    ['Content-Type', 'c', Header.ContentType],
    ['Event', 'o', Header.Event],
  ])('%s is also %s (RFC 3261 §7.3.3, RFC 6665 §8.2.1)', (name, compact, id) => {
    for (const spelled of [name, name.toLowerCase(), name.toUpperCase(), compact, compact.toUpperCase()]) {
      expect(parseMessage(`OPTIONS sip:example.com SIP/2.0\r\n${spelled}: x\r\n\r\n`)?.first(id), spelled).toBe('x');
    }
  });

  it.each(['Vi', 'Vias', 'X-Via', 'Max-Forward', 'Content-Lengths', 'w', 'ms-diagnosticz'])(
    '%s is none of the kept fields',
    (name) => {
      const message = parseMessage(`OPTIONS sip:example.com SIP/2.0\r\n${name}: x\r\n\r\n`);
      for (const id of Object.values(Header)) expect(message?.count(id)).toBe(0);
      expect(message?.all(name)).toEqual(['x']);
    },
  );
});

describe('a request that is only kept', () => {
  const changes = {
    Via: 'Via: SIP/2.0/TLS 192.0.2.10:49180;branch=z9hG4bKa1, SIP/2.0/TCP 192.0.2.11;branch=z9hG4bKa2',
    Contact: 'Contact: <sip:alice@192.0.2.10>',
    Event: 'Event: presence',
    Subject: 'Subject: a\0b',
  };
  const rested = (): SipRequest => {
    const kept = request(changes);
    kept.restBare();
    return kept;
  };

  it('says the same of itself as before', () => {
    const facts = (of: SipRequest) => ({
      index: of.index,
      uri: of.uri,
      topVia: of.topVia,
      vias: of.vias,
      event: of.first(Header.Event),
      problem: checkRequest(of),
    });
    expect(facts(rested())).toEqual(facts(request(changes)));
  });

  it('is edited as before', () => {
    const edited = (of: SipRequest) => {
      const edit = new Edit(of);
      edit.addViaParams('192.0.2.1', 49_180);
      edit.setMaxForwards(69);
      edit.replaceRequestUri('sip:bob@example.org');
      return edit.toString();
    };
    expect(edited(rested())).toBe(edited(request(changes)));
  });
});

describe('a method', () => {
  it.each(['MESSAGE', 'message', 'MESSAGF', 'INVITE', 'X', 'PING', 'AVERYLONGMETHODNAME'])(
    '%s is told as sent, in the request line and in CSeq (RFC 3261 §7.1)',
    (method) => {
      const { method: asked, cseqMethod } = parseRequest(
        requestText({ CSeq: `CSeq: 7 ${method}` }, `${method} sip:bob@example.com SIP/2.0`),
      );
      expect([asked, cseqMethod]).toEqual([method, method]);
    },
  );

  it.each(['MESS(GE', 'I@VITE', ''])('%j is none, as it is no token', (method) => {
    expect(parseMessage(`${method} sip:bob@example.com SIP/2.0\r\n\r\n`)).toBeUndefined();
    expect(request({ CSeq: `CSeq: 7 ${method}` }).cseqMethod).toBeUndefined();
  });
});
