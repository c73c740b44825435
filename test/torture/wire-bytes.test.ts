/**
 * What is forwarded differs from what came in the lines that RFC 3261 §16.6 names, and in no other octet: the whole corpus and
 * messages in the manner of Lync and IM&P, in by UDP and TCP, out by UDP and TCP.
 *
 * What is changed in a corpus message so that it has a way at all:
 * - the first branch gets an end of its own, as many messages of one RFC share a branch; so does the Call-ID where the topmost
 *   Via has no branch, for what came by UDP is a transaction still when the same comes by TCP (§17.2.3);
 * - `sips:` in the Request-URI becomes `sip:`, for no hop here is reached over TLS;
 * - an address in place of a name in the Request-URI becomes example.com, and a Route that names one is taken out.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CorpusMessage, readCorpus } from '../support/corpus.ts';
import { findField, forwardedRequest, forwardedResponse, madeByRouter, partsOf } from '../support/forwarded-bytes.ts';
import type { RawEnd, Received } from '../support/raw-sip.ts';
import { answerTo, frameDatagram } from '../support/strict-framer.ts';
import { soon } from '../support/until.ts';
import { accept, Passages, routerSentBy, type Way, ways } from './passages.ts';
import { type PeerMessage, peerRequests } from './peer-messages.ts';

/** Well formed, and refused all the same: wire.test.ts says how. */
const REFUSED = new Set(['rfc4475/bext01', 'rfc4475/zeromf', 'rfc4475/unkscm', 'rfc4475/novelsc']);

const isResponse = ({ text }: { readonly text: string }): boolean => text.startsWith('SIP/2.0 ');

let passed = 0;

const TOP_VIA_WITH_BRANCH = /^v(?:ia)?\s*:[^,\r]*(?:\r\n[ \t][^,\r]*)*;\s*branch\s*=/im;

/** The one end of a branch, or of a Call-ID, that makes the message a transaction of its own. */
const withOwnBranch = (text: string): string => {
  passed += 1;
  const topVia = text.slice(text.search(/^v(?:ia)?\s*:/im));
  return TOP_VIA_WITH_BRANCH.exec(topVia)?.index === 0
    ? text.replace(/;\s*branch\s*=\s*[^;,\s]+/i, `$&.${passed}`)
    : text.replace(/^(?:call-id|i)[ \t]*:\s*[^\s@]+/im, `$&.${passed}`);
};

const URI_HOST = /^(\S+ sips?:(?:[^@\s]*@)?)([^;:?\s]+)/i;

const adapted = (text: string): string =>
  withOwnBranch(text)
    .replace(/^(\S+ )sips:/, '$1sip:')
    .replace(/^(\S+ sip:(?:[^@\s]*@)?)[\d.]+(?=[;: ])/, '$1example.com')
    .replace(/^Route:[^<\r]*<sips?:[\d.]+[:;>][^\r]*\r\n/im, '');

/** A Route that names a strict router changes more (§16.6 step 6), and one without a scheme, a misprint, leads nowhere. */
const STRICT_ROUTE = /^Route:\s*<(?!sips?:[^>]*;lr)/im;

const corpus = readCorpus()
  .filter(({ name, verdict }) => verdict.parser === 'accept' && !REFUSED.has(name))
  .filter(({ text }) => !STRICT_ROUTE.test(adapted(text)));
/** Hosts of all Request-URIs and Routes, each of which the router gets a route for. */
function hostsOf(messages: readonly CorpusMessage[]): string[] {
  const hosts = new Set<string>();
  for (const { text } of messages) {
    const uri = URI_HOST.exec(adapted(text))?.[2];
    const routes = [...text.matchAll(/^Route:.*(?:\r\n[ \t].*)*/gim)].flatMap(([line]) => [
      ...line.matchAll(/sips?:(?:[^@>;,]*@)?([^:;>,\s]+)/g),
    ]);
    for (const host of [uri, ...routes.map((match) => match[1])]) {
      if (host !== undefined && /[a-z]/i.test(host)) hosts.add(host.toLowerCase());
    }
  }
  return [...hosts];
}

const requests = corpus.filter((message) => !isResponse(message));
const domains = [...new Set(['example.com', ...hostsOf(requests)])];

/** A 100 goes no further than one hop (§16.7 step 2), and a lone 503 leaves as a 500 (step 6). */
const responses = corpus.filter((message) => isResponse(message) && !/^SIP\/2\.0 (?:100|503) /.test(message.text));

const sources = [...new Set(corpus.map(({ name }) => name.split('/')[0] ?? ''))];

const field = (text: string, name: string, compact = name): string => {
  const { fields } = partsOf(text);
  return fields[findField(fields, name, compact)] ?? '';
};

const callIdOf = (text: string): string =>
  field(text, 'call-id', 'i')
    .replace(/^[^:]*:\s*/, '')
    .trimEnd();
const methodOf = (text: string): string => text.slice(0, text.indexOf(' '));

const hasLength = (text: string): boolean => field(text, 'content-length', 'l') !== '';

