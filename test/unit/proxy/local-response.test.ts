/** Responses of our own with text of others in them: each is one message with our fields, whatever the text. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { localResponse } from '../../../src/proxy/local-response.ts';
import type { OwnAnswer } from '../../../src/proxy/own-answers.ts';
import { validate } from '../../../src/proxy/validate.ts';
import type { Flow } from '../../../src/sip/transport/flow.ts';
import { parseMessage, type SipRequest } from '../../../src/sip-parser/index.ts';
import { anyOctets, anyText, everyUnit } from '../../support/any-text.ts';
import { requestText } from '../../support/raw-message.ts';
import { frameDatagram } from '../../support/strict-framer.ts';

const flow = { transport: 'tcp', remoteAddress: '192.0.2.11', remotePort: 5060 } as Flow;
const requestWith = (...headers: readonly string[]): SipRequest => {
  const message = parseMessage(
    requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via: ['SIP/2.0/TCP 192.0.2.11'], headers }),
  );
  if (message?.kind !== 'request') throw new Error('no request');
  return message;
};
const request = requestWith();

const noRoute = (detail: string): OwnAnswer => ({ status: 404, phrase: 'Not Found', code: 'no-route', detail });
const answer = (response: OwnAnswer): string => localResponse(request, flow, response, 'router.example.com');

/** By a reader that is not ours, of octets as they leave. */
function fieldsOf(text: string): readonly (readonly [string, string])[] {
  const message = frameDatagram(Buffer.from(text, 'latin1').toString('latin1'));
  if ('why' in message) throw new Error(`${message.why}: ${message.text}`);
  expect(message.body).toBe('');
  return message.lines;
}

const fieldValue = (fields: readonly (readonly [string, string])[], name: string): string =>
  fields.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1].trim() ?? '';

const ourFields = ['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Warning', 'ms-diagnostics', 'Content-Length'];

/** quoted-string (RFC 3261 §25.1) of visible ASCII, unquoted; undefined when it is none. */
const unquoted = (value: string): string | undefined => {
  const [, inner] = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*)"$/.exec(value) ?? [];
  return inner?.replace(/\\(.)/g, '$1');
};

function expectOurs(detail: string): string {
  const fields = fieldsOf(answer(noRoute(detail)));
  expect(fields.map(([name]) => name.toLowerCase())).toEqual(ourFields.map((name) => name.toLowerCase()));
  const warning = fieldValue(fields, 'Warning');
  expect(warning.startsWith('399 router.example.com "')).toBe(true);
  const text = unquoted(warning.slice('399 router.example.com '.length));
  expect(text).toMatch(/^no-route: /);
  expect(text!.length).toBeLessThanOrEqual(256);
  return text!.slice('no-route: '.length);
}

describe('the detail of a refusal', () => {
  test('whatever it quotes is text of one Warning', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, anyOctets), (detail) => void expectOurs(detail)),
      { numRuns: 500 },
    );
  });

  test('of every UTF-16 unit none leaves but 0x20 to 0x7e, and the others are named', () => {
    for (const text of everyUnit) {
      for (let at = 0; at < text.length; at += 30) expectOurs(text.slice(at, at + 30));
    }
    expect(expectOurs('no route matches x\u010d\u030aX-Evil\u033a 1@example.com')).toBe(
      'no route matches x\\u010d\\u030aX-Evil\\u033a 1@example.com',
    );
    expect(expectOurs('C:\\certs "a"\r\nX: y\xa7\u{1f600}')).toBe(
      'C:\\certs "a"\\u000d\\u000aX: y\\u00a7\\ud83d\\ude00',
    );
  });

  test('is cut where it is too long, also in the middle of what is quoted, and says so', () => {
    const room = 256 - 'no-route: '.length;
    expect(expectOurs('"'.repeat(room))).toBe('"'.repeat(room));
    expect(expectOurs('"'.repeat(room + 1))).toBe(`${'"'.repeat(room - 3)}...`);
    expect(expectOurs('\u010d'.repeat(100_000))).toHaveLength(room);
  });
});

describe('Unsupported', () => {
  const unsupported = (proxyRequire: string): string => {
    const asked = requestWith(`Proxy-Require: ${proxyRequire}`);
    const refusal = validate(asked, { proxyRequire: new Set() });
    if (refusal?.status !== 420) throw new Error(`refused otherwise: ${refusal?.code}`);
    const fields = fieldsOf(localResponse(asked, flow, refusal, 'router.example.com'));
    expect(fields.map(([name]) => name.toLowerCase())).toEqual(
      [...ourFields.slice(0, 5), 'unsupported', 'warning', 'content-length'].map((name) => name.toLowerCase()),
    );
    return fieldValue(fields, 'Unsupported');
  };

  test('names the tags as they came', () => expect(unsupported('gabba,  hey')).toBe('gabba, hey'));

  test('is one field of visible characters, of a length that is bounded, whatever the tags are', () => {
    const line = anyOctets.map((octets) => `x${octets.replace(/[\r\n\0]/g, ' ')}`);
    fc.assert(fc.property(line, (tags) => void expect(unsupported(tags)).toMatch(/^[\x20-\x7e]*$/)));
    expect(unsupported('t,'.repeat(30_000))).toHaveLength(1_024);
  });
});
