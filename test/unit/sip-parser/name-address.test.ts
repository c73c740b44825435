import { describe, expect, it } from 'vitest';
import type { NameAddress } from '../../../src/sip-parser/index.ts';
import { request } from './sample.ts';

function from(value: string): NameAddress | undefined {
  return request({ From: `From: ${value}` }).from;
}

describe('name-addr and addr-spec (RFC 3261 §20.10, §25.1)', () => {
  it.each([
    ['<sip:a@example.com>', 'sip:a@example.com'],
    ['"A. G. Bell" <sip:a@example.com>;tag=1', 'sip:a@example.com'],
    ['"comma, <bracket> and \\"quote\\" \\\\" <sip:a@example.com>;tag=1', 'sip:a@example.com'],
    ['Alice B. <sip:a@example.com>', 'sip:a@example.com'],
    ['AT&T <sip:a@example.com>', 'sip:a@example.com'],
    ['caller<sip:a@example.com>', 'sip:a@example.com'],
    ['""<sip:a@example.com>', 'sip:a@example.com'],
    ['J\xc3\xbcrgen <sip:a@example.com>', 'sip:a@example.com'],
    ['sip:a@example.com', 'sip:a@example.com'],
    ['sip:a@example.com;tag=1', 'sip:a@example.com'],
    ['sip:a@example.com ; tag=1', 'sip:a@example.com'],
    ['<sip:a;x=1@example.com;user=phone?Subject=hi,there>;tag=1', 'sip:a;x=1@example.com;user=phone?Subject=hi,there'],
    ['<sip:a@[2001:db8::1]:5060>', 'sip:a@[2001:db8::1]:5060'],
    ['tel:+1-201-555-0123;tag=1', 'tel:+1-201-555-0123'],
    ['isbn:2983792873', 'isbn:2983792873'],
    ['<http://www.example.com>;tag=3234233', 'http://www.example.com'],
    ['<sip:a@example.com;transport="tcp">;proxy=replace', 'sip:a@example.com;transport="tcp"'],
  ])('%j holds the URI %s', (value, uri) => {
    expect(from(value)?.uri).toBe(uri);
  });

  it('keeps URI and header parameters apart (RFC 3261 §20)', () => {
    const inBrackets = from('<sip:a@example.com;x=uri>;y=header');
    expect([inBrackets?.param('x'), inBrackets?.param('y')]).toEqual([undefined, 'header']);
    expect(inBrackets?.parsedUri?.param('x')).toBe('uri');
    const bare = from('sip:a@example.com;x=header');
    expect(bare?.param('x')).toBe('header');
    expect(bare?.parsedUri?.param('x')).toBeUndefined();
  });

  it('gives parameters by name in any case, null without a value, quotes kept', () => {
    const address = from('<sip:a@example.com>;Tag=1;lonely;+sip.instance="<urn:uuid:1>;,";empty=""');
    expect(['TAG', 'lonely', '+SIP.instance', 'empty', 'absent'].map((name) => address?.param(name))).toEqual([
      '1',
      null,
      '"<urn:uuid:1>;,"',
      '""',
      undefined,
    ]);
    expect(address?.tag).toBe('1');
  });

  it('reads the URI only when it is sip or sips', () => {
    expect(from('<sips:a@example.com>')?.parsedUri?.scheme).toBe('sips');
    expect(from('<tel:+12015550123>')?.parsedUri).toBeUndefined();
    expect(from('<sip:>')?.parsedUri).toBeUndefined();
  });

  it('starts with the display name and ends with the last parameter', () => {
    const message = request({ From: 'From:  "Al" <sip:a@example.com> ; tag = 1  ' });
    expect(message.text.slice(message.from?.start, message.from?.end)).toBe('"Al" <sip:a@example.com> ; tag = 1');
  });

  it.each([
    '',
    'Alice',
    '<>',
    '"Alice <sip:a@example.com>',
    '"Alice\\" <sip:a@example.com>',
    '<sip:a@example.com',
    'sip:a@example.com>',
    '<sip:a@example.com> trailing',
    '<<sip:a@example.com>>',
    '< sip:a@example.com >',
    '<sip:a @example.com>',
    'Bell, Alexander <sip:a@example.com>',
    'sip:x;y <sip:a@example.com>',
    '"A" "B" <sip:a@example.com>',
    '<sip:a@example.com>;tag="open',
    '<sip:a@example.com>;=1',
    '<sip:a@example.com>;tag=',
    '<sip:a@example.com>,',
    'alice@example.com',
    '<sip:a@example.com;p=">">',
    '<sip:a@example.com;p="tcp>',
  ])('%j is malformed in From (RFC 4475 §3.1.2)', (value) => {
    expect(from(value)).toBeUndefined();
  });
});
