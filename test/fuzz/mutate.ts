/** What the fuzzer does to a message. Each mutation takes a text (one latin1 char per octet) and gives another. */
import type { Chance } from './random.ts';

type Mutation = (text: string, chance: Chance, seeds: readonly string[]) => string;

/** No message grows beyond what a datagram holds. */
const LONGEST = 60_000;

const SPECIALS = [...'\0\r\n\t ;,<>"\'\\:@[]%=?/()&*#!|^~{}`$+-_.0aZ\x01\x0b\x0c\x1b\x7f\x80\x85\xa0\xad\xff'];

/** Overlong, cut off, out of range, byte order marks, and the line ends of Unicode. */
const ODD_UTF8 = [
  '\xc0\x8a',
  '\xc0\x8d\xc0\x8a',
  '\xe0\x80\x8a',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '\xff\xfe',
  '\xef\xbb\xbf',
  '\xe2\x80\xa8',
  '\xe2',
];

const ODD_NUMBERS = [
  '0',
  '-1',
  '+5',
  '00000000000000000001',
  '255',
  '256',
  '65535',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740993',
  '18446744073709551616',
  '99999999999999999999999999999999',
  '1e3',
  '0x10',
  '1.5',
  '',
  ' ',
  '\xb2',
];

const LINE_ENDS = ['\n', '\r', '\n\r', '\r\r\n', '\r\n\r\n', '\r\n ', '\r\n\t', '\r\n \r\n', '\r\n\n', '\0\r\n', ''];

const put = (text: string, at: number, what: string, skipped = 0): string =>
  text.slice(0, at) + what + text.slice(at + skipped);

const within = (text: string, chance: Chance): number => chance.below(text.length + 1);

const cut = (text: string): string => text.slice(0, LONGEST);

const bitFlips: Mutation = (text, chance) => {
  let out = text;
  for (let flips = chance.size(16); flips > 0 && out.length > 0; flips--) {
    const at = chance.below(out.length);
    out = put(out, at, String.fromCharCode(out.charCodeAt(at) ^ (1 << chance.below(8))), 1);
  }
  return out;
};

const special: Mutation = (text, chance) =>
  put(text, within(text, chance), chance.of(SPECIALS).repeat(chance.oneIn(8) ? chance.size(500) : 1), chance.below(2));

const oddUtf8: Mutation = (text, chance) => put(text, within(text, chance), chance.of(ODD_UTF8));

const deletion: Mutation = (text, chance) => put(text, within(text, chance), '', chance.size(200));

const repeat: Mutation = (text, chance) => {
  const at = within(text, chance);
  return cut(put(text, at, text.slice(at, at + chance.size(80)).repeat(chance.size(200))));
};

const splice: Mutation = (text, chance, seeds) => {
  const other = chance.of(seeds);
  return text.slice(0, within(text, chance)) + other.slice(within(other, chance));
};

const truncation: Mutation = (text, chance) => text.slice(0, within(text, chance));

const oddNumber: Mutation = (text, chance) => {
  const numbers = [...text.matchAll(/\d+/g)];
  const found = numbers.length === 0 ? undefined : chance.of(numbers);
  return found === undefined ? text : put(text, found.index, chance.of(ODD_NUMBERS), found[0].length);
};

const lengthLie: Mutation = (text, chance) =>
  text.replace(/^((?:content-length|l)[ \t]*:)[^\r]*/im, (_, name: string) => {
    const lie = chance.oneIn(2) ? chance.of(ODD_NUMBERS) : String(chance.size(2000));
    return chance.oneIn(4)
      ? `${name} ${lie}\r\n${chance.of(['l', 'Content-Length', 'CONTENT-LENGTH'])}: 0`
      : `${name} ${lie}`;
  });

const lineEnd: Mutation = (text, chance) => {
  const ends = [...text.matchAll(/\r\n/g)];
  return ends.length === 0 ? text : put(text, chance.of(ends).index, chance.of(LINE_ENDS), 2);
};

const allLineEnds: Mutation = (text, chance) => text.replaceAll('\r\n', chance.of(['\n', '\r', '\r\r\n', '\n\r']));

const leadingCrlfs: Mutation = (text, chance) =>
  chance.of(['\r\n', '\n', '\r', ' ', '\0']).repeat(chance.size(300)) + text;

/** Header lines, without the start line and the empty line. */
const onLines =
  (change: (lines: string[], chance: Chance) => void): Mutation =>
  (text, chance) => {
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return text;
    const [start = '', ...lines] = text.slice(0, end).split('\r\n');
    change(lines, chance);
    return cut([start, ...lines].join('\r\n')) + text.slice(end);
  };

