/** What the fuzzer begins with: requests that the router forwards, small and rich ones, and the torture corpus on its way to them. */
import { readCorpus } from '../support/corpus.ts';

/** Stands where each message sent gets a number of its own, so that no two belong to one transaction. */
const NUMBER = '\x1a';

export const numbered = (seed: string, number: number): string => seed.replaceAll(NUMBER, number.toString(36));

interface SeedPlace {
  /** Host of the Request-URI, which the router has routes for. */
  readonly domain: string;
  /** `SIP/2.0/UDP 192.0.2.1:5060`: the sender's Via without branch. */
  readonly via: string;
}

const MULTIPART =
  '--b\r\nContent-Type: text/plain\r\n\r\nHello \0\xff\r\n\r\n--b\r\nContent-ID: <1@example.com>\r\n\r\nSIP/2.0 200 OK\r\n\r\n--b--\r\n';

const ROUTES = `Route: <sip:router.example.com:5060;transport=tcp;lr>\r\n`;

const bodies: readonly string[] = ['', 'hello', MULTIPART];

const richHeaders = [
  'Contact: "A \\" B" <sip:alice@192.0.2.1:5060;transport=tcp;opaque=user:epid:x;gruu>;+sip.instance="<urn:uuid:1>"',
  'Supported: gruu-10, ms-dialog-route-set-update',
  'ms-text-format: text/plain; charset=UTF-8;msgr=WAAtAE0A;ms-body=SGVsbG8=',
  'Authorization: Digest username="a", realm="b, c", nonce="\\""',
  'v: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKother, SIP / 2.0 / TLS host.example.com : 5061 ;\r\n received = 192.0.2.7',
  'Subject: folded\r\n over\r\n\t lines',
  'Warning: 399 host "quoted, <text>; with \\\\ all"',
].join('\r\n');

function request(method: string, { domain, via }: SeedPlace, headers: string, body: string): string {
  const extra = headers === '' ? '' : `${headers}\r\n`;
  return (
    `${method} sip:bob@${domain} SIP/2.0\r\n` +
    `Via: ${via};branch=z9hG4bKfuzz${NUMBER};rport\r\n` +
    'Max-Forwards: 70\r\n' +
    `From: "Alice" <sip:alice@example.com>;tag=f${NUMBER};epid=0a1b\r\n` +
    `To: <sip:bob@${domain}>\r\n` +
    `Call-ID: fuzz-${NUMBER}\r\n` +
    `CSeq: 1 ${method}\r\n` +
    `${extra}Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

const methods = [
  'MESSAGE',
  'MESSAGE',
  'MESSAGE',
  'SUBSCRIBE',
  'NOTIFY',
  'BENOTIFY',
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'SERVICE',
];

function ownSeeds(place: SeedPlace): string[] {
  return methods.flatMap((method) =>
    bodies.flatMap((body) => [request(method, place, '', body), request(method, place, richHeaders, body)]),
  );
}

/** A corpus request that comes this way: another host in its Request-URI and another branch in its first Via. */
function sentHere(text: string, { domain, via }: SeedPlace): string {
  return text
    .replace(/^(\S+ +<?sips?:(?:[^@\r\n]*@)?)[^;?>\s]+/i, (_, start: string) => start + domain)
    .replace(/^(?:via|v)[ \t]*:[^\r\n,]*(?:\r\n[ \t][^\r\n,]*)*/im, () => `Via: ${via};branch=z9hG4bKc${NUMBER};rport`);
}

/** Texts to be `numbered`. */
export function requestSeeds(place: SeedPlace): string[] {
  const corpus = readCorpus()
    .filter(({ text }) => /^\S+ +\S+ +SIP\//.test(text))
    .map(({ text }) => sentHere(text, place));
  const routed = request('MESSAGE', place, ROUTES.trimEnd(), 'hello');
  // As many of our own as of theirs, for those are the ones that get far.
  const own = [...ownSeeds(place), routed];
  return [...own, ...own, ...own, ...own, ...corpus];
}
