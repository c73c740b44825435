/** The Via header field value (RFC 3261 §20.42, RFC 3581, RFC 5923). */
import { ownCopy } from './own-copy.ts';
import { ParameterCursor, PLAIN_VALUE } from './parameter-cursor.ts';
import {
  COLON,
  COMMA,
  parseDecimal,
  SEMICOLON,
  SLASH,
  skipClass,
  skipDigits,
  skipLws,
  TOKEN,
  trimmedEnd,
} from './syntax.ts';
import { findHostEnd, hostAt, isPort } from './uri.ts';

export interface Via {
  /** Of this value in the message's text, outer white space not included. */
  readonly start: number;
  readonly end: number;
  /** As sent: `UDP`, `tls`. */
  readonly transport: string;
  /** sent-by host in the spelling that hosts are compared by (see `hostAt`). */
  readonly host: string;
  /** sent-by port; undefined when none is named. */
  readonly port: number | undefined;
  readonly branch: string | undefined;
  /** As sent. */
  readonly received: string | undefined;
  /** As sent; '' when the parameter has no value. */
  readonly rport: string | undefined;
  readonly maddr: string | undefined;
  /** The sender may be reached by this very connection (RFC 5923). */
  readonly hasAlias: boolean;
}

/** Reads the value that begins at `pos` in a header field that ends at `limit`; undefined when it is malformed. */
export function parseVia(text: string, pos: number, limit: number): Via | undefined {
  const via = new ParsedVia(skipLws(text, pos, limit));
  return via.take(text, limit) ? via : undefined;
}

/**
 * Below the topmost, which is the way back, a Via is only asked whether it is ours (RFC 3261 §16.3 step 4). One that can be
 * read no further than its transport (a comment, IPv6 with a zone or without brackets) is somebody else's, and ends at the next comma.
 */
export function parseLowerVia(text: string, pos: number, limit: number): Via | undefined {
  const via = new ParsedVia(skipLws(text, pos, limit));
  return via.take(text, limit) || via.passUnread(text, limit) ? via : undefined;
}

function startsSentBy(code: number): boolean {
  return code !== SEMICOLON && code !== COMMA;
}

const USUAL_PROTOCOL = 'SIP/2.0/';
const USUAL_BRANCH = ';branch=';

interface SentBy {
  /** What stands before the parameters, and the first semicolon: `SIP/2.0/TLS fe1.example.com:5061;`. */
  readonly text: string;
  readonly transport: string;
  readonly host: string;
  readonly port: number | undefined;
}

/** The latest of each place. Who writes many different ones makes reading as slow as it is without. */
const PLACES = 64;
const RECENT: (SentBy | undefined)[] = new Array(PLACES).fill(undefined);
const LONGEST_REMEMBERED = 128;

/** Octets of host and port that mostly differ between peers, and before those of a branch that differ between requests. */
function placeOf(text: string, start: number): number {
  const code = (at: number): number => text.charCodeAt(start + at);
  return (
    (code(13) + 3 * code(16) + 5 * code(19) + 7 * code(21) + 11 * code(23) + 13 * code(25) + 17 * code(27)) &
    (PLACES - 1)
  );
}

/** Each step takes what begins at `end` and moves `end` behind it; false when it is malformed. */
class ParsedVia implements Via {
  readonly start: number;
  end: number;
  transport = '';
  host = '';
  port: number | undefined = undefined;
  branch: string | undefined = undefined;
  received: string | undefined = undefined;
  rport: string | undefined = undefined;
  maddr: string | undefined = undefined;
  hasAlias = false;

  constructor(start: number) {
    this.start = start;
    this.end = start;
  }

  take(text: string, limit: number): boolean {
    return (this.recall(text) || this.takeSentBy(text, limit)) && this.takeParameters(text, limit);
  }

  /** Something must stand behind protocol and transport: separators alone are malformed (RFC 4475 §3.1.2.1). */
  passUnread(text: string, limit: number): boolean {
    this.end = this.start;
    if (!this.takeProtocol(text, limit) || !this.takeTransport(text, limit)) return false;
    const sentBy = skipLws(text, this.end, limit);
    if (sentBy === this.end || sentBy >= limit || !startsSentBy(text.charCodeAt(sentBy))) return false;
    const comma = text.indexOf(',', sentBy);
    this.end = trimmedEnd(text, sentBy, comma < 0 || comma > limit ? limit : comma);
    return true;
  }

