import { describe, expect, it } from 'vitest';
import { checkResponse, respond } from '../../../src/sip-parser/index.ts';
import { parseRequest, parseResponse, request, requestText } from './sample.ts';

describe('respond (RFC 3261 §8.2.6)', () => {
  it('copies Via, From, To, Call-ID and CSeq octet for octet, and adds a To tag', () => {
    const message = request({
      Via: 'v :  SIP/2.0/TLS 192.0.2.10 ;branch=z9hG4bKa1 , SIP/2.0/UDP b.example.com',
      To: 't:\r\n <sip:bob@example.com> ;x=1  ',
      second: 'Via: SIP/2.0/TCP c.example.com',
      other: 'Subject: not copied',
    });
    expect(respond(message, 404, 'Not Found', 'z1', 'Warning: 399 example.com "why"\r\n')).toBe(
      [
        'SIP/2.0 404 Not Found',
        'v :  SIP/2.0/TLS 192.0.2.10 ;branch=z9hG4bKa1 , SIP/2.0/UDP b.example.com',
        'Via: SIP/2.0/TCP c.example.com',
        'From: "Alice" <sip:alice@example.com>;tag=a73kszlfl',
        't:\r\n <sip:bob@example.com> ;x=1;tag=z1  ',
        'Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.10',
        'CSeq: 1 MESSAGE',
        'Warning: 399 example.com "why"',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    );
  });

  it('keeps a To tag that is there (RFC 3261 §8.2.6.2)', () => {
    const response = parseResponse(
      respond(request({ To: 'To: <sip:bob@example.com>;tag=b1' }), 481, 'No Such Call', 'z1'),
    );
    expect(response.toTag).toBe('b1');
    expect(response.to?.end).toBe(response.text.indexOf(';tag=b1') + ';tag=b1'.length);
  });

  it('adds no tag to a 100 (RFC 3261 §8.2.6.2)', () => {
    expect(parseResponse(respond(request(), 100, 'Trying', 'z1')).toTag).toBeUndefined();
    expect(parseResponse(respond(request(), 180, 'Ringing', 'z1')).toTag).toBe('z1');
  });

  it('tags a To without brackets behind its header parameters', () => {
    const response = parseResponse(respond(request({ To: 'To: sip:bob@example.com;x=1' }), 404, 'Not Found', 'z1'));
    expect(response.all('To')).toEqual(['sip:bob@example.com;x=1;tag=z1']);
  });

  it('copies no bare CR or LF and no NUL, which would make header fields or an end of what is none to us (RFC 3261 §7.3.1)', () => {
    const message = request({ From: 'From: <sip:a@example.com>;tag=1\n\nX: 1', CSeq: 'CSeq: 1\r\n \rMESSAGE\0' });
    const lines = respond(message, 400, 'Bad Request', 'z1').split('\r\n');
    expect(lines).toContain('From: <sip:a@example.com>;tag=1  X: 1');
    expect(lines.slice(lines.indexOf('CSeq: 1')).slice(0, 2)).toEqual(['CSeq: 1', '  MESSAGE ']);
  });

  it('is itself well formed', () => {
    expect(checkResponse(parseResponse(respond(request(), 200, 'OK', 'z1')))).toBeUndefined();
  });

  it('writes what the transport noted into the top Via only (RFC 3581 §4)', () => {
    const message = request({ second: 'Via: SIP/2.0/TCP c.example.com;rport' });
    const response = parseResponse(respond(message, 400, 'Bad Request', 'z1', '', { received: '192.0.2.4', rport: 7 }));
    expect(response.all('Via')).toEqual([
      'SIP/2.0/TLS 192.0.2.10:49180;branch=z9hG4bKa1;rport=7;received=192.0.2.4',
      'SIP/2.0/TCP c.example.com;rport',
    ]);
  });

  it('leaves out what the request lacks, and copies a malformed To without a tag', () => {
    const message = parseRequest(
      'MESSAGE sip:bob@example.com SIP/2.0\r\nTo: "open <sip:bob@example.com>\r\nVia: nonsense\r\n\r\n',
    );
    expect(respond(message, 400, 'Bad Request', 'z1')).toBe(
      'SIP/2.0 400 Bad Request\r\nVia: nonsense\r\nTo: "open <sip:bob@example.com>\r\nContent-Length: 0\r\n\r\n',
    );
  });

  it('ends the last line of a request that was cut off', () => {
    const message = parseRequest(requestText().slice(0, requestText().indexOf(' MESSAGE\r\n') + ' MESSAGE'.length));
    expect(respond(message, 400, 'Bad Request', undefined)).toMatch(
      /\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n$/,
    );
  });
});
