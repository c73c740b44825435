import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCorpus } from '../../support/corpus.ts';
import { octetsLookedAt } from '../../support/octets-looked-at.ts';
import { exercise } from './exercise.ts';
import { requestText } from './sample.ts';

/** The torture tests, and a tenth of the ordinary messages. */
const seeds = readCorpus()
  .filter(({ name }, i) => name.startsWith('rfc4475/') || i % 10 === 0)
  .map(({ text }) => text);

const TROUBLE = [
  '\r',
  '\n',
  '\0',
  '\r\n',
  '\r\n\r\n',
  '\r\n ',
  '"',
  '\\',
  '<',
  '>',
  ',',
  ';',
  '=',
  ':',
  '%',
  '[',
  '@',
  '?',
  ' ',
  '\t',
  '\xff',
];

interface Mutation {
  readonly kind: 'flip' | 'insert' | 'delete' | 'repeat' | 'splice' | 'truncate';
  /** Places as fractions of the text. */
  readonly from: number;
  readonly to: number;
  readonly octets: string;
}

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('flip', 'insert', 'delete', 'repeat', 'splice', 'truncate'),
  from: fraction,
  to: fraction,
  octets: fc.oneof(
    fc.constantFrom(...TROUBLE),
    fc.nat(255).map((code) => String.fromCharCode(code)),
  ),
});

function mutated(text: string, { kind, from, to, octets }: Mutation, other: string): string {
  const [start = 0, end = 0] = [from, to].map((place) => Math.floor(place * text.length)).sort((a, b) => a - b);
  switch (kind) {
    case 'flip':
      return text.slice(0, start) + octets + text.slice(start + 1);
    case 'insert':
      return text.slice(0, start) + octets + text.slice(start);
    case 'delete':
      return text.slice(0, start) + text.slice(end);
    case 'repeat':
      return text.slice(0, end) + text.slice(start, end) + text.slice(end);
    case 'splice':
      return text.slice(0, start) + other.slice(Math.floor(to * other.length));
    case 'truncate':
      return text.slice(0, start);
  }
}

const seed = fc.constantFrom(...seeds);
const hostile = fc
  .tuple(seed, fc.array(mutation, { minLength: 1, maxLength: 6 }), seed)
  .map(([text, mutations, other]) => mutations.reduce((each, next) => mutated(each, next, other), text));

/** Every getter, edit and check together look at an octet this often at most; measured: below 20. */
const LOOKS_PER_OCTET = 60;

describe('whatever is done to a message', () => {
  it('nothing throws, and the work stays in proportion to its length', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const looks = octetsLookedAt(() => exercise(text));
        expect(looks).toBeLessThan(LOOKS_PER_OCTET * (text.length + 100));
      }),
      { numRuns: 3000 },
    );
  });

  it('every truncation of every torture test is read without a throw (RFC 4475)', () => {
    for (const text of seeds.slice(0, 50)) for (let end = 0; end < text.length; end += 7) exercise(text.slice(0, end));
  });

  it('random octets are read without a throw', () => {
    const octets = fc.array(fc.nat(255), { maxLength: 300 }).map((codes) => String.fromCharCode(...codes));
    fc.assert(fc.property(octets, (noise) => exercise(`MESSAGE sip:bob@example.com SIP/2.0\r\n${noise}`)));
  });
});

