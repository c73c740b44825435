/** Responses that the router makes itself, in words that a Cisco or Lync log makes readable. */
import { randomBytes } from 'node:crypto';
import { printableAscii } from '../printable.ts';
import { ownResponse } from '../sip/transaction/own-response.ts';
import type { Flow } from '../sip/transport/flow.ts';
import type { SipRequest } from '../sip-parser/index.ts';
import type { HeaderField, OwnAnswer, RefusalCode } from './own-answers.ts';

/** Error IDs of [MS-OCER] that come nearest; 1000 to 1999 are those of a SIP stack. */
const diagnostics: Readonly<Partial<Record<RefusalCode, readonly [id: number, reason: string]>>> = {
  'loop-branch': [1003, 'User does not exist'],
  'loop-returned': [1003, 'User does not exist'],
  'loop-cisco-marker': [1003, 'User does not exist'],
  'looped-downstream': [1003, 'User does not exist'],
  'directory-unknown': [1003, 'User does not exist'],
  'home-is-the-sender': [1003, 'User does not exist'],
  'not-a-listed-cisco-user': [1003, 'User does not exist'],
  'user-ambiguous': [1003, 'User does not exist'],
  'own-address': [1003, 'User does not exist'],
  'not-a-microsoft-user': [4005, 'Destination URI either not enabled for SIP or does not exist'],
  'target-not-a-peer': [1004, 'Route set is no longer valid'],
  'route-not-signed': [1004, 'Route set is no longer valid'],
  'route-without-lr': [1004, 'Route set is no longer valid'],
  'route-forged': [1004, 'Route set is no longer valid'],
  'foreign-domain-no-route': [1005, 'Cannot route to destination domain'],
  'no-route': [1005, 'Cannot route to destination domain'],
  'maddr-elsewhere': [1005, 'Cannot route to destination domain'],
  'route-blocked': [1005, 'Cannot route to destination domain'],
  draining: [1007, 'Temporarily cannot route'],
  'route-out-of-service': [1007, 'Temporarily cannot route'],
  'directory-unavailable': [1007, 'Temporarily cannot route'],
  'hops-unreachable': [1007, 'Temporarily cannot route'],
  'hops-overloaded': [1007, 'Temporarily cannot route'],
  'hops-silent': [1007, 'Temporarily cannot route'],
  'answer-too-large': [1007, 'Temporarily cannot route'],
};

const tagStart = randomBytes(4).toString('hex');
let tags = 0;

/** A To tag of our own: unique, as §19.3 asks. */
const nextTag = (): string => {
  tags += 1;
  return `pif-${tagStart}${tags.toString(36)}`;
};

/** A value may quote text of others: it must not end the line, nor say how the rest is to be read. */
const headerLine = ([name, value]: HeaderField): string => `${name}: ${printableAscii(value, longestValue)}\r\n`;
const longestValue = 1_024;

/**
 * quoted-string (§25.1), in ASCII although UTF-8 is allowed: a detail may quote octets of a request beside text of a directory,
 * and many logs show neither.
 */
const quoted = (text: string): string => `"${printableAscii(text, longestQuoted).replace(/["\\]/g, '\\$&')}"`;
const longestQuoted = 256;

const explanation = ({ code, detail }: OwnAnswer, nodeName: string): string => {
  const known = diagnostics[code];
  const warning = `Warning: 399 ${nodeName} ${quoted(`${code}: ${detail}`)}\r\n`;
  if (known === undefined) return warning;
  const [id, reason] = known;
  return `${warning}ms-diagnostics: ${id};reason=${quoted(reason)};source=${quoted(nodeName)};code=${quoted(code)}\r\n`;
};

/** True for a response that explains itself as ours did: the mark that `localResponse` leaves. */
export const carriesOurDiagnostics = (headerValues: readonly string[], nodeName: string): boolean =>
  headerValues.some((value) => value.includes(`source=${quoted(nodeName)}`));

/** The text of a response of ours. */
export const localResponse = (request: SipRequest, flow: Flow, response: OwnAnswer, nodeName: string): string =>
  ownResponse(
    request,
    flow,
    response.status,
    response.phrase,
    request.toTag === undefined ? nextTag() : undefined,
    (response.extra ?? []).map(headerLine).join('') + explanation(response, nodeName),
  );

const allow =
  'Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, BENOTIFY, INFO, UPDATE, PRACK, REFER, PUBLISH, SERVICE\r\n';

/** 200 to an OPTIONS that is meant for this node (§11.2). */
export const optionsAnswer = (request: SipRequest, flow: Flow): string =>
  ownResponse(request, flow, 200, 'OK', nextTag(), `${allow}Accept: */*\r\nSupported: \r\n`);

/** 200 to a CANCEL whose INVITE is known (§9.2), whether or not there is still something to cancel. */
export const cancelAnswer = (request: SipRequest, flow: Flow): string =>
  ownResponse(request, flow, 200, 'OK', nextTag());
