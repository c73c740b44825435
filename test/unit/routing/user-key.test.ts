/** One user, one key, however the address is written (RFC 3261 §19.1.4; IM&P and AD compare without case). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalUser, isAmbiguousKey, keyOfAddress, userKey, userOfKey } from '../../../src/routing/user-key.ts';

describe('userKey', () => {
  test.each([
    ['bob', 'example.com', 'bob@example.com', 'stays as it is'],
    ['Bob', 'Example.COM', 'bob@example.com', 'loses its case'],
    ['b%6Fb', 'example.com', 'bob@example.com', 'loses an escape'],
    ['%42ob', 'example.com', 'bob@example.com', 'loses an escaped capital'],
    ['bob%2Bwork', 'example.com', 'bob+work@example.com', 'loses the escape of a character that needs none'],
    ['m%C3%BCller', 'example.com', 'müller@example.com', 'has its escaped UTF-8 octets decoded'],
    ['M%C3%9CLLER', 'example.com', 'müller@example.com', 'loses case beyond ASCII'],
    ['m\xc3\xbcller', 'example.com', 'müller@example.com', 'has bare UTF-8 octets decoded'],
    ['m%FCller', 'example.com', 'm%fcller@example.com', 'keeps octets that are not UTF-8 as escapes'],
    ['m\xfcller', 'example.com', 'm%fcller@example.com', 'has bare octets that are not UTF-8 escaped'],
    ['bob%', 'example.com', 'bob%25@example.com', 'has a lone percent sign escaped'],
    ['bob%zz', 'example.com', 'bob%25zz@example.com', 'has the percent sign of no escape escaped'],
    ['bob%40example.net', 'example.com', 'bob%40example.net@example.com', 'keeps an escaped @'],
    ['bob%00', 'example.com', 'bob%00@example.com', 'keeps an escaped NUL'],
    ['bob%3Asecret', 'example.com', 'bob%3asecret@example.com', 'keeps an escaped colon'],
    ['%2541', 'example.com', '%2541@example.com', 'is decoded once, not twice'],
    ['bob', 'Example.com.', 'bob@example.com', 'loses the final dot of its host'],
    ['bob%20', 'example.com', 'bob@example.com', 'loses blanks at its end'],
    ['%20bob%C2%A0', 'example.com', 'bob@example.com', 'loses blanks of all kinds at both ends'],
    ['bob%20%20b', 'example.com', 'bob%20b@example.com', 'has one blank where several were'],
    ['bob;x=1', 'example.com', 'bob@example.com', 'loses what some take for parameters of the user'],
    ['bob%3Bx=1', 'example.com', 'bob@example.com', 'loses them behind an escaped semicolon, too'],
    [';x=1', 'example.com', ';x=1@example.com', 'keeps them where nobody stands before them'],
    ['bo%C2%ADb', 'example.com', 'bob@example.com', 'loses a soft hyphen'],
    ['bo%E2%80%8Bb%E2%80%AE', 'example.com', 'bob@example.com', 'loses what has no width, and marks of direction'],
    ['%EF%BD%82ob', 'example.com', 'bob@example.com', 'has full-width letters in their usual form'],
    ['%E2%84%AAen', 'example.com', 'ken@example.com', 'has the Kelvin sign as k'],
    ['%EF%AC%81nn', 'example.com', 'finn@example.com', 'has a ligature as its letters'],
    ['mu%CC%88ller', 'example.com', 'müller@example.com', 'has a letter and its mark as one character'],
    ['%CE%91%CE%A3', 'example.com', 'ασ@example.com', 'has one small sigma, wherever it stands'],
    ['bob%EF%BC%A0x', 'example.com', 'bob%40x@example.com', 'has a full-width @ as an escaped one'],
    ['ce%C2%85o', 'example.com', 'ce%c2%85o@example.com', 'has C1 controls escaped'],
  ])('%s at %s is %s: it %s', (user, host, key) => {
    expect(userKey(user, host)).toBe(key);
  });

  test.each([
    ['bob%40example.com', 'bob'],
    ['bob%00', 'bob'],
    ['%2562ob', '%62ob'],
    ['bo%20b', 'bob'],
    ['%73trasse', 'stra%C3%9Fe'],
    ['bob%00', 'bob%01'],
    ['%C3%BC', '%FC'],
  ])('%s and %s are two users', (one, other) => {
    expect(userKey(one, 'example.com')).not.toBe(userKey(other, 'example.com'));
  });

  const anyUser = fc.string({
    unit: fc.constantFrom(...'abzAZ09.-_%+;@: ', '%4', '%41', '%25', '%40', '%00', '%c3%bc', '%FF', '\xfc'),
  });

  test('a key is its own key, and has exactly one @', () => {
    fc.assert(
      fc.property(
        anyUser.filter((user) => user !== ''),
        (user) => {
          const key = userKey(user, 'example.com');
          expect(keyOfAddress(key)).toBe(key);
          expect(key.split('@')).toHaveLength(2);
          expect(userOfKey(key)).toBe(canonicalUser(user));
        },
      ),
    );
  });

  test('every character of Unicode, alone or among others, has a key that is its own key', () => {
    const isStable = (user: string) => keyOfAddress(userKey(user, 'example.com')) === userKey(user, 'example.com');
    const octetsOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
    const unstable: string[] = [];
    for (let code = 0; code <= 0x10ffff; code += 1) {
      // Neither the surrogates nor the planes in which nothing is assigned.
      if (code === 0xd800) code = 0xe000;
      if (code === 0x40000) code = 0xe0000;
      if (code === 0xf0000) break;
      const octets = octetsOf(`a${String.fromCodePoint(code)}b`);
      if (!isStable(octets)) unstable.push(code.toString(16));
    }
    expect(unstable).toEqual([]);
    fc.assert(fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => isStable(octetsOf(text))));
  });

  test('a user written all in escapes is the same user', () => {
    const plain = fc.string({ unit: fc.constantFrom(...'abzAZ09.-_+'), minLength: 1 });
    fc.assert(
      fc.property(plain, (user) => {
        const inEscapes = [...user].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
        expect(userKey(inEscapes, 'example.com')).toBe(userKey(user, 'EXAMPLE.com'));
      }),
    );
  });
});

describe('keyOfAddress', () => {
  test.each([
    ['sip:bob@example.com', 'bob@example.com'],
    ['SIP:Bob@Example.com', 'bob@example.com'],
    ['sips:bob@example.com', 'bob@example.com'],
    ['bob@example.com', 'bob@example.com'],
    ['sip:bob@example.com:5061', 'bob@example.com'],
    ['sip:bob@example.com;opaque=user:epid:abc;gruu', 'bob@example.com'],
    ['sip:bob@example.com?subject=x', 'bob@example.com'],
    ['sip:bob;phone-context=x@example.com', 'bob@example.com'],
    ['sip:Bob@Example.com.', 'bob@example.com'],
    ['sip:bob@[2001:DB8::1]:5060', 'bob@2001:db8::1'],
    ['sip:Müller@example.com', 'müller@example.com'],
  ])('%s is %s', (text, key) => {
    expect(keyOfAddress(text)).toBe(key);
  });

  test.each([
    '',
    'bob',
    'sip:example.com',
    'sip:@example.com',
    'tel:+4912345',
    'sip:bob@',
    'sip:bob smith@example.com',
    'sip:bob@example.com ',
    'sip:a@b@example.com',
    'sip:bob:secret@example.com',
    'tel:bob@example.com',
  ])('%j is no address of a user', (text) => {
    expect(keyOfAddress(text)).toBeUndefined();
  });

  test('a directory and a Request-URI name a user beyond ASCII by one key', () => {
    expect(keyOfAddress('sip:Jürgen@example.com')).toBe(userKey('j%C3%BCrgen', 'example.com'));
  });
});

describe('a key that programs may read in several ways', () => {
  test.each([
    ['bob', false],
    ['m%C3%BCller', false],
    ['bob%20b', false],
    ['bob%40example.net', false],
    ['%2541', false],
    ['bob%zz', false],
    ['bob%00', true],
    ['bob%0Dx', true],
    ['bob%1Fx', true],
    ['bob%7F', true],
    ['b%C2%9Bb', true],
    ['m%FCller', true],
    ['c%C1%A5o', true],
  ])('%s: %s', (user, isSo) => expect(isAmbiguousKey(userKey(user, 'example.com'))).toBe(isSo));
});
