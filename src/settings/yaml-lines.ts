/** A rough reading of YAML by lines, quotes and brackets that never gives up, for files that a parser has refused. */

export interface Line {
  /** Offsets in the text; `end` is that of the line end. */
  readonly start: number;
  readonly end: number;
  /** Without indentation, comment and trailing spaces. */
  readonly codeStart: number;
  readonly codeEnd: number;
  readonly code: string;
  /** In UTF-16 units. */
  readonly indent: number;
}

interface Comment {
  readonly offset: number;
  readonly end: number;
  /** The innermost bracket that it stands in. */
  readonly open: string | undefined;
}

interface Quoted {
  readonly offset: number;
  readonly end: number;
  readonly quote: string;
}

interface Bracket {
  readonly offset: number;
  readonly bracket: string;
  /** Of the bracket that closes it; Infinity: none does. */
  end: number;
}

interface WrongCloser {
  readonly offset: number;
  readonly bracket: string;
  /** The bracket that is open there. */
  readonly opened: string;
}

export class Writing {
  readonly text: string;
  readonly #lines: readonly Line[];
  readonly #comments: readonly Comment[];
  readonly #quoted: readonly Quoted[];
  readonly #brackets: readonly Bracket[];
  readonly #strayClosers: readonly Bracket[];
  readonly #wrongClosers: readonly WrongCloser[];

  constructor(text: string, marks: Marks) {
    this.text = text;
    this.#comments = marks.comments;
    this.#quoted = marks.quoted;
    this.#brackets = marks.brackets;
    this.#strayClosers = marks.strayClosers;
    this.#wrongClosers = marks.wrongClosers;
    this.#lines = linesOf(text, marks.comments);
  }

  lineAt(offset: number): Line {
    return this.#lines.find(({ end }) => offset <= end) ?? this.#lines.at(-1)!;
  }

  /** The line at or before an offset that holds more than a comment. */
  codeLineAt(offset: number): Line | undefined {
    const line = this.lineAt(offset);
    return line.code === '' ? this.before(line) : line;
  }

  before(line: Line): Line | undefined {
    return this.#lines.findLast(({ start, code }) => start < line.start && code !== '');
  }

  after(line: Line): Line | undefined {
    return this.#lines.find(({ start, code }) => start > line.start && code !== '');
  }

  /** Code lines before, the nearest first. */
  linesBefore(line: Line | undefined): readonly Line[] {
    if (line === undefined) return [];
    const earlier = this.#lines.filter(({ start, code }) => start < line.start && code !== '');
    return earlier.slice(-longestBlock).toReversed();
  }

  /** Columns, from 0, in which things start in the lines before: `  - to: cisco` has 2 and 4. The nearest first. */
  columnsBefore(line: Line): readonly number[] {
    return this.linesBefore(line).flatMap(({ code, indent }) => {
      const dash = /^-\s+/.exec(code)?.[0].length;
      return dash === undefined ? [indent] : [indent + dash, indent];
    });
  }

  /** The line before that starts a block of lines which are all indented more than this one. */
  startOfBlockBefore(line: Line): Line | undefined {
    const earlier = this.linesBefore(line);
    const outside = earlier.findIndex(({ indent }) => indent <= line.indent);
    const block = outside < 0 ? earlier : earlier.slice(0, outside);
    const least = Math.min(...block.map(({ indent }) => indent));
    return block.findLast(({ indent }) => indent === least);
  }

  /** Comments that stand within brackets, the nearest first. */
  commentsWithin(before: number): readonly (Comment & { readonly open: string })[] {
    return this.#comments
      .filter((comment): comment is Comment & { readonly open: string } => comment.open !== undefined)
      .filter(({ offset }) => offset < before)
      .toReversed()
      .slice(0, 4);
  }

  /** The first quoted value that starts before an offset and does not end in its line. */
  openQuoteBefore(before: number): Quoted | undefined {
    return this.#quoted.find(({ offset, end }) => offset <= before && end > this.lineAt(offset).end);
  }

