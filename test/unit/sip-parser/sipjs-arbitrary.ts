/** Messages that npm `sip` 0.0.6 reads rightly, so that ours has to read them alike: well-formed, and clear of the table of differences. */
import fc from 'fast-check';

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function textOf(members: string, minLength = 1, maxLength = 8): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...members), minLength, maxLength });
}

function join(...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> {
  const arbitraries = parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part));
  return fc.tuple(...arbitraries).map((texts) => texts.join(''));
}

function optional(part: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.option(part, { nil: '' });
}

function repeat(
  part: fc.Arbitrary<string>,
  minLength: number,
  maxLength: number,
  separator: fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  return fc
    .array(fc.tuple(separator, part), { minLength, maxLength })
    .map((pairs) => pairs.map(([mark, text], index) => (index === 0 ? text : mark + text)).join(''));
}

/** Nothing, or white space, or a fold (RFC 3261 §7.3.1). */
const space = fc.constantFrom('', '', '', ' ', '\t', '  ', '\r\n ', ' \r\n\t');
const someSpace = fc.constantFrom(' ', ' ', '\t', '\r\n ');
const nothing = fc.constant('');

function around(mark: string): fc.Arbitrary<string> {
  return join(space, mark, space);
}

const token = textOf(`${letters}-.!*_+\`'~`);
const quoted = fc
  .array(fc.constantFrom(...letters, ' ', '<', '>', ',', ';', '=', '@', '\\"', '\\\\', '\xc3\xa9'), { maxLength: 8 })
  .map((characters) => `"${characters.join('')}"`);

const host = fc.oneof(fc.domain(), fc.ipV4());
const port = fc.integer({ min: 1, max: 65535 }).map((number) => `:${number}`);
const uriParam = join(';', textOf(`${letters}-.`), optional(join('=', textOf(`${letters}-._~%:/`))));
const uriHeader = join(textOf(letters), '=', textOf(`${letters}%-.`));

export const uri = join(
  fc.constantFrom('sip:', 'sips:'),
  optional(join(textOf(`${letters}-_.!~*'()&=+$,;?/%`), optional(join(':', textOf(`${letters}&=+$,-`))), '@')),
  host,
  optional(port),
  repeat(uriParam, 0, 3, nothing),
  optional(join('?', repeat(uriHeader, 1, 3, fc.constant('&')))),
);

const param = join(around(';'), token, optional(join(around('='), fc.oneof(token, quoted, host))));
const params = repeat(param, 0, 4, nothing);
const displayName = fc.oneof(quoted, repeat(token, 1, 3, someSpace));
const nameAddr = join(optional(displayName), space, '<', uri, '>', params);
const address = fc.oneof(nameAddr, join(fc.constantFrom('sip:', 'sips:'), token, '@', host, params));
const comma = around(',');

/** A value without a parameter runs into the comma behind it in npm `sip`. */
const via = join(
  'SIP',
  space,
  '/',
  space,
  '2.0',
  space,
  '/',
  space,
  fc.constantFrom('UDP', 'TCP', 'TLS'),
  someSpace,
  host,
  optional(port),
  param,
  params,
);

const authParam = join(token, around('='), fc.oneof(quoted, textOf(letters)));
const challenge = join(
  fc.constantFrom('Digest', 'NTLM', 'Kerberos', 'TLS-DSK'),
  someSpace,
  repeat(authParam, 1, 4, comma),
);

/** Any octets but CR, LF, and those that one of both takes for white space at the ends. */
const plainText = join(textOf(`${letters}<>"@;:,=`), optional(join(someSpace, textOf(`${letters}\xc3\xa9`))));

function line(names: readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return join(fc.constantFrom(...names), fc.constantFrom(':', ': ', ' : ', ':\t', ':\r\n '), value, '\r\n');
}

function once(names: readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return fc.option(line(names, value), { nil: undefined }).map((text) => (text === undefined ? [] : [text]));
}

function often(names: readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return fc.array(line(names, value), { maxLength: 2 });
}

function list(part: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return repeat(part, 1, 3, comma);
}

const method = fc.constantFrom('INVITE', 'MESSAGE', 'BENOTIFY', 'SERVICE', 'x-odd.!*');

const headerLines = fc
  .tuple(
    often(['Via', 'v', 'VIA'], list(via)),
    once(['From', 'f'], address),
    once(['To', 't', 'tO'], address),
    once(['Call-ID', 'i'], textOf(`${letters}@.`)),
    once(['CSeq'], join(fc.nat().map(String), someSpace, method)),
    once(['Refer-To'], nameAddr),
    fc.oneof(often(['Contact', 'm'], list(nameAddr)), once(['Contact'], fc.constant('*'))),
    often(['Route'], list(nameAddr)),
    often(['Record-Route', 'record-route'], list(nameAddr)),
    often(['Path'], list(nameAddr)),
    often(['WWW-Authenticate', 'Proxy-Authenticate'], list(challenge)),
    often(['Authorization', 'Proxy-Authorization'], challenge),
    once(['Authentication-Info'], repeat(authParam, 1, 3, comma)),
    often(
      ['Subject', 's', 'Supported', 'k', 'Event', 'User-Agent', 'X-Odd_Name', 'ms-user-data', '100'],
      optional(plainText),
    ),
  )
  .chain((lines) => fc.shuffledSubarray(lines.flat(), { minLength: lines.flat().length }));

const reason = join(textOf(letters), optional(join(' ', textOf(`${letters}'\xc3\xa9`))));

const startLine = fc.oneof(
  join(method, ' ', uri, ' SIP/2.0\r\n'),
  join('SIP/2.0 ', fc.integer({ min: 100, max: 699 }).map(String), ' ', optional(reason), '\r\n'),
);

const body = fc.string({ unit: fc.nat(255).map((octet) => String.fromCharCode(octet)), maxLength: 40 });

/** Text, one character per octet, with its right Content-Length. */
export const messageText = fc
  .tuple(startLine, headerLines, fc.constantFrom('Content-Length', 'l'), body)
  .map(([start, lines, name, content]) => `${start}${lines.join('')}${name}: ${content.length}\r\n\r\n${content}`);
