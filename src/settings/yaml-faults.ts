/**
 * Says what is wrong with the writing of a YAML file in words of that file, and where it is. A YAML parser tells where it
 * gave up, which is often a line behind the mistake: so each usual mistake is mended in turn, and the mend that lets the
 * parser get beyond tells which it was. Knows nothing of the parser.
 */
import { curlyQuotes, hiddenCharacter, hiddenCharacters, nameOfHidden } from './hidden-characters.ts';
import { quote } from './problem.ts';

import { type Line, scanYaml, type Writing } from './yaml-lines.ts';

/** What a parser says first. */
export interface Complaint {
  readonly code: string;
  readonly message: string;
  /** In UTF-16 units from the start of the text. */
  readonly offset: number;
}

/** @returns the parser's first complaint about a text; undefined: it is well written */
type FirstComplaint = (text: string) => Complaint | undefined;

interface WritingFault {
  readonly offset: number;
  readonly what: string;
  readonly hint: string | undefined;
}

/** A usual mistake, and the text without it. */
interface Guess extends WritingFault {
  readonly mended: string;
  /** The last line that the mend has touched. */
  readonly line: Line;
  /** Of guesses of one kind that bring the parser equally far, the one that costs least is the likeliest. */
  readonly cost?: number;
}

/** Never throws. */
export function explainComplaint(text: string, complaint: Complaint, firstComplaint: FirstComplaint): WritingFault {
  const writing = scanYaml(text);
  const here = writing.codeLineAt(complaint.offset);
  const around = here === undefined ? [] : [here, writing.before(here), writing.after(here)];
  const near = around.filter((line) => line !== undefined);
  const scene: Scene = { writing, complaint, near };
  const certain = badEscape(scene) ?? tabInFront(scene);
  if (certain !== undefined) return certain;
  const end = here?.end ?? 0;
  for (const guesses of usualMistakes) {
    const best = bestOf(guesses(scene), text, end, firstComplaint);
    if (best !== undefined) return namesSecret(near) ? { ...best, hint: undefined } : best;
  }
  return inOtherWords(text, complaint);
}

/** Hints show how a value is to be written: that of a secret, which has no business here, is not repeated. */
const namesSecret = (near: readonly Line[]): boolean =>
  near.some(({ code }) => /passw|passphrase|secret|token/i.test(code));

/** The guess whose mend brings the parser farthest, at least beyond the line of the complaint and that of the mend. */
function bestOf(
  guesses: Iterable<Guess>,
  text: string,
  end: number,
  firstComplaint: FirstComplaint,
): Guess | undefined {
  let best: Guess | undefined;
  let bestReach = 0;
  for (const guess of guesses) {
    // What stands behind the mend has moved by as much as the text has grown.
    const grown = guess.mended.length - text.length;
    const reach = (firstComplaint(guess.mended)?.offset ?? Number.POSITIVE_INFINITY) - grown;
    const isCheaper = reach === bestReach && (guess.cost ?? 0) < (best?.cost ?? 0);
    if (reach > Math.max(guess.line.end, end) && (reach > bestReach || isCheaper)) {
      best = guess;
      bestReach = reach;
    }
  }
  return best;
}

interface Scene {
  readonly writing: Writing;
  readonly complaint: Complaint;
  /** Where the parser gave up, and the lines around: comments and empty lines do not count. */
  readonly near: readonly Line[];
}

type Guesses = (scene: Scene) => Iterable<Guess>;

/** Text of which a part is replaced. */
const replaced = (text: string, start: number, end: number, by: string): string =>
  text.slice(0, start) + by + text.slice(end);

function badEscape({ writing, complaint }: Scene): WritingFault | undefined {
  if (complaint.code !== 'BAD_DQ_ESCAPE') return undefined;
  const { text } = writing;
  const offset = text[complaint.offset] === '\\' ? complaint.offset : text.indexOf('\\', complaint.offset);
  const what = `${text.slice(offset, offset + 2)} means nothing in double quotes`;
  return { offset, what, hint: String.raw`put the value in single quotes, or write \\ for each \ `.trimEnd() };
}

