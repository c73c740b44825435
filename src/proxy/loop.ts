/** Loop detection by the branch: RFC 3261 §16.3 step 4 and §16.6 step 8, with the inputs of RFC 5393 §4.2. */

import { randomBytes } from 'node:crypto';
import type { KeyedHash } from '../hash/keyed-hash.ts';
import { hash32 } from '../hash/spread.ts';
import { reachedBy } from '../net/own-addresses.ts';
import { sipPort, sipsPort } from '../net/ports.ts';
import type { Listener } from '../sip/transport/flow.ts';
import type { SipRequest } from '../sip-parser/index.ts';
import type { Signing } from './signing.ts';

/** The cookie of RFC 3261 and a mark of this product, so that an own branch is found by one search of the text. */
const branchStart = 'z9hG4bKpif-';

/**
 * What our Via of a request carries: `DIALOG-LOOP`, two keyed hashes. DIALOG, of the Call-ID alone, shows that the Via is
 * ours however the request has changed on its way (a spiral); LOOP shows that it has not changed at all. Without the key
 * neither can be made, and one that was seen is good for the requests of its own Call-ID only.
 */
export type ViaMarks = string;

/** Character code of a digit of base 32; only the five lowest bits count. */
const digit = (bits: number): number => {
  const value = bits & 31;
  return value < 10 ? 48 + value : 87 + value;
};

/** 64 bits in 13 digits, lowest first. `toString(36)` of both halves takes six times as long, twice for every request. */
const textOf = ({ lo, hi }: Pick<KeyedHash, 'lo' | 'hi'>): string =>
  String.fromCharCode(
    digit(lo),
    digit(lo >>> 5),
    digit(lo >>> 10),
    digit(lo >>> 15),
    digit(lo >>> 20),
    digit(lo >>> 25),
    digit((lo >>> 30) | (hi << 2)),
    digit(hi >>> 3),
    digit(hi >>> 8),
    digit(hi >>> 13),
    digit(hi >>> 18),
    digit(hi >>> 23),
    digit(hi >>> 28),
  );

const hashText = (hash: KeyedHash, text: string): string => {
  hash.of(text);
  return textOf(hash);
};

/**
 * What decides where a request goes and is the same when it comes back unchanged: Request-URI, tags, Call-ID, CSeq,
 * Proxy-Require and Route. The previous hop is left out on purpose: a request that comes back from the side it was sent
 * to is the loop that this product must see. A changed Request-URI gives another hash: a spiral, which passes.
 */
const loopInputs = (request: SipRequest): string => {
  const { requestUri, fromTag = '', toTag = '', cseqNumber = '' } = request;
  let text = `${requestUri}\0${fromTag}\0${toTag}\0${cseqNumber}`;
  for (const token of request.proxyRequire) text += `\0${token}`;
  for (const route of request.routes) text += `\0${route.uri}`;
  return text;
};

const marksBy = (hash: KeyedHash, request: SipRequest, inputs: string): ViaMarks => {
  const dialog = hashText(hash, request.callId ?? '');
  return `${dialog}-${hashText(hash, `${dialog}\0${inputs}`)}`;
};

/** For the Vias of this request that we write. */
export const viaMarks = (request: SipRequest, signing: Signing): ViaMarks =>
  marksBy(signing.viaHash, request, loopInputs(request));

/** Makes branches that are unique over restarts: `z9hG4bKpif-DIALOG-LOOP-INSTANCEn`. */
export const createBranches = (instance: string = randomBytes(6).toString('hex')) => {
  let count = 0;
  return (marks: ViaMarks): string => {
    count += 1;
    return `${branchStart}${marks}-${instance}${count}`;
  };
};

/** The first `length` characters of the instance that made a branch; undefined: it was not made by a router of this product. */
export const instanceIn = (branch: string, length: number): string | undefined => {
  if (!branch.startsWith(branchStart)) return undefined;
  const at = branch.lastIndexOf('-') + 1;
  return branch.length > at + length ? branch.slice(at, at + length) : undefined;
};

/** The branch of a stateless forward: the same for a retransmission (§16.11), so it comes from the received one. */
export const statelessBranch = (marks: ViaMarks, request: SipRequest): string =>
  `${branchStart}${marks}-s${textOf({ lo: hash32(request.topVia?.branch ?? ''), hi: 0 })}`;

/** What the Vias that name us say of a request: one of them is not ours, it has come back unchanged, or neither. */
export type OwnVias = 'forged' | 'looped' | 'harmless';

/** @param marks by the key that signs; the other keys are tried only where a Via names us */
export const readOwnVias = (request: SipRequest, marks: ViaMarks, signing: Signing, isOwn: IsOwn): OwnVias => {
  if (!request.vias.some(({ host, port }) => isOwn(host, port))) return 'harmless';
  const own = request.vias.filter(({ host, port }) => isOwn(host, port));
  const inputs = loopInputs(request);
  const known = [marks, ...signing.viaHashes.slice(1).map((hash) => marksBy(hash, request, inputs))];
  const verdicts = own.map(({ branch = '' }) => judgeBranch(branch, known));
  if (verdicts.includes('forged')) return 'forged';
  return verdicts.includes('looped') ? 'looped' : 'harmless';
};

const judgeBranch = (branch: string, known: readonly ViaMarks[]): OwnVias => {
  if (known.some((marks) => branch.startsWith(`${branchStart}${marks}-`))) return 'looped';
  const isOurs = known.some((marks) => branch.startsWith(branchStart + marks.slice(0, marks.indexOf('-') + 1)));
  return isOurs ? 'harmless' : 'forged';
};

export type IsOwn = (host: string, port: number | undefined) => boolean;

interface OwnHost {
  readonly host: string;
  readonly ports: Set<number>;
}

/**
 * What stands in our Via and Record-Route, and the addresses that we listen on. Those of former listeners stay: dialogs
 * that began with them go on.
 */
export class OwnAddresses {
  /**
   * By the length of the host, which rules out most others. A `Map` would have to hash each incoming text, which costs more
   * than to compare it with one or two.
   */
  readonly #byLength: OwnHost[][] = [];

  add(listeners: readonly Listener[], machineAddresses: readonly string[]): void {
    for (const { sentByHost, sentByPort, address, port } of listeners) {
      this.#put(sentByHost, sentByPort);
      for (const local of reachedBy(address, machineAddresses)) this.#put(local, port);
    }
  }

  #put(host: string, port: number): void {
    const known = this.#find(host);
    if (known !== undefined) return void known.ports.add(port);
    this.#byLength[host.length] ??= [];
    this.#byLength[host.length]?.push({ host, ports: new Set([port]) });
  }

  #find(host: string): OwnHost | undefined {
    return this.#byLength[host.length]?.find((own) => own.host === host);
  }

  readonly has: IsOwn = (host, port) => {
    const ports = this.#find(host)?.ports;
    if (ports === undefined) return false;
    return port === undefined ? ports.has(sipPort) || ports.has(sipsPort) : ports.has(port);
  };
}
