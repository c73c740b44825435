/** What proves that a Record-Route, Route or Via is ours, and what does not. */
import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type OwnVias, readOwnVias, viaMarks } from '../../../src/proxy/loop.ts';
import { Signing } from '../../../src/proxy/signing.ts';
import { parseMessage, type SipRequest } from '../../../src/sip-parser/index.ts';
import { type RequestFields, requestText } from '../../support/raw-message.ts';

const [one, next, former] = [0, 1, 2].map(() => createSecretKey(randomBytes(32))) as [never, never, never];
const signing = new Signing([one, next]);
const callId = 'a84b4c76e66710@192.0.2.11';

describe('the seal of a Record-Route', () => {
  test.each([
    ['cisco', 'microsoft', 'both-sides'],
    ['microsoft', 'cisco', 'both-sides'],
    ['cisco', 'cisco', 'cisco'],
    ['microsoft', 'microsoft', 'microsoft'],
  ] as const)('of a dialog from %s to %s proves %s', (from, to, proof) => {
    const seal = signing.seal(callId, from, to);
    expect(seal).toMatch(/^[bcm][0-9a-f]{24}$/);
    expect(signing.read(seal, callId)).toBe(proof);
    expect(signing.read(seal.toUpperCase(), callId)).toBe(proof);
  });

  const seal = signing.seal(callId, 'cisco', 'microsoft');

  test.each([
    ['another Call-ID', seal, `${callId}x`],
    ['a Call-ID in other case', seal, callId.toUpperCase()],
    ['another side', `c${seal.slice(1)}`, callId],
    ['a digit that differs', seal.slice(0, -1) + (seal.endsWith('0') ? '1' : '0'), callId],
    ['a digit too few', seal.slice(0, -1), callId],
    ['a digit too many', `${seal}0`, callId],
    ['a name that every object has', 'constructor', callId],
    ['octets beyond ASCII', `b${'\xff'.repeat(24)}`, callId],
    ['no value', null, callId],
    ['an empty value', '', callId],
  ])('proves nothing with %s', (_, sent, of) => {
    expect(signing.read(sent, of)).toBe('forged');
  });

  test('that is not there is no forgery', () => expect(signing.read(undefined, callId)).toBe('unsigned'));

  test('counts with every key of the file, and only the first one makes new ones', () => {
    const rotated = new Signing([next, former, one]);
    expect(rotated.read(seal, callId)).toBe('both-sides');
    expect(signing.read(rotated.seal(callId, 'cisco', 'microsoft'), callId)).toBe('both-sides');
    expect(rotated.seal(callId, 'cisco', 'microsoft')).not.toBe(seal);
    expect(new Signing([former]).read(seal, callId)).toBe('forged');
  });

  test('proves the same before and after thousands of others', () => {
    for (let other = 0; other < 12_000; other += 1) {
      const id = `${other}@192.0.2.11`;
      expect(signing.read(signing.seal(id, 'cisco', 'microsoft'), id)).toBe('both-sides');
      expect(signing.read(seal, id)).toBe('forged');
    }
    expect(signing.seal(callId, 'cisco', 'microsoft')).toBe(seal);
    expect(signing.read(seal, callId)).toBe('both-sides');
  });

  test('is made for a Call-ID of any length', () => {
    const long = 'x'.repeat(1000);
    expect(signing.read(signing.seal(long, 'cisco', 'cisco'), long)).toBe('cisco');
    expect(signing.read(signing.seal(long, 'cisco', 'cisco'), `${long}x`)).toBe('forged');
  });

  test.each([1, 32, 64, 65, 200])(
    'is an HMAC-SHA-256 with a key of %i octets, whatever the Call-ID (RFC 2104)',
    (octets) => {
      const key = createSecretKey(randomBytes(octets));
      for (const id of [
        callId,
        '\xe9\xff@example.com',
        ...[300, 322, 323, 1000].map((length) => '\xff'.repeat(length)),
      ]) {
        const digest = createHmac('sha256', key).update(`record-route b ${id}`).digest('hex');
        expect(new Signing([key]).seal(id, 'cisco', 'microsoft')).toBe(`b${digest.slice(0, 24)}`);
      }
    },
  );

  test('no key is shown by whoever prints it', () => {
    const hex = (one as ReturnType<typeof createSecretKey>).export().toString('hex');
    expect(inspect(signing, { depth: 9, showHidden: true }) + JSON.stringify(signing)).not.toContain(hex.slice(0, 12));
  });
});

describe('the marks of a Via', () => {
  const request = (fields: Partial<RequestFields> = {}): SipRequest =>
    parseMessage(
      requestText({
        method: 'MESSAGE',
        uri: 'sip:bob@example.com',
        via: ['SIP/2.0/TCP 192.0.2.11;branch=z9hG4bK1'],
        from: '<sip:alice@example.com>;tag=1',
        callId,
        ...fields,
      }),
    ) as SipRequest;

  const isOwn = (host: string): boolean => host === 'router.example.com';
  const ownVia = (marks: string) => `SIP/2.0/TCP router.example.com:5060;branch=z9hG4bKpif-${marks}-1`;
  const marks = viaMarks(request(), signing);

  test('are of one length and in one case, whatever they hash', () => {
    for (let other = 0; other < 1000; other += 1) {
      expect(viaMarks(request({ callId: `${other}@192.0.2.11` }), signing)).toMatch(/^[0-9a-v]{13}-[0-9a-v]{13}$/);
    }
  });

  const verdict = (branchMarks: string, fields: Partial<RequestFields> = {}, by = signing): OwnVias => {
    const received = request({ via: ['SIP/2.0/TCP 192.0.2.21;branch=z9hG4bK2', ownVia(branchMarks)], ...fields });
    return readOwnVias(received, viaMarks(received, by), by, isOwn);
  };

  test('of the same request show a loop', () => expect(verdict(marks)).toBe('looped'));

  test('of a request that has changed show a spiral', () =>
    expect(verdict(marks, { uri: 'sip:bob@other.example.com' })).toBe('harmless'));

  test('of another Call-ID are a forgery', () => expect(verdict(marks, { callId: 'another' })).toBe('forged'));

  test('of a key that has been rotated still count', () =>
    expect(verdict(marks, {}, new Signing([next, former, one]))).toBe('looped'));

  test.each([
    ['of another key', viaMarks(request(), new Signing([former]))],
    ['that were guessed', '0000000000000-0000000000000'],
    ['that are only the beginning of right ones', marks.slice(0, 4)],
  ])('%s are a forgery', (_, guessed) => expect(verdict(guessed)).toBe('forged'));

  test('are not asked of a Via that names somebody else', () => {
    const received = request();
    expect(readOwnVias(received, viaMarks(received, signing), signing, isOwn)).toBe('harmless');
  });
});
