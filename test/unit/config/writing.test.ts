/** How an operator's slips of YAML are told: one message for one mistake, at its place, in words of the file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { routesFile } from '../../../src/config/shape.ts';
import { readYaml } from '../../../src/settings/document.ts';
import { Problems } from '../../../src/settings/problem.ts';
import { problemsOf } from '../../support/configuration.ts';

/** In block style and in flow style. */
const sound = `node:
  name: router.example.com
domains: [example.com]
listen:
  - { transport: tcp, address: 127.0.0.1, port: 5060 }
access:
  - { side: cisco, from: 127.0.0.11 }
  - { side: microsoft, from: 127.0.0.21 }
routes:
  - to: cisco
    pattern: example.com
    next-hop: 127.0.0.11
    port: 5060
  - { to: microsoft, pattern: example.com, next-hop: 127.0.0.21 }
log:
  level: info
`;

/** What is written in place of what, and all that is said. */
type Slip = readonly [what: string, from: string, to: string, said: string];

const told = (slips: readonly Slip[]): void => {
  test.each(slips)('%s', (_, from, to, said) => {
    expect(sound).toContain(from);
    expect(problemsOf(sound.replace(from, () => to))).toEqual([`routes.yaml:${said}`]);
  });
};

test('as it stands it is sound', () => expect(problemsOf(sound)).toEqual([]));

describe('a space is missing', () => {
  told([
    [
      'behind a colon',
      '    port: 5060',
      '    port:5060',
      '13:10: error: a space is missing behind "port:" (write "port: 5060")',
    ],
    [
      'behind the first colon of an item',
      '- to: cisco',
      '- to:cisco',
      '10:8: error: a space is missing behind "to:" (write "to: cisco")',
    ],
    [
      'behind the only colon of a section',
      '  level: info',
      '  level:info',
      '16:3: error: log: a space is missing behind "level:"',
    ],
    [
      'behind a colon in { }',
      '127.0.0.1, port: 5060',
      '127.0.0.1, port:5060',
      '5:43: error: listen[0].port: a space is missing behind "port:" (write port: 5060)',
    ],
    [
      'behind a colon in { } in front of a quote',
      'side: cisco',
      'side:"cisco"',
      '7:7: error: access[0].side: a space is missing behind "side:" (write side: "cisco")',
    ],
    [
      'behind the dash of settings',
      '  - to: cisco',
      '  -to: cisco',
      '10:4: error: a space is missing behind the "-" of a list item',
    ],
    [
      'behind the dash of { }',
      '  - { side: cisco',
      '  -{ side: cisco',
      '7:4: error: a space is missing behind the "-" of a list item',
    ],
    [
      'behind the only dash of a list',
      'domains: [example.com]',
      'domains:\n  -example.com',
      '4:3: error: domains: a space is missing behind the "-"',
    ],
  ]);
});

describe('a sign is missing, or too many', () => {
  told([
    [
      'a colon',
      '    port: 5060',
      '    port 5060',
      '13:9: error: a colon is missing behind "port" (write "port: 5060")',
    ],
    [
      'an equals sign for a colon',
      '    port: 5060',
      '    port = 5060',
      '13:9: error: a colon is missing behind "port" (write "port: 5060")',
    ],
    ['the colon of a section', 'log:', 'log', '15:4: error: a colon is missing behind "log" (write "log:")'],
    [
      'a colon in { }',
      'side: cisco',
      'side cisco',
      '7:7: error: access[0].side: a colon is missing behind "side" (write side: cisco)',
    ],
    [
      'a comma in { }',
      'side: cisco, from',
      'side: cisco from',
      '7:18: error: a comma is missing before "from" (or, if it belongs to the value before it, quotes around that)',
    ],
    [
      'a comma at the end of a line',
      '  - { side: cisco, from: 127.0.0.11 }\n  - { side: microsoft, from: 127.0.0.21 }',
      '  [{ side: cisco, from: 127.0.0.11 }\n  , { side: microsoft, from: 127.0.0.21 }\n  { side: cisco, from: 127.0.0.12 }]',
      '8:42: error: a comma is missing at the end of this line',
    ],
    ['a comma twice', 'side: cisco, from', 'side: cisco,, from', '7:19: error: there is one comma too many'],
    [
      'a dash',
      '  - { side: microsoft, from',
      '  { side: microsoft, from',
      '8:3: error: a "- " is missing in front of this list item',
    ],
    [
      'the end of [ ]',
      'domains: [example.com]',
      'domains: [example.com',
      '3:10: error: this [ is not closed (where is its ]?)',
    ],
    ['the end of { }', '127.0.0.21 }\nlog', '127.0.0.21\nlog', '14:5: error: this { is not closed (where is its }?)'],
    ['a bracket too many', '[example.com]', '[example.com]]', '3:23: error: this ] closes nothing'],
    ['another bracket', '[example.com]', '[example.com}', '3:22: error: this } does not close the [ before it'],
    ['a double quote', 'name: router.example.com', 'name: "router.example.com', '2:9: error: this " is not closed'],
    ['a single quote', 'name: router.example.com', "name: 'router.example.com", "2:9: error: this ' is not closed"],
    ['a quote in { }', 'side: cisco,', 'side: "cisco,', '7:13: error: this " is not closed'],
    [
      'a quote in front of another that is',
      '  level: info',
      '  level: "info\n  file: "x.log"',
      '16:10: error: this " is not closed',
    ],
    [
      'a word behind the closing quote',
      'name: router.example.com',
      'name: "router" example',
      `2:18: error: nothing may stand behind the " that ends a value (within '...' a quote is written twice, within "..." behind a \\)`,
    ],
    [
      'an apostrophe in single quotes',
      '    port: 5060',
      "    description: 'Bob's box'",
      `13:23: error: nothing may stand behind the ' that ends a value (within '...' a quote is written twice, within "..." behind a \\)`,
    ],
  ]);
});