const dropLine = onLines((lines, chance) => void lines.splice(chance.below(lines.length), 1));

const doubleLine = onLines((lines, chance) => {
  const line = chance.of(lines);
  const times = chance.oneIn(6) ? chance.size(3000) : 1;
  lines.splice(chance.below(lines.length), 0, ...Array<string>(times).fill(line));
});

const swapLines = onLines((lines, chance) => {
  const [line = ''] = lines.splice(chance.below(lines.length), 1);
  lines.splice(chance.below(lines.length + 1), 0, line);
});

const flood = onLines((lines, chance) => {
  const name = chance.of(['X-Flood', 'x', 'Via', 'Route', 'Record-Route', 'Contact', 'P-\x80', 'Max-Forwards', 'l']);
  const value = chance.of(['1', '', '<sip:a@b;lr>', 'SIP/2.0/UDP a;branch=z9hG4bK1', '"', '<', ',,,,', ';;;;']);
  lines.push(...Array<string>(chance.size(4000)).fill(`${name}: ${value}`));
});

const deepFolding = onLines((lines, chance) => {
  const at = chance.below(lines.length);
  const line = lines[at] ?? '';
  const fold = chance.of(['\r\n ', '\r\n\t', '\r\n \t ', '\r\n  \r\n ']).repeat(chance.size(3000));
  lines[at] = put(line, line.indexOf(':') + 1 + chance.below(3), fold);
});

const longValue = onLines((lines, chance) => {
  const filler = chance.of([
    'a',
    ';p',
    ';p=v',
    ',',
    ', <sip:a@b>',
    '"',
    '\\',
    '<',
    '[',
    '%41',
    '%',
    '.',
    ' ',
    '\t',
    ':',
    '(',
    '\xe9',
  ]);
  const at = chance.below(lines.length);
  const line = lines[at] ?? '';
  lines[at] = put(line, chance.below(line.length + 1), filler.repeat(chance.size(Math.floor(50_000 / filler.length))));
});

const otherName = onLines((lines, chance) => {
  const at = chance.below(lines.length);
  const name = chance.of(['v', 'f', 't', 'i', 'm', 'l', 'c', 'VIA', 'cSeQ', 'Route', 'Max-Forwards ', 'To\t', 'X', '']);
  lines[at] = (lines[at] ?? '').replace(/^[^:]*/, name);
});

const oddUri: Mutation = (text, chance) =>
  text.replace(/(?<=^\S+ )\S+/, (uri) =>
    chance.of([
      uri.toUpperCase(),
      `${uri};lr`,
      `${uri}?Route=%3Csip:x%3E`,
      `${uri};maddr=[::1];transport=${'x'.repeat(chance.size(200))}`,
      uri.replace('sip:', 'sips:'),
      uri.replace(/@[^;]*/, '@[2001:db8::1]:5060'),
      uri.replace(/@[^;]*/, `@${'a.'.repeat(chance.size(2000))}com`),
      uri.replace(/:[^@]*@/, `:${'%00%0d%0a'.repeat(chance.size(100))}@`),
      `tel:+${'1'.repeat(chance.size(300))}`,
      '*',
      `<${uri}>`,
    ]),
  );

const mutations: readonly Mutation[] = [
  bitFlips,
  special,
  special,
  oddUtf8,
  deletion,
  repeat,
  splice,
  truncation,
  oddNumber,
  oddNumber,
  lengthLie,
  lineEnd,
  lineEnd,
  allLineEnds,
  leadingCrlfs,
  dropLine,
  doubleLine,
  swapLines,
  flood,
  deepFolding,
  longValue,
  otherName,
  oddUri,
];

/** One to four mutations of `text`; one message in ten is left as it is. */
export function mutate(text: string, chance: Chance, seeds: readonly string[]): string {
  if (chance.oneIn(10)) return text;
  let out = text;
  for (let times = chance.size(4); times > 0; times--) out = chance.of(mutations)(out, chance, seeds);
  return cut(out);
}

/**
 * Makes a mutated message one that a stream can carry, so that what is behind its frame is met as well: it ends in an empty
 * line and a body, and its one Content-Length says how long that is.
 */
export function reframed(text: string): string {
  const end = text.indexOf('\r\n\r\n');
  const head = end < 0 ? text.replace(/(?:\r\n)+$/, '') : text.slice(0, end);
  const body = end < 0 ? '' : text.slice(end + 4);
  const lines = head.split('\r\n').filter((line) => !/^(?:content-length|l)[ \t]*:/i.test(line));
  return `${lines.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
