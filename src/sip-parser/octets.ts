/** The text of a message has one character per octet: any other character would lose its upper half when sent. */

/** For a string that V8 keeps as one octet per character, it answers this without looking at them. */
const beyondOctets = /[^\x00-\xff]/;

/**
 * Returns the text of a message that was made or changed here.
 * @throws Error when a character does not fit into an octet: some text was put in without being encoded or escaped
 */
export function octetsOnly(text: string): string {
  if (!beyondOctets.test(text)) return text;
  const wide = beyondOctets.exec(text)![0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  throw new Error(`U+${wide} in a SIP message: its text is one character per octet`);
}