describe('twice the octets are about twice the work', () => {
  const line = (name: string, value: string) => requestText({ [name]: `${name}: ${value}` });

  it.each<[string, (n: number) => string]>([
    ['commas in Via', (n) => line('Via', ','.repeat(n))],
    ['commas in Route', (n) => line('Route', ','.repeat(n))],
    ['semicolons in Via', (n) => line('Via', `SIP/2.0/UDP a${';'.repeat(n)}`)],
    ['parameters in Via', (n) => line('Via', `SIP/2.0/UDP a${';a=1'.repeat(n / 4)}`)],
    ['parameters in To', (n) => line('To', `<sip:a@example.com>${';a'.repeat(n / 2)}`)],
    ['parameters in a Request-URI', (n) => requestText({}, `MESSAGE sip:a${';b'.repeat(n / 2)} SIP/2.0`)],
    ['semicolons in a Request-URI', (n) => requestText({}, `MESSAGE sip:a${';'.repeat(n)} SIP/2.0`)],
    ['percent signs in a Request-URI', (n) => requestText({}, `MESSAGE sip:a;${'%41'.repeat(n / 3)} SIP/2.0`)],
    ['escaped parameter names', (n) => requestText({}, `MESSAGE sip:a${';%41'.repeat(n / 4)} SIP/2.0`)],
    ['spaces in the start line', (n) => requestText({}, `MESSAGE${' '.repeat(n)}sip:a SIP/2.0`)],
    ['at signs in a URI', (n) => line('To', `<sip:${'@'.repeat(n)}>`)],
    ['colons in a URI', (n) => line('To', `<sip:${':'.repeat(n)}>`)],
    ['brackets in a URI', (n) => line('Contact', `<sip:[${'1:'.repeat(n / 2)}]>`)],
    ['Via values in one line', (n) => line('Via', `SIP/2.0/UDP a${',SIP/2.0/UDP b'.repeat(n / 14)}`)],
    ['Via lines', (n) => line('Via', `SIP/2.0/UDP a${'\r\nv:SIP/2.0/UDP b'.repeat(n / 17)}`)],
    ['Route values in one line', (n) => line('Route', `<sip:a>${',<sip:b>'.repeat(n / 8)}`)],
    ['Route lines', (n) => line('Route', `<sip:a>${'\r\nRoute:<sip:b>'.repeat(n / 15)}`)],
    ['malformed Route lines', (n) => line('Route', `<sip:a${'\r\nRoute:<sip:b'.repeat(n / 14)}`)],
    ['Contact values with quoted names', (n) => line('Contact', `"a"<sip:a>${',"b"<sip:b>'.repeat(n / 11)}`)],
    ['quotes that are never closed', (n) => line('Contact', `"${'\r\nm:"'.repeat(n / 5)}`)],
    ['backslashes in a quoted string', (n) => line('From', `"${'\\'.repeat(n)}`)],
    ['folding', (n) => line('From', `${'\r\n '.repeat(n / 3)}<sip:a@example.com>`)],
    ['white space between parameters', (n) => line('From', `<sip:a@example.com>${' ; a'.repeat(n / 4)}`)],
    ['white space behind a value', (n) => line('Call-ID', `a${' '.repeat(n)}`)],
    ['digits', (n) => line('CSeq', `${'9'.repeat(n)} MESSAGE`)],
    ['unknown lines', (n) => line('X', `1${'\r\nY:1'.repeat(n / 5)}`)],
    ['lines without colon', (n) => line('X', `1${'\r\nY'.repeat(n / 3)}`)],
    ['empty names', (n) => line('X', `1${'\r\n:'.repeat(n / 3)}`)],
    ['bare CRs', (n) => line('X', '\r'.repeat(n))],
    ['bare LFs', (n) => line('X', '\n'.repeat(n))],
    ['LF CR instead of CR LF', (n) => line('X', '\n\r'.repeat(n / 2))],
    ['NULs', (n) => line('X', '\0'.repeat(n))],
    ['escaped NULs', (n) => line('X', '\\\0'.repeat(n / 2))],
    ['option tags', (n) => line('Proxy-Require', `a${',a'.repeat(n / 2)}`)],
    ['CRLFs before the start line', (n) => '\r\n'.repeat(n / 2) + requestText()],
    ['octets without any line end', (n) => `MESSAGE sip:a SIP/2.0\r\n${'x'.repeat(n)}`],
  ])('%s', (_, shape) => {
    const [once, twice] = [50_000, 100_000].map((n) => octetsLookedAt(() => exercise(shape(n))));
    expect(twice).toBeLessThan(2.5 * once!);
  });
});
