/** What an operator reads who has made a mistake in routes.yaml: place, words and hint of each kind of mistake. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { load, problemsOf, routesYaml } from '../../support/configuration.ts';

/** A wrong section in place of the sound one, and all that is said about the file. */
type Case = readonly [what: string, section: Readonly<Record<string, string>>, ...said: readonly string[]];

const told = (cases: readonly Case[]): void => {
  for (const [what, section, ...said] of cases) {
    test(what, () => expect(problemsOf(routesYaml(section))).toEqual(said));
  }
};

test('the smallest useful file has no problem', () => expect(problemsOf(routesYaml())).toEqual([]));

describe('the file itself', () => {
  const cases: readonly (readonly [what: string, text: string | Uint8Array, said: string])[] = [
    [
      'empty',
      '',
      'routes.yaml:1:1: error: this file has no settings in it (start from the routes.yaml that comes with the router)',
    ],
    [
      'comments only',
      '# nothing\n',
      'routes.yaml:1:1: error: this file has no settings in it (start from the routes.yaml that comes with the router)',
    ],
    ['a list', '- a\n- b\n', 'routes.yaml:1:1: error: expected settings, each as "name: value", but found a list'],
    ['one word', 'hello', 'routes.yaml:1:1: error: expected settings, each as "name: value", but found "hello"'],
    [
      'UTF-16 without a byte order mark',
      Buffer.from('node: 1\n', 'utf16le'),
      'routes.yaml:1:1: error: this file is UTF-16 text without a byte order mark (save it as UTF-8)',
    ],
    [
      'half of a letter of UTF-16',
      Buffer.from('\ufeffnode: 1', 'utf16le').subarray(0, -1),
      'routes.yaml:1:1: error: this file begins as UTF-16 text and does not go on as such (save it as UTF-8)',
    ],
    [
      'with a NUL',
      'a: 1\nb: Zü\0',
      'routes.yaml:2:6: error: this file holds a NUL, which no text has (save it as UTF-8)',
    ],
    [
      'latin1',
      Buffer.from('a: 1\nb: Zürich', 'latin1'),
      'routes.yaml:2:5: error: this file is not UTF-8 text (save it as UTF-8)',
    ],
    [
      'indented with a tab',
      'log:\n\tlevel: info\n',
      'routes.yaml:2:1: error: a tab indents this line (indent with spaces)',
    ],
    [
      'a bracket left open',
      'domains: [example.com\n',
      'routes.yaml:1:10: error: this [ is not closed (where is its ]?)',
    ],
    [
      'a comma left out',
      'node: { name: a b: c }',
      'routes.yaml:1:16: error: a comma is missing before "b" (or, if it belongs to the value before it, quotes around that)',
    ],
    [
      'two documents',
      'a: 1\n---\nb: 2\n',
      'routes.yaml:2:1: error: a second YAML document starts here (the file must hold one document: remove the line "---")',
    ],
    [
      'a tag',
      'node: !secret x\n',
      'routes.yaml:1:7: error: a value that starts with ! must stand in quotes (it would be a YAML tag)',
    ],
  ];

  test.each(cases)('%s', (_, text, said) => expect(problemsOf(text)).toEqual([said]));

  test('brackets nested ten thousand deep are told, not followed', () =>
    expect(problemsOf('['.repeat(10_000))).not.toEqual([]));
});

describe('names and kinds of settings', () => {
  told([
    [
      'an unknown setting with a neighbour',
      { x: 'acces: []' },
      'routes.yaml:6:1: error: acces: there is no such setting (did you mean "access"?)',
    ],
    [
      'an underscore for a hyphen',
      { x: 'routing: { failover_after: 2s }' },
      'routes.yaml:6:12: error: routing.failover_after: there is no such setting (did you mean "failover-after"?)',
    ],
    [
      'an unknown setting without one',
      { x: 'log: { colour: red }' },
      'routes.yaml:6:8: error: log.colour: there is no such setting (known here: level, decisions, file, format)',
    ],
    [
      'a setting that nothing reads yet',
      { x: 'overload: {}' },
      'routes.yaml:6:1: error: overload: there is no such setting (known here: node, domains, listen, workers, tls, certificates, access, routing, routes, pins, directory, dns, health, timers, limits, log, reload, stop, admin, signing)',
    ],
    [
      'a setting given twice',
      { x: 'log: {}\nlog: {}' },
      'routes.yaml:7:1: error: log: this setting is given twice (the first is in line 6, column 1)',
    ],
    [
      'a setting named like an inherited property',
      { x: '__proto__: {}' },
      'routes.yaml:6:1: error: __proto__: there is no such setting (known here: node, domains, listen, workers, tls, certificates, access, routing, routes, pins, directory, dns, health, timers, limits, log, reload, stop, admin, signing)',
    ],
    [
      'a socket path that the system could not take',
      { x: `admin: { socket: /run/${'x'.repeat(120)} }` },
      `routes.yaml:6:18: error: admin.socket: /run/${'x'.repeat(120)} is too long for a socket (at most 107 octets are possible, as in /run/pif-router/admin.sock)`,
    ],
    [
      'a required section left out',
      { domains: '' },
      'routes.yaml:1:1: error: domains: this setting is missing (it has no default)',
    ],
    [
      'a required setting left out',
      { node: 'node: {}' },
      'routes.yaml:1:7: error: node.name: this setting is missing (it has no default)',
    ],
    [
      'a value left out',
      { x: 'log:\n  level:\n' },
      'routes.yaml:7:9: error: log.level: expected one value, but found nothing (give a value, or remove the line)',
    ],
    [
      'null for a value',
      { x: 'log: { file: ~ }' },
      'routes.yaml:6:14: error: log.file: expected one value, but found nothing (give a value, or remove the line)',
    ],
    [
      'a word for a list',
      { domains: 'domains: example.com' },
      'routes.yaml:2:10: error: domains: expected a list, one item a line, each behind "- ", but found "example.com" (write [example.com])',
    ],
    [
      'a list for a word',
      { x: 'routing: { mode: [basic] }' },
      'routes.yaml:6:18: error: routing.mode: expected one value, but found a list',
    ],
    [
      'a word for settings',
      { x: 'log: info' },
      'routes.yaml:6:6: error: log: expected settings, each as "name: value", but found "info"',
    ],
    [
      'a wrong word of several',
      { x: 'routing: { mode: advance }' },
      'routes.yaml:6:18: error: routing.mode: "advance" is not possible here (did you mean "advanced"?)',
    ],
    [
      'a merge key',
      { x: 'log: { <<: *usual }' },
      "routes.yaml:6:12: error: log.<<: a value that starts with * means a YAML alias, and aliases are not supported (put it in quotes, as in '*.example.com')",
    ],
    [
      'a star without quotes',
      { domains: 'domains: [example.com, *.example.com]' },
      "routes.yaml:2:24: error: domains[1]: a value that starts with * means a YAML alias, and aliases are not supported (put it in quotes, as in '*.example.com')",
    ],
  ]);
});

