/** URIs in the shape of npm `sip`: reads them into plain objects and writes them back. */
import { type CharClass, charClass, skipClass } from './syntax.ts';
import { findHostEnd, schemeOf } from './uri.ts';

/**
 * Parameters by name; `null` means a parameter without a value, a quoted value keeps its quotes.
 * The object has no prototype, so a peer's `;constructor` or `;__proto__` is a name like any other.
 */
export type SipJsParams = Record<string, string | null>;

/** A `sip:`, `sips:`, `im:` or `pres:` URI. Everything is kept as sent (escapes, case of user and host) except the scheme. */
export interface SipJsUri {
  /** Lower case. */
  schema: string;
  user?: string | undefined;
  password?: string | undefined;
  /** A name or an address; an IPv6 address keeps its brackets. */
  host: string;
  /** Not judged: may be above 65535. */
  port?: number | undefined;
  /** Names as sent: URI parameters are not lower-cased, as in npm `sip`. */
  params?: SipJsParams;
  /** The part behind `?`, values still escaped. */
  headers?: Record<string, string>;
}

/** Any other URI (`tel:`, `urn:`, `http:`, ...), which is not taken apart. */
export interface SipJsOpaqueUri {
  /** Lower case. */
  schema: string;
  /** All that stands behind the first colon, as sent. */
  opaque: string;
}

export type SipJsAnyUri = SipJsUri | SipJsOpaqueUri;

/** `im:` and `pres:` (RFC 3860 §3, RFC 3859 §3) name a user at a domain, so they are read like `sip:`. */
const schemesWithUserAndHost = new Set(['sip', 'sips', 'im', 'pres']);

const whiteSpace = /[\t\n\v\f\r ]/;
const DIGITS = charClass('0123456789');

/**
 * Reads one URI (without `<>`). An object is given back as it is, so callers need not ask what they hold.
 * @returns `undefined` when the text is no URI of its scheme. Never throws.
 */
export function parseUri(uri: string | SipJsAnyUri): SipJsAnyUri | undefined {
  if (typeof uri === 'object') return uri;
  const schema = schemeOf(uri);
  if (schema === undefined || whiteSpace.test(uri)) return undefined;
  const rest = uri.slice(schema.length + 1);
  return schemesWithUserAndHost.has(schema) ? readUserAndHost(schema, rest) : readOpaque(schema, rest);
}

function readOpaque(schema: string, opaque: string): SipJsOpaqueUri | undefined {
  return opaque === '' ? undefined : { schema, opaque };
}

function readUserAndHost(schema: string, rest: string): SipJsUri | undefined {
  const at = rest.indexOf('@');
  const userinfo = at < 0 ? {} : readUserinfo(rest.slice(0, at));
  const [beforeHeaders, headerText] = splitAt(rest.slice(at + 1), '?');
  const [hostport, ...paramTexts] = beforeHeaders.split(';');
  const sentTo = readHostport(hostport as string);
  const params = readParams(paramTexts);
  const headers = headerText === undefined ? emptyMap<string>() : readHeaders(headerText);
  if (!userinfo || !sentTo || !params || !headers) return undefined;
  return { schema, user: userinfo.user, password: userinfo.password, ...sentTo, params, headers };
}

/** The text before the first `mark` and, when there is one, the text behind it. */
function splitAt(text: string, mark: string): [before: string, behind: string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function readUserinfo(text: string): { user?: string; password?: string | undefined } | undefined {
  const [user, password] = splitAt(text, ':');
  return user === '' || text.includes('>') ? undefined : { user, password };
}

function readHostport(text: string): { host: string; port: number | undefined } | undefined {
  const hostEnd = findHostEnd(text, 0, text.length);
  if (hostEnd < 0) return undefined;
  const host = text.slice(0, hostEnd);
  if (hostEnd === text.length) return { host, port: undefined };
  const port = text.slice(hostEnd + 1);
  return text[hostEnd] === ':' && isRun(port, DIGITS) ? { host, port: Number(port) } : undefined;
}

/** True when all of a text that is not empty belongs to the class. */
function isRun(text: string, members: CharClass): boolean {
  return text !== '' && skipClass(text, 0, text.length, members) === text.length;
}

function readParams(texts: readonly string[]): SipJsParams | undefined {
  const params = emptyMap<string | null>();
  for (const text of texts) {
    const [name, value] = splitAt(text, '=');
    if (name === '' || name.includes('>') || value === '') return undefined;
    params[name] = value ?? null;
  }
  return params;
}

/** RFC 3261 §19.1.1: `hvalue` may be empty, `hname` not. */
function readHeaders(text: string): Record<string, string> | undefined {
  const headers = emptyMap<string>();
  for (const pair of text.split('&')) {
    const [name, value] = splitAt(pair, '=');
    if (name === '' || value === undefined || value.includes('=') || pair.includes('>')) return undefined;
    headers[name] = value;
  }
  return headers;
}

/** A map for names that a peer chose. */
export function emptyMap<Value>(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>;
}

/** Writes a URI; text is given back as it is. An absent `schema` means `sip`, as in npm `sip`. */
export function stringifyUri(uri: string | (Omit<SipJsUri, 'schema'> & { schema?: string }) | SipJsOpaqueUri): string {
  if (typeof uri === 'string') return uri;
  if ('opaque' in uri) return `${uri.schema}:${uri.opaque}`;
  return `${uri.schema || 'sip'}:${writeUserinfo(uri)}${uri.host}${writePort(uri.port)}${stringifyParams(uri.params)}${writeHeaders(uri.headers)}`;
}

function writeUserinfo({ user, password }: Pick<SipJsUri, 'user' | 'password'>): string {
  if (!user) return '';
  return password === undefined ? `${user}@` : `${user}:${password}@`;
}

/** `:5060`, or nothing for an absent port; npm `sip` says absence with NaN, so NaN is understood too. */
export function writePort(port: number | undefined): string {
  return port || port === 0 ? `:${port}` : '';
}

/** `;name` or `;name=value` for each, in order of insertion. */
export function stringifyParams(params: SipJsParams | undefined): string {
  let text = '';
  for (const [name, value] of Object.entries(params ?? {})) text += value ? `;${name}=${value}` : `;${name}`;
  return text;
}

function writeHeaders(headers: Record<string, string> | undefined): string {
  const pairs = Object.entries(headers ?? {}).map(([name, value]) => `${name}=${value}`);
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}
