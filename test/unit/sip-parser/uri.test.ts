import { describe, expect, it } from 'vitest';
import { parseSipUri, schemeOf } from '../../../src/sip-parser/index.ts';

describe('parseSipUri (RFC 3261 §19.1)', () => {
  it('reads every part', () => {
    const uri = parseSipUri('sips:alice:secret@Example.COM:5061;transport=TCP;lr;maddr=192.0.2.1;x=a%20b?Subject=hi');
    expect(uri).toMatchObject({
      scheme: 'sips',
      user: 'alice',
      password: 'secret',
      host: 'example.com',
      port: 5061,
      hasLr: true,
      transport: 'tcp',
      maddr: '192.0.2.1',
      hasHeaders: true,
    });
    expect(['x', 'LR', 'absent'].map((name) => uri?.param(name))).toEqual(['a%20b', null, undefined]);
  });

  it.each([
    [
      'sip:example.com',
      { user: undefined, password: undefined, host: 'example.com', port: undefined, hasHeaders: false },
    ],
    ['SIP:bob@example.com', { scheme: 'sip', user: 'bob' }],
    ['sip:bob:@example.com', { user: 'bob', password: '' }],
    ['sip:192.0.2.1:5060', { host: '192.0.2.1', port: 5060 }],
    ['sip:example.com:0', { port: 0 }],
    ['sip:example.com:65535', { port: 65535 }],
    ['sip:[2001:DB8::1]', { host: '2001:db8::1', port: undefined }],
    ['sip:bob@[2001:db8::192.0.2.1]:5070;lr', { host: '2001:db8::c000:201', port: 5070, hasLr: true }],
    ['sip:bob@[2001:0DB8:0:0::0:1]', { host: '2001:db8::1' }],
    ['sip:bob@[::FFFF:192.0.2.1]', { host: '::ffff:192.0.2.1' }],
    ['sip:bob@Example.com.', { host: 'example.com' }],
    ['sip:bob@example.com..', { host: 'example.com.' }],
    ['sip:bob@example.com;maddr=SUB.Example.net.', { maddr: 'sub.example.net' }],
    ['sip:bob@example.com;maddr=[2001:DB8:0::1]', { maddr: '2001:db8::1' }],
    ['sip:bob@example.com;maddr=2001:DB8:0::1', { maddr: '2001:db8::1' }],
    ['sip:bob@example.com;maddr=', { maddr: '' }],
    ['sip:bob@example.com;%6Daddr=192.0.2.1', { maddr: '192.0.2.1' }],
    ['sip:bob;maddr=192.0.2.1@example.com', { user: 'bob;maddr=192.0.2.1', maddr: undefined }],
    ['sip:null-%00-null@example.com', { user: 'null-%00-null' }],
    ['sip:sips%3Auser%40example.com@example.net', { user: 'sips%3Auser%40example.com', host: 'example.net' }],
    ['sip:user;par=u%40example.net@example.com', { user: 'user;par=u%40example.net', host: 'example.com' }],
    ['sip:crazy?,/;;*@example.com', { user: 'crazy?,/;;*', hasHeaders: false }],
    ['sip:+12015550123;ext=4@example.com;user=phone', { user: '+12015550123;ext=4' }],
    ['sip:example.com;lr=on', { hasLr: true }],
    ['sip:example.com;%6C%72', { hasLr: true }],
    ['sip:example.com;lrx', { hasLr: false }],
    ['sip:bob@host_name.example.com', { host: 'host_name.example.com' }],
    ['sip:example.com?Route=%3Csip:example.com%3E', { hasHeaders: true, user: undefined }],
    ['sip:bob@example.com;opaque=user:epid:abc-D;gruu', { host: 'example.com' }],
  ] as const)('%s', (text, parts) => {
    expect(parseSipUri(text)).toMatchObject(parts);
  });

  it('takes a parameter whose name is escaped for what it says (RFC 3261 §19.1.4, RFC 4475 §3.1.1.3)', () => {
    expect(parseSipUri('sip:example.com;n%61me=v%61lue%25%34%31')?.param('name')).toBe('v%61lue%25%34%31');
  });

  it.each([
    '',
    'sip:',
    'sip',
    'sip:@example.com',
    'sip::secret@example.com',
    'sip:bob@',
    'sip:bob@@example.com',
    'sip:a@b@example.com',
    'sip:example.com:',
    'sip:example.com:65536',
    'sip:example.com:-1',
    'sip:example.com:5060x',
    'sip:example.com;',
    'sip:example.com;=x',
    'sip:example.com; lr',
    'sip:example.com/path',
    'sip:[2001:db8::1',
    'sip:[]',
    'sip:[192.0.2.1]',
    'sip:[2001:db8::1]x',
    'sip:2001:db8::1',
    'sip:bo b@example.com',
    'sip:bob@exa mple.com',
    'sip:<bob>@example.com',
    'sip:"bob"@example.com',
    'sip:bob%4@example.com',
    'sip:bob%zz@example.com',
    'sip:example.com;x=%',
    'sip:bob@example.com\r\n',
    'sip\x1abob@example.com',
    'tel:+12015550123',
    'sipx:bob@example.com',
  ])('%j is no well-formed sip or sips URI', (text) => {
    expect(parseSipUri(text)).toBeUndefined();
  });
});

describe('schemeOf (RFC 3261 §25.1)', () => {
  it.each([
    ['sip:bob@example.com', 'sip'],
    ['SIPS:bob@example.com', 'sips'],
    ['tel:+12015550123', 'tel'],
    ['soap.beep://192.0.2.103:3002', 'soap.beep'],
    ['urn:service:sos', 'urn'],
    ['nobodyKnowsThisScheme:totallyopaquecontent', 'nobodyknowsthisscheme'],
    ['bob@example.com', undefined],
    ['1sip:bob', undefined],
    [':bob', undefined],
    ['<sip:bob@example.com>', undefined],
    ['', undefined],
  ])('%j has the scheme %s', (uri, scheme) => {
    expect(schemeOf(uri)).toBe(scheme);
  });
});
