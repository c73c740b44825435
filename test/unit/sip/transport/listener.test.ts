/** What a listener says of itself, which listener a request leaves by, and what stands in the way of opening one. */
import { describe, expect, test } from 'vitest';
import type { Transport } from '../../../../src/net/ports.ts';
import type { Listener, Target } from '../../../../src/sip/transport/flow.ts';
import { chooseListener, describeListener, sourceAddress } from '../../../../src/sip/transport/listener.ts';
import { makeTransports, openTransports } from '../../../support/open-transports.ts';

const listenerOn = (address: string, transport: Transport = 'tcp', tlsProfile?: string): Listener =>
  describeListener(
    { transport, address, port: 5060, ...(tlsProfile && { tlsProfile }) },
    'router.example.com',
    5060,
    0,
  );

const targetAt = (address: string, transport: Transport = 'tcp', tlsProfile?: string): Target => ({
  transport,
  address,
  port: 5060,
  tlsName: undefined,
  tlsProfile,
});

describe('sent-by', () => {
  test.each([
    ['its own name', 'a.example.com', 'node.example.com', '192.0.2.1', 'a.example.com:5070', 'a.example.com'],
    ['the name of the node', undefined, 'Node.example.com', '0.0.0.0', 'Node.example.com:5070', 'node.example.com'],
    ['its address', undefined, undefined, '192.0.2.1', '192.0.2.1:5070', '192.0.2.1'],
    ['its IPv6 address in brackets', undefined, undefined, '2001:db8::1', '[2001:db8::1]:5070', '2001:db8::1'],
  ])('is %s', (_what, name, nodeName, address, sentBy, sentByHost) => {
    const setting = { transport: 'udp', address, port: 0, ...(name && { name }) } as const;
    const listener = describeListener(setting, nodeName, 5070, 0);
    expect(listener).toMatchObject({ sentBy, sentByHost, sentByPort: 5070, port: 5070 });
  });

  test('a wildcard address needs a name', () => {
    expect(() => describeListener({ transport: 'udp', address: '::', port: 5060 }, undefined, 5060, 2)).toThrow(
      'listen[2] hears on every address (::), so peers must be told a name for it: set node.name in routes.yaml',
    );
  });
});

describe('the listener that a request leaves by', () => {
  const [loopback, wildcard, v6, udp] = [
    listenerOn('127.0.0.1'),
    listenerOn('0.0.0.0'),
    listenerOn('::1'),
    listenerOn('127.0.0.1', 'udp'),
  ];

  test.each([
    ['has the transport', [loopback, udp], targetAt('127.0.0.1', 'udp'), udp],
    ['has the family', [loopback, v6], targetAt('::1'), v6],
    ['is the first that fits', [wildcard, loopback], targetAt('127.0.0.2'), wildcard],
    ['can reach the target', [loopback, wildcard], targetAt('192.0.2.1'), wildcard],
    ['may be one on loopback if there is no other', [loopback], targetAt('192.0.2.1'), loopback],
    ['is none when none fits', [loopback], targetAt('127.0.0.1', 'tls'), undefined],
  ])('%s', (_what, listeners, target, expected) => {
    expect(chooseListener(listeners, target)).toBe(expected);
  });

  test('has the TLS profile of the target, if there is one that does', () => {
    const [modern, legacy] = [listenerOn('127.0.0.1', 'tls', 'modern'), listenerOn('127.0.0.1', 'tls', 'legacy')];
    expect(chooseListener([modern, legacy], targetAt('127.0.0.1', 'tls', 'legacy'))).toBe(legacy);
    expect(chooseListener([modern, legacy], targetAt('127.0.0.1', 'tls'))).toBe(modern);
    expect(chooseListener([modern], targetAt('127.0.0.1', 'tls', 'legacy'))).toBe(modern);
  });

  test('gives its address to connections that it can reach their target from', () => {
    expect(sourceAddress(loopback, targetAt('127.0.0.2'))).toBe('127.0.0.1');
    expect(sourceAddress(loopback, targetAt('192.0.2.1'))).toBeUndefined();
    expect(sourceAddress(wildcard, targetAt('192.0.2.1'))).toBeUndefined();
  });
});

describe('opening listeners', () => {
  test.each(['udp', 'tcp'] as const)(
    'a %s port in use is named, with what to do, and nothing stays open',
    async (transport) => {
      const { layer, listener } = await openTransports({ listen: [{ transport }] });
      const [free, taken] = [
        { transport, port: 0 },
        { transport, port: listener.port },
      ];
      const second = makeTransports({ listen: [free, taken] });
      await expect(second.layer.open()).rejects.toMatchObject({
        name: 'ListenError',
        code: 'address-in-use',
        message: `port ${listener.port}/${transport} on 127.0.0.1 is in use by another program: stop it, or change listen[1] in routes.yaml`,
      });
      expect(second.layer.listeners).toEqual([]);
      await layer.close(0);
      await second.layer.open();
      expect(second.layer.listeners.map(({ port }) => port)).toContain(listener.port);
      await second.layer.close(0);
    },
  );

  test('an address that this machine does not have is named', async () => {
    const { layer } = makeTransports({ listen: [{ transport: 'tcp', address: '192.0.2.1', port: 5060 }] });
    await expect(layer.open()).rejects.toMatchObject({
      code: 'address-not-available',
      message:
        'port 5060/tcp on 192.0.2.1 cannot be opened, because this machine does not have the address: add the address, or change listen[0] in routes.yaml',
    });
  });

  test('a wildcard address without a name is refused', async () => {
    const { layer } = makeTransports({ listen: [{ transport: 'udp', address: '0.0.0.0' }] });
    await expect(layer.open()).rejects.toMatchObject({ code: 'node-name-missing' });
  });

  test('UDP and TCP of both families open on one port, in configured order', async () => {
    const { listener, layer: probe } = await openTransports({ listen: [{ transport: 'tcp', address: '::1' }] });
    await probe.close(0);
    const all = (['udp', 'tcp'] as const).flatMap((transport) =>
      ['0.0.0.0', '::'].map((address) => ({ transport, address, port: listener.port })),
    );
    const { layer } = await openTransports({ nodeName: 'router.example.com', listen: all });
    expect(layer.listeners.map(({ transport, address, family }) => [transport, address, family])).toEqual([
      ['udp', '0.0.0.0', 4],
      ['udp', '::', 6],
      ['tcp', '0.0.0.0', 4],
      ['tcp', '::', 6],
    ]);
    await layer.close(0);
  });
});