describe('values', () => {
  told([
    [
      'a time without unit',
      { x: 'routing: { failover-after: 2 }' },
      'routes.yaml:6:28: error: routing.failover-after: "2" is not understood (write it as 500ms, 30s, 10m or 24h)',
    ],
    [
      'a warning of certificates earlier than they live',
      { x: 'certificates: { warn-before: 9000h }' },
      'routes.yaml:6:30: error: certificates.warn-before: 9000h is too large (at most 8760h)',
    ],
    [
      'a time that is too long',
      { x: 'routing: { failover-after: 1m }' },
      'routes.yaml:6:28: error: routing.failover-after: 1m is too large (at most 32s)',
    ],
    [
      'Timer C of three minutes (RFC 3261 §16.6 step 11: larger)',
      { x: 'timers: { timer-c: 3m }' },
      'routes.yaml:6:20: error: timers.timer-c: 3m is too small (at least 180001ms)',
    ],
    [
      'no worker at all',
      { x: 'workers: 0' },
      'routes.yaml:6:10: error: workers: "0" is not a number of workers (auto, or from 1 to 64)',
    ],
    [
      'a word for a number of workers',
      { x: 'workers: all' },
      'routes.yaml:6:10: error: workers: "all" is not a number of workers (auto, or from 1 to 64)',
    ],
    [
      'a size in a unit that means two things',
      { x: 'limits: { header: 64kB }' },
      'routes.yaml:6:19: error: limits.header: "64kB" is not understood (write it as 64KiB, 1MiB or a number of bytes)',
    ],
    [
      'a fraction',
      { x: 'limits: { connections: 1.5 }' },
      'routes.yaml:6:24: error: limits.connections: "1.5" is not a whole number (from 1 to 1000000)',
    ],
    [
      'a yes',
      { x: 'tls: { default: { legacy: yes } }' },
      'routes.yaml:6:8: error: tls.default.certificate: this setting is missing (it has no default: name a PEM file)',
      'routes.yaml:6:8: error: tls.default.key: this setting is missing (it has no default: name a PEM file)',
      'routes.yaml:6:8: error: tls.default.ca: this setting is missing (it has no default: name a PEM file)',
      'routes.yaml:6:27: error: tls.default.legacy: "yes" is neither true nor false (write true)',
    ],
    [
      'a URI for a domain',
      { domains: 'domains: ["sip:example.com"]' },
      'routes.yaml:2:11: error: domains[0]: "sip:example.com" is not a host name (leave out "sip:")',
    ],
    [
      'a user for a domain',
      { domains: 'domains: [bob@example.com]' },
      'routes.yaml:2:11: error: domains[0]: "bob@example.com" is not a host name (only the part behind the @)',
    ],
    [
      'an option tag with a space (RFC 3261 §25.1)',
      { x: 'routing: { proxy-require: [ms benotify] }' },
      'routes.yaml:6:28: error: routing.proxy-require[0]: "ms benotify" is not an option tag (one word, such as ms-benotify)',
    ],
    [
      'a pin without a domain',
      { x: 'pins: [{ user: bob, side: cisco }]' },
      'routes.yaml:6:16: error: pins[0].user: "bob" is not the address of a user (such as sip:ceo@example.com)',
    ],
    [
      'a line break in a description',
      { x: 'pins: [{ user: sip:a@example.com, side: cisco, why: "a\\nb" }]' },
      'routes.yaml:6:53: error: pins[0].why: this text holds a control character',
    ],
    [
      'a description of 256 characters',
      { x: `pins: [{ user: sip:a@example.com, side: cisco, why: ${'x'.repeat(256)} }]` },
      'routes.yaml:6:53: error: pins[0].why: this text has 256 characters, at most 255 are possible',
    ],
  ]);
});

