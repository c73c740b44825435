/** The npm package `sip` 0.0.6, typed as far as the tests ask it: the oracle of the sip.js-compatible parser. */
import { createRequire } from 'node:module';

/** What the oracle gives is compared, never trusted, so it has no closer type. */
// biome-ignore lint/suspicious/noExplicitAny: an untyped package whose values are only compared
export type Untyped = any;

export interface NpmSip {
  parse(data: string | Uint8Array): Untyped;
  stringify(message: Untyped): string;
  parseUri(uri: Untyped): Untyped;
  stringifyUri(uri: Untyped): string;
  parseAOR(cursor: { s: string; i: number }): Untyped;
  makeResponse(request: Untyped, status: number, reason?: string, extension?: Untyped): Untyped;
  copyMessage(message: Untyped, deep?: boolean): Untyped;
  makeStreamParser(onMessage: (message: Untyped) => void, onFlood?: () => void): (data: string) => void;
  generateBranch(): string;
}

export const npmSip = createRequire(import.meta.url)('sip') as NpmSip;