/** Of a Via with its branch: what the asker must have sent for the response to come to it. */
function requestFor(response: string): string {
  const method = /\S+$/.exec(field(response, 'cseq'))?.[0] ?? '';
  const copied = [
    field(response, 'via', 'v'),
    field(response, 'from', 'f'),
    field(response, 'to', 't'),
    field(response, 'call-id', 'i'),
    field(response, 'cseq'),
  ];
  return `${[`${method} sip:bob@example.com SIP/2.0`, ...copied, 'Max-Forwards: 70', 'Content-Length: 0'].join('\r\n')}\r\n\r\n`;
}

const behindStartLine = (text: string, line: string): string => {
  const end = text.indexOf('\r\n') + 2;
  return `${text.slice(0, end)}${line}\r\n${text.slice(end)}`;
};

let net = 75;

describe.each(ways)('out by %s', (egress) => {
  let passages: Passages;
  net += 1;
  const ownNet = net;

  beforeAll(async () => {
    passages = await Passages.open(ownNet, egress, domains);
  });
  afterAll(async () => {
    expect(await passages.close(), passages.router.output).toBe(0);
  });

  /** Sends it and compares what arrives. A request too large for UDP goes by TCP (§18.1.1). */
  async function goesThrough(asker: RawEnd, ingress: Way, name: string, text: string): Promise<void> {
    passages.arrived.length = 0;
    passages.hopAnswer = accept;
    asker.send(text);
    const isIt = (each: Received): boolean => each.method === methodOf(text) && each.text.includes(callIdOf(text));
    const request = await soon(() => passages.arrived.find(isIt)).catch(() => {
      throw new Error(`${name} has not arrived; answers: ${asker.inbox.map((answer) => answer.text).join('\n')}`);
    });
    asker.inbox.length = 0;
    const via = request.header('Via') ?? '';
    const out: Way = via.includes('/TCP') ? 'tcp' : 'udp';
    const source = { address: asker.address, port: asker.port };
    expect(request.text, name).toBe(
      forwardedRequest(text, { ingress, egress: out, source, sentBy: routerSentBy, ...madeByRouter(request.text) }),
    );
  }

  /** The hop answers the request with the corpus response; compares what comes back. */
  async function comesBack(asker: RawEnd, ingress: Way, name: string, response: string): Promise<void> {
    let answered = '';
    passages.hopAnswer = (request) => {
      if (!request.text.includes(field(response, 'call-id', 'i'))) return accept(request);
      if (request.method === 'ACK') return undefined;
      answered = behindStartLine(response, `Via: ${request.header('Via')}`);
      return /^SIP\/2\.0 1/.test(response) ? answered + plainAnswer(request, egress) : answered;
    };
    asker.send(requestFor(response));
    const startLine = response.slice(0, response.indexOf('\r\n'));
    const branch = /branch\s*=\s*[^;,\s]+/i.exec(response)?.[0] ?? '';
    const isIt = (message: Received): boolean => message.startLine === startLine && message.text.includes(branch);
    const came = await asker.take(isIt, 4000);
    asker.inbox.length = 0;
    expect(came.text, name).toBe(forwardedResponse(answered, ingress));
  }

  for (const ingress of ways) {
    // Behind one REGISTER stands what is a message of its own on a stream (RFC 4475 §3.1.1.8).
    const canCome = ({ name, text }: CorpusMessage): boolean =>
      ingress === 'udp' || (hasLength(text) && name !== 'rfc4475/dblreq');
    const canAnswer = ({ text }: { readonly text: string }): boolean => egress === 'udp' || hasLength(text);

    for (const source of sources) {
      const isOfSource = ({ name }: { readonly name: string }): boolean => name.startsWith(`${source}/`);
      const theseRequests = requests.filter(isOfSource).filter(canCome);
      const theseResponses = responses.filter(isOfSource).filter(canAnswer);

      if (theseRequests.length > 0)
        it(`${theseRequests.length} requests of ${source} in by ${ingress}: nothing changes but what §16.6 names`, async () => {
          const asker = await passages.asker(ingress);
          for (const { name, text } of theseRequests) await goesThrough(asker, ingress, name, adapted(text));
          await passages.hangUp(asker);
        });

      if (theseResponses.length > 0)
        it(`${theseResponses.length} responses of ${source} back by ${ingress}: nothing changes but the top Via`, async () => {
          const asker = await passages.asker(ingress);
          for (const { name, text } of theseResponses) await comesBack(asker, ingress, name, withOwnBranch(text));
          await passages.hangUp(asker);
        });
    }

    it.each(peerRequests)(`in by ${ingress}: $name`, async ({ name, text }: PeerMessage) => {
      const asker = await passages.asker(ingress);
      await goesThrough(asker, ingress, name, withOwnBranch(text));
      await passages.hangUp(asker);
    });

    it(`back by ${ingress}: a 200 with the fields of Lync`, async () => {
      const asker = await passages.asker(ingress);
      const fields = peerRequests[0]!.text.slice(peerRequests[0]!.text.indexOf('\r\n') + 2);
      await comesBack(asker, ingress, 'Lync', withOwnBranch(`SIP/2.0 200 OK\r\n${fields}`));
      await passages.hangUp(asker);
    });
  }
});

/** Ends the transaction behind a provisional response; a datagram of its own would be needed by UDP, where Timer C does. */
function plainAnswer(request: Received, egress: Way): string {
  const message = frameDatagram(request.text);
  return egress === 'udp' || 'why' in message ? '' : answerTo(message);
}
