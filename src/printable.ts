/**
 * Text of others where somebody reads it: on a terminal, in a log, in JSON, in a label, in a header field. What is not seen is
 * written as JSON writes it, `\u009b`, so that nothing in it moves a cursor, turns the direction of what stands beside it, or
 * ends a line, and so that JSON stays the same value.
 */

/** Controls, formats (marks of direction, zero width, soft hyphen), separators of lines, and halves of characters. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** Besides those that JSON never has within a string. */
const unseenInJson = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const beyondAscii = /[^\x20-\x7e]/g;

const unitText = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Of one character, which may be two UTF-16 units. */
const escapeOf = (character: string): string => character.split('').map(unitText).join('');

/** One line, for people. A text that is JSON in one line stays the same value. */
export const printable = (text: string): string => text.replace(unseen, escapeOf);

/** JSON, in one line or more, of the same value. */
export const printableJson = (json: string): string => json.replace(unseenInJson, escapeOf);

/** Octets 0x20 to 0x7e only, at most `longest` of them; a cut is told by `...`. */
export const printableAscii = (text: string, longest: number): string => {
  // An escape is longer than what it stands for: no more of the text than this can be needed.
  const shown = text.slice(0, longest + 1).replace(beyondAscii, escapeOf);
  return shown.length <= longest ? shown : `${shown.slice(0, longest - cut.length)}${cut}`;
};
const cut = '...';