  /** Peers write the same again and again, and so do we: what stands before the parameters is read once. */
  private recall(text: string): boolean {
    const known = RECENT[placeOf(text, this.start)];
    if (known === undefined || !text.startsWith(known.text, this.start)) return false;
    this.transport = known.transport;
    this.host = known.host;
    this.port = known.port;
    this.end = this.start + known.text.length - 1;
    return true;
  }

  private takeSentBy(text: string, limit: number): boolean {
    const isWhole =
      this.takeProtocol(text, limit) &&
      this.takeTransport(text, limit) &&
      this.takeHost(text, limit) &&
      this.takePort(text, limit);
    if (isWhole && text.charCodeAt(this.end) === SEMICOLON) this.remember(text);
    return isWhole;
  }

  /** Slices would keep the whole message. */
  private remember(text: string): void {
    const { start, end, transport, host, port } = this;
    if (end - start > LONGEST_REMEMBERED) return;
    const sentBy = ownCopy(text.slice(start, end + 1));
    RECENT[placeOf(text, start)] = { text: sentBy, transport: ownCopy(transport), host: ownCopy(host), port };
  }

  /** `SIP/2.0/`; white space may stand around each slash, and other names are the grammar's too. */
  private takeProtocol(text: string, limit: number): boolean {
    if (text.startsWith(USUAL_PROTOCOL, this.end)) {
      this.end += USUAL_PROTOCOL.length;
      return true;
    }
    return this.takeTokenAndSlash(text, limit) && this.takeTokenAndSlash(text, limit);
  }

  private takeTokenAndSlash(text: string, limit: number): boolean {
    const start = skipLws(text, this.end, limit);
    const tokenEnd = skipClass(text, start, limit, TOKEN);
    const slash = skipLws(text, tokenEnd, limit);
    this.end = slash + 1;
    return tokenEnd > start && slash < limit && text.charCodeAt(slash) === SLASH;
  }

  private takeTransport(text: string, limit: number): boolean {
    const start = skipLws(text, this.end, limit);
    this.end = skipClass(text, start, limit, TOKEN);
    this.transport = text.slice(start, this.end);
    return this.end > start;
  }

  /** White space must stand before it. */
  private takeHost(text: string, limit: number): boolean {
    const start = skipLws(text, this.end, limit);
    const end = start === this.end ? -1 : findHostEnd(text, start, limit);
    if (end < 0) return false;
    this.host = hostAt(text, start, end);
    this.end = end;
    return true;
  }

  /** White space may stand around the colon. */
  private takePort(text: string, limit: number): boolean {
    const colon = skipLws(text, this.end, limit);
    if (colon >= limit || text.charCodeAt(colon) !== COLON) return true;
    const start = skipLws(text, colon + 1, limit);
    this.end = skipDigits(text, start, limit);
    this.port = parseDecimal(text, start, this.end);
    return isPort(this.port);
  }

  private takeParameters(text: string, limit: number): boolean {
    this.takeBranch(text, limit);
    if (this.end === limit) return true;
    const cursor = new ParameterCursor(text, this.end, limit, true);
    while (cursor.next()) this.takeParameter(cursor);
    this.end = cursor.end;
    return !cursor.isMalformed && this.branch !== '';
  }

  /** Where nearly everybody writes it, first and without white space. */
  private takeBranch(text: string, limit: number): void {
    if (!text.startsWith(USUAL_BRANCH, this.end)) return;
    const start = this.end + USUAL_BRANCH.length;
    const end = skipClass(text, start, limit, PLAIN_VALUE);
    if (end === start) return;
    this.branch = text.slice(start, end);
    this.end = end;
  }

  /** Told apart by length first: most parameters are none of these. The first of a repeated one counts. */
  private takeParameter(cursor: ParameterCursor): void {
    switch (cursor.nameEnd - cursor.nameStart) {
      case 5:
        if (cursor.isNamed('rport')) this.rport ??= cursor.value ?? '';
        else if (cursor.isNamed('maddr')) this.maddr ??= cursor.value || undefined;
        else if (cursor.isNamed('alias')) this.hasAlias = true;
        break;
      case 6:
        if (cursor.isNamed('branch')) this.branch ??= cursor.value ?? undefined;
        break;
      case 8:
        if (cursor.isNamed('received')) this.received ??= cursor.value || undefined;
        break;
    }
  }
}
