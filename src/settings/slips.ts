/** Slips that YAML takes for part of a name or a value: what is there beside what was meant. */
import { hiddenCharacter, hiddenCharacters, isInCurlyQuotes, nameOfHidden } from './hidden-characters.ts';

interface Slip {
  readonly what: string;
  readonly hint: string | undefined;
}

/** A name that is a known one but for a slip, and which it is. */
export function slipInName(name: string, known: readonly string[]): (Slip & { readonly meant: string }) | undefined {
  const match = /^([a-z][a-z0-9-]*)(:|\s*=\s*|\s+)(.+)$/.exec(name);
  const meant = match?.[1];
  if (match === null || meant === undefined || !known.includes(meant)) return undefined;
  const missing = match[2] === ':' ? 'a space is missing behind' : 'a colon is missing behind';
  // A secret has no business here, and is not repeated.
  const value = /passw|passphrase|secret|token/.test(meant) ? '...' : match[3];
  return { meant, what: `${missing} "${meant}${match[2] === ':' ? ':' : ''}"`, hint: `write ${meant}: ${value}` };
}

/** A text in which something stands that no editor shows. */
export function slipOfHidden(text: string): Slip | undefined {
  const hidden = hiddenCharacter.exec(text)?.[0];
  return hidden === undefined ? undefined : { what: `${nameOfHidden(hidden)} stands in this name`, hint: 'delete it' };
}

/** As it was meant: what looks like a space at an edge was none. */
export const withoutHidden = (text: string): string => text.replace(hiddenCharacters, ' ').trim().replaceAll(' ', '');

/** A value that would be a good one but for a slip. */
export function slipInValue(text: string, isGood: (text: string) => boolean): Slip | undefined {
  const slip = slips.find(({ form, without }) => form(text) && isGood(without(text)));
  return slip?.tell(text);
}

const slips: readonly {
  readonly form: (text: string) => boolean;
  readonly without: (text: string) => string;
  readonly tell: (text: string) => Slip;
}[] = [
  {
    form: (text) => hiddenCharacter.test(text),
    without: withoutHidden,
    tell: (text) => ({
      what: `there is ${nameOfHidden(hiddenCharacter.exec(text)![0])} in this value`,
      hint: 'delete it',
    }),
  },
  {
    form: isInCurlyQuotes,
    without: (text) => text.slice(1, -1),
    tell: (text) => ({ what: `${text[0]} is not the " of YAML`, hint: 'type a plain "' }),
  },
  {
    form: (text) => /[,;]$/.test(text),
    without: (text) => text.slice(0, -1),
    tell: (text) => ({ what: `there is a ${text.at(-1)} behind this value`, hint: 'leave it out' }),
  },
  {
    form: (text) => commentStart.test(text),
    without: (text) => text.slice(0, commentStart.exec(text)!.index).trimEnd(),
    tell: (text) => ({
      what: `${commentStart.exec(text)![0].trim()} does not start a comment here`,
      hint: 'a comment starts with a space and #',
    }),
  },
];

const commentStart = /#|\s\/\/|\s;|\s--\s/;

/** What stands around a text by a slip only: no name and no path begins or ends so. */
export const hasSlipAround = (text: string): boolean =>
  isInCurlyQuotes(text) || edges.some((edge) => hiddenCharacter.test(edge(text)));

const edges = [(text: string) => text.at(0) ?? '', (text: string) => text.at(-1) ?? ''];
