/** Characters that no editor shows and no setting means: what pasting from web pages, chats and word processors leaves behind. */

/** Unicode's spaces besides the plain one, soft hyphen, zero-width signs, marks of direction, and a byte order mark within a text. */
const hiddenSet =
  '\\u00a0\\u00ad\\u1680\\u180e\\u2000-\\u200f\\u202a-\\u202f\\u205f-\\u2064\\u2066-\\u206f\\u3000\\ufeff';

export const hiddenCharacter = new RegExp(`[${hiddenSet}]`);

export const hiddenCharacters = new RegExp(hiddenCharacter, 'g');

/** As word processors write them; for YAML and for every setting they are letters. */
export const curlyQuotes = '\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b';

export const isInCurlyQuotes = (text: string): boolean =>
  text.length > 1 && curlyQuotes.includes(text[0]!) && curlyQuotes.includes(text.at(-1)!);

const names: Readonly<Record<string, string>> = {
  '\u00a0': 'a no-break space',
  '\u00ad': 'a soft hyphen',
  '\u200b': 'a zero-width space',
  '\u202f': 'a narrow no-break space',
  '\u2060': 'a word joiner',
  '\u3000': 'an ideographic space',
  '\ufeff': 'a byte order mark',
};

/** Four digits. */
export const hexOf = (character: string): string => character.charCodeAt(0).toString(16).padStart(4, '0');

/** `a no-break space (U+00A0)` */
export const nameOfHidden = (character: string): string =>
  `${names[character] ?? 'a character that is not seen'} (U+${hexOf(character).toUpperCase()})`;