describe('listeners', () => {
  told([
    [
      'none',
      { listen: 'listen: []' },
      'routes.yaml:3:1: error: listen: there is nothing to listen on (add - { transport: tcp, address: 127.0.0.1, port: 5060 })',
    ],
    [
      'a name for an address',
      { listen: 'listen: [{ transport: tcp, address: localhost }]' },
      'routes.yaml:3:37: error: listen[0].address: "localhost" is not an IP address (a name is not possible here, write the address)',
    ],
    [
      'a port above 65535',
      { listen: 'listen: [{ transport: tcp, address: 127.0.0.1, port: 65536 }]' },
      'routes.yaml:3:54: error: listen[0].port: 65536 is too large (at most 65535)',
    ],
    [
      'the same twice',
      {
        listen:
          'listen:\n  - { transport: tcp, address: 127.0.0.1 }\n  - { transport: tcp, address: 127.0.0.1, port: 5060 }',
      },
      'routes.yaml:5:5: error: listen[1]: listen[0] already listens on 127.0.0.1 port 5060 (remove one of them)',
    ],
    [
      'all addresses, and one of them',
      { listen: 'listen:\n  - { transport: tcp, address: 0.0.0.0 }\n  - { transport: tcp, address: 127.0.0.1 }' },
      'routes.yaml:5:5: error: listen[1]: listen[0] already listens on 0.0.0.0 port 5060 (remove one of them)',
    ],
    [
      'a TLS profile that is not there',
      { listen: 'listen: [{ transport: tcp, address: 127.0.0.1 }, { transport: tls, address: 127.0.0.1 }]' },
      'routes.yaml:3:50: error: listen[1].tls: there is no TLS profile "default" (there is no section "tls")',
    ],
    [
      'a TLS profile without TLS',
      { listen: 'listen: [{ transport: tcp, address: 127.0.0.1, tls: default }]' },
      'routes.yaml:3:53: error: listen[0].tls: this has no meaning with transport tcp (remove it)',
    ],
  ]);

  test.each([
    ['udp and tcp on one port', '{ transport: tcp, address: 127.0.0.1 }, { transport: udp, address: 127.0.0.1 }'],
    ['all of IPv4 and all of IPv6', '{ transport: tcp, address: 0.0.0.0 }, { transport: tcp, address: "::" }'],
    [
      'two ports chosen by the system',
      '{ transport: tcp, address: 127.0.0.1, port: 0 }, { transport: tcp, address: 127.0.0.1, port: 0 }',
    ],
    [
      'brackets and compressed zeros in flow style',
      '{ transport: tcp, address: 127.0.0.1 }, { transport: tcp, address: ::1 }, { transport: udp, address: "[::1]" }',
    ],
  ])('%s are fine', (_, listeners) => expect(problemsOf(routesYaml({ listen: `listen: [${listeners}]` }))).toEqual([]));
});

test('a side that is called in the clear and known by its certificates only is told once', () => {
  const told = problemsOf(
    routesYaml({
      listen: 'listen: [{ transport: tcp, address: 127.0.0.1 }, { transport: tls, address: 127.0.0.1 }]',
      access: 'access: [{ side: cisco, from: imp1.example.com }, { side: microsoft, from: 127.0.0.21 }]',
    }),
  );
  expect(told.filter((line) => line.includes('by address'))).toEqual([
    'routes.yaml:5:10: warning: routes[0].transport: what the cisco side sends over tcp will be refused: no rule of access knows it by address (add its addresses to access, or use transport: tls)',
  ]);
});

const bothSides = 'access: [{ side: cisco, from: 127.0.0.11 }, { side: microsoft, from: 127.0.0.21 }';

describe('domains, access and pins', () => {
  told([
    [
      'a domain twice, whatever its case',
      { domains: 'domains: [example.com, Example.COM]' },
      'routes.yaml:2:24: error: domains[1]: "example.com" is already domains[0]',
    ],
    [
      'the node named like a domain',
      { node: 'node: { name: example.com }' },
      'routes.yaml:1:15: error: node.name: "example.com" is a shared SIP domain, not a host (such as router.example.com)',
    ],
    [
      'nobody let in',
      { access: 'access: []' },
      'routes.yaml:4:1: error: access: nobody may talk to this router (add the servers of both sides)',
    ],
    [
      'one side let in',
      { access: 'access: [{ side: cisco, from: all }]' },
      'routes.yaml:4:1: warning: access: no rule admits the microsoft side: all its requests will be refused (add - { side: microsoft, from: ... })',
      'routes.yaml:4:31: warning: access[0].from: everybody who can reach this router counts as a peer of the cisco side (name the addresses of its servers, or ask for a tls-name)',
    ],
    [
      'a network with bits behind its prefix',
      { access: 'access: [{ side: cisco, from: 10.0.0.1/8 }, { side: microsoft, from: 127.0.0.21 }]' },
      'routes.yaml:4:31: error: access[0].from: "10.0.0.1/8" has address bits set behind its first 8 bits: is the prefix too short?',
    ],
    [
      'a sender on both sides',
      { access: 'access: [{ side: cisco, from: 10. }, { side: microsoft, from: 10.0.0.0/8 }]' },
      'routes.yaml:4:38: error: access[1]: this row repeats access[0], which says cisco instead of microsoft',
    ],
    [
      'a certificate name without TLS',
      { access: 'access: [{ side: cisco, from: 127.0.0.11 }, { side: microsoft, from: fe1.example.com }]' },
      'routes.yaml:4:45: warning: access[1]: this name will never match (names come from TLS certificates, and there is no tls listener)',
    ],
    [
      'a rule without a side',
      { access: 'access: [{ from: 127.0.0.11 }, { side: microsoft, from: 127.0.0.21 }, { side: cisco, from: all }]' },
      'routes.yaml:4:10: error: access[0].side: this setting is missing (it has no default)',
    ],
    [
      'a rule that denies a side',
      { access: `${bothSides}, { side: cisco, deny: true, from: 127.0.0.12 }]` },
      'routes.yaml:4:92: error: access[2].side: who is denied has no side (leave one of them out)',
    ],
    [
      'a rule about nobody',
      { access: `${bothSides}, { side: cisco }]` },
      'routes.yaml:4:84: error: access[2].from: this setting is missing (only a row with tls-name can do without)',
    ],
    [
      'a name that UDP should prove',
      { access: `${bothSides}, { side: cisco, from: imp1.example.com, transport: udp }]` },
      'routes.yaml:4:134: error: access[2].transport: a name is not known over udp (only a TLS certificate proves a name, for DNS is never asked: write the addresses of the peer)',
    ],
    [
      'no method at all',
      { access: `${bothSides}, { side: cisco, from: all, methods: [] }]` },
      'routes.yaml:4:110: error: access[2].methods: no request at all would match (or deny: true)',
    ],
    [
      'a method in small letters',
      { access: `${bothSides}, { side: cisco, from: all, methods: [message] }]` },
      'routes.yaml:4:120: error: access[2].methods[0]: "message" is not a method (in capitals, such as MESSAGE)',
    ],
    [
      'a wildcard of another product',
      { access: `${bothSides}, { side: cisco, from: "*.example.com" }]` },
      'routes.yaml:4:105: error: access[2].from: "*.example.com" is written .example.com, for all names below it',
    ],
    [
      'two sides of one peer, told apart by method',
      { access: `${bothSides}, { side: microsoft, from: 127.0.0.11, methods: [INFO] }]` },
      'routes.yaml:4:84: error: access[2]: this row means the peers of access[0], which are cisco: a peer has one side',
    ],
    [
      'a denied method of nobody who is let in',
      { access: `${bothSides}, { deny: true, from: 127.0.0.0/8, methods: [INFO] }]` },
      'routes.yaml:4:84: error: access[2]: this row denies some requests of peers of whom no rule with the same from, tls-name and transport lets in the rest',
    ],
    [
      'a rule for a transport that is not listened on',
      { access: `${bothSides}, { side: cisco, from: all, transport: udp }]` },
      'routes.yaml:4:84: warning: access[2]: this rule will never match (there is no udp listener)',
    ],
    [
      'a network of which others take every part',
      {
        access: `${bothSides}, { side: cisco, from: 10.0.0.0/8 }, { side: cisco, from: 10.0.0.0/9 }, { side: cisco, from: 10.128.0.0/9 }]`,
      },
      'routes.yaml:4:84: warning: access[2]: this rule will never match (more specific rules cover all that it means)',
    ],
    [
      'a pin twice',
      { x: 'pins: [{ user: sip:a@example.com, side: cisco }, { user: A@EXAMPLE.com, side: cisco }]' },
      'routes.yaml:6:50: error: pins[1]: this row repeats pins[0], which says the same',
    ],
    [
      'a pin in another domain',
      { x: 'pins: [{ user: sip:a@example.net, side: cisco }]' },
      'routes.yaml:6:16: warning: pins[0].user: this pin is never used: example.net is not a shared domain (see "domains")',
    ],
    [
      'advanced routing without a directory',
      { x: 'routing: { mode: advanced }' },
      'routes.yaml:6:18: error: routing.mode: advanced routing needs a directory (add one below directory.sources, or use mode: basic)',
    ],
    [
      'T2 shorter than T1 (RFC 3261 §17.1.2.1)',
      { x: 'timers: { t1: 1s, t2: 500ms }' },
      'routes.yaml:6:23: error: timers.t2: t2 is shorter than t1 (RFC 3261 17.1.2.1: t1 grows up to t2)',
    ],
    [
      'less memory for all peers than one message may need',
      { x: 'limits: { body: 8MiB, memory: 32MiB }' },
      'routes.yaml:6:31: error: limits.memory: the largest message that limits.header and limits.body allow would never pass (at least 41280KiB, or smaller messages)',
    ],
    [
      "more memory for peers than Node's heap may grow to",
      { x: 'limits: { memory: 64GiB }' },
      `routes.yaml:6:19: warning: limits.memory: this is more than three quarters of what Node's heap may grow to here (${Math.round(getHeapStatistics().heap_size_limit / 2 ** 20)}MiB for each worker) (less, or a larger --max-old-space-size in NODE_OPTIONS)`,
    ],
  ]);

  test('a partial address that YAML takes for a number is read as written', () =>
    expect(
      problemsOf(routesYaml({ access: 'access: [{ side: cisco, from: 10.10 }, { side: microsoft, from: 10.1 }]' })),
    ).toEqual([]));
});

