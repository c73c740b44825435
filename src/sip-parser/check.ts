/** What is wrong with a message's syntax, as far as a proxy must care (RFC 3261 §16.3 step 1, §8.1.1, §20; RFC 4475). */
import { Header, type HeaderId, headerName } from './header-index.ts';
import type { SipMessage, SipRequest, SipResponse } from './message.ts';
import type { NameAddress } from './name-address.ts';
import { SIP_VERSION } from './start-line.ts';
import { schemeOf } from './uri.ts';
import type { ValueList } from './value-list.ts';

export interface SyntaxProblem {
  readonly status: 400 | 505;
  /** The header field, `Request-Line`, `Status-Line`, or empty when the header section as a whole is meant. */
  readonly header: string;
  /** Fit for a reason phrase or a Warning text: no quotes, no octets of the message. */
  readonly detail: string;
}

/**
 * The first problem of a request, undefined when there is none. The scheme of the Request-URI is not judged (416 is the
 * proxy's to say), but a sip or sips Request-URI must be well formed. RFC 2543 requests (no branch, no From tag, no
 * Max-Forwards) pass. What a proxy does not read, Contact among it, is not judged (§16.3 step 1).
 */
export function checkRequest(request: SipRequest): SyntaxProblem | undefined {
  return (
    versionProblem(request) ??
    startLineProblem(request) ??
    headerLinesProblem(request) ??
    missingField(request) ??
    repeatedField(request, SINGLE_IN_REQUESTS) ??
    requestUriProblem(request) ??
    viaProblem(request) ??
    fromOrToProblem(request) ??
    callIdProblem(request) ??
    cseqProblem(request) ??
    cseqMethodProblem(request) ??
    maxForwardsProblem(request) ??
    contentLengthProblem(request) ??
    pathProblem(request)
  );
}

/**
 * The first problem of a response, undefined when there is none. A response with any problem cannot be sent on. Max-Forwards
 * means nothing in a response, a Contact or Route there is nobody's path through this proxy, and its From and To are for the
 * asker, who knows what it has asked (§16.7 reads neither).
 */
export function checkResponse(response: SipResponse): SyntaxProblem | undefined {
  return (
    versionProblem(response) ??
    startLineProblem(response) ??
    headerLinesProblem(response) ??
    missingField(response) ??
    repeatedField(response, SINGLE) ??
    viaProblem(response) ??
    callIdProblem(response) ??
    cseqProblem(response) ??
    contentLengthProblem(response)
  );
}

function bad(header: string, detail: string): SyntaxProblem {
  return { status: 400, header, detail };
}

/** §21.5.6 */
function versionProblem({ version, kind }: SipMessage): SyntaxProblem | undefined {
  if (version === SIP_VERSION) return undefined;
  return { status: 505, header: startLineName(kind), detail: 'SIP version is not 2.0' };
}

function startLineName(kind: 'request' | 'response'): string {
  return kind === 'request' ? 'Request-Line' : 'Status-Line';
}

/** §7.1, §7.2 */
function startLineProblem(message: SipMessage): SyntaxProblem | undefined {
  const { startLineProblem: detail } = message;
  return detail === undefined ? undefined : bad(startLineName(message.kind), detail);
}

/** §7.3 */
function headerLinesProblem({ index }: SipMessage): SyntaxProblem | undefined {
  return index.problem === undefined ? undefined : bad('', index.problem);
}

function maskOf(ids: readonly HeaderId[]): number {
  return ids.reduce<number>((mask, id) => mask | (1 << id), 0);
}

/** §8.1.1, but for Max-Forwards: RFC 2543 did not have it (§16.3 step 3). */
const MANDATORY_IDS = [Header.Via, Header.From, Header.To, Header.CallId, Header.CSeq];
const MANDATORY = maskOf(MANDATORY_IDS);

function missingField({ index }: SipMessage): SyntaxProblem | undefined {
  if ((index.seen & MANDATORY) === MANDATORY) return undefined;
  const missing = MANDATORY_IDS.find((id) => (index.seen & (1 << id)) === 0)!;
  return bad(headerName(missing), `${headerName(missing)} is missing`);
}

/** Fields that are no list (§7.3.1): a second one and two elements may act on different ones (RFC 4475 §3.3.8, §3.3.9). */
const SINGLE_IDS = [Header.From, Header.To, Header.CallId, Header.CSeq, Header.ContentLength];
const SINGLE = maskOf(SINGLE_IDS);
const SINGLE_IN_REQUESTS_IDS = [...SINGLE_IDS, Header.MaxForwards, Header.MaxBreadth];
const SINGLE_IN_REQUESTS = maskOf(SINGLE_IN_REQUESTS_IDS);

