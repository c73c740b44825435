/** The destination patterns of static routes: how they are written, and whether one matches. */

import { isHostName, withoutBrackets, withoutFinalDot } from '../../net/host.ts';
import { hostKey, parseIp } from '../../net/ip-address.ts';
import type { ParseResult } from '../parsed.ts';
import { canonicalUser } from '../user-key.ts';

/** What a route is keyed on: the host or the user part of the Request-URI. */
export type RouteType = 'domain' | 'user';

/** `text` is the pattern as written. All other texts are lower case. */
export type RoutePattern =
  | { readonly kind: 'domain'; readonly text: string; readonly domain: string }
  /** `*.example.com`: every host below `domain`, not `domain` itself, as Lync's MatchUri has it. */
  | { readonly kind: 'below'; readonly text: string; readonly domain: string }
  /** Cisco's `.com.example.*`: `domain` and every host below it. */
  | { readonly kind: 'domain-and-below'; readonly text: string; readonly domain: string }
  /** Wildcards inside: the literal parts between the stars. */
  | { readonly kind: 'host-wildcard'; readonly text: string; readonly parts: readonly string[] }
  | { readonly kind: 'user'; readonly text: string; readonly user: string }
  /** `mask`: `.` stands for one character. */
  | {
      readonly kind: 'user-wildcard';
      readonly text: string;
      readonly mask: string;
      /** Further characters may follow: the pattern ended with a star. */
      readonly isOpen: boolean;
    };

export type UserPattern = Extract<RoutePattern, { kind: 'user' | 'user-wildcard' }>;
export type UserWildcard = Extract<RoutePattern, { kind: 'user-wildcard' }>;
export type HostPattern = Exclude<RoutePattern, UserPattern>;
export type HostWildcard = Extract<RoutePattern, { kind: 'host-wildcard' }>;

/** Longest destination pattern that IM&P takes (Cisco guide, static route parameters). */
const maxLength = 255;

/** `.com.example` and `.com.example.*`. */
const readReversed = (text: string, lower: string): ParseResult<RoutePattern> => {
  const labels = lower.slice(1).split('.');
  const hasTail = labels.at(-1) === '*';
  const domain = (hasTail ? labels.slice(0, -1) : labels).reverse().join('.');
  if (!isHostName(domain)) return { problem: `"${text}" is not a domain with its labels reversed, like .com.example` };
  return { value: { kind: hasTail ? 'domain-and-below' : 'domain', text, domain } };
};

const readHostWildcard = (text: string, lower: string): ParseResult<RoutePattern> => {
  if (!/^(?:[a-z0-9._*-]|\\\*)+$/.test(lower)) return { problem: `"${text}" has characters that no host name has` };
  const parts = lower.split(/(?<!\\)\*+/).map((part) => part.replaceAll('\\*', '*'));
  return { value: { kind: 'host-wildcard', text, parts } };
};

const readDomain = (text: string): ParseResult<RoutePattern> => {
  const lower = withoutFinalDot(text.toLowerCase());
  if (lower.startsWith('.')) return readReversed(text, lower);
  if (isHostName(lower)) return { value: { kind: 'domain', text, domain: lower } };
  const bare = withoutBrackets(lower);
  if (parseIp(bare) !== undefined) return { value: { kind: 'domain', text, domain: hostKey(bare) } };
  if (lower.startsWith('*.') && isHostName(lower.slice(2))) {
    return { value: { kind: 'below', text, domain: lower.slice(2) } };
  }
  if (lower.includes('*')) return readHostWildcard(text, lower);
  return { problem: `"${text}" is not a domain: write example.com, *.example.com or, reversed, .com.example` };
};

const readUser = (text: string): ParseResult<RoutePattern> => {
  if (text.includes('@')) return { problem: `"${text}" must be a user part only, without @ and domain` };
  if (/\s/.test(text)) return { problem: `"${text}" has white space` };
  if (text.includes(';')) return { problem: `"${text}" has a ;, and a user part counts up to its first ; only` };
  const isOpen = text.endsWith('*');
  const mask = canonicalUser(isOpen ? text.slice(0, -1) : text);
  if (mask.includes('*')) return { problem: `"${text}" has a * that is not at the end` };
  if (!isOpen && !mask.includes('.')) return { value: { kind: 'user', text, user: mask } };
  return { value: { kind: 'user-wildcard', text, mask, isOpen } };
};

/** Reads a destination pattern; `type` says whether it stands for hosts or for user parts. */
export const parsePattern = (text: string, type: RouteType): ParseResult<RoutePattern> => {
  if (text === '') return { problem: 'a pattern must not be empty' };
  if (text.length > maxLength) return { problem: `a pattern must not be longer than ${maxLength} characters` };
  return type === 'domain' ? readDomain(text) : readUser(text);
};

/** `*` stands for any characters, dots too. Each part is looked for once, from the left: enough when only stars are wild. */
export const matchesHost = ({ parts }: HostWildcard, host: string): boolean => {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return host === first;
  if (!host.startsWith(first) || !host.endsWith(last) || host.length < first.length + last.length) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = host.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return from <= host.length - last.length;
};

export const matchesUser = ({ mask, isOpen }: UserWildcard, user: string): boolean => {
  if (isOpen ? user.length < mask.length : user.length !== mask.length) return false;
  for (let at = 0; at < mask.length; at += 1) {
    const char = mask.charAt(at);
    if (char !== '.' && char !== user.charAt(at)) return false;
  }
  return true;
};

/** The literal characters in front of the first wildcard: by them a table finds the pattern. */
export const literalStart = ({ mask }: UserWildcard): string => {
  const wild = mask.indexOf('.');
  return wild < 0 ? mask : mask.slice(0, wild);
};

/**
 * How specific a pattern is: the number of its literal characters, without wildcards. An exact pattern beats every other,
 * and a user pattern beats every domain pattern: compare only patterns of one type.
 */
export const specificity = (pattern: RoutePattern): number => {
  switch (pattern.kind) {
    case 'domain':
    case 'user':
      return Number.POSITIVE_INFINITY;
    case 'below':
      return pattern.domain.length + 1;
    case 'domain-and-below':
      return pattern.domain.length;
    case 'host-wildcard':
      return pattern.parts.reduce((length, part) => length + part.length, 0);
    case 'user-wildcard':
      return pattern.mask.replaceAll('.', '').length;
  }
};

/** Two patterns with the same key are the same pattern, however each was written. */
export const patternKey = (pattern: RoutePattern): string => {
  switch (pattern.kind) {
    case 'domain':
    case 'below':
    case 'domain-and-below':
      return `${pattern.kind} ${pattern.domain}`;
    case 'host-wildcard':
      return `${pattern.kind} ${pattern.parts.join(' ')}`;
    case 'user':
      return `${pattern.kind} ${pattern.user}`;
    case 'user-wildcard':
      return `${pattern.kind} ${pattern.mask}${pattern.isOpen ? '*' : ''}`;
  }
};
