import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyMessage, makeResponse, parse, stringify } from '../../../src/sip-parser/sipjs.ts';
import { messageText, uri } from './sipjs-arbitrary.ts';
import { ask, describeFound, rowFor } from './sipjs-compare.ts';
import type { Found } from './sipjs-differences.ts';

/** The generated messages are clear of all rows but these, which no realistic message is clear of. */
const unavoidable = ['an absent port is undefined', 'stringify writes Contact: * without brackets'];

function differing(found: readonly Found[]): string[] {
  return found.filter((one) => !unavoidable.includes(rowFor(one)?.name ?? '')).map(describeFound);
}

describe('over generated messages, npm sip 0.0.6 and ours agree', () => {
  it('parse gives equal trees', () => {
    fc.assert(
      fc.property(messageText, (text) => {
        expect(differing(ask((sip) => sip.parse(text)))).toEqual([]);
      }),
    );
  });

  it('stringify of what each itself has parsed gives equal text', () => {
    fc.assert(
      fc.property(messageText, (text) => {
        expect(differing(ask((sip) => sip.stringify(sip.parse(text)).split('\r\n')))).toEqual([]);
      }),
    );
  });

  it('parseUri and stringifyUri agree', () => {
    fc.assert(
      fc.property(uri, (text) => {
        expect(differing(ask((sip) => sip.parseUri(text)))).toEqual([]);
        expect(ask((sip) => sip.stringifyUri(sip.parseUri(text)))).toEqual([]);
      }),
    );
  });
});

/** A few cuts, doublings and strange octets in otherwise good text. */
const damage = fc.array(fc.tuple(fc.nat(), fc.nat(20), fc.string({ unit: 'binary-ascii', maxLength: 3 })), {
  minLength: 1,
  maxLength: 4,
});

function damaged(text: string, edits: readonly (readonly [number, number, string])[]): string {
  return edits.reduce((whole, [place, length, insert]) => {
    const at = place % (whole.length + 1);
    return whole.slice(0, at) + insert + whole.slice(at + length);
  }, text);
}

describe('whatever comes', () => {
  it('a damaged message gives a message or undefined, which can be written, copied and answered', () => {
    fc.assert(
      fc.property(messageText, damage, (text, edits) => {
        const message = parse(damaged(text, edits));
        if (!message) return;
        expect(parse(stringify(message))).toBeDefined();
        expect(copyMessage(message, true)).toEqual(message);
        if (message.method !== undefined) expect(makeResponse(message, 400).headers.via).toBe(message.headers.via);
      }),
    );
  });

  it('a message reads again as it was written', () => {
    fc.assert(
      fc.property(messageText, (text) => {
        const message = parse(text)!;
        expect(message.problems).toBeUndefined();
        expect(parse(stringify(message))).toEqual(message);
      }),
    );
  });
});