function repeatedField({ index }: SipMessage, mask: number): SyntaxProblem | undefined {
  const repeated = index.repeated & mask;
  if (repeated === 0) return undefined;
  const id = SINGLE_IN_REQUESTS_IDS.find((single) => (repeated & (1 << single)) !== 0)!;
  return bad(headerName(id), `more than one ${headerName(id)}`);
}

/** §16.3 step 1; headers in a Request-URI would be taken for header fields further on (§19.1.1, RFC 4475 §3.1.2.11). */
function requestUriProblem({ requestUri, uri }: SipRequest): SyntaxProblem | undefined {
  if (uri !== undefined) return uri.hasHeaders ? bad('Request-Line', 'headers in the Request-URI') : undefined;
  if (requestUri.startsWith('<')) return bad('Request-Line', 'Request-URI in angle brackets');
  const scheme = schemeOf(requestUri);
  const isForeign = scheme !== undefined && scheme !== 'sip' && scheme !== 'sips';
  return isForeign ? undefined : bad('Request-Line', 'Request-URI is not well formed');
}

function viaProblem({ viaList }: SipMessage): SyntaxProblem | undefined {
  return viaList.isWhole ? undefined : bad('Via', 'Via is not well formed');
}

function fromOrToProblem(message: SipMessage): SyntaxProblem | undefined {
  return addressProblem('From', message.from, message.fromTag) ?? addressProblem('To', message.to, message.toTag);
}

/** A tag that is there must be a token (§19.3): both ends of a dialog are to read the same one. */
function addressProblem(
  name: string,
  address: NameAddress | undefined,
  tag: string | undefined,
): SyntaxProblem | undefined {
  if (address === undefined) return bad(name, `${name} is not well formed`);
  if (tag === undefined && address.tag !== undefined) return bad(name, `the tag of ${name} is no token`);
  return undefined;
}

/** callid = word [ "@" word ]: white space in it would be lost or kept by taste. */
function callIdProblem({ callId }: SipMessage): SyntaxProblem | undefined {
  if (callId === undefined) return bad('Call-ID', 'Call-ID is empty');
  return isOneWord(callId) ? undefined : bad('Call-ID', 'white space in Call-ID');
}

function isOneWord(text: string): boolean {
  return !text.includes(' ') && !text.includes('\t');
}

/** §8.1.1.5: less than 2**31. */
const CSEQ_CEILING = 2 ** 31;

function cseqProblem({ cseqNumber }: SipMessage): SyntaxProblem | undefined {
  if (cseqNumber === undefined) return bad('CSeq', 'CSeq is not well formed');
  return cseqNumber < CSEQ_CEILING ? undefined : bad('CSeq', 'CSeq number is 2**31 or more');
}

/** §8.1.1.5 */
function cseqMethodProblem({ method, cseqMethod }: SipRequest): SyntaxProblem | undefined {
  return method === cseqMethod ? undefined : bad('CSeq', 'CSeq method is not the method of the request');
}

/** §20.22 */
const HIGHEST_MAX_FORWARDS = 255;

function maxForwardsProblem(request: SipRequest): SyntaxProblem | undefined {
  if (!request.has(Header.MaxForwards)) return undefined;
  const { maxForwards } = request;
  if (maxForwards !== undefined && maxForwards <= HIGHEST_MAX_FORWARDS) return undefined;
  return bad('Max-Forwards', 'Max-Forwards is no number from 0 to 255');
}

/** §18.3, §20.14 */
function contentLengthProblem(message: SipMessage): SyntaxProblem | undefined {
  if (!message.has(Header.ContentLength)) return undefined;
  const { contentLength } = message;
  if (contentLength === undefined) return bad('Content-Length', 'Content-Length is no number');
  const isThere = contentLength <= message.text.length - message.bodyStart;
  return isThere ? undefined : bad('Content-Length', 'Content-Length is larger than the message');
}

const PATH_FIELDS = maskOf([Header.Route, Header.RecordRoute]);

/** A request without both, as many are, pays one test. */
function pathProblem(request: SipRequest): SyntaxProblem | undefined {
  if ((request.index.seen & PATH_FIELDS) === 0) return undefined;
  return listProblem('Route', request.routeList) ?? listProblem('Record-Route', request.recordRouteList);
}

function listProblem(name: string, list: ValueList<NameAddress>): SyntaxProblem | undefined {
  return list.isWhole ? undefined : bad(name, `${name} is not well formed`);
}