describe('health', () => {
  told([
    [
      'a probe that lasts longer than the time between two',
      { x: 'health: { probe: { every: 1s, timeout: 2s } }' },
      'routes.yaml:6:40: error: health.probe.timeout: a probe may not last longer than the time between two (see "every")',
    ],
    [
      'a probe that outlives its transaction',
      { timers: 'timers: { t1: 20ms }', x: 'health: { probe: { timeout: 1280ms } }' },
      'routes.yaml:7:29: error: health.probe.timeout: the probe would end before its own time is over (at most 1279ms: 64 times t1 ends the transaction (RFC 3261 17.1.2.2))',
    ],
    [
      'an overloaded hop as a good one',
      { x: 'health: { probe: { good: [200, 503] } }' },
      'routes.yaml:6:32: error: health.probe.good[1]: 503 is never a good answer (it says that the hop cannot serve)',
    ],
    [
      'no good answer at all',
      { x: 'health: { probe: { good: [] } }' },
      'routes.yaml:6:20: error: health.probe.good: no answer would be a good one (write [200], or enabled: false)',
    ],
    [
      'something that is no final status',
      { x: 'health: { probe: { good: [180] } }' },
      'routes.yaml:6:27: error: health.probe.good[0]: 180 is too small (at least 200)',
    ],
  ]);
});

/** A route that replaces the one to the Microsoft side. */
const withRoute = (route: string) => ({
  routes: `routes:\n  - { to: cisco, pattern: example.com, next-hop: 127.0.0.11 }\n  - { to: microsoft, ${route} }`,
});

