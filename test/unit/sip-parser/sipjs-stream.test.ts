import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeStreamParser, parse, type SipJsLoss, type SipJsMessage } from '../../../src/sip-parser/sipjs.ts';
import { npmSip } from '../../support/npm-sip.ts';
import { messageText } from './sipjs-arbitrary.ts';

/** What came out of a stream that was cut like this. */
function feed(chunks: readonly (string | Uint8Array)[], ...limits: number[]) {
  const messages: (SipJsMessage | undefined)[] = [];
  const losses: SipJsLoss[] = [];
  const parser = makeStreamParser(
    (message) => messages.push(message),
    (loss) => losses.push(loss),
    ...limits,
  );
  for (const chunk of chunks) parser(chunk);
  return { messages, losses };
}

function cut(text: string, places: readonly number[]): string[] {
  const ends = places.map((place) => place % (text.length + 1)).sort((a, b) => a - b);
  return [...ends, text.length].map((end, index) => text.slice(ends[index - 1] ?? 0, end));
}

const stream = fc.array(messageText, { minLength: 1, maxLength: 4 });
const places = fc.array(fc.nat(), { maxLength: 8 });

function options(body: string): string {
  return `OPTIONS sip:example.com SIP/2.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

describe('makeStreamParser', () => {
  it('gives the messages of a stream in order, wherever it is cut (RFC 3261 §18.3)', () => {
    fc.assert(
      fc.property(stream, places, (texts, cuts) => {
        const { messages, losses } = feed(cut(texts.join(''), cuts));
        expect(messages).toEqual(texts.map((text) => parse(text)));
        expect(losses).toEqual([]);
      }),
    );
  });

  it('gives as many messages as npm sip, with the same bodies', () => {
    fc.assert(
      fc.property(stream, places, (texts, cuts) => {
        const bodies: string[] = [];
        const oracle = npmSip.makeStreamParser((message) => bodies.push(message.content));
        const chunks = cut(texts.join(''), cuts);
        for (const chunk of chunks) oracle(chunk);
        expect(feed(chunks).messages.map((message) => message?.content)).toEqual(bodies);
      }),
    );
  });

  it('takes octets as well as text, one octet at a time', () => {
    const octets = Buffer.from(options('h\xe9llo'), 'latin1');
    const { messages } = feed(Array.from(octets, (octet) => Uint8Array.of(octet)));
    expect(messages.map((message) => message?.content)).toEqual(['h\xe9llo']);
  });

  it('passes over CRLFs between messages (RFC 3261 §7.5, RFC 5626 §3.5.1)', () => {
    const { messages, losses } = feed([`\r\n\r\n${options('')}\r\n\r\n\r\n`, options('')]);
    expect([messages.length, losses]).toEqual([2, []]);
  });

  it.each([
    ['header-too-large', `OPTIONS sip:example.com SIP/2.0\r\nSubject: ${'x'.repeat(100)}`, [100, 10]],
    ['body-too-large', options('eleven octets'), [100, 10]],
    ['framing-lost', 'OPTIONS sip:example.com SIP/2.0\r\n\r\n', [100, 10]],
    ['not-sip', 'GET / HTTP/1.1\r\n\r\n', [100, 10]],
  ])('says %s once, and reads nothing more', (code, text, limits) => {
    const { messages, losses } = feed([options(''), text, options(''), options('')], ...limits);
    expect(messages.length).toBe(1);
    expect(losses.map((loss) => loss.code)).toEqual([code]);
  });

  it('needs no onFlood', () => {
    expect(() => makeStreamParser(() => {})('GET / HTTP/1.1\r\n\r\n')).not.toThrow();
  });
});
