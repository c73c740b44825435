/** Keys of remote addresses. */
import { expect, test } from 'vitest';
import { remoteKey } from '../../../../src/sip/transport/remote-key.ts';

test('addresses and ports that differ have keys that differ', () => {
  const addresses = [
    '0.0.0.0',
    '0.0.0.1',
    '0.0.1.0',
    '1.0.0.0',
    '192.0.2.1',
    '192.0.2.255',
    '192.0.21.1',
    '255.255.255.255',
  ];
  const others = ['::', '::1', '2001:db8::1', '::ffff:192.0.2.1'];
  const ports = [1, 255, 256, 5060, 65_535];
  const keys = [...addresses, ...others].flatMap((address) => ports.map((port) => remoteKey(address, port)));
  expect(new Set(keys).size).toBe(keys.length);
});

test('an IPv4 address and a port are a whole number that a double holds', () => {
  expect(remoteKey('255.255.255.255', 65_535)).toBe(2 ** 48 - 1);
  expect(remoteKey('192.0.2.1', 5060)).toBe((192 * 2 ** 24 + 2 * 2 ** 8 + 1) * 65_536 + 5060);
});

test.each([
  '',
  '1',
  '1.2.3',
  '1..2.3',
  '.1.2.3',
  '1.2.3.',
  '1.2.3.4.5',
  '0.0.256.1',
  '1.2.3.999',
  '1.2.3.-4',
  '1.2.3.:',
  '1.2.3./',
  '1.2.3.4 ',
  'a.b.c.d',
  '1.2.3.4:5',
])('what is no IPv4 address is not taken for one: %j', (text) => {
  expect(remoteKey(text, 5060)).toBe(`${text} 5060`);
});