describe('routes', () => {
  told([
    [
      'none',
      { routes: 'routes: []' },
      'routes.yaml:5:1: error: routes: there are no routes (say where each side can be reached)',
    ],
    [
      'one side without',
      { routes: 'routes: [{ to: cisco, pattern: example.com, next-hop: 127.0.0.11 }]' },
      'routes.yaml:5:1: warning: routes: no route leads to the microsoft side: it will receive nothing (add - { to: microsoft, ... })',
    ],
    [
      'a domain without',
      withRoute('pattern: example.net, next-hop: 127.0.0.21'),
      'routes.yaml:2:11: warning: domains[0]: no route leads to the microsoft side for example.com (add a route with this pattern)',
    ],
    [
      'a pattern that is a user',
      withRoute('pattern: bob@example.com, next-hop: 127.0.0.21'),
      'routes.yaml:7:31: error: routes[1].pattern: "bob@example.com" is not a domain: write example.com, *.example.com or, reversed, .com.example (a single user: see "pins"; a user pattern: type: user)',
    ],
    [
      'a user pattern with a star inside',
      withRoute('type: user, pattern: b*b, next-hop: 127.0.0.21'),
      'routes.yaml:7:43: error: routes[1].pattern: "b*b" has a * that is not at the end',
    ],
    [
      'a pattern of 256 characters',
      withRoute(`pattern: ${'x'.repeat(256)}, next-hop: 127.0.0.21`),
      'routes.yaml:7:31: error: routes[1].pattern: this text has 256 characters, at most 255 are possible',
    ],
    [
      'a next hop with its port',
      withRoute('pattern: example.com, next-hop: "127.0.0.21:5060"'),
      'routes.yaml:7:54: error: routes[1].next-hop: "127.0.0.21:5060" is neither a host name nor an IP address (the port has a setting of its own)',
    ],
    [
      'a next hop that is no address after all',
      withRoute('pattern: example.com, next-hop: 127.0.0.256'),
      'routes.yaml:7:54: error: routes[1].next-hop: "127.0.0.256" is neither a host name nor an IP address (such as sip.example.com)',
    ],
    [
      'no next hop',
      withRoute('pattern: example.com'),
      'routes.yaml:7:5: error: routes[1].next-hop: this setting is missing (it has no default)',
    ],
    [
      'SRV records of an address',
      withRoute('pattern: example.com, next-hop: 127.0.0.21, port: 0'),
      'routes.yaml:7:72: error: routes[1].port: port 0 asks DNS for SRV records, and an address has none (give the port or a name)',
    ],
    [
      'priority 0',
      withRoute('pattern: example.com, next-hop: 127.0.0.21, priority: 0'),
      'routes.yaml:7:76: error: routes[1].priority: 0 is too small (at least 1)',
    ],
    [
      'weight 65536',
      withRoute('pattern: example.com, next-hop: 127.0.0.21, weight: 65536'),
      'routes.yaml:7:74: error: routes[1].weight: 65536 is too large (at most 65535)',
    ],
    [
      'an address family without listener',
      withRoute('pattern: example.com, next-hop: 2001:db8::1'),
      'routes.yaml:7:5: error: routes[1].transport: no listener can send this: 2001:db8::1 needs a tcp IPv6 listener (add one below "listen", or change the transport)',
    ],
    [
      'a transport without listener',
      withRoute('pattern: example.com, next-hop: 127.0.0.21, transport: udp'),
      'routes.yaml:7:77: warning: routes[1].transport: no Microsoft server takes SIP over UDP (transport: tcp or tls)',
      'routes.yaml:7:77: error: routes[1].transport: no listener can send this: 127.0.0.21 needs a udp IPv4 listener (add one below "listen", or change the transport)',
    ],
    [
      'a certificate name without TLS',
      withRoute('pattern: example.com, next-hop: 127.0.0.21, tls-name: fe1.example.com'),
      'routes.yaml:7:76: error: routes[1].tls-name: this has no meaning with transport tcp (remove it)',
    ],
    [
      'the router itself as next hop',
      withRoute('pattern: example.com, next-hop: 127.0.0.1'),
      'routes.yaml:7:5: error: routes[1]: this row leads to this node itself (127.0.0.1:5060): every request would loop',
    ],
    [
      'the same next hop again',
      {
        ...withRoute(
          'pattern: example.com, next-hop: 127.0.0.21 }\n  - { to: microsoft, pattern: .com.example, next-hop: 127.0.0.21, priority: 2',
        ),
      },
      'routes.yaml:8:5: warning: routes[2]: the same next hop as in routes[1] (it would only be tried again)',
    ],
    [
      'a route beside one that blocks',
      {
        ...withRoute(
          'pattern: example.com, next-hop: 127.0.0.21 }\n  - { to: microsoft, pattern: example.com, next-hop: 127.0.0.22, block: true',
        ),
      },
      'routes.yaml:7:5: warning: routes[1]: this route is never used: routes[2] blocks the same pattern',
    ],
  ]);

  test('the 101st route of one pattern is one too many', () => {
    const rows = Array.from(
      { length: 101 },
      (_, i) => `  - { to: microsoft, pattern: example.com, next-hop: 127.0.1.${i + 1} }`,
    );
    const section = `routes:\n  - { to: cisco, pattern: example.com, next-hop: 127.0.0.11 }\n${rows.join('\n')}`;
    expect(problemsOf(routesYaml({ routes: section }))).toEqual([
      'routes.yaml:107:5: error: routes[101]: this row is one more than the 100 routes that one pattern (example.com) may have',
    ]);
  });
});

describe('the usual port of another transport is warned of', () => {
  const route = (row: string) => ({
    routes: `routes: [{ to: cisco, pattern: example.com, next-hop: 127.0.0.11 }, { to: microsoft, pattern: example.com, ${row} }]`,
  });
  const aboutPorts = (changed: Readonly<Record<string, string>>) =>
    problemsOf(routesYaml(changed)).filter((line) => /\.port: \d+ is the port of/.test(line));

  test.each([
    [
      'next-hop: fe1.example.com, port: 5060, transport: tls',
      '5060 is the port of SIP without TLS (is 5061 meant, or transport: tcp?)',
    ],
    ['next-hop: 127.0.0.21, port: 5061, transport: tcp', '5061 is the port of TLS (is this meant as transport: tls?)'],
    ['next-hop: 127.0.0.21, port: 5061', '5061 is the port of TLS (is this meant as transport: tls?)'],
    ['next-hop: 127.0.0.21, port: 5061, transport: udp', '5061 is the port of TLS (is this meant as transport: tls?)'],
  ])('%s', (row, said) =>
    expect(aboutPorts(route(row))).toEqual([expect.stringContaining(`warning: routes[1].port: ${said}`)]),
  );

  test.each(['transport: tls, port: 5062', 'transport: tls', 'port: 5060', 'port: 5070'])('%s is no matter', (row) =>
    expect(aboutPorts(route(`next-hop: fe1.example.com, ${row}`))).toEqual([]),
  );

  test('of listeners, too', () =>
    expect(
      aboutPorts({
        listen:
          'listen: [{ transport: tcp, address: 127.0.0.1, port: 5061 }, { transport: tls, address: 127.0.0.1, port: 5060 }]',
      }),
    ).toHaveLength(2));
});

