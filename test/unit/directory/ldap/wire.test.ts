/** LDAP messages as octets: what is sent, and that nothing a server sends can do harm. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pagedControl, readPagedCookie } from '../../../../src/directory/ldap/controls.ts';
import type { LdapEntry, LdapFilter } from '../../../../src/directory/ldap/ldap.ts';
import { tellResult } from '../../../../src/directory/ldap/result-code.ts';
import { messageLength, readFilter, readResponse, writeSearch } from '../../../../src/directory/ldap/wire.ts';
import { anyText } from '../../../support/any-text.ts';
import { bindResponse, pagedCookie, searchDone, searchEntry } from '../../../support/fake-ldap-server.ts';

const sent = (filter: LdapFilter): Buffer =>
  writeSearch(1, { baseDn: 'DC=x', filter, attributes: ['cn'], onEntry: () => undefined });

const entryOf = (octets: Buffer): LdapEntry => {
  const response = readResponse(octets);
  if (response.kind !== 'entry') throw new Error(response.kind);
  return response.entry;
};

describe('filters', () => {
  test('a value travels with its length: whatever is in it, the filter around it stays as it is (RFC 4511 §4.5.1.7)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (value) => {
        const octets = sent({ equal: 'cn', value });
        const utf8 = Buffer.from(value, 'utf8');
        const assertion = Buffer.concat([
          Buffer.from([0x04, 2]),
          Buffer.from('cn'),
          Buffer.from([0x04, utf8.length]),
          utf8,
        ]);
        // equalityMatch [3] with exactly attribute and value, where the value is short enough for one octet of length.
        const expected = Buffer.concat([Buffer.from([0xa3, assertion.length]), assertion]);
        return assertion.length > 127 || octets.includes(expected);
      }),
    );
  });

  /** By a reader of BER that is not ldapts's: tag, length and content of each value. */
  const valuesIn = (octets: Buffer): { readonly tag: number; readonly content: Buffer }[] => {
    const values: { tag: number; content: Buffer }[] = [];
    for (let at = 0; at < octets.length; ) {
      const first = octets[at + 1]!;
      const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
      const start = at + 2 + lengthOctets;
      const end = start + (lengthOctets === 0 ? first : octets.readUIntBE(at + 2, lengthOctets));
      values.push({ tag: octets[at]!, content: octets.subarray(start, end) });
      at = end;
    }
    return values;
  };

  test('a search is one search of one filter, whatever text or octets stand in its value and its base (RFC 4511 §4.5.1)', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.uint8Array().map(Buffer.from)), anyText, (value, baseDn) => {
        const filter = { and: [{ present: 'mail' }, { equal: 'cn', value }] };
        const octets = writeSearch(1, { baseDn, filter, attributes: ['cn'], onEntry: () => undefined });
        const [message, ...more] = valuesIn(octets);
        expect(more).toEqual([]);
        const [, operation] = valuesIn(message!.content);
        const parts = valuesIn(operation!.content);
        expect(parts.map(({ tag }) => tag)).toEqual([0x04, 0x0a, 0x0a, 0x02, 0x02, 0x01, 0xa0, 0x30]);
        expect(parts[0]!.content).toEqual(Buffer.from(baseDn));
        const [present, equal, ...others] = valuesIn(parts[6]!.content);
        expect([present!.content.toString(), others]).toEqual(['mail', []]);
        expect(valuesIn(equal!.content).map(({ content }) => content)).toEqual([Buffer.from('cn'), Buffer.from(value)]);
      }),
    );
  });

  test.each(['*', '(', ')', '\\', '\0', '*)(objectClass=*'])(
    'written as text (RFC 4515 §3), %j is escaped',
    (value) => {
      const written = readFilter({ equal: 'cn', value }).toString();
      expect(written.slice(4, -1)).not.toMatch(/[*()\0]|\\(?![0-9a-f]{2})/);
    },
  );

  test('each kind becomes what it says', () => {
    const filter = {
      and: ['(a=1)', { or: [{ present: 'b' }, { not: { equal: 'c', value: 'x' } }] }, { atLeast: 'd', value: '2' }],
    } as const;
    expect(readFilter(filter).toString()).toBe('(&(a=1)(|(b=*)(!(c=x)))(d>=2))');
  });

  test('a text that is no filter is an error', () => {
    expect(() => readFilter('objectClass=*)')).toThrow();
  });
});

