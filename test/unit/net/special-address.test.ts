/** Addresses with a meaning of their own. */
import { describe, expect, test } from 'vitest';
import { isLoopbackHost, isUnicast, isWildcard } from '../../../src/net/special-address.ts';

test.each([
  ['192.0.2.1', true],
  ['127.0.0.1', true],
  ['2001:db8::1', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['224.0.1.75', false],
  ['239.255.255.255', false],
  ['255.255.255.255', false],
  ['::', false],
  ['ff02::1', false],
  ['FF05::2', false],
  ['example.com', false],
  ['', false],
])('%s is unicast: %s', (address, expected) => {
  expect(isUnicast(address)).toBe(expected);
});

test.each([
  ['127.0.0.1', true],
  ['127.255.255.254', true],
  ['::1', true],
  ['126.0.0.1', false],
  ['127.0.0', false],
  ['127.0.0.1.example.com', false],
  ['127.example.com', false],
  ['localhost', false],
  ['::', false],
])('%s is a loopback address, and no name: %s', (address, expected) => {
  expect(isLoopbackHost(address)).toBe(expected);
});

describe('a wildcard', () => {
  test.each(['0.0.0.0', '::'])('%s', (address) => expect(isWildcard(address)).toBe(true));
  test.each(['0.0.0.1', '::1', ''])('not %j', (address) => expect(isWildcard(address)).toBe(false));
});
