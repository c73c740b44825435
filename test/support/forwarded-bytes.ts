/**
 * What a forwarded message must look like, octet for octet, computed from the received one by RFC 3261 §16.6 alone: naive text
 * work, which shares nothing with the product's parser.
 */
import type { Transport } from './raw-sip.ts';

interface Passage {
  readonly ingress: Transport;
  readonly egress: Transport;
  /** Where the request came from. */
  readonly source: { readonly address: string; readonly port: number };
  /** What the router calls itself: `router.example.com:5060`. */
  readonly sentBy: string;
  /** The branch that the router chose. */
  readonly branch: string;
  /** The signature that it put into Record-Route. */
  readonly seal: string;
}

/** What only the router can make: taken from the message as it left. */
export const madeByRouter = (forwarded: string): Pick<Passage, 'branch' | 'seal'> => ({
  branch: /;branch=([^;\s]+)/.exec(forwarded)?.[1] ?? '',
  seal: /^Record-Route: <[^>]*;pif=([bcm][0-9a-f]{24})>\r$/m.exec(forwarded)?.[1] ?? '',
});

/** Methods that neither open a dialog nor refresh its target. */
const WITHOUT_RECORD_ROUTE = new Set('ACK BENOTIFY BYE CANCEL INFO MESSAGE OPTIONS PRACK PUBLISH REGISTER'.split(' '));

interface Parts {
  readonly startLine: string;
  /** Header fields as they stand, folding included, without their last CRLF. */
  readonly fields: readonly string[];
  readonly body: string;
}

export function partsOf(text: string): Parts {
  const end = text.indexOf('\r\n\r\n');
  const [startLine = '', ...fields] = text.slice(0, end).split(/\r\n(?![ \t])/);
  return { startLine, fields, body: text.slice(end + 4) };
}

const joined = ({ startLine, fields, body }: Parts): string => `${[startLine, ...fields].join('\r\n')}\r\n\r\n${body}`;

/** Index of the first field of that name or compact form; -1 when there is none. */
export const findField = (fields: readonly string[], name: string, compact = name): number =>
  fields.findIndex((field) => [name, compact].includes((field.split(':')[0] ?? '').trim().toLowerCase()));

const within = (fields: readonly string[], index: number, change: (field: string) => string): string[] =>
  fields.map((field, at) => (at === index ? change(field) : field));

/** Behind the colon up to the first comma outside quotes: the topmost of the values that may share a field. */
const FIRST_VALUE = /^([^:]*:)((?:"(?:[^"\\]|\\.)*"|[^",])*?)(\s*)(,.*)?$/s;

/** §18.2.1, RFC 3581 §4. */
function withSource(field: string, { source }: Passage): string {
  return field.replace(FIRST_VALUE, (_, name: string, value: string, space: string, rest = '') => {
    const asksForPort = /;\s*rport\s*(?=;|$)/i;
    const answered = value.replace(asksForPort, (rport: string) => rport.replace(/rport/i, `$&=${source.port}`));
    const received = /(;\s*received\s*=\s*)[^;,\s]+/i;
    const noted = received.test(answered)
      ? answered.replace(received, `$1${source.address}`)
      : `${answered};received=${source.address}`;
    return name + noted + space + rest;
  });
}

const recordRoute = (transport: Transport, { sentBy, seal }: Passage): string =>
  `Record-Route: <sip:${sentBy};transport=${transport};lr;pif=${seal}>`;

function recordRoutes(method: string, passage: Passage): string[] {
  if (WITHOUT_RECORD_ROUTE.has(method)) return [];
  const ingress = recordRoute(passage.ingress, passage);
  return passage.egress === passage.ingress ? [ingress] : [recordRoute(passage.egress, passage), ingress];
}

function ownVia({ egress, sentBy, branch }: Passage): string {
  const alias = egress === 'udp' ? '' : ';alias';
  return `Via: SIP/2.0/${egress.toUpperCase()} ${sentBy};branch=${branch}${alias}`;
}

/** §18.3: what a datagram holds behind the body that Content-Length speaks of is no part of the message. */
function bodyOf({ fields, body }: Parts): string {
  const at = findField(fields, 'content-length', 'l');
  return at < 0 ? body : body.slice(0, Number(/\d+/.exec(fields[at] ?? '')?.[0]));
}

const lengthIfNeeded = (fields: readonly string[], transport: Transport, body: string): string[] =>
  transport === 'udp' || findField(fields, 'content-length', 'l') >= 0 ? [] : [`Content-Length: ${body.length}`];

/** The request as it leaves (§16.6). */
export function forwardedRequest(received: string, passage: Passage): string {
  const parts = partsOf(received);
  const { startLine } = parts;
  const body = bodyOf(parts);
  const noted = within(parts.fields, findField(parts.fields, 'via', 'v'), (field) => withSource(field, passage));
  const hops = findField(noted, 'max-forwards');
  const counted = within(noted, hops, (field) => field.replace(/\d+(?=\s*$)/, (number) => String(Number(number) - 1)));
  const fields = [
    ownVia(passage),
    ...recordRoutes(startLine.split(' ')[0] ?? '', passage),
    ...(hops < 0 ? ['Max-Forwards: 70'] : []),
    ...(findField(noted, 'max-breadth') < 0 ? ['Max-Breadth: 60'] : []),
    ...counted,
    ...lengthIfNeeded(noted, passage.egress, body),
  ];
  return joined({ startLine, fields, body });
}

/** The response as it leaves (§16.7 step 3): `received` still has the router's own Via on top. */
export function forwardedResponse(received: string, ingress: Transport): string {
  const parts = partsOf(received);
  const fields = parts.fields.slice(1);
  const body = bodyOf(parts);
  return joined({ startLine: parts.startLine, fields: [...fields, ...lengthIfNeeded(fields, ingress, body)], body });
}
