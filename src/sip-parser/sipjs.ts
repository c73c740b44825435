/**
 * The sip.js-compatible door of the parser: the functions and plain objects of npm `sip` 0.0.6, upon our own parser.
 * It is kept apart from `index.ts`, for the router itself reads messages lazily and edits them in place.
 * Every deliberate difference from npm `sip` is a row of one table, `test/unit/sip-parser/sipjs-differences.ts`.
 */
export {
  copyMessage,
  generateBranch,
  makeResponse,
  parse,
  type SipJsHeaders,
  type SipJsMessage,
  type SipJsProblem,
  type SipJsRequest,
  type SipJsResponse,
  type SipJsStructuredHeaders,
} from './sipjs-message.ts';
export { makeStreamParser, type SipJsLoss } from './sipjs-stream.ts';
export { stringify } from './sipjs-stringify.ts';
export {
  parseUri,
  type SipJsAnyUri,
  type SipJsOpaqueUri,
  type SipJsParams,
  type SipJsUri,
  stringifyUri,
} from './sipjs-uri.ts';
export {
  parseAOR,
  type SipJsAddress,
  type SipJsChallenge,
  type SipJsCSeq,
  type SipJsVia,
} from './sipjs-values.ts';