describe('signs with a meaning of their own', () => {
  const comment = (closer: string) =>
    `error: from # on this line is a comment, and so is its ${closer} (put the comment behind the ${closer}, or a value that contains # in quotes)`;
  told([
    ['# in { }', 'from: 127.0.0.11 }', 'from: 127.0.0.11 # the publisher }', `7:37: ${comment('}')}`],
    ['# in { } at the end of a list', 'from: 127.0.0.21 }', 'from: 127.0.0.21 # two }', `8:41: ${comment('}')}`],
    ['# in [ ]', '[example.com]', '[example.com # ours ]', `3:23: ${comment(']')}`],
    [
      ':: in { }',
      'address: 127.0.0.1,',
      'address: ::,',
      '5:32: error: an address that ends in ":" must stand in quotes (write "::")',
    ],
    [
      ':: at the end of { }',
      'from: 127.0.0.11 }',
      'from: 2001:db8:: }',
      '7:26: error: an address that ends in ":" must stand in quotes (write "2001:db8::")',
    ],
    [
      ':: at the end of a line',
      '    next-hop: 127.0.0.11',
      '    next-hop: 2001:db8::',
      '12:15: error: an address that ends in ":" must stand in quotes (write "2001:db8::")',
    ],
    [
      'an address in brackets',
      'address: 127.0.0.1,',
      'address: [::1],',
      '5:32: error: listen[0].address: expected one value, but found a list (an address in [ ] must stand in quotes: "[2001:db8::1]")',
    ],
    [
      'an address in brackets with a port',
      '    next-hop: 127.0.0.11',
      '    next-hop: [2001:db8::1]:5060',
      '12:28: error: nothing may stand behind the ] that ends a value (one list item a line; a value that starts with a bracket must stand in quotes)',
    ],
    [
      'a second colon',
      '    port: 5060',
      '    description: first: Berlin',
      '13:18: error: a value that contains ":" and a space must stand in quotes (write "first: Berlin")',
    ],
    [
      'a second colon in { }',
      'from: 127.0.0.11 }',
      'from: 127.0.0.11, name: a: b }',
      '7:44: error: a value that contains ":" and a space must stand in quotes (write "a: b")',
    ],
    [
      'a backslash in double quotes',
      '  level: info',
      '  file: "C:\\certs"',
      String.raw`16:12: error: \c means nothing in double quotes (put the value in single quotes, or write \\ for each \)`,
    ],
    [
      'a backslash in double quotes that means something else',
      '  level: info',
      '  file: "C:\\new\\test"',
      String.raw`16:9: error: log.file: this text holds a control character (a path with backslashes must stand in single quotes: 'C:\new')`,
    ],
    [
      'a backslash in double quotes that means a line end of Unicode',
      '  level: info',
      '  file: "C:\\Logs"',
      String.raw`16:9: error: log.file: this text holds a control character (a path with backslashes must stand in single quotes: 'C:\new')`,
    ],
    ['@', '  level: info', '  level: @info', '16:10: error: a value that starts with @ must stand in quotes'],
    [
      '&',
      'name: router',
      'name: &router',
      '2:9: error: node.name: a value that starts with & must stand in quotes (it would be a YAML anchor)',
    ],
    ['//', 'log:\n', '// the log\nlog:\n', '15:1: error: // does not start a comment (a comment starts with #)'],
    [
      '// behind a value',
      '    port: 5060',
      '    port: 5060 // ours',
      '13:11: error: routes[0].port: // does not start a comment here (a comment starts with a space and #)',
    ],
    [
      '# without a space',
      '    port: 5060',
      '    port: 5060#ours',
      '13:11: error: routes[0].port: # does not start a comment here (a comment starts with a space and #)',
    ],
    [
      'a comma behind a value',
      '    port: 5060',
      '    port: 5060,',
      '13:11: error: routes[0].port: there is a , behind this value (leave it out)',
    ],
    [
      'an unfinished merge',
      'log:\n',
      '<<<<<<< HEAD\nlog:\n',
      '15:1: error: this line is left from a merge (choose one of the two versions)',
    ],
  ]);
});

