/** Responses that are made here and not relayed (RFC 3261 §8.2.6). */
import { applyCuts, type Cut, insert } from './cut.ts';
import { Header, type HeaderId } from './header-index.ts';
import type { SipRequest } from './message.ts';
import { octetsOnly } from './octets.ts';
import { cutViaParams, type ViaParams } from './via-cuts.ts';

const TRYING = 100;

/**
 * A response to `request`: all Via lines, From, To, Call-ID and CSeq as they came, then `extra` (header lines, each with
 * its CRLF), and an empty body. What the request lacks is left out, so that bad requests can be answered too.
 * `toTag` goes to a To that has no tag, unless `status` is 100. `viaParams` goes to the top Via.
 * @throws Error when what is put in is no octets
 */
export function respond(
  request: SipRequest,
  status: number,
  reason: string,
  toTag: string | undefined,
  extra = '',
  viaParams?: ViaParams,
): string {
  return octetsOnly(
    `SIP/2.0 ${status} ${reason}\r\n` +
      copyVias(request, viaParams) +
      copyFirst(request, Header.From, NO_CUTS) +
      copyTo(request, status === TRYING ? undefined : toTag) +
      copyFirst(request, Header.CallId, NO_CUTS) +
      copyFirst(request, Header.CSeq, NO_CUTS) +
      `${extra}Content-Length: 0\r\n\r\n`,
  );
}

const NO_CUTS: Cut[] = [];

function copyVias(request: SipRequest, params: ViaParams | undefined): string {
  const { index } = request;
  const cuts: Cut[] = [];
  if (params !== undefined) cutViaParams(cuts, request, params);
  const first = index.find(Header.Via);
  if (first < 0) return '';
  let lines = copyLine(request, first, cuts);
  for (let slot = index.find(Header.Via, first); slot >= 0; slot = index.find(Header.Via, slot)) {
    lines += copyLine(request, slot, NO_CUTS);
  }
  return lines;
}

/** A malformed To is copied as it is: a tag behind it might land in the middle of something. */
function copyTo(request: SipRequest, tag: string | undefined): string {
  const { to } = request;
  const cuts: Cut[] = [];
  if (tag !== undefined && to !== undefined && to.tag === undefined) insert(cuts, to.end, `;tag=${tag}`);
  return copyFirst(request, Header.To, cuts);
}

function copyFirst(request: SipRequest, id: HeaderId, cuts: Cut[]): string {
  const slot = request.index.find(id);
  return slot < 0 ? '' : copyLine(request, slot, cuts);
}

/** The CRLF is added anew: the last line of a cut-off request has none. */
function copyLine({ text, index }: SipRequest, slot: number, cuts: Cut[]): string {
  const line = applyCuts(text, cuts, index.lineStart(slot), index.valueEnd(slot));
  return `${index.problem === undefined ? line : withoutMisleading(line)}\r\n`;
}

/** What made the request a bad one must not make the answer another: to some a bare CR or LF ends a line, and a NUL the text. */
function withoutMisleading(line: string): string {
  return line.replace(/\r(?!\n)|(?<!\r)\n|\0/g, ' ');
}
