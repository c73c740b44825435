/** The text of a message is one character per octet: what has others would lose their upper half when it is sent. */

/** For a string that V8 keeps with one octet a character this is answered without a look at any of them. */
const beyondOctets = /[^\x00-\xff]/;

/**
 * Gives back the text of a message that was made or changed here.
 * @throws Error when it is no sequence of octets: text has entered that nobody has encoded or escaped
 */
export function octetsOnly(text: string): string {
  if (!beyondOctets.test(text)) return text;
  const wide = beyondOctets.exec(text)![0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  throw new Error(`U+${wide} in a SIP message: its text is one character per octet`);
}
