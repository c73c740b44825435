/** RFC 3261 §16.3: whether a request may be proxied at all. One list of steps, in the RFC's order. */
import { checkRequest, type SipRequest, schemeOf } from '../sip-parser/index.ts';
import { type OwnAnswer, ownAnswer, tooManyHops, withStatus } from './own-answers.ts';

interface ValidationSettings {
  /** Option tags of Proxy-Require that are understood, lower case. */
  readonly proxyRequire: ReadonlySet<string>;
}

type Step = (request: SipRequest, settings: ValidationSettings) => OwnAnswer | undefined;

/** §16.3 step 1. */
const reasonableSyntax: Step = (request) => {
  const problem = checkRequest(request);
  if (problem === undefined) return undefined;
  const { status, header, detail } = problem;
  const where = header === '' ? '' : `${header}: `;
  return withStatus(ownAnswer('syntax', where + detail), status);
};

/** §16.3 step 2: only sip and sips lead anywhere; a proxy never routes on To instead (RFC 4475 §3.3.2). */
const uriScheme: Step = (request) =>
  request.uri === undefined
    ? ownAnswer('uri-scheme', `Request-URI scheme ${schemeOf(request.requestUri) ?? ''}`)
    : undefined;

/** §16.3 step 3. */
const maxForwards: Step = (request) => (request.maxForwards === 0 ? tooManyHops : undefined);

/** RFC 5393 §5.3.3: a breadth of 0 leaves no branch to forward on. */
const maxBreadth: Step = (request) => (request.maxBreadth === 0 ? ownAnswer('max-breadth') : undefined);

/** §16.3 step 5. */
const proxyRequire: Step = (request, settings) => {
  const unknown = request.proxyRequire.filter((tag) => !settings.proxyRequire.has(tag.toLowerCase()));
  if (unknown.length === 0) return undefined;
  const tags = unknown.join(', ');
  return { ...ownAnswer('proxy-require', `Proxy-Require ${tags} is not understood`), extra: [['Unsupported', tags]] };
};

const steps: readonly Step[] = [reasonableSyntax, uriScheme, maxForwards, maxBreadth, proxyRequire];

export const validate = (request: SipRequest, settings: ValidationSettings): OwnAnswer | undefined => {
  for (const step of steps) {
    const refusal = step(request, settings);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
};
