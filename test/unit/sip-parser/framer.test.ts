import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Frame, parseMessage, StreamFramer } from '../../../src/sip-parser/index.ts';
import { readCorpus } from '../../support/corpus.ts';
import { octetsLookedAt } from '../../support/octets-looked-at.ts';
import { requestText, responseText } from './sample.ts';

const LIMITS = { headerBytes: 2000, bodyBytes: 1000 };

function framesOf(chunks: Iterable<string>, limits = LIMITS): Frame[] {
  const framer = new StreamFramer(limits);
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) frames.push(frame);
  }
  return frames;
}

/** Texts of messages, else the kind (and code) of the frame. */
function summary(frames: readonly Frame[]): string[] {
  return frames.map((frame) => {
    if (frame.kind === 'message') return frame.text;
    return frame.kind === 'lost' ? `lost ${frame.status} ${frame.code}` : frame.kind;
  });
}

const REQUEST = requestText();
const RESPONSE = responseText();
const EMPTY = requestText({ 'Content-Length': 'l: 0' }).replace(/hello$/, '');

describe('StreamFramer cuts messages by Content-Length (RFC 3261 §18.3)', () => {
  it('many in one read', () => {
    expect(summary(framesOf([REQUEST + EMPTY + RESPONSE + REQUEST]))).toEqual([REQUEST, EMPTY, RESPONSE, REQUEST]);
  });

  it('one octet by octet', () => {
    expect(summary(framesOf(REQUEST + EMPTY + RESPONSE))).toEqual([REQUEST, EMPTY, RESPONSE]);
  });

  it('the end of one and the beginning of the next in one read', () => {
    const all = REQUEST + RESPONSE;
    const cut = REQUEST.length - 2;
    expect(summary(framesOf([all.slice(0, cut), all.slice(cut, cut + 20), all.slice(cut + 20)]))).toEqual([
      REQUEST,
      RESPONSE,
    ]);
  });

  it('a body that looks like a message', () => {
    const text = `${requestText({ 'Content-Length': `Content-Length: ${REQUEST.length}` }).replace(/hello$/, '')}${REQUEST}`;
    expect(summary(framesOf([text + RESPONSE]))).toEqual([text, RESPONSE]);
  });

  it('and gives what parseMessage would give', () => {
    const [frame] = framesOf([REQUEST]);
    expect(frame?.kind === 'message' && frame.message).toEqual(parseMessage(REQUEST));
  });

  it.each([
    ['well formed', REQUEST],
    ['a response', RESPONSE],
    ['folded, and in compact forms', requestText({ Subject: 's : one\r\n two', 'Call-ID': 'i:c1' })],
    ['with a NUL in a line', requestText({ Subject: 'Subject: a\0b' })],
    ['with a bare LF in a line', requestText({ Subject: 'Subject: a\nb' })],
    ['with a line without a colon', requestText({ Subject: 'Subject' })],
  ])('wherever it stands in a read, as if it stood alone: %s', (_, text) => {
    const frames = framesOf([`${RESPONSE}${text}\r\n${text}${text.slice(0, -1)}`, text.slice(-1)]);
    const messages = frames.flatMap((frame) => (frame.kind === 'message' ? [frame.message] : []));
    expect(messages).toEqual([RESPONSE, text, text, text].map(parseMessage));
  });

  it('and goes on when several reads come before anybody asks', () => {
    const framer = new StreamFramer(LIMITS);
    for (const octet of REQUEST + RESPONSE) framer.push(octet);
    expect(summary([framer.next()!, framer.next()!])).toEqual([REQUEST, RESPONSE]);
    expect(framer.next()).toBeUndefined();
  });

  it('whatever way a stream of messages, pings and single CRLFs is cut', () => {
    const piece = fc.constantFrom(REQUEST, RESPONSE, EMPTY, '\r\n');
    const cutting = fc.tuple(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(3000), { maxLength: 40 }));
    fc.assert(
      fc.property(cutting, ([pieces, places]) => {
        const messages = pieces.filter((text) => text !== '\r\n');
        const frames = framesOf(cutAt(pieces.join(''), places)).filter(({ kind }) => kind !== 'keep-alive');
        expect(summary(frames)).toEqual(messages);
      }),
    );
  });

  it('every message of the corpus that names its length, octet by octet and all at once', () => {
    const limits = { headerBytes: 65_536, bodyBytes: 65_536 };
    const messages = readCorpus().flatMap(({ text, verdict }) => {
      const message = parseMessage(text);
      const isFramed = verdict.parser === 'accept' && message?.contentLength !== undefined;
      return isFramed ? [message.text] : [];
    });
    expect(messages.length).toBeGreaterThan(690);
    expect(summary(framesOf([messages.join('')], limits))).toEqual(messages);
    expect(summary(framesOf(messages.join(''), limits))).toEqual(messages);
  });
});

function cutAt(text: string, places: readonly number[]): string[] {
  const sorted = [0, ...places.filter((place) => place < text.length).toSorted((a, b) => a - b), text.length];
  return sorted.slice(1).map((end, i) => text.slice(sorted[i], end));
}

