/** What a listener is reached by. */
import { expect, test } from 'vitest';
import { machineAddresses, reachedBy } from '../../../src/net/own-addresses.ts';

const own = ['127.0.0.1', '192.0.2.1', '::1', '2001:db8::1'];

test.each([
  ['0.0.0.0', ['127.0.0.1', '192.0.2.1']],
  ['::', ['::1', '2001:db8::1']],
  ['192.0.2.9', ['192.0.2.9']],
])('%s hears %j', (address, expected) => expect(reachedBy(address, own)).toEqual(expected));

test('this machine has a loopback address', () => expect(machineAddresses()).toContain('127.0.0.1'));
