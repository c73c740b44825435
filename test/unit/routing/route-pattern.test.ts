/** Destination patterns as operators and Cisco write them. */
import { describe, expect, test } from 'vitest';
import { parsePattern } from '../../../src/routing/routes/route-pattern.ts';
import { compileRoutes } from '../../../src/routing/routes/route-table.ts';
import { routeRow } from '../../support/routing.ts';

const matchesHost = (pattern: string, host: string): boolean =>
  compileRoutes([routeRow(0, 'cisco', pattern, '192.0.2.11')]).match('cisco', host, undefined, { spread: 0 }) !==
  undefined;

const matchesUser = (pattern: string, user: string): boolean =>
  compileRoutes([routeRow(0, 'cisco', pattern, '192.0.2.11', { type: 'user' })]).match(
    'cisco',
    'example.com',
    `${user}@example.com`,
    { spread: 0 },
  ) !== undefined;

describe('domain patterns', () => {
  test.each([
    ['example.com', 'example.com', true],
    ['Example.COM', 'example.com', true],
    ['example.com', 'a.example.com', false],
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'a.b.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'badexample.com', false],
    ['.com.example', 'example.com', true],
    ['.com.example', 'a.example.com', false],
    ['.com.example.pool', 'pool.example.com', true],
    ['.com.example.*', 'example.com', true],
    ['.com.example.*', 'a.b.example.com', true],
    ['.com.example.*', 'badexample.com', false],
    ['fe*.example.com', 'fe1.example.com', true],
    ['fe*.example.com', 'fe.example.com', true],
    ['fe*.example.com', 'fe1.eu.example.com', true],
    ['fe*.example.com', 'fx1.example.com', false],
    ['fe*.example.com', 'fe1.example.com.example.net', false],
    ['*-pool*.example.com', 'eu-pool1.example.com', true],
    ['*-pool*.example.com', 'eupool1.example.com', false],
    ['ab*ba.example.com', 'aba.example.com', false],
    ['*aa*', 'xaay', true],
    ['*', 'anything.example.net', true],
    ['a\\*b.example.com', 'a*b.example.com', true],
    ['a\\*b.example.com', 'axb.example.com', false],
    ['a\\*b*.example.com', 'a*bc.example.com', true],
    ['192.0.2.21', '192.0.2.21', true],
    ['2001:db8::1', '2001:db8::1', true],
  ])('%s and %s: %s', (pattern, host, isMatch) => {
    expect(matchesHost(pattern, host)).toBe(isMatch);
  });

  test.each([
    '',
    '.',
    '.*',
    '.com..example',
    'exa mple.com',
    'example.com..',
    'sip:example.com',
    'a*b@c',
    `${'a'.repeat(256)}`,
  ])('%j is refused with a problem', (text) => {
    expect(parsePattern(text, 'domain').problem).toEqual(expect.any(String));
  });
});

describe('user patterns', () => {
  test.each([
    ['bob', 'bob', true],
    ['BOB', 'bob', true],
    ['bob', 'bobby', false],
    ['b.b', 'bob', true],
    ['b.b', 'bb', false],
    ['b.b', 'boob', false],
    ['bob*', 'bob', true],
    ['bob*', 'bobby', true],
    ['bob*', 'bo', false],
    ['..b*', 'bobby', true],
    ['*', 'anyone', true],
    ['m%C3%BCller', 'müller', true],
  ])('%s and %s: %s', (pattern, user, isMatch) => {
    expect(matchesUser(pattern, user)).toBe(isMatch);
  });

  test.each(['', 'b*b', '**', 'bob@example.com', 'bob smith'])('%j is refused with a problem', (text) => {
    expect(parsePattern(text, 'user').problem).toEqual(expect.any(String));
  });
});