describe('between messages', () => {
  it('single CRLFs are passed over (RFC 3261 §7.5)', () => {
    expect(summary(framesOf([`\r\n${REQUEST}\r\n`, `${RESPONSE}\r\n`]))).toEqual([REQUEST, RESPONSE]);
  });

  it('CRLFCRLF is one keep-alive, however it is cut (RFC 5626 §3.5.1)', () => {
    expect(summary(framesOf(['\r\n\r\n']))).toEqual(['keep-alive']);
    expect(summary(framesOf('\r\n\r\n'))).toEqual(['keep-alive']);
    expect(summary(framesOf([`${REQUEST}\r\n`, '\r', `\n${RESPONSE}`]))).toEqual([REQUEST, 'keep-alive', RESPONSE]);
  });

  it('a flood of CRLFs in one read is one keep-alive, so that no flood of answers follows', () => {
    expect(summary(framesOf(['\r\n'.repeat(10_000), '\r\n\r\n', REQUEST]))).toEqual([
      'keep-alive',
      'keep-alive',
      REQUEST,
    ]);
  });

  it('two single CRLFs that a message parts are no keep-alive', () => {
    expect(summary(framesOf([`\r\n${REQUEST}\r\n${RESPONSE}`]))).toEqual([REQUEST, RESPONSE]);
  });
});

describe('isMidMessage', () => {
  it('is true from the first octet of a message to its last but one', () => {
    const framer = new StreamFramer(LIMITS);
    const seen = [...REQUEST].map((octet) => {
      framer.push(octet);
      framer.next();
      return framer.isMidMessage;
    });
    expect(seen.slice(0, -1).every((isMidMessage) => isMidMessage)).toBe(true);
    expect(seen.at(-1)).toBe(false);
  });

  it('is false between messages, amid a ping, and when framing is lost', () => {
    const framer = new StreamFramer(LIMITS);
    expect(framer.isMidMessage).toBe(false);
    framer.push('\r\n\r');
    framer.next();
    expect(framer.isMidMessage).toBe(false);
    framer.push('\nGET / HTTP/1.1\r\n');
    while (framer.next() !== undefined);
    expect(framer.isMidMessage).toBe(false);
  });
});

describe('begun', () => {
  it('gives the lines that are whole of a message that is not', () => {
    const framer = new StreamFramer(LIMITS);
    const seen = [EMPTY, REQUEST.slice(0, 20), REQUEST.slice(20, 120), REQUEST.slice(120, -1)].map((chunk) => {
      framer.push(chunk);
      while (framer.next() !== undefined);
      return framer.begun;
    });
    const lines = REQUEST.slice(0, REQUEST.lastIndexOf('\r\n', 118) + 2);
    expect(seen).toEqual(['', '', lines, REQUEST.slice(0, REQUEST.indexOf('hello'))]);
    framer.push('o');
    framer.next();
    expect(framer.begun).toBe('');
  });
});

