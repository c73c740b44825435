/** The Via header field value (RFC 3261 §20.42, RFC 3581, RFC 5923). */
import { ParameterCursor } from './parameter-cursor.ts';
import { COLON, parseDecimal, SLASH, skipClass, skipDigits, skipLws, TOKEN } from './syntax.ts';
import { findHostEnd, hostWithoutBrackets, isPort } from './uri.ts';

export interface Via {
  /** Of this value in the message's text, outer white space not included. */
  readonly start: number;
  readonly end: number;
  /** As sent: `UDP`, `tls`. */
  readonly transport: string;
  /** sent-by host in lower case; an IPv6 address without its brackets. */
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
  const start = skipLws(text, pos, limit);
  const transportStart = findTransport(text, start, limit);
  if (transportStart < 0) return undefined;
  const transportEnd = skipClass(text, transportStart, limit, TOKEN);
  const hostStart = skipLws(text, transportEnd, limit);
  if (transportEnd === transportStart || hostStart === transportEnd) return undefined;
  const hostEnd = findHostEnd(text, hostStart, limit);
  const portEnd = hostEnd < 0 ? -1 : findPortEnd(text, hostEnd, limit);
  if (portEnd < 0) return undefined;
  const via = new ParsedVia(text, start, transportStart, transportEnd, hostStart, hostEnd, portEnd);
  return via.takeParameters(text, portEnd, limit) ? via : undefined;
}

const USUAL_PROTOCOL = 'SIP/2.0/';

/** Behind `SIP/2.0/`; white space may stand around each slash, and other names are the grammar's too. -1 when malformed. */
function findTransport(text: string, start: number, limit: number): number {
  if (text.startsWith(USUAL_PROTOCOL, start)) return skipLws(text, start + USUAL_PROTOCOL.length, limit);
  const version = behindTokenAndSlash(text, start, limit);
  return version < 0 ? -1 : behindTokenAndSlash(text, version, limit);
}

function behindTokenAndSlash(text: string, start: number, limit: number): number {
  const tokenEnd = skipClass(text, start, limit, TOKEN);
  const slash = skipLws(text, tokenEnd, limit);
  if (tokenEnd === start || slash >= limit || text.charCodeAt(slash) !== SLASH) return -1;
  return skipLws(text, slash + 1, limit);
}

/** Behind the port, or `hostEnd` when there is none; white space may stand around the colon. -1 when malformed. */
function findPortEnd(text: string, hostEnd: number, limit: number): number {
  const colon = skipLws(text, hostEnd, limit);
  if (colon >= limit || text.charCodeAt(colon) !== COLON) return hostEnd;
  const start = skipLws(text, colon + 1, limit);
  const end = skipDigits(text, start, limit);
  return isPort(parseDecimal(text, start, end)) ? end : -1;
}

class ParsedVia implements Via {
  readonly start: number;
  end: number;
  readonly transport: string;
  readonly host: string;
  readonly port: number | undefined;
  branch: string | undefined = undefined;
  received: string | undefined = undefined;
  rport: string | undefined = undefined;
  maddr: string | undefined = undefined;
  hasAlias = false;

  constructor(
    text: string,
    start: number,
    transportStart: number,
    transportEnd: number,
    hostStart: number,
    hostEnd: number,
    portEnd: number,
  ) {
    this.start = start;
    this.end = portEnd;
    this.transport = text.slice(transportStart, transportEnd);
    this.host = hostWithoutBrackets(text, hostStart, hostEnd);
    this.port = portEnd > hostEnd ? lastNumber(text, hostEnd, portEnd) : undefined;
  }

  /** False when what follows sent-by is no list of parameters. */
  takeParameters(text: string, pos: number, limit: number): boolean {
    const cursor = new ParameterCursor(text, pos, limit);
    while (cursor.next()) this.takeParameter(cursor);
    this.end = cursor.end;
    return !cursor.isMalformed;
  }

  /** Told apart by length first: most parameters are none of these. The first of a repeated one counts. */
  private takeParameter(cursor: ParameterCursor): void {
    switch (cursor.nameEnd - cursor.nameStart) {
      case 5:
        if (cursor.isNamed('rport')) this.rport ??= cursor.value ?? '';
        else if (cursor.isNamed('maddr')) this.maddr ??= cursor.value ?? undefined;
        else if (cursor.isNamed('alias')) this.hasAlias = true;
        break;
      case 6:
        if (cursor.isNamed('branch')) this.branch ??= cursor.value ?? undefined;
        break;
      case 8:
        if (cursor.isNamed('received')) this.received ??= cursor.value ?? undefined;
        break;
    }
  }
}

/** The port that ends at `end`: between it and the host stand only the colon and white space. */
function lastNumber(text: string, hostEnd: number, end: number): number | undefined {
  return parseDecimal(text, skipLws(text, skipLws(text, hostEnd, end) + 1, end), end);
}