describe('what pasting leaves behind', () => {
  const inLine = 'in this line (delete it, and type a plain space where one is needed)';
  told([
    [
      'a no-break space behind a colon',
      '    port: 5060',
      '    port:\u00a05060',
      `13:10: error: there is a no-break space (U+00A0) ${inLine}`,
    ],
    [
      'a no-break space in front of a value',
      '    port: 5060',
      '    port: \u00a05060',
      '13:11: error: routes[0].port: there is a no-break space (U+00A0) in this value (delete it)',
    ],
    [
      'a no-break space behind a value',
      '    pattern: example.com',
      '    pattern: example.com\u00a0',
      '11:14: error: routes[0].pattern: there is a no-break space (U+00A0) in this value (delete it)',
    ],
    [
      'a no-break space behind a file name',
      '  level: info',
      '  file: router.log\u00a0',
      '16:9: error: log.file: there is a no-break space (U+00A0) in this value (delete it)',
    ],
    [
      'no-break spaces that indent',
      '    port: 5060',
      '\u00a0\u00a0\u00a0\u00a0port: 5060',
      `13:1: error: there is a no-break space (U+00A0) ${inLine}`,
    ],
    [
      'a no-break space that indents the first of a section',
      '  name: router',
      '\u00a0 name: router',
      '2:1: error: name: a no-break space (U+00A0) stands in this name (delete it)',
    ],
    [
      'a no-break space behind a dash',
      '- { side: cisco',
      '-\u00a0{ side: cisco',
      `7:4: error: there is a no-break space (U+00A0) ${inLine}`,
    ],
    [
      'a no-break space in { }',
      '{ side: cisco',
      '{\u00a0side: cisco',
      '7:6: error: access[0].side: a no-break space (U+00A0) stands in this name (delete it)',
    ],
    [
      'a zero-width space in a name',
      '    pattern:',
      '    pattern\u200b:',
      '11:5: error: routes[0].pattern: a zero-width space (U+200B) stands in this name (delete it)',
    ],
    [
      'a zero-width space in a value',
      '    pattern: example.com',
      '    pattern: exam\u200bple.com',
      '11:14: error: routes[0].pattern: there is a zero-width space (U+200B) in this value (delete it)',
    ],
    [
      'a byte order mark within the file',
      'log:\n',
      '\ufefflog:\n',
      '15:1: error: log: a byte order mark (U+FEFF) stands in this name (delete it)',
    ],
    [
      'curly quotes',
      'name: router.example.com',
      'name: “router.example.com”',
      '2:9: error: node.name: “ is not the " of YAML (type a plain ")',
    ],
    [
      'curly quotes around a file name',
      '  level: info',
      '  file: “router.log”',
      '16:9: error: log.file: “ is not the " of YAML (type a plain ")',
    ],
    [
      'curly quotes around a colon',
      '    port: 5060',
      '    description: “first: Berlin”',
      '13:18: error: “ is not the " of YAML (type a plain ")',
    ],
    [
      'a long dash for a list item',
      '  - to: cisco',
      '  – to: cisco',
      '10:3: error: – is not the - of YAML (type a plain -)',
    ],
    [
      'a long dash in a name',
      '    next-hop:',
      '    next–hop:',
      '12:5: error: routes[0].next–hop: there is no such setting (did you mean "next-hop"?)',
    ],
    ['a wide colon', '    port: 5060', '    port：5060', '13:9: error: ： is not the : of YAML (type a plain :)'],
    [
      'a tab that indents',
      '    port: 5060',
      '\tport: 5060',
      '13:1: error: a tab indents this line (indent with spaces)',
    ],
    [
      'a tab behind spaces',
      '    port: 5060',
      '  \tport: 5060',
      '13:3: error: a tab indents this line (indent with spaces)',
    ],
  ]);

  test.each([
    ['Windows line ends', sound.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${sound}`],
    ['a tab behind a colon', sound.replace('port: 5060', 'port:\t5060')],
    [
      'no-break spaces and curly quotes in a description',
      sound.replace('    port: 5060', '    description: “le\u00a0premier”'),
    ],
    ['a closing bracket in the first column', sound.replace('[example.com]', '[\n  example.com\n]')],
    ['a comma behind the last', sound.replace('127.0.0.11 }', '127.0.0.11, }')],
  ])('%s: nothing is wrong with it', (_, text) => expect(problemsOf(text)).toEqual([]));

  test('with Windows line ends the place is the same', () =>
    expect(problemsOf(sound.replace('    port: 5060', '    port:5060').replaceAll('\n', '\r\n'))).toEqual([
      'routes.yaml:13:10: error: a space is missing behind "port:" (write "port: 5060")',
    ]));

  test.each([
    [
      'UTF-16 without a byte order mark',
      Buffer.from(sound, 'utf16le'),
      'routes.yaml:1:1: error: this file is UTF-16 text without a byte order mark (save it as UTF-8)',
    ],
    [
      'a NUL',
      sound.replace('port', 'po\0rt'),
      'routes.yaml:5:14: error: this file holds a NUL, which no text has (save it as UTF-8)',
    ],
    [
      'line ends of an old Macintosh',
      sound.replaceAll('\n', '\r'),
      'routes.yaml:1:6: error: this line ends in a lone carriage return (save the file with the line ends of Unix or Windows)',
    ],
  ])('%s', (_, text, said) => expect(problemsOf(text)).toEqual([said]));
});

describe('indentation', () => {
  const line = (from: number, to: number, remedy: string) =>
    `error: this line starts in column ${from}, and the others of its block in column ${to} (${remedy})`;
  told([
    ['one space less at the end', '    port: 5060', '   port: 5060', `13:4: ${line(4, 5, 'add a space')}`],
    ['one space more at the end', '    port: 5060', '     port: 5060', `13:6: ${line(6, 5, 'take away a space')}`],
    ['one space less', '    pattern: example', '   pattern: example', `11:4: ${line(4, 5, 'add a space')}`],
    ['one space more', '    pattern: example', '     pattern: example', `11:6: ${line(6, 5, 'take away a space')}`],
    ['four spaces more', '    port: 5060', '        port: 5060', `13:9: ${line(9, 5, 'take away 4 spaces')}`],
    ['an item', '  - { side: microsoft, f', ' - { side: microsoft, f', `8:2: ${line(2, 3, 'add a space')}`],
    ['the first of all', 'node:\n', ' node:\n', `1:2: ${line(2, 1, 'take away a space')}`],
    ['a section', 'log:\n', ' log:\n', `15:2: ${line(2, 1, 'take away a space')}`],
    [
      'none at all',
      '  name: router',
      'name: router',
      '2:1: error: node.name: this line belongs to "node", and is not indented below it (put two spaces in front of it)',
    ],
    [
      'a section within another',
      'domains:',
      '  domains:',
      '3:3: error: node.domains: there is no such setting here (it belongs to the top of the file: is it indented too far?)',
    ],
    [
      'a section beside its own settings within another',
      'log:\n',
      'health:\n  probe: { every: 10s }\n  dns:\n  servers: []\nlog:\n',
      '17:3: error: health.dns: there is no such setting here (it belongs to the top of the file: is it indented too far?)',
    ],
    [
      'a setting outside of its section',
      'log:\n  level: info\n',
      'log:\n  level: info\nt1: 500ms\n',
      '17:1: error: t1: there is no such setting here (it belongs to "timers")',
    ],
  ]);
});

describe('values that YAML may take for something else', () => {
  told([
    [
      'a number with a zero in front',
      '    port: 5060',
      '    port: 05060',
      '13:11: error: routes[0].port: "05060" starts with a zero (write 5060)',
    ],
    [
      'a power of ten',
      '    port: 5060',
      '    port: 1e3',
      '13:11: error: routes[0].port: "1e3" is not a whole number (from 0 to 65535)',
    ],
    [
      'a date',
      'name: router.example.com',
      'name: 2026-01-01',
      '2:9: error: node.name: "2026-01-01" is neither a host name nor an IP address (such as sip.example.com)',
    ],
    [
      'on',
      '  level: info',
      '  decisions: on',
      '16:14: error: log.decisions: "on" is not possible here (known here: all, refused, none)',
    ],
  ]);

  test('a number in quotes is a number', () =>
    expect(problemsOf(sound.replace('    port: 5060', '    port: "5060"'))).toEqual([]));
});

describe('what other products have or call otherwise', () => {
  const unknown = (meant: string) => `there is no such setting (did you mean "${meant}"?)`;
  const word = (text: string, meant: string) => `"${text}" is not possible here (did you mean "${meant}"?)`;
  told([
    ['a host for a next hop', '    next-hop:', '    host:', `12:5: error: routes[0].host: ${unknown('next-hop')}`],
    ['an ip for an address', 'address:', 'ip:', `5:23: error: listen[0].ip: ${unknown('address')}`],
    [
      'an address for from',
      'from: 127.0.0.11',
      'address: 127.0.0.11',
      `7:20: error: access[0].address: ${unknown('from')}`,
    ],
    ['a protocol', '{ transport:', '{ protocol:', `5:7: error: listen[0].protocol: ${unknown('transport')}`],
    ['a hostname', '  name: router', '  hostname: router', `2:3: error: node.hostname: ${unknown('name')}`],
    ['lync for a side', 'side: microsoft', 'side: lync', `8:13: error: access[1].side: ${word('lync', 'microsoft')}`],
    ['ssl', 'transport: tcp', 'transport: ssl', `5:18: error: listen[0].transport: ${word('ssl', 'tls')}`],
    ['warning for a level', 'level: info', 'level: warning', `16:10: error: log.level: ${word('warning', 'warn')}`],
    [
      'a name in place of the node',
      'node:\n  name: router.example.com',
      'node: router.example.com',
      '1:7: error: node: expected settings, each as "name: value", but found "router.example.com" (write { name: router.example.com })',
    ],
    [
      'off for a section',
      'log:\n  level: info',
      'health:\n  probe: off',
      '16:10: error: health.probe: expected settings, each as "name: value", but found "off" (write { enabled: false })',
    ],
    [
      'several next hops in one row',
      '    next-hop: 127.0.0.11',
      '    next-hop: [127.0.0.11, 127.0.0.12]',
      '12:15: error: routes[0].next-hop: expected one value, but found a list (give one; others need rows of their own)',
    ],
    [
      'several addresses behind commas',
      'from: 127.0.0.11 }',
      'from: 127.0.0.11, 127.0.0.12 }',
      '7:26: error: access[0].from: a value that contains a comma must stand in quotes within { }',
    ],
    [
      'a TLS profile without a name',
      'log:\n  level: info',
      'tls:\n  certificate: a.crt\n  key: a.key',
      '16:3: error: tls.certificate: what this belongs to has no name (put a line with its name above, such as default:, and indent the settings below it)',
    ],
    [
      'a user in place of a pin',
      'log:\n',
      'pins: [sip:ceo@example.com]\nlog:\n',
      '15:8: error: pins[0]: expected settings, each as "name: value", but found "sip:ceo@example.com"',
    ],
    [
      'all addresses as a star',
      'address: 127.0.0.1,',
      'address: "*",',
      '5:32: error: listen[0].address: "*" is not an IP address (all addresses are 0.0.0.0, those of IPv6 "::")',
    ],
    [
      'an address with its port',
      'address: 127.0.0.1,',
      'address: 127.0.0.1:5060,',
      '5:32: error: listen[0].address: "127.0.0.1:5060" is not an IP address (the port has a setting of its own)',
    ],
    [
      'an address with its network',
      'address: 127.0.0.1,',
      'address: 127.0.0.1/24,',
      '5:32: error: listen[0].address: "127.0.0.1/24" is not an IP address (without the slash and what stands behind it)',
    ],
    [
      'a star in a shared domain',
      '[example.com]',
      '["*.example.com"]',
      '3:11: error: domains[0]: "*.example.com" is not a host name (write each domain by itself)',
    ],
    [
      'a domain in another script',
      '[example.com]',
      '[bücher.example]',
      '3:11: error: domains[0]: "bücher.example" is not a host name (write it as DNS does, in ASCII: xn--...)',
    ],
    [
      'a star in an address',
      'from: 127.0.0.11',
      'from: 127.0.0.*',
      '7:26: error: access[0].from: "127.0.0.*" is written 127.0.0.',
    ],
    [
      'a range of addresses',
      'from: 127.0.0.11',
      'from: 127.0.0.11-127.0.0.20',
      '7:26: error: access[0].from: "127.0.0.11-127.0.0.20" is a range: write a network such as 192.0.2.0/28, or a row for each address',
    ],
    ['any', 'from: 127.0.0.11', 'from: any', '7:26: error: access[0].from: "any" is written all'],
    [
      'the letter l for the digit 1',
      'from: 127.0.0.11',
      'from: 127.0.0.1l',
      '7:26: error: access[0].from: "127.0.0.1l" looks like an address, and is none',
    ],
    [
      'the port of a peer',
      'from: 127.0.0.11 }',
      'from: "127.0.0.11:5060" }',
      '7:26: error: access[0].from: "127.0.0.11:5060" has a port: a peer is known by its address alone',
    ],
    [
      'a method that nobody has',
      'from: 127.0.0.11 }',
      'from: 127.0.0.11, methods: [INVITES] }',
      '7:48: warning: access[0].methods[0]: INVITES is a method of nobody (did you mean INVITE?)',
    ],
  ]);

  test('a method of somebody else, which is like none that is known, is fine', () =>
    expect(problemsOf(sound.replace('from: 127.0.0.11 }', 'from: 127.0.0.11, methods: [INVITE, XYZZY] }'))).toEqual(
      [],
    ));
});

const shipped = readFileSync(join(import.meta.dirname, '../../../routes.yaml'), 'utf8').split('\n');

/** What is wrong with the single settings of a text; files that it names are not looked at. */
function readProblems(text: string): readonly { readonly line: number }[] {
  const problems = new Problems('routes.yaml');
  const root = readYaml(text, problems);
  if (root !== undefined) routesFile(root, { path: [], problems });
  return problems.all();
}

describe('in every line of the shipped file', () => {
  const name = /^(\s*(?:- )?[\w-]+:) +(?=[^\s#])/;
  const slips: readonly (readonly [what: string, slip: (line: string) => string])[] = [
    ['a space missing behind a colon', (line) => line.replace(name, '$1')],
    ['a space missing behind a colon in { }', (line) => line.replace(/^(\s*- \{.*?, \w[\w-]*:) /, '$1')],
    ['a colon missing', (line) => line.replace(name, (found) => found.replace(':', ''))],
    ['a no-break space behind a colon', (line) => line.replace(name, '$1\u00a0')],
    ['a no-break space that indents', (line) => line.replace(/^ /, '\u00a0')],
    ['a tab that indents', (line) => line.replace(/^ +/, '\t')],
    ['a quote that is not closed', (line) => line.replace(/^(\s*(?:- )?[\w-]+: +)(?=\w)/, '$1"')],
    ['curly quotes', (line) => line.replace(/^(\s*(?:- )?(?!description)[\w-]+: +)(\w[^\s#,]*)/, '$1“$2”')],
    ['a space missing behind a dash', (line) => line.replace(/^(\s*)- /, '$1-')],
    ['a long dash', (line) => line.replace(/^(\s*)- /, '$1– ')],
    ['a bracket that is not closed', (line) => line.replace(/[\]}](?=\s*(#.*)?$)/, '')],
    ['a comment within brackets', (line) => line.replace(/ *[\]}](\s*(#.*)?)$/, ' # ours $&')],
  ];

  const slipped = (slip: (line: string) => string) =>
    shipped.flatMap((line, i) => (/^\s*(#|$)/.test(line) || slip(line) === line ? [] : [i]));

  test.each(slips)('%s is one mistake, and in this line', (_, slip) => {
    const lines = slipped(slip);
    expect(lines.length).toBeGreaterThan(8);
    const said = lines.map((i) => readProblems(shipped.with(i, slip(shipped[i]!)).join('\n')).map(({ line }) => line));
    expect(said).toEqual(lines.map((i) => [i + 1]));
  });

  test.each([
    ['less', (line: string) => line.replace(/^ /, '')],
    ['more', (line: string) => ` ${line}`],
  ])('one space %s is at most one mistake', (_, slip) => {
    const told = slipped(slip).map((i) => readProblems(shipped.with(i, slip(shipped[i]!)).join('\n')).length);
    expect(Math.max(...told)).toBe(1);
  });
});
