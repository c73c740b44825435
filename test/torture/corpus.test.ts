import { describe, expect, it } from 'vitest';
import {
  checkRequest,
  checkResponse,
  Edit,
  parseMessage,
  type SipRequest,
  type SipResponse,
} from '../../src/sip-parser/index.ts';
import { type CorpusMessage, readCorpus } from '../support/corpus.ts';

const corpus = readCorpus();

/** The messages that may be taken or refused, and what is done here. */
const CHOICES: ReadonlyMap<string, { readonly status: 400 | undefined; readonly why: string }> = new Map([
  ['rfc4475/badaspec', { status: 400, why: 'white space in a URI is dropped by some and kept by others' }],
  ['rfc4475/badbranch', { status: undefined, why: 'RFC 2543 transaction matching serves a branch that is none' }],
  ['rfc4475/baddate', { status: undefined, why: 'a proxy does not read Date' }],
  ['rfc4475/baddn', { status: 400, why: 'the comma ends the value for whoever takes From for a list' }],
  ['rfc4475/escruri', { status: 400, why: 'escaped headers in the Request-URI might become header fields' }],
  ['rfc4475/ltgtruri', { status: 400, why: 'the brackets must not be sent on' }],
  ['rfc4475/lwsruri', { status: 400, why: 'white space in the Request-URI is read in different ways' }],
  ['rfc4475/lwsstart', { status: 400, why: 'the extra SP must not be sent on' }],
  ['rfc4475/quotbal', { status: 400, why: "where the quote would end is anybody's guess" }],
  ['rfc4475/regbadct', { status: undefined, why: "the brackets of a Contact are a registrar's to infer" }],
  ['rfc4475/trws', { status: 400, why: 'the extra SP must not be sent on' }],
  ['rfc3261/23.4.2-INVITE', { status: undefined, why: 'a URI without scheme between brackets misleads no proxy' }],
]);

function problemOf(message: SipRequest | SipResponse) {
  return message.kind === 'request' ? checkRequest(message) : checkResponse(message);
}

function titleOf({ source, section, name, title }: CorpusMessage): string {
  return `${source.replace(/ Appendix.*/, '')} §${section} ${name} (${title})`;
}

/** 0 stands for "no SIP message at all", which is dropped. */
function statusOf(text: string): number | undefined {
  const message = parseMessage(text);
  return message === undefined ? 0 : problemOf(message)?.status;
}

function withVerdict(parser: CorpusMessage['verdict']['parser']): readonly CorpusMessage[] {
  return corpus.filter(({ verdict }) => verdict.parser === parser);
}

describe('every message of the corpus gets its verdict', () => {
  it('holds all 746 messages', () => {
    expect(corpus).toHaveLength(746);
  });

  for (const message of withVerdict('accept')) {
    it(`${titleOf(message)} is well formed`, () => {
      expect(parseMessage(message.text)).toBeDefined();
      expect(statusOf(message.text)).toBeUndefined();
    });
  }

  for (const message of withVerdict('reject').filter(({ name }) => name !== 'rfc4475/test')) {
    it(`${titleOf(message)} is refused with ${message.verdict.reject_codes.join(' or ')}`, () => {
      expect(message.verdict.reject_codes).toContain(statusOf(message.text));
    });
  }

  it('RFC 4475 App. A rfc4475/test has no SIP version in its start line, so it is no SIP message and dropped', () => {
    expect(statusOf(corpus.find(({ name }) => name === 'rfc4475/test')!.text)).toBe(0);
  });

  for (const message of withVerdict('drop')) {
    it(`${titleOf(message)} is a response to be dropped`, () => {
      expect(parseMessage(message.text)?.kind).toBe('response');
      expect(statusOf(message.text)).toBe(400);
    });
  }

  for (const message of withVerdict('either')) {
    const choice = CHOICES.get(message.name)!;
    it(`${titleOf(message)} may be either; ${choice.status ?? 'accepted'}, for ${choice.why}`, () => {
      expect(statusOf(message.text)).toBe(choice.status);
    });
  }
});

const readable = corpus.flatMap(({ name, text }) => {
  const message = parseMessage(text);
  return message === undefined ? [] : [{ name, text, message }];
});
const requests = readable.flatMap(({ name, message }) => (message.kind === 'request' ? [{ name, message }] : []));
const responses = readable.flatMap(({ name, message }) => (message.kind === 'response' ? [{ name, message }] : []));

const VIA = 'Via: SIP/2.0/TLS router.example.com;branch=z9hG4bKforwarded\r\n';

/** What forwarding must give, computed the slow way. */
function forwardedByHand({ text, startLineEnd, headersEnd }: SipRequest): string {
  const startLine = text.slice(0, startLineEnd);
  const headers = text.slice(startLineEnd, headersEnd);
  const patched = headers.replace(/^(max-forwards[ \t]*:[ \t]*)\S+/im, '$141');
  const added = /^max-forwards[ \t]*:/im.test(headers) ? '' : 'Max-Forwards: 41\r\n';
  return startLine + VIA + added + patched + text.slice(headersEnd);
}

describe('nothing changes that is not meant to', () => {
  it('a message without edits leaves octet for octet as it came', () => {
    for (const { name, message } of readable) expect(new Edit(message).toString(), name).toBe(message.text);
  });

  it('the text of a message is what came, but for octets behind Content-Length (RFC 4475 §3.1.1.8)', () => {
    const cut = readable.filter(({ text, message }) => message.text !== text);
    for (const { name, text, message } of cut) expect(text.startsWith(message.text), name).toBe(true);
    expect(cut.map(({ name }) => name)).toEqual(['rfc4475/dblreq', 'rfc4475/mcl01']);
  });

  it('forwarding a request adds a Via and changes the number of Max-Forwards, nothing else (RFC 3261 §16.6)', () => {
    for (const { name, message } of requests) {
      const edit = new Edit(message);
      edit.insertFirst(VIA);
      edit.setMaxForwards(41);
      expect(edit.toString(), name).toBe(forwardedByHand(message));
    }
  });

  it('a forwarded request that comes back as a response loses only that Via (RFC 3261 §16.7 step 3)', () => {
    for (const { name, message } of responses) {
      const below = new Edit(message);
      below.insertFirst(VIA);
      const edit = new Edit(parseMessage(below.toString())!);
      edit.removeTopVia();
      expect(edit.toString(), name).toBe(message.text);
    }
  });

  it('removing the top Via leaves all other Via values as they came (RFC 3261 §16.7 step 3)', () => {
    for (const { name, message } of responses) {
      const edit = new Edit(message);
      edit.removeTopVia();
      const after = parseMessage(edit.toString())!;
      const octets = (each: SipRequest | SipResponse) => each.vias.map(({ start, end }) => each.text.slice(start, end));
      expect(octets(after), name).toEqual(octets(message).slice(1));
    }
  });
});
