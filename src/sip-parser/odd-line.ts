/**
 * Header lines outside the grammar: a name with a blank or with UTF-8 in it, no colon, nothing before the colon. The router does
 * not read them, so they pass (RFC 3261 §16.3 step 1), unless the next server could take one for a field that frames the message,
 * names its sender, or leads it on its way. Off the hot path.
 */

/** Names of those fields and their compact forms, as `bareName` gives them. */
const DECIDING: ReadonlySet<string> = new Set([
  ...['via', 'v', 'from', 'f', 'to', 't', 'callid', 'i', 'cseq', 'contentlength', 'l'],
  ...['route', 'recordroute', 'maxforwards', 'maxbreadth', 'proxyrequire'],
]);

/** @param line without its CRLF; latin1 */
export function oddLineProblem(line: string): string | undefined {
  const colon = line.indexOf(':');
  const name = colon < 0 ? line : line.slice(0, colon);
  // Some parsers take VT and FF for white space; and a folded name becomes another name when it is unfolded.
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(name)) return 'a control octet or a fold in the name of a header line';
  const readings = /[\x80-\xff]/.test(name) ? [name, asUtf8(name)] : [name];
  if (readings.some((reading) => /^[\s\p{Z}\p{C}]/u.test(reading)))
    return 'white space before the name of a header line';
  const mistaken = readings.some((reading) => candidates(reading).some((each) => DECIDING.has(bareName(each))));
  return mistaken ? 'a header line that some could take for one that decides' : undefined;
}

/** U+FFFD where the octets are not UTF-8. */
function asUtf8(latin1: string): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1'));
}

/** What lenient readers could take for the name: all of it, what stands first (`Via SIP/2.0/UDP`), what stands before the colon. */
function candidates(name: string): string[] {
  const words = name.match(/[A-Za-z0-9\-.!%*_+`'~]+/g) ?? [];
  return [name, words[0] ?? '', words.at(-1) ?? ''];
}

/** Letters and digits as the most forgiving comparison has them: without case, width, accents, or anything between them. */
function bareName(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
}
