/** Words of commands that people are told to run: each is one argument there, whatever stands in it. */
import { printable } from './printable.ts';

/** For bash. A word with what is not seen is written in its `$'...'`. */
export const shellWord = (word: string): string => {
  if (/^[\w./:@%+=,-]+$/.test(word)) return word;
  if (printable(word) === word) return `'${word.replaceAll("'", `'\\''`)}'`;
  return `$'${Array.from(word, ansiCharacter).join('')}'`;
};

const ansiCharacter = (character: string): string => {
  if (character === '\\' || character === "'") return `\\${character}`;
  if (printable(character) === character) return character;
  return `\\U${character.codePointAt(0)!.toString(16).padStart(8, '0')}`;
};

/** For PowerShell, which takes typographic quotes for `'`. It has no words for what is not seen: that is shown as `printable` does. */
export const powershellWord = (word: string): string =>
  /^\w[\w./:-]*$/.test(word) ? word : `'${printable(word).replace(/['\u2018-\u201b]/g, '$&$&')}'`;
