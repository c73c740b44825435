/** The public door of the parser: SIP messages as text, read lazily, edited by pieces, cut from streams. */
export { checkRequest, checkResponse, type SyntaxProblem } from './check.ts';
export { Edit } from './edit.ts';
export { type Frame, StreamFramer, type StreamLimits } from './framer.ts';
export { Header, type HeaderId } from './header-index.ts';
export { parseMessage, type SipMessage, SipRequest, SipResponse } from './message.ts';
export type { NameAddress } from './name-address.ts';
export { octetsOnly } from './octets.ts';
export { ownCopy } from './own-copy.ts';
export { respond } from './respond.ts';
export { parseSipUri, type SipUri, schemeOf, withoutPortAndParameters } from './uri.ts';
export type { Via } from './via.ts';
