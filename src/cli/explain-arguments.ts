/** The words of `explain`, read into the facts of a request that has not been sent. */

import { isIP } from 'node:net';
import { readHostAndPort } from '../net/host.ts';
import { defaultPort, type Transport } from '../net/ports.ts';
import { uriFacts } from '../proxy/request-facts.ts';
import type { RequestFacts, RequestSource } from '../routing/types.ts';
import { parseSipUri, schemeOf } from '../sip-parser/index.ts';
import { targetOptions } from './admin-client.ts';
import { readArguments } from './arguments.ts';
import { type Command, fileWord, type Given, jsonOption, Misuse, type Word } from './command.ts';

export interface ExplainRequest {
  readonly facts: RequestFacts;
  /** As the operator wrote it. */
  readonly uri: string;
  readonly file: string;
  readonly asJson: boolean;
}

export const explainWords: readonly Word[] = [
  { name: 'METHOD', what: 'in capitals, such as MESSAGE' },
  { name: 'URI', what: 'the Request-URI, such as sip:bob@example.com' },
  fileWord,
];

export const explainOptions: Command['options'] = {
  'from-peer': {
    value: 'ADDRESS[:PORT]',
    what: 'the address that the request comes from',
    isRequired: true,
  },
  transport: {
    value: 'TRANSPORT',
    what: 'how the request came; default tcp, with --tls-name tls',
    choices: ['udp', 'tcp', 'tls'],
  },
  'tls-name': { value: 'NAME', what: "a name in the peer's certificate", isList: true },
  from: { value: 'URI', what: 'what stands in From; default a user of the same domain as URI' },
  'in-dialog': { what: 'a request within a dialog that was set up through this router' },
  json: jsonOption,
  ...targetOptions,
};

/** @throws Misuse */
export function readRequest({ words, has, value, values }: Given): ExplainRequest {
  const [method = '', uri = '', file = ''] = words;
  const isInDialog = has('in-dialog');
  const requestUri = readUri(uri);
  const from = value('from');
  const facts: RequestFacts = {
    method: readMethod(method),
    requestUri,
    fromDomain: from === undefined ? requestUri.host : readUri(from).host,
    source: readSource(value('from-peer') ?? '', value('transport'), values('tls-name')),
    hasToTag: isInDialog,
    ownRoute: isInDialog ? 'both-sides' : 'none',
    forgery: undefined,
    nextRoute: undefined,
    hasLoopedBranch: false,
    sentBeforeTo: undefined,
    isMarkedByCisco: false,
    hopsAt: () => [],
    // Which hop of one priority comes first depends on the Call-ID; one of them has to stand here.
    spread: 0,
  };
  return { facts, uri, file, asJson: has('json') };
}

/** @returns undefined when the words are no request */
export function tryToRead(args: readonly string[]): ExplainRequest | undefined {
  const read = readArguments({ words: explainWords, options: explainOptions }, args);
  try {
    return read.kind === 'given' ? readRequest(read.given) : undefined;
  } catch (error) {
    if (error instanceof Misuse) return undefined;
    throw error;
  }
}

/** Methods are tokens, and case counts (RFC 3261 §7.1): `message` is not MESSAGE. */
function readMethod(method: string): string {
  if (/^[A-Z0-9.!%*_+`'~-]+$/.test(method)) return method;
  throw new Misuse(`"${method}" is not a method: write it in capitals, such as MESSAGE or INVITE`);
}

function readUri(text: string): RequestFacts['requestUri'] {
  const uri = parseSipUri(text);
  if (uri !== undefined) return uriFacts(uri);
  const isOtherScheme = schemeOf(text) !== undefined && !/^sips?:/i.test(text) && !text.includes('@');
  const why = isOtherScheme ? 'only sip: and sips: are routed' : 'write it like sip:bob@example.com';
  throw new Misuse(`"${text}" is not a SIP URI: ${why}`);
}

function readSource(peer: string, transport: string | undefined, names: readonly string[]): RequestSource {
  const used = (transport ?? (names.length > 0 ? 'tls' : 'tcp')) as Transport;
  if (names.length > 0 && used !== 'tls') throw new Misuse('--tls-name needs --transport tls');
  const verifiedNames = names.map((name) => name.toLowerCase());
  return { transport: used, ...readPeer(peer, used), verifiedNames };
}

/** `192.0.2.1`, `192.0.2.1:5060`, `2001:db8::1`, `[2001:db8::1]:5060`. */
function readPeer(peer: string, transport: Transport): Pick<RequestSource, 'remoteAddress' | 'remotePort'> {
  const { host, port = defaultPort(transport) } =
    isIP(peer) === 0 ? (readHostAndPort(peer) ?? { host: '' }) : { host: peer };
  if (isIP(host) !== 0) return { remoteAddress: host, remotePort: port };
  throw new Misuse(
    `--from-peer "${peer}" is not ADDRESS or ADDRESS:PORT: a peer is known by its IP address (and by --tls-name)`,
  );
}