function tabInFront({ writing, near }: Scene): WritingFault | undefined {
  const line = near.find(({ start, codeStart }) => writing.text.slice(start, codeStart).includes('\t'));
  if (line === undefined) return undefined;
  return {
    offset: writing.text.indexOf('\t', line.start),
    what: 'a tab indents this line',
    hint: 'indent with spaces',
  };
}

/** Pasted from a web page, a chat or a word processor; where they stand for a space they are none for YAML. */
function* hidden({ writing, near }: Scene): Iterable<Guess> {
  for (const line of [...near, ...writing.linesBefore(near[0])]) {
    const code = writing.text.slice(line.start, line.codeEnd);
    const at = code.search(hiddenCharacter);
    if (at < 0) continue;
    const plain = code.replace(hiddenCharacters, (found) => (/\s/.test(found) && found !== '\ufeff' ? ' ' : ''));
    const mended = replaced(writing.text, line.start, line.codeEnd, plain);
    const what = `there is ${nameOfHidden(code[at]!)} in this line`;
    const hint = 'delete it, and type a plain space where one is needed';
    yield { offset: line.start + at, what, hint, mended, line };
  }
}

/** What word processors and other keyboards write in place of YAML's signs. */
const signOf: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...curlyQuotes].map((curly) => [curly, '"'])),
  '\uff1a': ':',
  '\uff0c': ',',
  '\uff03': '#',
  '\uff3b': '[',
  '\uff3d': ']',
  '\uff5b': '{',
  '\uff5d': '}',
};

const lookalikes = new RegExp(`[${Object.keys(signOf).join('')}]`, 'g');

function* lookalike({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    const code = writing.text.slice(line.start, line.codeEnd);
    const dash = /^\s*([\u2012-\u2015\u2022\u2212])\s*/.exec(code);
    const at = dash === null ? code.search(lookalikes) : code.indexOf(dash[1]!);
    if (at < 0) continue;
    const found = code[at]!;
    const sign = signOf[found] ?? '-';
    const rest = dash === null ? code : `${' '.repeat(line.indent)}- ${code.slice(dash[0].length)}`;
    // A space is needed behind the plain sign where none was behind the other.
    const plain = rest.replace(lookalikes, (other) => `${signOf[other]}${signOf[other] === '"' ? '' : ' '}`);
    const mended = replaced(writing.text, line.start, line.codeEnd, plain);
    yield {
      offset: line.start + at,
      what: `${found} is not the ${sign} of YAML`,
      hint: `type a plain ${sign}`,
      mended,
      line,
    };
  }
}

/** `port:5060`: YAML takes it for one word. */
function* noSpaceAfterColon({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    const match = /^((?:- +)*([a-z][\w-]*):)[^\s:]/i.exec(line.code);
    if (match === null) continue;
    const offset = line.codeStart + match[1]!.length;
    const mended = replaced(writing.text, offset, offset, ' ');
    const what = `a space is missing behind "${match[2]}:"`;
    yield { offset, what, hint: `write ${quote(shownAfterColon(line.code, match[2]!))}`, mended, line };
  }
}

const shownAfterColon = (code: string, name: string): string =>
  `${name}: ${code.slice(code.indexOf(`${name}:`) + name.length + 1)}`;

/** `-cisco`, `-{ ... }`. */
function* noSpaceAfterDash({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    if (!/^-[^\s-]/.test(line.code)) continue;
    const offset = line.codeStart + 1;
    const mended = replaced(writing.text, offset, offset, ' ');
    yield { offset, what: 'a space is missing behind the "-" of a list item', hint: undefined, mended, line };
  }
}