describe('what is possible, and hardly meant', () => {
  const nearMiss = (written: string, meant: string) =>
    `routes.yaml:7:31: warning: routes[1].pattern: "${written}" is almost the shared domain ${meant} (write ${meant}, if that is meant)`;
  const both = 'pattern: example.com, next-hop: 127.0.0.21 }\n  - { to: microsoft, ';
  told([
    [
      'two letters of a shared domain swapped',
      withRoute('pattern: exampel.com, next-hop: 127.0.0.21'),
      nearMiss('exampel.com', 'example.com'),
    ],
    [
      'two letters of a shared domain swapped in Cisco’s form',
      withRoute('pattern: .com.exampel.*, next-hop: 127.0.0.21'),
      nearMiss('.com.exampel.*', 'example.com'),
    ],
    [
      'another last label that is none',
      withRoute('pattern: example.con, next-hop: 127.0.0.21'),
      nearMiss('example.con', 'example.com'),
    ],
    [
      'a star for a part of a label',
      withRoute(`${both}pattern: "*contoso.test", next-hop: 127.0.0.21`),
      'routes.yaml:8:31: warning: routes[2].pattern: "*contoso.test" matches othercontoso.test too, which belongs to others (write "*.contoso.test", and a row for contoso.test itself)',
    ],
    [
      'a star for a part of a label, behind others',
      withRoute(`${both}pattern: "sip*contoso.test", next-hop: 127.0.0.21`),
      'routes.yaml:8:31: warning: routes[2].pattern: "sip*contoso.test" matches names that belong to others, for its last * stands for a part of a label (let it stand for whole labels, as in "*.contoso.test")',
    ],
    [
      'a star for the rest of a label and all behind it',
      withRoute(`${both}pattern: "contoso*", next-hop: 127.0.0.21`),
      'routes.yaml:8:31: warning: routes[2].pattern: "contoso*" matches names that belong to others, for its last * stands for a part of a label (let it stand for whole labels, as in "*.contoso.test")',
    ],
    [
      'everybody on a side',
      { access: 'access: [{ side: cisco, from: 127.0.0.11 }, { side: microsoft, from: all }]' },
      'routes.yaml:4:70: warning: access[1].from: everybody who can reach this router counts as a peer of the microsoft side (name the addresses of its servers, or ask for a tls-name)',
    ],
    [
      'everybody on a side, as a network',
      { access: 'access: [{ side: cisco, from: 127.0.0.11 }, { side: microsoft, from: 0.0.0.0/0 }]' },
      'routes.yaml:4:70: warning: access[1].from: everybody who can reach this router counts as a peer of the microsoft side (name the addresses of its servers, or ask for a tls-name)',
    ],
    [
      'a domain of others on both sides',
      withRoute(
        `${both}pattern: contoso.test, next-hop: 127.0.0.21 }\n  - { to: cisco, pattern: .test.contoso, next-hop: 127.0.0.11`,
      ),
      'routes.yaml:9:27: warning: routes[3].pattern: ".test.contoso" is routed to both sides: routes[2] says microsoft (a domain of others is behind one side; one that both sides share belongs into "domains")',
    ],
    [
      'a next hop that is let in as the other side',
      withRoute('pattern: example.com, next-hop: 127.0.0.11'),
      'routes.yaml:7:54: warning: routes[1].next-hop: 127.0.0.11 is reached as microsoft, and access[0] lets it in as cisco: what it sends goes back to it (say the same side in both rows)',
    ],
    [
      'a next hop whose network is let in as the other side',
      {
        ...withRoute('pattern: example.com, next-hop: 127.0.0.31'),
        access: `access: [{ side: microsoft, from: 127.0.0.21 }, { side: cisco, from: 127.0.0.0/24 }]`,
      },
      'routes.yaml:7:54: warning: routes[1].next-hop: 127.0.0.31 is reached as microsoft, and access[1] lets it in as cisco: what it sends goes back to it (say the same side in both rows)',
    ],
  ]);

  test.each([
    ['another top-level domain', withRoute(`${both}pattern: example.net, next-hop: 127.0.0.21`)],
    ['a country’s domain', withRoute(`${both}pattern: example.co, next-hop: 127.0.0.21`)],
    ['another number', withRoute(`${both}pattern: example2.com, next-hop: 127.0.0.21`)],
    ['a domain below a shared one', withRoute(`${both}pattern: uc.example.com, next-hop: 127.0.0.21`)],
    [
      'any host below, and a star within a name',
      withRoute(`${both}pattern: "*.fe*.contoso.test", next-hop: 127.0.0.21`),
    ],
    [
      'a star for the start of a label of a whole domain',
      withRoute(`${both}pattern: "*-sip.contoso.test", next-hop: 127.0.0.21`),
    ],
    [
      'hosts below a shared domain on both sides',
      withRoute(
        `${both}pattern: uc.example.com, next-hop: 127.0.0.21 }\n  - { to: cisco, pattern: uc.example.com, next-hop: 127.0.0.11`,
      ),
    ],
    [
      'everything to both sides',
      withRoute(`${both}pattern: "*", next-hop: 127.0.0.21 }\n  - { to: cisco, pattern: "*", next-hop: 127.0.0.11`),
    ],
    [
      'a short domain',
      {
        domains: 'domains: [example.com, ab.test]',
        ...withRoute(
          `${both}pattern: "*.test", next-hop: 127.0.0.21 }\n  - { to: cisco, pattern: ab.test, next-hop: 127.0.0.11 }\n  - { to: microsoft, pattern: ac.test, next-hop: 127.0.0.21`,
        ),
      },
    ],
    [
      'everybody who has a name',
      {
        access:
          'access: [{ side: cisco, from: 127.0.0.11 }, { deny: true, from: all }, { side: microsoft, from: 127.0.0.21 }]',
      },
    ],
    [
      'a route out of service to both sides',
      withRoute(
        `${both}pattern: contoso.test, next-hop: 127.0.0.21 }\n  - { to: cisco, pattern: contoso.test, next-hop: 127.0.0.11, in-service: false`,
      ),
    ],
  ])('%s is fine', (_, section) => expect(problemsOf(routesYaml(section))).toEqual([]));

  test('of the shipped file nothing of the kind is said', () => {
    const shipped = readFileSync(join(import.meta.dirname, '../../../routes.yaml'), 'utf8');
    const said = problemsOf(shipped).filter(
      (line) => !/ tls\.default\.(?:certificate|key|ca): | users\.ldif/.test(line),
    );
    expect(said.filter((line) => line.includes('warning'))).toEqual([]);
  });
});