describe('entries', () => {
  const entry = entryOf(
    searchEntry(7, 'CN=Jürgen,DC=x', { cn: ['Jürgen', 'J'], 'msRTCSIP-Line': [], mail: ['a@example.com'] }),
  );

  test('names are without regard to case, values are UTF-8', () => {
    expect(entry.dn).toBe('CN=Jürgen,DC=x');
    expect(entry.texts('CN')).toEqual(['Jürgen', 'J']);
    expect(entry.text('Mail')).toBe('a@example.com');
    expect(entry.octets('cn')[1]).toEqual(Buffer.from('J'));
    expect(entry.names).toEqual(['cn', 'msrtcsip-line', 'mail']);
  });

  test('an attribute that came without a value is told from one that did not come', () => {
    expect([entry.has('msrtcsip-line'), entry.text('msrtcsip-line')]).toEqual([true, undefined]);
    expect([entry.has('telephoneNumber'), entry.texts('telephoneNumber')]).toEqual([false, []]);
  });
});

describe('results', () => {
  test('code, text and controls', () => {
    const response = readResponse(searchDone(9, 4, 'too many', pagedCookie('next')));
    expect(response).toMatchObject({ kind: 'result', messageId: 9, result: { code: 4, diagnostic: 'too many' } });
    expect(response.kind === 'result' && readPagedCookie(response.result.controls)).toEqual(Buffer.from('next'));
  });

  test('the control for pages is critical: a server without pages must refuse, and not send its first thousand', () => {
    expect(pagedControl(10)).toMatchObject({ oid: '1.2.840.113556.1.4.319', isCritical: true });
  });

  test.each([
    [
      49,
      '80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 775, v1db1\0',
      'invalidCredentials: the account is locked out (49, data 775)',
    ],
    [49, '', 'invalidCredentials: the bind DN or its password is wrong (49)'],
    [4, '', 'sizeLimitExceeded: there are more entries than the server gives at once (4)'],
    [123, 'oh', 'a refusal (123); the server says "oh"'],
  ])('code %i with %j is told as %s', (code, diagnostic, told) => {
    expect(tellResult(code, diagnostic)).toBe(told);
  });
});

describe('framing', () => {
  test('the length of a message is known from its head, and not before', () => {
    const message = searchEntry(1, 'CN=a', { cn: ['x'.repeat(300)] });
    expect(messageLength(message.subarray(0, 1))).toBe(0);
    expect(messageLength(message.subarray(0, 3))).toBe(0);
    expect(messageLength(message.subarray(0, 4))).toBe(message.length);
  });

  test.each([
    ['HTTP', Buffer.from('HTTP/1.1 400')],
    ['an indefinite length', Buffer.from([0x30, 0x80, 0, 0])],
    ['a length of five octets', Buffer.from([0x30, 0x85, 1, 1, 1, 1, 1])],
    ['a gigabyte', Buffer.from([0x30, 0x84, 0x40, 0, 0, 0])],
  ])('%s is refused', (_, octets) => {
    expect(() => messageLength(octets)).toThrow(/the server/);
  });

  test('tells a server that speaks TLS there by its alert', () => {
    expect(() => messageLength(Buffer.from('150303000202', 'hex'))).toThrow('it speaks TLS on this port');
  });

  test('cut or changed messages are refused or read, and never read on for ever', () => {
    const whole = [
      searchEntry(1, 'CN=a,DC=b', { cn: ['a', 'b'], sn: [] }),
      searchDone(2, 0, '', pagedCookie('c')),
      bindResponse(3, 49, 'no'),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...whole), fc.nat(), fc.nat(255), fc.nat(), (message, at, octet, end) => {
        const changed = Buffer.from(message.subarray(0, end % (message.length + 1)));
        if (changed.length > 0) changed[at % changed.length] = octet;
        try {
          readResponse(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
