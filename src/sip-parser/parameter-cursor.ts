/** Steps through the `;name=value` parameters behind a header field value (generic-param, RFC 3261 §25.1). */
import {
  COMMA,
  DQUOTE,
  EQUAL,
  equalsIgnoreCase,
  quotedStringEnd,
  SEMICOLON,
  SP,
  skipClass,
  skipLws,
  TOKEN,
} from './syntax.ts';

/** White space and control octets end a plain value, and so do the separators that would change the list around it. */
export const PLAIN_VALUE = plainValueClass();

function plainValueClass(): Uint8Array {
  const table = new Uint8Array(256).fill(1, SP + 1);
  for (const separator of [SEMICOLON, COMMA, DQUOTE]) table[separator] = 0;
  return table;
}

/** Offsets only; slices are cut by whoever wants one. */
export class ParameterCursor {
  nameStart = 0;
  nameEnd = 0;
  /** Where the value is, quotes included; -1 when the parameter has none. */
  valueStart = -1;
  valueEnd = -1;
  /** Behind the last octet of the last parameter taken. */
  end: number;
  /** The next octet that is neither white space nor taken: a comma, or the end of the list. */
  pos: number;
  isMalformed = false;
  private readonly text: string;
  private readonly limit: number;
  private readonly allowsEmpty: boolean;

  /**
   * `pos` is the end of what the parameters belong to, `limit` the end of the header field.
   * @param allowsEmpty `name=` with nothing behind it has the value ''; otherwise it is malformed
   */
  constructor(text: string, pos: number, limit: number, allowsEmpty = false) {
    this.text = text;
    this.limit = limit;
    this.allowsEmpty = allowsEmpty;
    this.end = pos;
    this.pos = skipLws(text, pos, limit);
  }

  /** Takes one more parameter; false at the end of the value, or when it is malformed. */
  next(): boolean {
    const { text, limit, pos } = this;
    if (pos >= limit) return false;
    const code = text.charCodeAt(pos);
    if (code !== SEMICOLON) return code !== COMMA && this.fail();
    this.nameStart = skipLws(text, pos + 1, limit);
    this.nameEnd = skipClass(text, this.nameStart, limit, TOKEN);
    if (this.nameEnd === this.nameStart) return this.passEmpty();
    this.end = this.nameEnd;
    this.pos = skipLws(text, this.nameEnd, limit);
    return this.takeValue();
  }

  isNamed(lower: string): boolean {
    return equalsIgnoreCase(this.text, this.nameStart, this.nameEnd, lower);
  }

  /** The value as sent, quotes included; null when the parameter has none. */
  get value(): string | null {
    return this.valueStart < 0 ? null : this.text.slice(this.valueStart, this.valueEnd);
  }

  /** One semicolon too many means nothing and misleads nobody; RFC 3428 §10 itself prints `;;branch=` and `;;tag=`. */
  private passEmpty(): boolean {
    const { text, limit } = this;
    let next = this.nameStart;
    while (next < limit && text.charCodeAt(next) === SEMICOLON) {
      this.pos = next;
      next = skipLws(text, next + 1, limit);
    }
    this.end = this.pos + 1;
    const hasName = next < limit && TOKEN[text.charCodeAt(next)] === 1;
    if (!hasName) this.pos = next;
    return this.next();
  }

  private takeValue(): boolean {
    const { text, limit } = this;
    this.valueStart = -1;
    if (this.pos >= limit || text.charCodeAt(this.pos) !== EQUAL) return true;
    this.valueStart = skipLws(text, this.pos + 1, limit);
    this.valueEnd = this.findValueEnd();
    if (this.valueEnd <= this.valueStart && !this.isEmptyAllowed) return this.fail();
    this.end = this.valueEnd;
    this.pos = skipLws(text, this.valueEnd, limit);
    return true;
  }

  /** A quoted string that is never closed has an end before its start. */
  private get isEmptyAllowed(): boolean {
    return this.allowsEmpty && this.valueEnd === this.valueStart;
  }

  /** Token, host, or quoted string; IPv6 addresses with and without brackets are taken too (RFC 5118 §4.5). */
  private findValueEnd(): number {
    const { text, limit, valueStart } = this;
    if (text.charCodeAt(valueStart) === DQUOTE) return quotedStringEnd(text, valueStart, limit);
    return skipClass(text, valueStart, limit, PLAIN_VALUE);
  }

  private fail(): false {
    this.isMalformed = true;
    return false;
  }
}
