/** Writes messages of npm `sip`'s shape, byte for byte as npm `sip` writes them. */
import type { SipJsHeaders, SipJsMessage, SipJsStructuredHeaders } from './sipjs-message.ts';
import { stringifyParams, stringifyUri, writePort } from './sipjs-uri.ts';
import type { SipJsAddress, SipJsChallenge, SipJsVia } from './sipjs-values.ts';

type Writers = {
  readonly [Name in keyof SipJsStructuredHeaders]?: (value: NonNullable<SipJsStructuredHeaders[Name]>) => string;
};

/** The lines, each with its CRLF, of one header that is more than text or a number. */
const writers: Writers = {
  via: (vias) =>
    vias
      .filter((via) => via.host)
      .map(viaLine)
      .join(''),
  to: (address) => `To: ${writeAddress(address)}\r\n`,
  from: (address) => `From: ${writeAddress(address)}\r\n`,
  'refer-to': (address) => `Refer-To: ${writeAddress(address)}\r\n`,
  contact: addressLine('Contact'),
  route: addressLine('Route'),
  'record-route': addressLine('Record-Route'),
  path: addressLine('Path'),
  cseq: ({ seq, method }) => `CSeq: ${seq} ${method}\r\n`,
  'www-authenticate': challengeLines('WWW-Authenticate'),
  'proxy-authenticate': challengeLines('Proxy-Authenticate'),
  authorization: challengeLines('Authorization'),
  'proxy-authorization': challengeLines('Proxy-Authorization'),
  'authentication-info': (values) => `Authentication-Info: ${writeChallenge(values)}\r\n`,
};

/** Writes a message. Content-Length is always the length of `content`, whatever the headers say; the message is not changed. */
export function stringify(message: SipJsMessage): string {
  const content = message.content ?? '';
  const headers: SipJsHeaders = { ...message.headers, 'content-length': content.length };
  let text = `${startLine(message)}\r\n`;
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) text += headerLines(name, value);
  return `${text}\r\n${content}`;
}

function startLine(message: SipJsMessage): string {
  const version = `SIP/${message.version || '2.0'}`;
  if (message.status !== undefined) return `${version} ${message.status} ${message.reason}`;
  return `${message.method} ${stringifyUri(message.uri)} ${version}`;
}

/** A known header given as text is written as text: so callers may prepare one themselves. */
function headerLines(name: string, value: NonNullable<SipJsHeaders[string]>): string {
  if (typeof value === 'string' || !Object.hasOwn(writers, name)) return `${spell(name)}: ${value}\r\n`;
  const write = writers[name as keyof Writers] as (value: unknown) => string;
  return write(value);
}

/** Each-Word-Capital, but `Call-ID`. */
function spell(name: string): string {
  return name === 'call-id' ? 'Call-ID' : name.replace(/\b[a-z]/g, (first) => first.toUpperCase());
}

function viaLine({ version, protocol, host, port, params }: SipJsVia): string {
  return `Via: SIP/${version || '2.0'}/${protocol.toUpperCase()} ${host}${writePort(port)}${stringifyParams(params)}\r\n`;
}

/** Always in brackets; an absent name leaves its space, which RFC 3261 §7.3.1 makes harmless. */
function writeAddress({ name, uri, params }: SipJsAddress): string {
  return `${name || ''} <${stringifyUri(uri)}>${stringifyParams(params)}`;
}

/** `Contact: *` (RFC 3261 §10.2.2) is the one address without brackets. */
function writeListed(address: SipJsAddress): string {
  return address.uri === '*' ? `*${stringifyParams(address.params)}` : writeAddress(address);
}

function addressLine(name: string): (addresses: readonly SipJsAddress[]) => string {
  return (addresses) => (addresses.length > 0 ? `${name}: ${addresses.map(writeListed).join(', ')}\r\n` : '');
}

function challengeLines(name: string): (challenges: readonly SipJsChallenge[]) => string {
  return (challenges) => challenges.map((challenge) => `${name}: ${writeChallenge(challenge)}\r\n`).join('');
}

function writeChallenge({ scheme, ...params }: SipJsChallenge): string {
  const list = Object.entries(params).map(([name, value]) => `${name}=${value}`);
  return scheme ? `${scheme} ${list.join(',')}` : list.join(',');
}
