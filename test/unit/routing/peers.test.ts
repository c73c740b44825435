/** Where a followed URI leads (RFC 3263 §4.1, §4.2): to a configured hop, to another place of a peer, or nowhere. */
import { describe, expect, test } from 'vitest';
import type { Reach } from '../../../src/routing/peers.ts';
import type { HopAt, Side } from '../../../src/routing/types.ts';
import { accessRow, policyOf, routeRow, uriOf } from '../../support/routing.ts';

const { peers } = policyOf({
  access: [
    accessRow(0, 'cisco', '192.0.2.11'),
    accessRow(1, 'microsoft', '.example.com'),
    accessRow(2, 'microsoft', '2001:db8::/64'),
    accessRow(3, 'cisco', 'all'),
  ],
  routes: [
    routeRow(0, 'cisco', 'example.com', '192.0.2.11'),
    routeRow(1, 'microsoft', 'example.com', '192.0.2.21', {
      port: 5061,
      transport: 'tls',
      tlsName: 'fe1.example.com',
      tlsProfile: 'lync',
    }),
    routeRow(2, 'microsoft', 'example.com', 'pool.example.net', { port: 0, transport: 'tls' }),
    routeRow(3, 'cisco', 'example.com', '127.0.0.1', { port: 5070 }),
    routeRow(4, 'microsoft', 'example.com', '127.0.0.1', { port: 5080 }),
    routeRow(5, 'cisco', 'example.com', '127.0.0.2'),
    routeRow(6, 'microsoft', 'example.com', '127.0.0.2'),
    routeRow(7, 'cisco', 'example.com', '192.0.2.66', { block: true }),
    routeRow(8, 'cisco', 'example.com', '192.0.2.12', { inService: false }),
    routeRow(9, 'microsoft', 'example.com', '2001:db8:1::1'),
  ],
});

const idOf = (uri: string, from: Side = 'cisco'): string | undefined => peers.find(uriOf(uri), from, 'peers')?.hop.id;