describe('framing is lost, and nothing more comes,', () => {
  it.each<[string, string | undefined, string]>([
    ['Content-Length is missing (RFC 3261 §18.3)', undefined, 'lost 400 framing-lost'],
    ['Content-Length is negative (RFC 4475 §3.1.2.3)', 'Content-Length: -5', 'lost 400 framing-lost'],
    ['Content-Length is no number', 'Content-Length: five', 'lost 400 framing-lost'],
    ['Content-Length is empty', 'Content-Length:', 'lost 400 framing-lost'],
    ['Content-Length is a list', 'Content-Length: 5, 5', 'lost 400 framing-lost'],
    ['there are two Content-Length (RFC 4475 §3.3.9)', 'l: 5\r\nContent-Length: 6', 'lost 400 framing-lost'],
    ['there are two Content-Length of one value', 'l: 5\r\nContent-Length: 5', 'lost 400 framing-lost'],
    ['the body is larger than the limit (RFC 3261 §21.5.7)', 'Content-Length: 1001', 'lost 513 body-too-large'],
    ['the body is larger than any number', `Content-Length: ${'9'.repeat(40)}`, 'lost 513 body-too-large'],
  ])('when %s', (_, line, lost) => {
    const text = requestText({ 'Content-Length': line });
    expect(summary(framesOf([EMPTY + text + REQUEST, REQUEST]))).toEqual([EMPTY, lost]);
    expect(summary(framesOf(text))).toEqual([lost]);
  });

  it('as soon as the header section is known, with a text that can be answered', () => {
    const text = requestText({ 'Content-Length': undefined });
    const [lost] = framesOf([text]);
    expect(lost).toMatchObject({ kind: 'lost', text: text.replace(/hello$/, '') });
  });

  it('when the header section is too large: the text holds the lines that are whole (RFC 3261 §21.5.7)', () => {
    const text = requestText({ long: `X-Long: ${'x'.repeat(3000)}` });
    const lines = text.slice(0, text.indexOf('X-Long'));
    for (const chunks of [[text], text, [text.slice(0, 2500)]]) {
      const frames = framesOf(chunks);
      expect(summary(frames)).toEqual(['lost 513 header-too-large']);
      expect(frames[0]).toMatchObject({ text: lines });
    }
    expect(parseMessage(lines)?.callId).toBe('1j9FpLxk3uxtm8tn@192.0.2.10');
  });

  it('when header section or body pass their limit, and not before', () => {
    const headerBytes = EMPTY.length;
    expect(summary(framesOf([EMPTY], { headerBytes, bodyBytes: 0 }))).toEqual([EMPTY]);
    expect(summary(framesOf(EMPTY, { headerBytes, bodyBytes: 0 }))).toEqual([EMPTY]);
    expect(summary(framesOf([EMPTY], { headerBytes: headerBytes - 1, bodyBytes: 0 }))).toEqual([
      'lost 513 header-too-large',
    ]);
    expect(summary(framesOf(EMPTY, { headerBytes: headerBytes - 1, bodyBytes: 0 }))).toEqual([
      'lost 513 header-too-large',
    ]);
    expect(summary(framesOf([REQUEST], { headerBytes: 1000, bodyBytes: 5 }))).toEqual([REQUEST]);
    expect(summary(framesOf([REQUEST], { headerBytes: 1000, bodyBytes: 4 }))).toEqual(['lost 513 body-too-large']);
  });

  it.each([
    ['a TLS client hello', '\x16\x03\x01\x02\x00\x01'],
    ['a flood of NUL', '\0'.repeat(50)],
    ['an HTTP request', 'GET / HTTP/1.1\r\n'],
    ['a request without SIP version', 'MESSAGE sip:bob@example.com\r\n'],
    ['a line that a bare LF ends', 'MESSAGE sip:bob@example.com SIP/2.0\n'],
    ['a bare CR', '\rMESSAGE'],
    ['a CR amid the start line', 'MESSAGE\rsip:bob@example.com SIP/2.0\r\n'],
    ['an empty start line', ' \r\n'],
  ])('when %s comes, at once and not only when a message seems complete', (_, garbage) => {
    expect(summary(framesOf([garbage]))).toEqual(['lost 400 not-sip']);
    expect(summary(framesOf(garbage))).toEqual(['lost 400 not-sip']);
    expect(summary(framesOf([REQUEST + garbage]))).toEqual([REQUEST, 'lost 400 not-sip']);
  });

  it.each([
    ['no method, no version', 'x'.repeat(2001), 'lost 400 not-sip'],
    ['no token in front', `{ ${'x'.repeat(2001)}`, 'lost 400 not-sip'],
    ['a request line', `MESSAGE sip:${'x'.repeat(2001)}`, 'lost 513 header-too-large'],
    ['a whole request line', requestText({}, `MESSAGE sip:${'x'.repeat(2001)} SIP/2.0`), 'lost 513 header-too-large'],
    ['a status line', `SIP/2.0 200 ${'x'.repeat(2001)}`, 'lost 513 header-too-large'],
  ])('when a first line is as long as all header fields may be, however it is cut: %s', (_, text, lost) => {
    for (const chunks of [[text], text, [text.slice(0, 1_000), text.slice(1_000)]]) {
      const frames = framesOf(chunks);
      expect(summary(frames)).toEqual([lost]);
      if (lost.endsWith('large')) expect(frames[0]).toMatchObject({ text: '' });
    }
    expect(summary(framesOf([text.slice(0, 2000)]))).toEqual([]);
  });

  it('but not before: a request line that fills the header section passes however it is cut', () => {
    const text = requestText({}, `MESSAGE sip:${'x'.repeat(1500)} SIP/2.0`);
    for (const chunks of [[text], text, cutAt(text, [1, 700, 1400, 1600])])
      expect(summary(framesOf(chunks))).toEqual([text]);
  });
});

describe('the cost of framing grows with the octets, not with the cuts', () => {
  const LARGE = { headerBytes: 10_000_000, bodyBytes: 10_000_000 };

  function costPerOctet(text: string): number {
    return octetsLookedAt(() => framesOf(text, LARGE)) / text.length;
  }

  it.each<[string, (size: number) => string]>([
    ['a long header field', (size) => requestText({ x: `X: ${'x'.repeat(size)}` })],
    ['many header lines', (size) => requestText({ x: `X: 1${'\r\nY: 1'.repeat(size / 6)}` })],
    ['many CRs', (size) => requestText({ x: `X: ${'\r'.repeat(size)}` })],
    ['a long body', (size) => requestText({ 'Content-Length': `l: ${size + 5}` }) + 'x'.repeat(size)],
    ['many messages', (size) => REQUEST.repeat(size / REQUEST.length)],
    ['many CRLFs', (size) => '\r\n'.repeat(size / 2)],
    ['a header section that never ends', (size) => `${REQUEST.slice(0, 40)}${'x'.repeat(size)}`],
  ])('%s, octet by octet: ten times the octets, about ten times the work', (_, text) => {
    expect(costPerOctet(text(100_000))).toBeLessThan(3 * costPerOctet(text(10_000)));
  });
});
