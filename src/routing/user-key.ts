/** The canonical key of a user, in which all spellings of one SIP address are equal: `bob@example.com`. */
import { withoutBrackets, withoutFinalDot } from '../net/host.ts';

const percent = 0x25;
const semicolon = 0x3b;

/**
 * Characters that stand in a key only as an escape. Bare, `@` and `:` would end the user part, `%41` made of `%2541` would
 * be decoded by the next reader, and controls have no business in a key.
 */
const staysEscaped = (octet: number): boolean =>
  octet <= 0x20 || octet === 0x7f || octet === percent || octet === 0x40 || octet === 0x3a;

/** No upper case, no escape, no parameter, no octet beyond ASCII: nearly every user part that comes in. */
const isCanonical = (user: string): boolean => {
  for (let at = 0; at < user.length; at += 1) {
    const char = user.charCodeAt(at);
    if (char > 0x7f || (char >= 0x41 && char <= 0x5a) || char === semicolon || staysEscaped(char)) return false;
  }
  return true;
};

const escapeOf = (octet: number): string => `%${octet.toString(16).padStart(2, '0')}`;

/** Decodes `%XX` once (RFC 3261 §19.1.2). A percent sign that begins no escape stands for itself. */
const decodeEscapes = (user: string): string =>
  user.replace(/%[0-9a-f]{2}/gi, (found) => String.fromCharCode(Number.parseInt(found.slice(1), 16)));

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Octets that are UTF-8 become their characters (§25.1 knows no other). */
const decodeUtf8 = (octets: string): string | undefined => {
  try {
    return utf8.decode(Buffer.from(octets, 'latin1'));
  } catch {
    return undefined;
  }
};

/**
 * What a directory takes for one and the same (RFC 4518 §2): compatibility forms such as full-width letters or the Kelvin
 * sign, and characters that nobody sees, such as a soft hyphen; and upper case, as IM&P and AD do.
 */
const fold = (user: string): string =>
  user
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}+/gu, '')
    .replace(/[\u1680\u2028\u2029]/g, ' ')
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .normalize('NFKC');

/** Blanks at both ends do not count, and several are one (RFC 4518 §2.6.1; SQL compares so, too). */
const withoutBlanks = (user: string): string => user.replace(/^ +| +$/g, '').replace(/ {2,}/g, ' ');

/** Some take what stands behind a `;` for parameters of the user, and deliver to whoever stands before it. */
const withoutParameters = (user: string): string => {
  const at = user.indexOf(';');
  return at < 0 ? user : user.slice(0, at);
};

/** Never empty: a user part of blanks, parameters or invisible characters alone is nobody's other name. */
const folded = (user: string): string => {
  const plain = fold(fold(user));
  return withoutBlanks(withoutParameters(plain)) || plain || user;
};

/**
 * The user part in its one spelling: whom a server on either side could deliver to, however it reads it. Who is judged by it
 * is refused or let through as that user; what leaves keeps the spelling that came.
 */
export const canonicalUser = (user: string): string => {
  if (isCanonical(user)) return user;
  const octets = decodeEscapes(user);
  const text = decodeUtf8(octets);
  if (text === undefined) return octets.replace(/[\x00-\x20\x7f-\xff@:%]/g, escapeOfChar).toLowerCase();
  return folded(text)
    .replace(/[\x00-\x20\x7f@:%]/g, escapeOfChar)
    .replace(/[\x80-\x9f]/g, (control) => `%c2${escapeOfChar(control)}`);
};

const escapeOfChar = (char: string): string => escapeOf(char.charCodeAt(0));

/**
 * True when programs may read the user part of a key in several ways: it has a control character, at which some end it, or
 * octets that are not UTF-8, which some skip and some replace.
 */
export const isAmbiguousKey = (key: string): boolean => key.includes('%') && /%(?:[01].|7f|[89a-f].)/.test(key);

/**
 * The key of a user as they stand in a Request-URI.
 * @param user the user part as sent (one character per octet), without password
 * @param host the host part, any case
 */
export const userKey = (user: string, host: string): string =>
  `${canonicalUser(user)}@${withoutFinalDot(host.toLowerCase())}`;

/** The user part of a key. A key has exactly one `@`. */
export const userOfKey = (key: string): string => key.slice(0, key.indexOf('@'));

/** User part, host, port, then parameters and headers. A password has no place in an address that is written down. */
const address = /^(?:sips?:)?([^@:\s]+)@([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:[;?].*)?$/i;

/**
 * The key of an address as a person or a directory writes it: `sip:Bob@Example.com;user=ip`, `bob@example.com`.
 * @param text Unicode text, not octets
 * @returns undefined when it is no SIP address with a user part
 */
export const keyOfAddress = (text: string): string | undefined => {
  const [, user, host] = address.exec(text) ?? [];
  if (user === undefined || host === undefined) return undefined;
  return userKey(Buffer.from(user, 'utf8').toString('latin1'), withoutBrackets(host));
};
