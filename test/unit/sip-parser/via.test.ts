import { describe, expect, it } from 'vitest';
import type { Via } from '../../../src/sip-parser/index.ts';
import { request } from './sample.ts';

function via(value: string): Via | undefined {
  return request({ Via: `Via: ${value}` }).topVia;
}

describe('Via (RFC 3261 §20.42)', () => {
  it('is read whole', () => {
    expect(
      via('SIP/2.0/TLS Proxy.Example.com:5061;branch=z9hG4bK7;received=192.0.2.4;rport=49180;maddr=224.2.0.1;alias'),
    ).toMatchObject({
      transport: 'TLS',
      host: 'proxy.example.com',
      port: 5061,
      branch: 'z9hG4bK7',
      received: '192.0.2.4',
      rport: '49180',
      maddr: '224.2.0.1',
      hasAlias: true,
    });
  });

  it('needs no more than protocol and host (RFC 2543)', () => {
    expect(via('SIP/2.0/UDP host.example.com')).toMatchObject({
      transport: 'UDP',
      host: 'host.example.com',
      port: undefined,
      branch: undefined,
      received: undefined,
      rport: undefined,
      maddr: undefined,
      hasAlias: false,
    });
  });

  it('gives an IPv6 host without brackets, lower case (RFC 5118 §4)', () => {
    expect(via('SIP/2.0/UDP [2001:DB8::9:1]:5060;received=2001:db8::9:255')).toMatchObject({
      host: '2001:db8::9:1',
      port: 5060,
      received: '2001:db8::9:255',
    });
    expect(via('SIP/2.0/UDP [2001:db8::1];received=[2001:db8::9:255]')?.received).toBe('[2001:db8::9:255]');
  });

  it('gives a host in one spelling: no final dot, IPv6 as RFC 5952 writes it (RFC 5954 §4.2)', () => {
    expect(via('SIP/2.0/TCP Router.Example.Com.:5060')).toMatchObject({ host: 'router.example.com', port: 5060 });
    expect(via('SIP/2.0/TCP [2001:0DB8:0:0:0::01]')?.host).toBe('2001:db8::1');
  });

  it('gives a valueless rport as empty (RFC 3581 §3)', () => {
    expect(via('SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1')?.rport).toBe('');
  });

  it('gives an empty rport as empty and an empty received as absent: neither says anything (RFC 3581 §3)', () => {
    const read = via('SIP/2.0/UDP 192.0.2.1;rport=;received= ;branch=z9hG4bK1');
    expect(read).toMatchObject({ rport: '', received: undefined, branch: 'z9hG4bK1' });
  });

  it('below the topmost may be unreadable behind its transport, and the next one is found at the comma', () => {
    const values = [
      'SIP/2.0/UDP [fe80::1%25eth0]:5060;branch=z9hG4bK2',
      'SIP/2.0/TCP own.example.com:5070 (Acme',
      'SIP/2.0/TLS c.example.com;branch=z9hG4bK4',
    ];
    const { vias, text } = request({ Via: `Via: SIP/2.0/UDP a.example.com, ${values.join(' , ')} ` });
    expect(vias.slice(1).map(({ start, end }) => text.slice(start, end))).toEqual(values);
    expect(vias.map(({ host, port, branch }) => [host, port, branch])).toEqual([
      ['a.example.com', undefined, undefined],
      ['', undefined, undefined],
      ['own.example.com', 5070, undefined],
      ['c.example.com', undefined, 'z9hG4bK4'],
    ]);
  });

  it('may have white space and folding between all its parts (RFC 4475 §3.1.1.1)', () => {
    expect(via('SIP  / 2.0  / TCP     spindle.example.com   : 5070 ;\r\n  branch  =   z9hG4bK9ikj8  ')).toMatchObject({
      transport: 'TCP',
      host: 'spindle.example.com',
      port: 5070,
      branch: 'z9hG4bK9ikj8',
    });
  });

  it('may name any transport (RFC 4475 §3.1.1.10)', () => {
    expect(via('SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en')?.transport).toBe('UNKNOWN');
  });

  it('starts and ends with its octets, not with the white space around them', () => {
    const message = request({ Via: 'Via:  SIP/2.0/UDP a.example.com ; x = "a, b" , SIP/2.0/UDP b.example.com  ' });
    const octets = message.vias.map(({ start, end }) => message.text.slice(start, end));
    expect(octets).toEqual(['SIP/2.0/UDP a.example.com ; x = "a, b"', 'SIP/2.0/UDP b.example.com']);
  });

  it('takes the first of a repeated parameter', () => {
    expect(via('SIP/2.0/UDP a.example.com;branch=z9hG4bK1;branch=z9hG4bK2')?.branch).toBe('z9hG4bK1');
  });

  it('passes over empty parameters (printed in RFC 3428 §10)', () => {
    expect(via('SIP/2.0/TCP a.example.com;;branch=z9hG4bK1;')?.branch).toBe('z9hG4bK1');
  });

  it.each([
    '',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'SIP/2.0 192.0.2.1',
    'SIP/2.0/ 192.0.2.1',
    'SIP/2.0/UDP;branch=z9hG4bK1',
    'SIP/2.0/UDP 192.0.2.1:',
    'SIP/2.0/UDP 192.0.2.1:abc',
    'SIP/2.0/UDP 192.0.2.1:65536',
    'SIP/2.0/UDP [2001:db8::1',
    'SIP/2.0/UDP [nonsense]',
    'SIP/2.0/UDP [1:2:3]',
    'SIP/2.0/UDP 2001:db8::1',
    'SIP/2.0/UDP 192.0.2.1 nonsense',
    'SIP/2.0/UDP 192.0.2.1;branch=',
    'SIP/2.0/UDP 192.0.2.1;=x',
    'SIP/2.0/UDP 192.0.2.1;x="open',
    'SIP/2.0/UDP 192.0.2.1;x="a"b',
  ])('%j is malformed', (value) => {
    expect(via(value)).toBeUndefined();
  });

  it('reads the same when a sender writes the same again, whoever else has written in between', () => {
    const senders = [
      'SIP/2.0/TCP imp1.example.com:5060',
      'SIP/2.0/TLS imp1.example.com:5060',
      'SIP/2.0/TCP imp1.example.com:50600',
      'SIP/2.0/TCP imp1.example.com:506',
      'SIP/2.0/TCP imp1.example.com',
      'SIP/2.0/TCP IMP1.Example.COM:5060',
      'SIP / 2.0 / TCP imp1.example.com : 5060',
      'SIP/2.0/TCP\r\n imp1.example.com:5060',
      'SIP/2.0/TCP [2001:db8::9:1]:5060',
      `SIP/2.0/TCP ${'long.'.repeat(40)}example.com:5060`,
    ];
    const read = (sentBy: string) => {
      const { transport, host, port, branch, rport } = via(`${sentBy};branch=z9hG4bK1;rport`)!;
      return { transport, host, port, branch, rport };
    };
    const first = senders.map(read);
    expect(first.map(({ transport, host, port }) => `${transport} ${host} ${port}`)).toEqual([
      'TCP imp1.example.com 5060',
      'TLS imp1.example.com 5060',
      'TCP imp1.example.com 50600',
      'TCP imp1.example.com 506',
      'TCP imp1.example.com undefined',
      'TCP imp1.example.com 5060',
      'TCP imp1.example.com 5060',
      'TCP imp1.example.com 5060',
      'TCP 2001:db8::9:1 5060',
      `TCP ${'long.'.repeat(40)}example.com 5060`,
    ]);
    for (const round of [1, 2]) {
      const again = senders.map((sender) => [read(sender), read(sender)]);
      expect(again, `round ${round}`).toEqual(first.map((once) => [once, once]));
    }
    for (const rest of [' x', ':', '>']) expect(via(`SIP/2.0/TCP imp1.example.com:5060${rest};rport`)).toBeUndefined();
  });
});
