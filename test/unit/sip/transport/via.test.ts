/** received, rport and the address of a response, as tables. */
import { describe, expect, test } from 'vitest';
import type { Transport } from '../../../../src/net/ports.ts';
import type { Flow } from '../../../../src/sip/transport/flow.ts';
import { goesBackOn, receivedParams, responseTarget } from '../../../../src/sip/transport/via.ts';
import { parseMessage, type Via } from '../../../../src/sip-parser/index.ts';
import { requestText } from '../../../support/raw-message.ts';

function viaOf(sentByAndParams: string): Via {
  const text = requestText({ method: 'OPTIONS', uri: 'sip:a@example.com', via: [`SIP/2.0/UDP ${sentByAndParams}`] });
  return parseMessage(text)!.topVia!;
}

function flowFrom(remoteAddress: string, remotePort: number, transport: Transport = 'udp', state = 'open'): Flow {
  const isReliable = transport !== 'udp';
  return {
    transport,
    isReliable,
    remoteAddress,
    remotePort,
    state,
    verifiedNames: [],
    listener: { tlsProfile: 'default' },
  } as unknown as Flow;
}

describe('received and rport of a request (RFC 3261 §18.2.1, RFC 3581 §4)', () => {
  test.each([
    ['sent-by is the source', '192.0.2.1:5060', '192.0.2.1', undefined],
    ['sent-by is the source, in brackets', '[2001:db8::1]:5060', '2001:db8::1', undefined],
    ['sent-by is another address', '192.0.2.9', '192.0.2.1', { received: '192.0.2.1' }],
    ['sent-by is a name', 'client.invalid', '192.0.2.1', { received: '192.0.2.1' }],
    ['an IPv6 source is written without brackets', 'client.invalid', '2001:db8::1', { received: '2001:db8::1' }],
    ['a zone stays at home', 'client.invalid', 'fe80::1%lo', { received: 'fe80::1' }],
    [
      'rport asks for the port, and then received is added too',
      '192.0.2.1;rport',
      '192.0.2.1',
      { received: '192.0.2.1', rport: 7777 },
    ],
    ['rport that has a value asks for nothing', '192.0.2.1;rport=9', '192.0.2.1', undefined],
    [
      'a received that the client invented is put right',
      '192.0.2.1;received=192.0.2.66',
      '192.0.2.1',
      { received: '192.0.2.1' },
    ],
    ['a received that is true stays', '192.0.2.1;received=192.0.2.1', '192.0.2.1', undefined],
  ])('%s', (_what, via, source, expected) => {
    expect(receivedParams(viaOf(via), flowFrom(source, 7777))).toEqual(expected && { rport: undefined, ...expected });
  });
});

describe('the address of a response (RFC 3261 §18.2.2, RFC 3581 §4)', () => {
  const source = '192.0.2.1';

  test.each([
    ['rport: the source port', 'client.invalid:5070;rport'],
    ['sent-by port is the source port', 'client.invalid:7777'],
    ['a multicast maddr is not followed', 'client.invalid:7777;maddr=239.1.2.3'],
    ['a maddr that is a name is not followed', 'client.invalid:7777;maddr=victim.example.com'],
    ['a maddr of somebody else is not followed', 'client.invalid:7777;maddr=192.0.2.5'],
    ['nor is one with rport', 'client.invalid:5070;rport;maddr=192.0.2.5'],
    ['nobody can listen on the port 0 of sent-by', 'client.invalid:0'],
  ])('UDP by the same flow: %s', (_what, via) => {
    expect(goesBackOn(viaOf(via), flowFrom(source, 7777))).toBe(true);
  });

  test.each([
    ['sent-by port', 'client.invalid:5070', source, 5070],
    ['5060 when sent-by names no port', 'client.invalid', source, 5060],
    ['a received that the client invented is not believed', 'client.invalid;received=192.0.2.66', source, 5060],
    ['a maddr of somebody else is not believed', 'client.invalid:5070;maddr=192.0.2.66', source, 5070],
  ])('UDP elsewhere: %s', (_what, via, address, port) => {
    const flow = flowFrom(source, 7777);
    expect(goesBackOn(viaOf(via), flow)).toBe(false);
    expect(responseTarget(viaOf(via), flow)).toEqual({
      transport: 'udp',
      address,
      port,
      tlsName: undefined,
      tlsProfile: undefined,
    });
  });

  test.each<Transport>(['tcp', 'tls'])('%s: the connection itself, until it is closed', (transport) => {
    const via = viaOf('client.invalid:5070;maddr=192.0.2.5');
    expect(goesBackOn(via, flowFrom(source, 7777, transport))).toBe(true);
    expect(goesBackOn(via, flowFrom(source, 7777, transport, 'closed'))).toBe(false);
  });

  test.each([
    ['tcp', 'client.example.com', 5060, undefined],
    ['tcp', 'client.example.com:5070', 5070, undefined],
    ['tls', 'client.example.com', 5061, 'client.example.com'],
  ] as const)('%s: in place of a closed connection with %s, one to port %i', (transport, via, port, tlsName) => {
    const flow = flowFrom(source, 7777, transport, 'closed');
    expect(responseTarget(viaOf(via), flow)).toEqual({
      transport,
      address: source,
      port,
      tlsName,
      tlsProfile: tlsName && 'default',
    });
  });

  test('tls: who is connected to must be who was there before, whatever sent-by says (RFC 5922 §7.3)', () => {
    const flow = { ...flowFrom(source, 7777, 'tls', 'closed'), verifiedNames: ['pool.example.com', 'fe1.example.com'] };
    expect(responseTarget(viaOf('FE1.example.com'), flow)?.tlsName).toBe('fe1.example.com');
    expect(responseTarget(viaOf('imp1.example.com'), flow)?.tlsName).toBe('pool.example.com');
  });

  test('there is none for a source that is no single host', () => {
    expect(responseTarget(viaOf('client.invalid'), flowFrom('255.255.255.255', 7777))).toBeUndefined();
  });
});
