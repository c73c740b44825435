/** What a host name is, and how addresses are written and read. */
import { describe, expect, test } from 'vitest';
import {
  bracketed,
  canonicalAddress,
  hostAndPort,
  isHostName,
  readHostAndPort,
  withoutBrackets,
  withoutFinalDot,
} from '../../../src/net/host.ts';

const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;

describe('a host name (RFC 1123 §2.1, RFC 1035 §2.3.4, RFC 3261 §25.1)', () => {
  test.each([
    'example.com',
    'EXAMPLE.com',
    'localhost',
    '3com',
    '1.2.example',
    '123.example.com',
    'my_host.example.com',
    '_sip._tcp.example.com',
    'a--b.example.com',
    'xn--bcher-kva.example',
    `${'a'.repeat(63)}.example.com`,
    longest,
  ])('%s', (text) => expect(isHostName(text)).toBe(true));

  test.each([
    ['nothing', ''],
    ['a number', '123'],
    ['two numbers', '1.2'],
    ['an IPv4 address', '192.0.2.1'],
    ['a last label without a letter', 'example.1-2'],
    ['a label of 64 characters', `${'a'.repeat(64)}.example.com`],
    ['254 characters', `${longest}d`],
    ['a final dot', 'example.com.'],
    ['an empty label', 'example..com'],
    ['a hyphen in front', '-a.example.com'],
    ['a hyphen behind', 'a-.example.com'],
    ['a letter beyond ASCII', 'bücher.example'],
    ['an IPv6 address', '2001:db8::1'],
    ['a line end behind it', 'example.com\n'],
    ['a port behind it', 'example.com:5060'],
  ])('not %s', (_, text) => expect(isHostName(text)).toBe(false));
});

test.each([
  ['example.com.', 'example.com'],
  ['example.com', 'example.com'],
  ['example.com..', 'example.com..'],
  ['.', '.'],
])('%s without its final dot is %s', (host, expected) => expect(withoutFinalDot(host)).toBe(expected));

test.each([
  ['2001:db8::1', '[2001:db8::1]', '[2001:db8::1]:5060'],
  ['192.0.2.1', '192.0.2.1', '192.0.2.1:5060'],
  ['example.com', 'example.com', 'example.com:5060'],
])('%s stands as %s in a URI', (host, inUri, withPort) => {
  expect([bracketed(host), hostAndPort(host, 5060)]).toEqual([inUri, withPort]);
});

test.each([
  ['[2001:db8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['[192.0.2.1]', '[192.0.2.1]'],
  ['[example.com]', '[example.com]'],
  ['[2001:db8::1', '[2001:db8::1'],
])('%s without brackets is %s', (text, expected) => expect(withoutBrackets(text)).toBe(expected));

describe('a host with or without a port', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1', undefined],
    ['192.0.2.1:5060', '192.0.2.1', 5060],
    ['[2001:db8::1]', '2001:db8::1', undefined],
    ['[2001:db8::1]:5061', '2001:db8::1', 5061],
    ['example.com:65535', 'example.com', 65_535],
    ['example.com:0', 'example.com', 0],
  ])('%s', (text, host, port) => expect(readHostAndPort(text)).toEqual({ host, port }));

  test.each([
    '',
    ':5060',
    '2001:db8::1',
    '[192.0.2.1]:5060',
    '[]:5060',
    'a:65536',
    'a:',
    'a:x',
    'a:123456',
    '[::1]5060',
  ])('not %j', (text) => expect(readHostAndPort(text)).toBeUndefined());
});

test.each([
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:db8:0:1::', '2001:db8:0:1::'],
  ['::FFFF:192.0.2.1', '::ffff:192.0.2.1'],
  ['::ffff:c000:201', '::ffff:192.0.2.1'],
  ['FE80:0::1%Eth0', 'fe80::1%eth0'],
  ['192.0.2.1', '192.0.2.1'],
  ['example.com', 'example.com'],
])('%s is written %s (RFC 5952)', (address, expected) => expect(canonicalAddress(address)).toBe(expected));