describe('a followed URI', () => {
  test.each([
    ['sip:192.0.2.11:5060;transport=tcp', 'cisco 192.0.2.11:5060/tcp', 'leads to the configured hop'],
    ['sip:192.0.2.11;transport=tcp', 'cisco 192.0.2.11:5060/tcp', 'without a port means 5060'],
    ['sip:192.0.2.11', 'cisco 192.0.2.11:5060/tcp', 'without a transport means the configured one'],
    [
      'sip:192.0.2.11;transport=udp',
      'cisco 192.0.2.11:5060/udp',
      'with another transport leads to the same host by that',
    ],
    [
      'sip:192.0.2.11:5080',
      'cisco 192.0.2.11:5080/udp',
      'with a port that is not configured means UDP (RFC 3263 §4.1)',
    ],
    [
      'sip:192.0.2.21;transport=tls',
      'microsoft 192.0.2.21:5061/tls (fe1.example.com, tls lync)',
      'by TLS without a port means 5061',
    ],
    ['sips:192.0.2.21', 'microsoft 192.0.2.21:5061/tls (fe1.example.com, tls lync)', 'of scheme sips means TLS'],
    ['sip:pool.example.net;transport=tls', 'microsoft pool.example.net:0/tls', 'by name without a port asks for SRV'],
    ['sip:fe9.example.com;transport=tls', 'microsoft fe9.example.com:0/tls', 'by a listed name leads there by TLS'],
    [
      'sip:fe9.example.com:5061;transport=tls',
      'microsoft fe9.example.com:5061/tls',
      'by a listed name with a port too',
    ],
    ['sip:fe9.example.com;transport=tcp', undefined, 'by a listed name without TLS leads nowhere'],
    [
      'sip:[2001:db8::7]:5062;transport=tcp',
      'microsoft [2001:db8::7]:5062/tcp',
      'to a listed IPv6 network leads there',
    ],
    ['sip:[2001:db8:1:0::1]', 'microsoft [2001:db8:1::1]:5060/tcp', 'to an IPv6 hop in another spelling finds the hop'],
    ['sip:192.0.2.12:5060;transport=tcp', 'cisco 192.0.2.12:5060/tcp', 'to a hop out of service still leads there'],
    ['sip:192.0.2.66:5060', undefined, 'to the hop of a blocked row leads nowhere'],
    ['sip:192.0.2.77:5060', undefined, 'to an address that only "all" covers leads nowhere'],
    ['sip:192.0.2.11:5060;transport=sctp', undefined, 'by a transport that is not spoken leads nowhere'],
  ])('%s: %s (it %s)', (uri, id, _what) => {
    expect(idOf(uri)).toBe(id);
  });

  test.each([
    ['cisco', 'microsoft'],
    ['microsoft', 'cisco'],
  ] as const)('to a hop that serves both sides, asked from %s, leads to %s', (from, to) => {
    expect(peers.find(uriOf('sip:127.0.0.2:5060;transport=tcp'), from, 'peers')?.side).toBe(to);
  });

  test.each([
    ['cisco', 'microsoft'],
    ['microsoft', 'cisco'],
  ] as const)('to a new port of a host that serves both sides, asked from %s, leads to %s', (from, to) => {
    expect(peers.find(uriOf('sip:127.0.0.1:5099;transport=tcp'), from, 'peers')?.side).toBe(to);
  });

  test.each([
    ['sip:192.0.2.11:5060;transport=tcp', true, true],
    ['sip:192.0.2.11:5080;transport=tcp', false, true],
    ['sip:fe9.example.com;transport=tls', false, false],
    ['sip:[2001:db8::7]:5062;transport=tcp', false, false],
  ])('%s is a hop: %s; on the host of one: %s', (uri, isHop, isOnHost) => {
    expect(peers.find(uriOf(uri), 'cisco', 'hops') !== undefined).toBe(isHop);
    expect(peers.find(uriOf(uri), 'cisco', 'hosts of hops') !== undefined).toBe(isOnHost);
  });

  test('to another TLS port of a hop is spoken to as the hop is: same profile, same certificate name', () => {
    expect(peers.find(uriOf('sip:192.0.2.21:5091;transport=tls'), 'cisco', 'peers')?.hop).toMatchObject({
      id: 'microsoft 192.0.2.21:5091/tls',
      tlsName: 'fe1.example.com',
      tlsProfile: 'lync',
    });
  });

  test.each(['sip:192.0.2.11:5080;transport=tcp', 'sip:fe9.example.com;transport=tls'])(
    '%s is one and the same hop whenever it is asked for, so that its addresses and connections are found again',
    (uri) => {
      const first = peers.find(uriOf(uri), 'microsoft', 'peers');
      expect(first).toBeDefined();
      expect(peers.find(uriOf(uri), 'microsoft', 'peers')).toBe(first);
    },
  );

  test.each([
    ['port', 'sip:192.0.2.11:5090;transport=tcp', 'sip:192.0.2.11:5091;transport=tcp'],
    ['transport', 'sip:192.0.2.11:5090;transport=tcp', 'sip:192.0.2.11:5090;transport=udp'],
    ['host', 'sip:fe7.example.com;transport=tls', 'sip:fe8.example.com;transport=tls'],
    ['missing port', 'sip:fe7.example.com;transport=tls', 'sip:fe7.example.com:5061;transport=tls'],
  ])('of another %s is another hop: %s and then %s', (_what, uri, other) => {
    const ids = [uri, other, uri].map((each) => idOf(each));
    expect(ids[1]).toBeDefined();
    expect(ids[1]).not.toBe(ids[0]);
    expect(ids[2]).toBe(ids[0]);
  });

  test('of more ports than are remembered leads to each of them', () => {
    const idAt = (port: number): string | undefined => idOf(`sip:192.0.2.11:${port};transport=tcp`);
    const ports = Array.from({ length: 3_000 }, (_, n) => 10_000 + n);
    for (const port of [...ports, ...ports]) expect(idAt(port)).toBe(`cisco 192.0.2.11:${port}/tcp`);
  });

  test('of a known place leads nowhere for those who may not go there', () => {
    const uri = uriOf('sip:192.0.2.11:5095;transport=tcp');
    expect(peers.find(uri, 'cisco', 'peers')).toBeDefined();
    expect(peers.find(uri, 'cisco', 'hops')).toBeUndefined();
  });
});

