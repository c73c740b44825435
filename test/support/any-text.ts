/** Text of others for the rims where it meets a syntax: all of Unicode, halves of characters, and what does harm most often. */
import fc from 'fast-check';

/** Ends of lines and of texts, escapes of terminals, marks of direction, and what a low octet makes of others (U+010D, U+030A). */
const harmful = [
  '\r\n',
  '\n',
  '\r\n\r\n',
  '\0',
  '"',
  "'",
  '\\',
  '\\"',
  '{',
  '}',
  '$HOME',
  '`id`',
  '\x1b]0;OWNED\x07',
  '\x1b[2K',
  '\u009b31m',
  '\u0085',
  '\u202e',
  '\u2066',
  '\u200f',
  '\u061c',
  '\u2028',
  '\ufeff',
  '\u010d\u030a',
  '\u220d\u220a',
  '\ud800',
  '\udfff\ud800',
  '\u{e0041}',
  '\u{1f600}',
  '\u2019',
  '\x7f',
  '\xa0',
  '\xff',
];

/** Any sequence of UTF-16 units. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(...harmful),
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.string({ maxLength: 20 }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

/** Any octets, one a character, as they stand in the text of a message. */
export const anyOctets: fc.Arbitrary<string> = fc
  .uint8Array({ maxLength: 60 })
  .map((octets) => Buffer.from(octets).toString('latin1'));

/** Every UTF-16 unit, and every character beyond that is not seen, in texts of some length. */
export const everyUnit: readonly string[] = (() => {
  const units = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit));
  const beyond = Array.from({ length: 0x100000 }, (_, at) => String.fromCodePoint(0x10000 + at));
  const all = [...units, ...beyond.filter((character) => /\p{Cf}/u.test(character))];
  // Between two letters, so that no halves meet.
  return Array.from({ length: Math.ceil(all.length / 100) }, (_, at) =>
    all
      .slice(100 * at, 100 * (at + 1))
      .map((unit) => `${unit}.`)
      .join(''),
  );
})();

/** What must not reach who reads: controls, marks of direction and other formats, separators of lines, halves of characters. */
export const hasUnseen = (text: string): boolean => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(text);