describe('files that routes.yaml names', () => {
  const withUsers = { x: 'routing: { cisco-users: lists/users.txt }' };
  const withLdif = { x: 'directory: { sources: [{ kind: ldif, file: users.ldif }] }' };

  test('a list that is not there', () =>
    expect(problemsOf(routesYaml(withUsers))).toEqual([
      'routes.yaml:6:25: error: routing.cisco-users: lists/users.txt: there is no such file (looked at lists/users.txt)',
    ]));

  test('a wrong line in a list is told with the line of the list', () =>
    expect(
      problemsOf(routesYaml(withUsers), { 'lists/users.txt': '# ours\nsip:bob@example.com\n  carol # no domain\n' }),
    ).toEqual(['lists/users.txt:3:3: error: "carol" is not the address of a user (such as sip:bob@example.com)']));

  test('a directory source of a kind that does not exist', () =>
    expect(problemsOf(routesYaml({ x: 'directory: { sources: [{ kind: sql, urls: [] }] }' }))).toEqual([
      'routes.yaml:6:32: error: directory.sources[0].kind: "sql" is not possible here (known here: ldif, ldap)',
    ]));

  test('a wrong line in an LDIF file is told with the line of the LDIF file', () =>
    expect(
      problemsOf(routesYaml(withLdif), {
        'users.ldif': 'dn: CN=a\nmsRTCSIP-PrimaryUserAddress: sip:a@example.com\nmsRTCSIP-UserEnabled: yes\n',
      }),
    ).toEqual(['users.ldif:3:1: warning: msRTCSIP-UserEnabled must be TRUE or FALSE, and is "yes"']));

  test('a bad address in an LDIF file is passed over and listed; a file of nothing else is refused', () => {
    const entry = (dn: string, address: string) =>
      `dn: CN=${dn}\nmsRTCSIP-PrimaryUserAddress: ${address}\nmsRTCSIP-UserEnabled: TRUE\n\n`;
    const bad = entry('eve', 'sip:eve@example.com,');
    const said = 'msRTCSIP-PrimaryUserAddress must be like sip:bob@example.com, and is "sip:eve@example.com,"';
    expect(problemsOf(routesYaml(withLdif), { 'users.ldif': entry('a', 'sip:a@example.com') + bad })).toEqual([
      `users.ldif:6:1: warning: ${said}`,
    ]);
    expect(problemsOf(routesYaml(withLdif), { 'users.ldif': bad })).toEqual([`users.ldif:2:1: error: ${said}`]);
  });

  test('one address in two entries is a warning: the enabled one counts, then the first by name', () => {
    const entry = (dn: string) =>
      `dn: CN=${dn}\nmsRTCSIP-PrimaryUserAddress: sip:a@example.com\nmsRTCSIP-UserEnabled: FALSE\n\n`;
    const [said, ...more] = problemsOf(routesYaml(withLdif), { 'users.ldif': entry('a') + entry('b') });
    expect(said).toMatch(/^users\.ldif:6:1: warning: "a@example\.com" is the address of two entries/);
    expect(more).toEqual([]);
  });

  test('an LDIF file without the attribute that says who is enabled is a warning, unless an address is enough', () => {
    const users = { 'users.ldif': 'dn: CN=a\nmsRTCSIP-PrimaryUserAddress: sip:a@example.com\n' };
    expect(problemsOf(routesYaml(withLdif), users)).toEqual([
      'routes.yaml:6:44: warning: directory.sources[0].file: users.ldif: none of its users (1) has msRTCSIP-UserEnabled, so all are at home on the Cisco side: was that attribute left out of the export? (routing: microsoft-user: address is for a directory in which having an address is enough)',
    ]);
    const byAddress = routesYaml({ ...withLdif, routing: 'routing: { mode: advanced, microsoft-user: address }' });
    expect(problemsOf(byAddress, users)).toEqual([]);
    const nobody = { 'users.ldif': 'dn: CN=a\ncn: a\n' };
    expect(problemsOf(routesYaml(withLdif), nobody).join()).not.toContain('msRTCSIP-UserEnabled');
  });
});