describe('an address that the name of a next hop stands for', () => {
  const { peers: byName } = policyOf({
    access: [accessRow(0, 'cisco', 'imp1.example.com')],
    routes: [
      routeRow(0, 'cisco', 'example.com', 'imp1.example.com', { port: 5061, transport: 'tls', tlsProfile: 'cisco' }),
      routeRow(1, 'microsoft', 'example.com', 'fe1.example.com', { port: 5060, transport: 'tcp' }),
    ],
  });
  const byTls: HopAt = {
    hopId: 'cisco imp1.example.com:5061/tls (tls cisco)',
    transport: 'tls',
    port: 5061,
    hasProvedName: false,
  };
  const byTcp: HopAt = {
    hopId: 'microsoft fe1.example.com:5060/tcp',
    transport: 'tcp',
    port: 5060,
    hasProvedName: false,
  };
  const find = (uri: string, at: readonly HopAt[], reach: Reach = 'peers') =>
    byName.find(uriOf(uri), 'microsoft', reach, (address) => (address === '192.0.2.5' ? at : []));

  test.each([
    ['sip:192.0.2.5:5080;transport=tcp', byTcp, 'microsoft 192.0.2.5:5080/tcp', 'is a place of it'],
    ['sip:192.0.2.5', byTcp, 'microsoft 192.0.2.5:5060/tcp', 'without transport is spoken to as DNS says'],
    ['sip:192.0.2.5:5080', byTcp, 'microsoft 192.0.2.5:5080/udp', 'with another port means UDP (RFC 3263 §4.1)'],
    [
      'sip:192.0.2.5:5061;transport=tls',
      byTls,
      'cisco 192.0.2.5:5061/tls',
      'over TLS must prove the name, so it may be tried',
    ],
    ['sip:192.0.2.5:5061', byTls, 'cisco 192.0.2.5:5061/tls', 'without transport, at the port of the hop, means TLS'],
    ['sip:192.0.2.5:5080;transport=tcp', byTls, undefined, 'in the clear is nobody whom TLS has proved'],
    [
      'sip:192.0.2.5:5080;transport=tcp',
      { ...byTls, hasProvedName: true },
      'cisco 192.0.2.5:5080/tcp',
      'in the clear is known once TLS has proved the name there',
    ],
    ['sip:192.0.2.6:5080;transport=tcp', byTcp, undefined, 'is no other address'],
    ['sip:192.0.2.5:5080;transport=tcp', { ...byTcp, hopId: 'gone' }, undefined, 'counts for hops in force only'],
  ])('%s: %s', (uri, at, id, _what) => expect(find(uri, [at])?.hop.id).toBe(id));

  test('is spoken to as the hop is: same profile, and the certificate must carry the name', () =>
    expect(find('sip:192.0.2.5:5061;transport=tls', [byTls])?.hop).toMatchObject({
      tlsName: 'imp1.example.com',
      tlsProfile: 'cisco',
    }));

  test('outside a dialog is no next hop; with a To tag alone it is the host of one', () => {
    const uri = 'sip:192.0.2.5:5080;transport=tcp';
    expect(find(uri, [byTcp], 'hops')).toBeUndefined();
    expect(find(uri, [byTcp], 'hosts of hops')?.hop.id).toBe('microsoft 192.0.2.5:5080/tcp');
    expect(find(uri, [], 'hosts of hops')).toBeUndefined();
  });

  test('is one and the same place as long as it is known, and none afterwards', () => {
    const uri = 'sip:192.0.2.5:5085;transport=tcp';
    const first = find(uri, [byTcp]);
    expect(find(uri, [byTcp])).toBe(first);
    expect(find(uri, [])).toBeUndefined();
  });
});