/** `::`, `2001:db8::`: the last colon would make a name of it. */
function* addressThatEndsInColon({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    for (const match of line.code.matchAll(/(?<=[\s[{,]|^)([\da-f:]*::)(?=\s*[,\]}]|\s|$)/gi)) {
      const offset = line.codeStart + match.index;
      const mended = replaced(writing.text, offset, offset + match[0].length, `"${match[0]}"`);
      const what = `an address that ends in ":" must stand in quotes`;
      yield { offset, what, hint: `write "${match[0]}"`, mended, line };
    }
  }
}

const closerOf: Readonly<Record<string, string>> = { '[': ']', '{': '}' };

/** `{ side: cisco # the publisher }`: the rest of the line is a comment, with the bracket in it. */
function* bracketInComment({ writing, complaint }: Scene): Iterable<Guess> {
  for (const { offset, end, open } of writing.commentsWithin(complaint.offset)) {
    const comment = writing.text.slice(offset, end);
    const closing = closerWithoutOpener(comment, open);
    if (closing < 0) continue;
    const mended = replaced(writing.text, offset, offset + closing, '');
    const what = `from # on this line is a comment, and so is its ${comment[closing]}`;
    const hint = `put the comment behind the ${comment[closing]}, or a value that contains # in quotes`;
    yield { offset, what, hint, mended, line: writing.lineAt(offset) };
  }
}

/** What the comment itself has opened does not count. */
function closerWithoutOpener(comment: string, opener: string): number {
  let depth = 0;
  for (const [i, sign] of [...comment].entries()) {
    if (sign === opener) depth++;
    else if (sign === closerOf[opener] && depth-- === 0) return i;
  }
  return -1;
}

