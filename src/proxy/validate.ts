/** RFC 3261 §16.3: whether a request may be proxied at all. One list of steps, in the RFC's order. */
import { checkRequest, type SipRequest, schemeOf } from '../sip-parser/index.ts';
import type { HeaderField } from './local-response.ts';

export interface Refusal {
  readonly status: number;
  readonly phrase: string;
  /** Stable code for logs and metrics. */
  readonly code: string;
  /** For people; may stand in a Warning. */
  readonly detail: string;
  /** Further header fields. */
  readonly extra?: readonly HeaderField[];
}

export interface ValidationSettings {
  /** Option tags of Proxy-Require that are understood, lower case. */
  readonly proxyRequire: ReadonlySet<string>;
}

type Step = (request: SipRequest, settings: ValidationSettings) => Refusal | undefined;

const phrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  416: 'Unsupported URI Scheme',
  505: 'Version Not Supported',
};

/** §16.3 step 1. */
const reasonableSyntax: Step = (request) => {
  const problem = checkRequest(request);
  if (problem === undefined) return undefined;
  const { status, header, detail } = problem;
  const where = header === '' ? '' : `${header}: `;
  return { status, phrase: phrases[status] ?? 'Bad Request', code: 'syntax', detail: where + detail };
};

/** §16.3 step 2: only sip and sips lead anywhere; a proxy never routes on To instead (RFC 4475 §3.3.2). */
const uriScheme: Step = (request) => {
  if (request.uri !== undefined) return undefined;
  const scheme = schemeOf(request.requestUri) ?? '';
  return { status: 416, phrase: 'Unsupported URI Scheme', code: 'uri-scheme', detail: `Request-URI scheme ${scheme}` };
};

/** §16.3 step 3. */
export const tooManyHops: Refusal = {
  status: 483,
  phrase: 'Too Many Hops',
  code: 'max-forwards',
  detail: 'Max-Forwards is 0',
};

const maxForwards: Step = (request) => (request.maxForwards === 0 ? tooManyHops : undefined);

/** RFC 5393 §5.3.3: a breadth of 0 leaves no branch to forward on. */
const maxBreadth: Step = (request) =>
  request.maxBreadth === 0
    ? { status: 440, phrase: 'Max-Breadth Exceeded', code: 'max-breadth', detail: 'Max-Breadth is 0' }
    : undefined;

/** §16.3 step 5. */
const proxyRequire: Step = (request, settings) => {
  const unknown = request.proxyRequire.filter((tag) => !settings.proxyRequire.has(tag.toLowerCase()));
  if (unknown.length === 0) return undefined;
  const tags = unknown.join(', ');
  return {
    status: 420,
    phrase: 'Bad Extension',
    code: 'proxy-require',
    detail: `Proxy-Require ${tags} is not understood`,
    extra: [['Unsupported', tags]],
  };
};

const steps: readonly Step[] = [reasonableSyntax, uriScheme, maxForwards, maxBreadth, proxyRequire];

export const validate = (request: SipRequest, settings: ValidationSettings): Refusal | undefined => {
  for (const step of steps) {
    const refusal = step(request, settings);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
};
