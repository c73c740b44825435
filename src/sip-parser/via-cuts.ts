/** What is cut and put in for the top Via: its removal, `received` and `rport` (RFC 3261 §18.2.1, RFC 3581). */
import { type Cut, insert } from './cut.ts';
import { Header } from './header-index.ts';
import type { SipMessage } from './message.ts';
import { ParameterCursor } from './parameter-cursor.ts';
import { COMMA, skipLws } from './syntax.ts';
import type { Via } from './via.ts';

/** What a transport noted of where a request came from. Undefined leaves what is there. */
export interface ViaParams {
  /** Address without brackets. */
  readonly received: string | undefined;
  readonly rport: number | undefined;
}

/** A malformed top Via stays: nobody can say where the next value begins. */
export function cutTopVia(cuts: Cut[], { text, index, topVia }: SipMessage): void {
  if (topVia === undefined) return;
  const slot = index.find(Header.Via);
  const limit = index.valueEnd(slot);
  const comma = skipLws(text, topVia.end, limit);
  const hasNext = comma < limit && text.charCodeAt(comma) === COMMA;
  if (hasNext) cuts.push({ start: topVia.start, end: skipLws(text, comma + 1, limit), text: '' });
  else cuts.push({ start: index.lineStart(slot), end: index.lineEnd(slot), text: '' });
}

export function cutViaParams(cuts: Cut[], { text, topVia }: SipMessage, { received, rport }: ViaParams): void {
  if (topVia === undefined) return;
  const added = cutViaParam(cuts, text, topVia, 'received', received) + cutViaParam(cuts, text, topVia, 'rport', rport);
  insert(cuts, topVia.end, added);
}

/** Changes the parameter where it stands, or gives what is to be added behind all others. */
function cutViaParam(cuts: Cut[], text: string, via: Via, name: string, value: string | number | undefined): string {
  if (value === undefined) return '';
  const param = findViaParam(text, via, name);
  if (param === undefined) return `;${name}=${value}`;
  if (param.valueStart < 0) insert(cuts, param.nameEnd, `=${value}`);
  else cuts.push({ start: param.valueStart, end: param.valueEnd, text: String(value) });
  return '';
}

/** No semicolon stands in a Via before its parameters. */
function findViaParam(text: string, via: Via, name: string): ParameterCursor | undefined {
  const semicolon = text.indexOf(';', via.start);
  const cursor = new ParameterCursor(text, semicolon < 0 ? via.end : Math.min(semicolon, via.end), via.end, true);
  while (cursor.next()) if (cursor.isNamed(name)) return cursor;
  return undefined;
}