/** A quoted value that does not end in its line has lost its end. */
function* openQuote({ writing, complaint }: Scene): Iterable<Guess> {
  const found = writing.openQuoteBefore(complaint.offset);
  if (found === undefined) return;
  const line = writing.lineAt(found.offset);
  const rest = writing.text.slice(found.offset + 1, line.end);
  const ends = [...rest.matchAll(/\s*(?:[,}\]]|\s#|$)/g)].map(({ index }) => index);
  for (const end of ends.slice(0, 8)) {
    const at = found.offset + 1 + end;
    const mended = replaced(writing.text, at, at, found.quote);
    yield { offset: found.offset, what: `this ${found.quote} is not closed`, hint: undefined, mended, line };
  }
}

/** `{ transport: tcp port: 5060 }`. */
function* noComma({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    for (const match of line.code.matchAll(
      /(?<=[^\s,{[:])\s+(?=("?)([a-z][\w-]*)\1:(?:\s|$))|(?<=[}\]])\s*(?=[{[])/gi,
    )) {
      const offset = line.codeStart + match.index;
      if (!writing.isWithinBrackets(offset)) continue;
      const mended = replaced(writing.text, offset, offset, ',');
      const name = match[2];
      const what = name === undefined ? 'a comma is missing here' : `a comma is missing before "${name}"`;
      const hint = name === undefined ? undefined : 'or, if it belongs to the value before it, quotes around that';
      yield { offset, what, hint, mended, line };
    }
  }
}

function* noCommaAtTheEnd({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    if (!writing.isWithinBrackets(line.codeEnd) || /[,[{]$/.test(line.code)) continue;
    const mended = replaced(writing.text, line.codeEnd, line.codeEnd, ',');
    yield { offset: line.codeEnd, what: 'a comma is missing at the end of this line', hint: undefined, mended, line };
  }
}

const valueOfLine = /^(?:- +)*[a-z][\w-]*:\s+(?=[^\s[{"'])(.*?:(?:\s.*)?)$/i;

const valueInBrackets = /[a-z][\w-]*:\s+([^\s,{}[\]"'][^,{}[\]]*?:(?:\s+[^\s,{}[\]][^,{}[\]]*?)?)(?=\s*[,}\]])/i;

/** `description: first: Berlin`: the second colon would make a name of `first`. */
function* colonInValue({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    for (const form of [valueOfLine, valueInBrackets]) {
      const match = form.exec(line.code);
      const value = match?.[1];
      if (match === null || value === undefined) continue;
      const offset = line.codeStart + match.index + match[0].length - value.length;
      const mended = replaced(writing.text, offset, offset + value.length, JSON.stringify(value));
      const what = 'a value that contains ":" and a space must stand in quotes';
      yield { offset, what, hint: `write ${quote(value)}`, mended, line };
    }
  }
}

/** `port 5060`, `port = 5060`, `log` above its settings. */
function* noColon({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    const match = /^((?:- +)*([a-z][\w-]*))(\s*=\s*|\s+|$)/i.exec(line.code);
    if (match === null) continue;
    const offset = line.codeStart + match[1]!.length;
    const mended = replaced(writing.text, offset, offset + match[3]!.length, ': ');
    const what = `a colon is missing behind "${match[2]}"`;
    const value = line.code.slice(match[1]!.length + match[3]!.length);
    const shown = quote(`${match[2]}: ${value}`.trimEnd());
    yield { offset, what, hint: `write ${shown}`, mended, line };
  }
}

/** Farther off it is more than a slip of the finger. */
const mostColumns = 8;

/** A line that starts some columns beside those of its block. */
function* indentation({ writing, near }: Scene): Iterable<Guess> {
  for (const [line, columns] of movable(writing, near)) {
    for (const column of columns) {
      const by = Math.abs(column - line.indent);
      if (by === 0 || by > mostColumns) continue;
      const mended = replaced(writing.text, line.start, line.codeStart, ' '.repeat(column));
      const what = `this line starts in column ${line.indent + 1}, and the others of its block in column ${column + 1}`;
      const hint = `${column > line.indent ? 'add' : 'take away'} ${by === 1 ? 'a space' : `${by} spaces`}`;
      yield { offset: line.codeStart, what, hint, mended, line, cost: by };
    }
  }
}

/** Lines, and the columns in which they might have to start. The first of a block is measured by those that follow. */
function movable(writing: Writing, near: readonly Line[]): readonly (readonly [Line, ReadonlySet<number>])[] {
  const among = near.map((line) => [line, new Set(writing.columnsBefore(line))] as const);
  const [here] = near;
  const first = here && writing.startOfBlockBefore(here);
  return first === undefined || here === undefined ? among : [...among, [first, new Set([here.indent])]];
}

/** A list item without its dash. */
function* noDash({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    if (!/^[{[]/.test(line.code)) continue;
    for (const column of new Set([line.indent, ...writing.columnsBefore(line)])) {
      const mended = replaced(writing.text, line.start, line.codeStart, `${' '.repeat(column)}- `);
      const what = 'a "- " is missing in front of this list item';
      yield { offset: line.codeStart, what, hint: undefined, mended, line };
    }
  }
}

/** Comments of other languages, and what an unfinished merge leaves. */
function* foreignLine({ writing, near }: Scene): Iterable<Guess> {
  for (const line of near) {
    const sign = /^(?:\/\/|\/\*|;|--(?=\s)|<{7}|={7}|>{7})/.exec(line.code)?.[0];
    if (sign === undefined) continue;
    const isMerge = sign.length === 7;
    const what = isMerge ? 'this line is left from a merge' : `${sign} does not start a comment`;
    const hint = isMerge ? 'choose one of the two versions' : 'a comment starts with #';
    yield {
      offset: line.codeStart,
      what,
      hint,
      mended: replaced(writing.text, line.codeStart, line.codeEnd, ''),
      line,
    };
  }
}

function* brackets({ writing, complaint, near }: Scene): Iterable<Guess> {
  for (const { offset, bracket } of writing.strayClosers()) {
    const line = writing.lineAt(offset);
    const mended = replaced(writing.text, offset, offset + 1, '');
    yield { offset, what: `this ${bracket} closes nothing`, hint: undefined, mended, line };
  }
  for (const { offset, bracket, opened } of writing.wrongClosers()) {
    const line = writing.lineAt(offset);
    const mended = replaced(writing.text, offset, offset + 1, closerOf[opened]!);
    yield { offset, what: `this ${bracket} does not close the ${opened} before it`, hint: undefined, mended, line };
  }
  for (const { offset, bracket } of writing.openBracketsBefore(complaint.offset)) {
    const line = writing.lineAt(offset);
    const closer = closerOf[bracket]!;
    const fault = { offset, what: `this ${bracket} is not closed`, hint: `where is its ${closer}?`, line };
    for (const end of new Set([line.codeEnd, ...near.map(({ codeEnd }) => codeEnd)])) {
      if (end > offset) yield { ...fault, mended: replaced(writing.text, end, end, ` ${closer}`) };
    }
  }
}

/** What is more exact comes first: a mistake of one character before one of a line. */
const usualMistakes: readonly Guesses[] = [
  hidden,
  lookalike,
  openQuote,
  noSpaceAfterColon,
  noSpaceAfterDash,
  addressThatEndsInColon,
  bracketInComment,
  foreignLine,
  noComma,
  colonInValue,
  noColon,
  brackets,
  indentation,
  noDash,
  noCommaAtTheEnd,
];

const otherWords: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  TAB_AS_INDENT: ['a tab indents this line', 'indent with spaces'],
  BAD_INDENT: ['this line does not start in the column of its block', 'and every [ and { must be closed'],
  BLOCK_AS_IMPLICIT_KEY: [
    'there is one ":" too many, or a line that starts in another column than its block',
    'a value that contains ": " must stand in quotes',
  ],
  MULTILINE_IMPLICIT_KEY: ['what stands here goes on in the next line', 'is the line indented like its neighbours?'],
  BLOCK_IN_FLOW: [
    'this cannot stand within brackets',
    'is a comma missing between two settings, or a closing bracket?',
  ],
  MISSING_CHAR: ['something is missing here', 'a quote, a comma, a colon, a space or a closing bracket?'],
  UNEXPECTED_TOKEN: ['this cannot stand here', 'is the line indented like its neighbours?'],
  MULTIPLE_DOCS: ['a second YAML document starts here', 'the file must hold one document: remove the line "---"'],
  BAD_ALIAS: ['a value that starts with * or & must stand in quotes', "as in '*.example.com'"],
  TAG_RESOLVE_FAILED: ['a value that starts with ! must stand in quotes', 'it would be a YAML tag'],
  BAD_DIRECTIVE: ['a line that starts with % is a YAML directive', 'no setting starts with %: remove the line'],
};

/** For a complaint of a rare kind: the parser's place, and words that need no knowledge of parsers. */
function inOtherWords(text: string, { code, message, offset }: Complaint): WritingFault {
  if (code === 'BAD_SCALAR_START') {
    const sign = /(\S)$/.exec(message)?.[1] ?? '';
    return { offset, what: `a value that starts with ${sign} must stand in quotes`, hint: undefined };
  }
  const before = /(\S)\s*$/.exec(text.slice(0, offset))?.[1] ?? '';
  if (code === 'UNEXPECTED_TOKEN' && text[offset] === ',') {
    return { offset, what: 'there is one comma too many', hint: undefined };
  }
  if (code === 'UNEXPECTED_TOKEN' && /["'\]}]/.test(before)) {
    const hint = /["']/.test(before)
      ? `within '...' a quote is written twice, within "..." behind a \\`
      : 'one list item a line; a value that starts with a bracket must stand in quotes';
    return { offset, what: `nothing may stand behind the ${before} that ends a value`, hint };
  }
  const [what, hint] = otherWords[code] ?? [`this is no YAML: ${message}`, undefined];
  return { offset, what, hint };
}