  /** The brackets that are open at an offset or never closed, innermost first. */
  openBracketsBefore(before: number): readonly Bracket[] {
    return this.#brackets
      .filter(({ offset, end }) => offset <= before && end >= before)
      .toReversed()
      .slice(0, 4);
  }

  /** Closing brackets without an opening one. */
  strayClosers(): readonly Bracket[] {
    return this.#strayClosers.slice(0, 4);
  }

  /** Closing brackets of another kind than the one that is open. */
  wrongClosers(): readonly WrongCloser[] {
    return this.#wrongClosers.slice(0, 4);
  }

  isWithinBrackets(at: number): boolean {
    return this.#brackets.some(({ offset, end }) => offset < at && at <= end);
  }
}

/** Code lines in which the start of the same block is looked for. */
const longestBlock = 30;

interface Marks {
  readonly comments: Comment[];
  readonly quoted: Quoted[];
  readonly brackets: Bracket[];
  readonly strayClosers: Bracket[];
  readonly wrongClosers: WrongCloser[];
}

export function scanYaml(text: string): Writing {
  const marks: Marks = { comments: [], quoted: [], brackets: [], strayClosers: [], wrongClosers: [] };
  const open: Bracket[] = [];
  for (let i = 0; i < text.length; i++) {
    const sign = text[i]!;
    if (sign === '#' && /^$|\s/.test(text[i - 1] ?? '')) {
      const end = endOfLine(text, i);
      marks.comments.push({ offset: i, end, open: open.at(-1)?.bracket });
      i = end;
    } else if ((sign === '"' || sign === "'") && startsValue(text, i)) {
      const end = endOfQuoted(text, i);
      marks.quoted.push({ offset: i, end, quote: sign });
      i = end;
    } else if ((sign === '[' || sign === '{') && (open.length > 0 || startsValue(text, i))) {
      const bracket = { offset: i, bracket: sign, end: Number.POSITIVE_INFINITY };
      marks.brackets.push(bracket);
      open.push(bracket);
    } else if (sign === ']' || sign === '}') {
      const closed = open.pop();
      if (closed === undefined) marks.strayClosers.push({ offset: i, bracket: sign, end: i });
      else closed.end = i;
      if (closed !== undefined && (closed.bracket === '[') !== (sign === ']'))
        marks.wrongClosers.push({ offset: i, bracket: sign, opened: closed.bracket });
    }
  }
  return new Writing(text, marks);
}

const endOfLine = (text: string, from: number): number => {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
};

/** Within a plain value quotes and brackets are letters: `Bob's`. */
function startsValue(text: string, at: number): boolean {
  let before = at - 1;
  while (text[before] === ' ' || text[before] === '\t') before--;
  const sign = text[before] ?? '\n';
  if (/[\n\r,[{]/.test(sign)) return true;
  return before < at - 1 && /[:?-]/.test(sign);
}

/** Offset of the closing quote, or that of the end of the text. */
function endOfQuoted(text: string, start: number): number {
  const quote = text[start];
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\' && quote === '"') i++;
    else if (text[i] === quote) {
      if (quote === '"' || text[i + 1] !== quote) return i;
      i++;
    }
  }
  return text.length;
}

function linesOf(text: string, comments: readonly Comment[]): readonly Line[] {
  const commentAt = new Map(comments.map(({ offset, end }) => [end, offset]));
  const lines: Line[] = [];
  for (let start = 0; start <= text.length; ) {
    const end = endOfLine(text, start);
    const written = text.slice(start, commentAt.get(end) ?? end);
    // Only what YAML takes for white space: all else belongs to the code.
    const indent = /^[ \t]*/.exec(written)![0].length;
    const code = written.slice(indent).replace(/[ \t\r]+$/, '');
    const codeStart = start + indent;
    lines.push({ start, end, codeStart, codeEnd: codeStart + code.length, code, indent });
    start = end + 1;
  }
  return lines;
}
