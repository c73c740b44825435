/** The canonical key of a user, in which all spellings of one SIP address are equal: `bob@example.com`. */

const percent = 0x25;

/**
 * Characters that stand in a key only as an escape. Bare, `@` and `:` would end the user part, `%41` made of `%2541` would
 * be decoded by the next reader, and controls have no business in a key.
 */
const staysEscaped = (octet: number): boolean =>
  octet <= 0x20 || octet === 0x7f || octet === percent || octet === 0x40 || octet === 0x3a;

/** No upper case, no escape, no octet beyond ASCII: nearly every user part that comes in. */
const isCanonical = (user: string): boolean => {
  for (let at = 0; at < user.length; at += 1) {
    const char = user.charCodeAt(at);
    if (char > 0x7f || (char >= 0x41 && char <= 0x5a) || staysEscaped(char)) return false;
  }
  return true;
};

const escapeOf = (octet: number): string => `%${octet.toString(16).padStart(2, '0')}`;

/** Decodes `%XX` once (RFC 3261 §19.1.2). A percent sign that begins no escape stands for itself, and so gets its own. */
const decodeEscapes = (user: string): string =>
  user.replace(/%[0-9a-f]{2}|[\x00-\x20\x7f@:%]/gi, (found) => {
    const octet = found.length === 1 ? found.charCodeAt(0) : Number.parseInt(found.slice(1), 16);
    return staysEscaped(octet) ? escapeOf(octet) : String.fromCharCode(octet);
  });

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Octets that are UTF-8 become their characters (§25.1 knows no other); octets that are not become escapes. */
const decodeUtf8 = (octets: string): string => {
  try {
    return utf8.decode(Buffer.from(octets, 'latin1'));
  } catch {
    return octets.replace(/[\x80-\xff]/g, (octet) => escapeOf(octet.charCodeAt(0)));
  }
};

/** The user part in its one spelling; users are compared without regard to case, as IM&P and AD do. */
export const canonicalUser = (user: string): string =>
  isCanonical(user) ? user : decodeUtf8(decodeEscapes(user)).toLowerCase();

/**
 * The key of a user as he stands in a Request-URI.
 * @param user the user part as sent (one character per octet), without password
 * @param host the host part, any case
 */
export const userKey = (user: string, host: string): string => `${canonicalUser(user)}@${host.toLowerCase()}`;

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
  return userKey(Buffer.from(user, 'utf8').toString('latin1'), host.replace(/^\[|\]$/g, ''));
};
