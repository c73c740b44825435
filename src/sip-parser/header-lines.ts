/** Every header line with name and value, also of fields that the index does not keep. Off the hot path. */
import { skipBlanks } from './header-index.ts';
import { COLON, HTAB, SP, skipClass, skipLws, TOKEN, trimmedEnd } from './syntax.ts';

interface HeaderLine {
  /** As sent. */
  readonly name: string;
  /** As sent: outer white space trimmed, folding kept. */
  readonly value: string;
}

/** The header lines between `start` (behind the start line) and `end` (the empty line). A line without name and colon is passed over. */
export function* eachHeaderLine(text: string, start: number, end: number): Generator<HeaderLine> {
  for (let pos = start; pos < end; ) {
    const lineEnd = findLineEnd(text, pos, end);
    const line = readLine(text, pos, lineEnd);
    if (line !== undefined) yield line;
    pos = lineEnd + 2;
  }
}

/** The CRLF that no folding follows. */
function findLineEnd(text: string, start: number, end: number): number {
  for (let pos = start; ; ) {
    const crlf = text.indexOf('\r\n', pos);
    if (crlf < 0 || crlf >= end) return end;
    const next = text.charCodeAt(crlf + 2);
    if (next !== SP && next !== HTAB) return crlf;
    pos = crlf + 2;
  }
}

function readLine(text: string, start: number, end: number): HeaderLine | undefined {
  const nameEnd = skipClass(text, start, end, TOKEN);
  const colon = skipBlanks(text, nameEnd);
  if (nameEnd === start || colon >= end || text.charCodeAt(colon) !== COLON) return undefined;
  const valueStart = skipLws(text, colon + 1, end);
  return { name: text.slice(start, nameEnd), value: text.slice(valueStart, trimmedEnd(text, valueStart, end)) };
}