describe('what is wrong in the same way many times', () => {
  const withLdif = { x: 'directory: { sources: [{ kind: ldif, file: users.ldif }] }' };
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

  test.each([
    [1, 'users.ldif:2:1: error: is a change record (changetype: modify), and only entries are read'],
    [2, ': export entries, not changes; the same once more: line 6'],
    [4, ': export entries, not changes; the same 3 times more: lines 6, 10, 14'],
    [20_000, ': export entries, not changes; the same 19999 times more: lines 6, 10, 14, 18, 22, ..., 79998'],
  ])('is told once: %i records that are changes', (count, end) => {
    const file = 'dn: CN=a\nchangetype: modify\nreplace: cn\n\n'.repeat(count);
    const said = problemsOf(routesYaml(withLdif), { 'users.ldif': file });
    expect(said).toEqual([expect.stringContaining(end)]);
    expect(said[0]).toMatch(/^users\.ldif:2:1: error: is a change record \(changetype: modify\), /);
  });

  test('with another value each time is told twenty times, and then counted', () => {
    const file = numbers(100_000).map((n) => `user ${n}\n`);
    const said = problemsOf(routesYaml({ x: 'routing: { cisco-users: users.txt }' }), { 'users.txt': file.join('') });
    expect(said).toHaveLength(20);
    expect(said[1]).toBe('users.txt:2:1: error: "user 2" is not the address of a user (such as sip:bob@example.com)');
    expect(said[19]).toBe(
      'users.txt:20:1: error: "user 20" is not the address of a user; 99980 more problems of this kind follow, up to line 100000 (such as sip:bob@example.com)',
    );
  });

  test('does not hide what is wrong in another way', () => {
    const records = [...Array(50).fill('dn: CN=a\nchangetype: delete\n\n'), 'dn: CN=b\ncn:: ?\n'];
    expect(problemsOf(routesYaml(withLdif), { 'users.ldif': records.join('') })).toEqual([
      expect.stringContaining('the same 49 times more'),
      'users.ldif:152:1: error: the value of cn is not base64, as the two colons say',
    ]);
  });

  test('goes for rows of routes.yaml, too', () => {
    const rows = numbers(500).map((n) => `  - { side: cisco, from: 10.300.${n}. }`);
    const said = problemsOf(routesYaml({ access: `access:\n${rows.join('\n')}` }));
    expect(said).toHaveLength(20);
    expect(said[19]).toMatch(/^routes\.yaml:24:.*; 480 more problems of this kind follow, up to line 504/);
  });
});

describe('files as Windows writes them', () => {
  const ldif = 'dn: CN=Jürgen\r\nmsRTCSIP-PrimaryUserAddress: sip:b@example.com\r\nmsRTCSIP-UserEnabled: TRUE\r\n';
  const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
  const ways: readonly (readonly [string, (text: string) => Uint8Array])[] = [
    ['UTF-16, little endian, as PowerShell writes it', utf16],
    ['UTF-16, big endian', (text) => utf16(text).swap16()],
    ['UTF-8 with a byte order mark', (text) => Buffer.from(`\ufeff${text}`)],
    ['UTF-8 with Ctrl-Z at the end, as copy writes it', (text) => Buffer.from(`${text}\x1a`)],
    ['UTF-16 with Ctrl-Z at the end', (text) => utf16(`${text}\x1a`)],
  ];

  test.each(ways)('%s', (_, written) => {
    const text = routesYaml({
      x: 'routing: { cisco-users: users.txt }\ndirectory: { sources: [{ kind: ldif, file: users.ldif }] }',
    }).replaceAll('\n', '\r\n');
    const users = '\tsip:jürgen@example.com\t# he\r\n';
    const files = { 'users.txt': written(users), 'users.ldif': written(ldif) };
    const { snapshot, problems } = load(written(text), files);
    expect(problems).toEqual([]);
    expect(snapshot?.rows.ciscoUsers).toEqual(new Set(['jürgen@example.com']));
    const [source] = snapshot?.directory.sources ?? [];
    expect(source?.users?.lookup('b@example.com')).toMatchObject({ addressOnly: false });
  });
});

test('all mistakes of a file are told at once, in its order', () => {
  const yaml = routesYaml({
    node: 'node: { name: -router }',
    listen: 'listen: [{ transport: sctp, address: 127.0.0.1, port: x }]',
    access: 'access: [{ side: cisko, from: 10.300. }]',
    x: 'pins: [{ user: bob, side: cisco }]\nlog: { level: loud }',
  });
  expect(problemsOf(yaml).map((said) => said.split(':').slice(0, 3).join(':'))).toEqual([
    'routes.yaml:1:15',
    'routes.yaml:3:23',
    'routes.yaml:3:55',
    'routes.yaml:4:18',
    'routes.yaml:4:31',
    'routes.yaml:6:16',
    'routes.yaml:7:15',
  ]);
});

test('a wrong row draws no complaint that the row is missing', () =>
  expect(
    problemsOf(
      routesYaml({ access: 'access: [{ side: cisco, from: 127.0.0.11 }, { side: microsoft, from: 10.300. }]' }),
    ),
  ).toHaveLength(1));

describe('a secret that stands in the file by mistake is never repeated', () => {
  const secret = 'Marked-Secret-31';
  const row = (settings: string) =>
    `directory:\n  sources:\n    - kind: ldap\n      name: corp\n      servers: [ldaps://dc.example.com]\n      bind-dn: "cn=a,dc=example,dc=com"\n      base-dn: "dc=example,dc=com"\n${settings}\n`;
  test.each(['password', 'password-file', 'password-env'])('%s, whatever slip is made', (name) => {
    const slips = [
      `      ${name}: ${secret}`,
      `      ${name}:${secret}`,
      `      ${name} ${secret}`,
      `      ${name}= ${secret}`,
      `      ${name}: ${secret}: 1`,
      `      ${name}: ${secret} #1: x`,
      `      ${name}: "${secret}`,
      `      ${name}: "\\S${secret}"`,
      `      ${name}: '${secret}' 1`,
      `      ${name}: [${secret}]`,
      `      ${name}: { ${secret} }`,
      `      ${name}: &${secret}`,
      `      ${name}: *${secret}`,
      `      ${name}: !${secret} x`,
      `      ${name}: @${secret}`,
      `      ${name}: ${secret}::`,
      `      ${name}:\n        ${secret}: 1`,
      `      ${name}:\n        ${secret}: 1: 2`,
      `     ${name}: ${secret}`,
      `       ${name}: ${secret}`,
      `      - ${name}: ${secret}`,
      `      {${name}: ${secret}`,
      `      ${name}: \u201c${secret}\u201d`,
      `      ${name}: ${secret}\u00a0`,
      `      ${name}: ${secret},`,
      `      ${name}: ${secret}\n      ${name}: ${secret}`,
    ];
    const told = slips.map((slip) => [slip, ...problemsOf(routesYaml({ x: row(slip) }))] as const);
    expect(told.filter(([, ...said]) => said.length === 0)).toEqual([]);
    expect(told.filter(([, ...said]) => said.some((line) => line.includes(secret)))).toEqual([]);
  });
});
