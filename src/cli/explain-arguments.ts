/** The words of `explain`, read into the facts of a request that has not been sent. */
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { uriFacts } from '../proxy/request-facts.ts';
import type { RequestFacts, RequestSource, Transport } from '../routing/types.ts';
import { parseSipUri, schemeOf } from '../sip-parser/index.ts';
import { usualFile } from './printing.ts';

export interface ExplainRequest {
  readonly facts: RequestFacts;
  /** As the operator wrote it. */
  readonly uri: string;
  readonly file: string;
  readonly asJson: boolean;
}

export type ReadArguments =
  | { readonly request: ExplainRequest; readonly wrong?: undefined }
  | { readonly request?: undefined; readonly wrong: string };

export const explainUsage = `usage: pif-router explain METHOD URI --from-peer ADDRESS[:PORT] [options] [FILE]
  --transport udp|tcp|tls   how the request came; default tcp, with --tls-name tls
  --tls-name NAME           a name in the peer's certificate; may be given several times
  --from URI                what stands in From; default a user of the same domain as URI
  --in-dialog               a request within a dialog that was set up through this router
  --json                    everything as JSON
FILE is ${usualFile} unless it is named.`;

/** A sentence of what is wrong with the command line; it ends the reading. */
class Misunderstood extends Error {}

/** Reads the command line of `explain`, or says what is wrong with it. */
export function readArguments(args: readonly string[]): ReadArguments {
  try {
    return { request: readRequest(args) };
  } catch (failure) {
    if (failure instanceof Misunderstood || isParseArgsError(failure)) return { wrong: failure.message };
    throw failure;
  }
}

const isParseArgsError = (failure: unknown): failure is Error =>
  failure instanceof TypeError && 'code' in failure && String(failure.code).startsWith('ERR_PARSE_ARGS');

const options = {
  'from-peer': { type: 'string' },
  transport: { type: 'string' },
  'tls-name': { type: 'string', multiple: true },
  from: { type: 'string' },
  'in-dialog': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

function readRequest(args: readonly string[]): ExplainRequest {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [method, uri, file = usualFile, ...more] = positionals;
  if (method === undefined || uri === undefined) throw new Misunderstood('METHOD and URI are missing');
  if (more.length > 0) throw new Misunderstood(`"${more[0]}" is one word too many`);
  const isInDialog = values['in-dialog'] === true;
  const requestUri = readUri(uri);
  const facts: RequestFacts = {
    method: readMethod(method),
    requestUri,
    fromDomain: values.from === undefined ? requestUri.host : readUri(values.from).host,
    source: readSource(values['from-peer'], values.transport, values['tls-name'] ?? []),
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
  return { facts, uri, file, asJson: values.json === true };
}

/** Methods are tokens, and case counts (RFC 3261 §7.1): `message` is not MESSAGE. */
function readMethod(method: string): string {
  if (/^[A-Z0-9.!%*_+`'~-]+$/.test(method)) return method;
  throw new Misunderstood(`"${method}" is not a method: write it in capitals, such as MESSAGE or INVITE`);
}

function readUri(text: string): RequestFacts['requestUri'] {
  const uri = parseSipUri(text);
  if (uri !== undefined) return uriFacts(uri);
  const isOtherScheme = schemeOf(text) !== undefined && !/^sips?:/i.test(text) && !text.includes('@');
  const why = isOtherScheme ? 'only sip: and sips: are routed' : 'write it like sip:bob@example.com';
  throw new Misunderstood(`"${text}" is not a SIP URI: ${why}`);
}

function readSource(peer: string | undefined, transport: string | undefined, names: readonly string[]): RequestSource {
  if (peer === undefined) throw new Misunderstood('--from-peer is missing: the address that the request comes from');
  const used = readTransport(transport ?? (names.length > 0 ? 'tls' : 'tcp'));
  if (names.length > 0 && used !== 'tls') throw new Misunderstood('--tls-name needs --transport tls');
  const verifiedNames = names.map((name) => name.toLowerCase());
  return { transport: used, ...readPeer(peer, used), verifiedNames };
}

function readTransport(word: string): Transport {
  if (word === 'udp' || word === 'tcp' || word === 'tls') return word;
  throw new Misunderstood(`--transport "${word}" is none of udp, tcp and tls`);
}

/** `192.0.2.1`, `192.0.2.1:5060`, `2001:db8::1`, `[2001:db8::1]:5060`. */
function readPeer(peer: string, transport: Transport): Pick<RequestSource, 'remoteAddress' | 'remotePort'> {
  const usualPort = transport === 'tls' ? 5061 : 5060;
  if (isIP(peer) !== 0) return { remoteAddress: peer, remotePort: usualPort };
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(peer) ?? [];
  const address = bracketed ?? bare ?? '';
  const remotePort = port === undefined ? usualPort : Number(port);
  if (isIP(address) !== 0 && remotePort <= 65_535) return { remoteAddress: address, remotePort };
  throw new Misunderstood(
    `--from-peer "${peer}" is not ADDRESS or ADDRESS:PORT: a peer is known by its IP address (and by --tls-name)`,
  );
}
