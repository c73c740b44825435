/** LDIF read strictly (RFC 2849), every problem with its line; then users out of it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readLdif } from '../../../../src/directory/ldif/reader.ts';
import { ldifDirectory } from '../../../../src/directory/ldif/users.ts';

const lines = (...text: readonly string[]): string => `${text.join('\n')}\n`;

const entry = (name: string, ...attributes: readonly string[]): string =>
  lines(`dn: CN=${name},OU=People,DC=example,DC=com`, ...attributes);

const address = (user: string) => `msRTCSIP-PrimaryUserAddress: sip:${user}@example.com`;

/** Problems as `line: problem`. */
const problemsOf = (text: string): string[] =>
  ldifDirectory(text, 'users.ldif').problems.map(({ line, problem }) => `${line}: ${problem}`);

/** The values of the first record as `attribute=text`. */
const valuesOf = (...record: readonly string[]): string[] => {
  const { records, problems } = readLdif(lines('dn: CN=x', ...record));
  expect(problems).toEqual([]);
  return records[0]?.values.map((value) => `${value.attribute}=${value.text}`) ?? [];
};

describe('content records (RFC 2849)', () => {
  test('a version line, comments, blank lines and records in a row', () => {
    const text = lines(
      'version: 1',
      '# a comment',
      ' that goes on',
      'dn: CN=a',
      'cn: a',
      '# between attributes',
      'sn: b',
      '',
      '',
      '',
      'dn: CN=c',
      'cn: c',
    );
    const { records, problems } = readLdif(text);
    expect(problems).toEqual([]);
    expect(records.map(({ dn, line }) => [dn, line])).toEqual([
      ['CN=a', 4],
      ['CN=c', 11],
    ]);
    expect(records[0]?.values.map(({ attribute, line }) => [attribute, line])).toEqual([
      ['cn', 5],
      ['sn', 7],
    ]);
  });

  test.each([
    ['a value after one space', ['cn: a b'], ['cn=a b']],
    ['a value without a space', ['cn:a'], ['cn=a']],
    ['a value after many spaces', ['cn:    a'], ['cn=a']],
    ['an empty value', ['cn:'], ['cn=']],
    ['a value after a tab', ['cn:\ta'], ['cn=a']],
    ['a value with an umlaut, as ldifde -u writes it', ['cn: Jürgen 𝄞'], ['cn=Jürgen 𝄞']],
    ['an entry that is added, as ldifde exports it', ['changetype: add', 'cn: a'], ['cn=a']],
    ['an entry that is added, in other words', ['ChangeType:: YWRk', 'cn: a'], ['cn=a']],
    ['a value that ends with a space', ['cn: a '], ['cn=a ']],
    ['a value with colons and <', ['cn: a:b<c'], ['cn=a:b<c']],
    ['a value folded in its middle', ['cn: a', ' b', '  c'], ['cn=ab c']],
    ['a value folded with a tab, as ldif(5) of OpenLDAP has it', ['cn: a', '\tb', '\t\tc'], ['cn=ab\tc']],
    ['an attribute folded in its name', ['descri', ' ption: a'], ['description=a']],
    ['a base64 value', ['cn:: w7x4'], ['cn=üx']],
    ['a base64 value without a space', ['cn::w7x4'], ['cn=üx']],
    ['a base64 value folded', ['cn:: w7', ' x4'], ['cn=üx']],
    ['an empty base64 value', ['cn:: '], ['cn=']],
    ['octets that are no text', ['objectGUID:: //8='], ['objectguid=undefined']],
    ['names in any case', ['CN: a'], ['cn=a']],
    ['an OID for a name', ['2.5.4.3: a'], ['2.5.4.3=a']],
    ['options', ['userCertificate;binary:: AAAA', 'cn;lang-DE;x-y: a'], ['usercertificate=\0\0\0', 'cn=a']],
  ])('%s', (_title, record, values) => {
    expect(valuesOf(...record)).toEqual(values);
  });

  test('options are kept, in lower case', () => {
    const { records } = readLdif(lines('dn: CN=x', 'cn;lang-DE;Binary: a'));
    expect(records[0]?.values[0]?.options).toEqual(['lang-de', 'binary']);
  });

  test('a dn in base64 is decoded', () => {
    expect(readLdif(lines('dn:: Q049w7w=', 'cn: x')).records[0]?.dn).toBe('CN=ü');
  });

  test('CRLF line ends are as good as LF, and so is a last line without one', () => {
    const text = lines('version: 1', 'dn: CN=a', 'cn: b', ' c', '', 'dn: CN=d', 'cn: e');
    expect(readLdif(text.replaceAll('\n', '\r\n'))).toEqual(readLdif(text));
    expect(readLdif(text.trimEnd())).toEqual(readLdif(text));
  });

  test('files that were put together are one, each with its byte order mark', () => {
    const file = lines('dn: CN=a', 'changetype: add', 'cn: b', '');
    const { records, problems } = readLdif(`\ufeff${file}\ufeff${file}`);
    expect(problems).toEqual([]);
    expect(records.map(({ dn, line }) => [dn, line])).toEqual([
      ['CN=a', 1],
      ['CN=a', 5],
    ]);
  });

  /** As ldapsearch of OpenLDAP 2.6 prints it, with `-E pr=1/noprompt` and with `-L` besides. */
  test.each([
    [
      'without -L',
      [
        ['# extended LDIF', '#', '', '# example.com', 'dn: CN=a', 'cn: a', ''],
        ['# search result', 'search: 2', 'result: 0 Success', 'control: 1.2.840.113556.1.4.319 false MA0CAQAECAEAAAA='],
        ['pagedresults: cookie=AQAAAAAAAAA=', '# extended LDIF', '#', '', 'dn: CN=b', 'cn: b', ''],
        ['# search reference', 'ref: ldap://other.example.com/dc=x??sub', ''],
        ['# search result', 'search: 3', 'result: 0 Success', 'pagedresults: cookie=', '', '# numEntries: 2'],
      ],
    ],
    [
      'with -L, which says its version for each page',
      [
        ['version: 1', '', '#', '# LDAPv3', '#', '', 'dn: CN=a', 'cn: a', '', '# search result'],
        ['# pagedresults: cookie=AQAAAAAAAAA=', 'version: 1', '', '#', '', 'dn: CN=b', 'cn: b', ''],
      ],
    ],
  ])('what ldapsearch prints besides entries is passed over: %s', (_title, printed) => {
    const { records, problems } = readLdif(lines(...printed.flat()));
    expect(problems).toEqual([]);
    expect(records.map(({ dn, values }) => [dn, values.length])).toEqual([
      ['CN=a', 1],
      ['CN=b', 1],
    ]);
  });

  test.each<[string, string, string]>([
    ['another version', lines('version: 2', 'dn: CN=a', 'cn: a'), '1: only "version: 1" of LDIF exists'],
    ['a record without a dn', lines('cn: a', 'sn: b'), '1: a record must begin with its dn'],
    ['a record without attributes', lines('dn: CN=a'), '1: the record has no attributes'],
    ['no records', lines('version: 1', '# nothing'), '1: has no records: every user would be unknown'],
    ['an empty file', '', '1: has no records: every user would be unknown'],
    [
      'a continuation of nothing',
      lines('dn: CN=a', 'cn: a', '', ' b'),
      '4: begins with a space, but there is no line before it to continue',
    ],
    [
      'a continuation of nothing by a tab',
      lines('dn: CN=a', 'cn: a', '', '\tb'),
      '4: begins with a tab, but there is no line before it to continue',
    ],
    [
      'an export that the server has cut off',
      lines('dn: CN=a', 'cn: a', '', '# search result', 'search: 2', 'result: 4 Size limit exceeded'),
      '6: ldapsearch did not come to its end, so entries are missing: "result: 4 Size limit exceeded"',
    ],
    [
      'a search that found nobody',
      lines('# search result', 'search: 2', 'result: 0 Success'),
      '1: has no records: every user would be unknown',
    ],
    [
      'an entry with an attribute like the end of a search',
      lines('search: two', 'cn: a'),
      '1: a record must begin with its dn',
    ],
    ['a line without a colon', lines('dn: CN=a', 'cn a'), '2: is not "attribute: value": "cn a"'],
    ['a lone hyphen', lines('dn: CN=a', 'cn: a', '-'), '3: is not "attribute: value": "-"'],
    ['a bad attribute name', lines('dn: CN=a', 'c_n: a'), '2: is not "attribute: value": "c_n: a"'],
    ['an empty option', lines('dn: CN=a', 'cn;: a'), '2: is not "attribute: value": "cn;: a"'],
    ['a short base64 value', lines('dn: CN=a', 'cn:: abc'), '2: the value of cn is not base64, as the two colons say'],
    [
      'a base64 value with other signs',
      lines('dn: CN=a', 'cn:: ab-_'),
      '2: the value of cn is not base64, as the two colons say',
    ],
    ['padding inside', lines('dn: CN=a', 'cn:: YQ==YQ=='), '2: the value of cn is not base64, as the two colons say'],
    [
      'a reference',
      lines('dn: CN=a', 'jpegPhoto:< file:///etc/passwd'),
      '2: the value of jpegPhoto is a reference to a file or URL, which is never read here',
    ],
    ['a NUL', lines('dn: CN=a', 'cn: a\0'), '2: the value of cn has a NUL: write it in base64, as cn:: ...'],
    [
      'a colon to begin with',
      lines('dn: CN=a', 'cn: :a'),
      '2: the value of cn begins with a colon: write it in base64, as cn:: ...',
    ],
    ['a lone carriage return', lines('dn: CN=a', 'cn: a\rb'), '2: has a carriage return that does not end the line'],
    ...['modify', 'delete', 'modrdn', 'moddn', 'MODIFY'].map((kind): [string, string, string] => [
      `a record with changetype: ${kind}`,
      lines('dn: CN=a', `changetype: ${kind}`, 'replace: cn', 'cn: b', '-'),
      `2: is a change record (changetype: ${kind.toLowerCase()}), and only entries are read: export entries, not changes`,
    ]),
    [
      'a change in base64',
      lines('dn: CN=a', 'changetype:: ZGVsZXRl'),
      '2: is a change record (changetype: delete), and only entries are read: export entries, not changes',
    ],
    [
      'a change of no kind',
      lines('dn: CN=a', 'changetype: "'),
      '2: is a change record (changetype: "\\""), and only entries are read: export entries, not changes',
    ],
    [
      'a control, even of an entry that is added',
      lines('dn: CN=a', 'control: 1.2.3 true', 'changetype: add', 'cn: a'),
      '2: is a change record (with a control), and only entries are read: export entries, not changes',
    ],
    [
      'an entry that is added without attributes',
      lines('dn: CN=a', 'changetype: add'),
      '1: the record has no attributes',
    ],
    ['a dn that is not UTF-8', lines('dn:: //8=', 'cn: a'), '1: the dn is not UTF-8'],
  ])('%s is a problem', (_title, text, problem) => {
    expect(problemsOf(text)).toContain(problem);
  });

  test('all problems come at once, in the order of their lines', () => {
    const text = lines('dn: CN=a', 'cn:: !', address('a b'), 'cn a', '', 'sn: x', 'msRTCSIP-UserEnabled: yes');
    expect(problemsOf(text).map((problem) => problem.split(':')[0])).toEqual(['2', '3', '4', '6', '7']);
  });

  test('what any program may write, folded anywhere, reads back the same', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    const attributes = fc.array(fc.tuple(fc.constantFrom('cn', 'sn', 'description'), text), {
      minLength: 1,
      maxLength: 5,
    });
    const fold = (line: string, width: number) => line.match(new RegExp(`.{1,${width}}`, 'g'))?.join('\n ') ?? '';
    fc.assert(
      fc.property(attributes, fc.integer({ min: 1, max: 76 }), (written, width) => {
        const encoded = written.map(([name, value]) =>
          fold(`${name}:: ${Buffer.from(value).toString('base64')}`, width),
        );
        const { records, problems } = readLdif(lines('dn: CN=x', ...encoded));
        expect(problems).toEqual([]);
        const expected = written.map(([name, value]) => [name, Buffer.from(value).toString()]);
        expect(records[0]?.values.map((value) => [value.attribute, value.text])).toEqual(expected);
      }),
    );
  });

  test('no text whatever makes the reader throw', () => {
    const unit = fc.constantFrom('dn', 'cn', ':', '<', ' ', '\n', '\r', '#', '=', 'version: 1', '\0', 'ü', ';', '-');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 80 }), (text) => {
        expect(() => ldifDirectory(text, 'x')).not.toThrow();
      }),
    );
  });
});

describe('users of an LDIF file', () => {
  const text = [
    entry('Alice', address('Alice'), 'msRTCSIP-UserEnabled: TRUE'),
    entry('Bob', 'MSRTCSIP-PRIMARYUSERADDRESS: sip:bob@example.com', 'msrtcsip-userenabled: FALSE'),
    entry('Carol', address('carol')),
    entry('Dave', 'mail: dave@example.com', 'msRTCSIP-UserEnabled: TRUE'),
    entry('Erin', 'msRTCSIP-PrimaryUserAddress:: c2lwOmrDvHJnQGV4YW1wbGUuY29t', 'msRTCSIP-UserEnabled: TRUE'),
    entry('Frank', 'msRTCSIP-PrimaryUserAddress;x-option: sip:frank@example.com', 'msRTCSIP-UserEnabled: TRUE'),
  ].join('\n');
  const { directory, problems } = ldifDirectory(text, 'users.ldif');

  test('none of these entries is a problem', () => {
    expect(problems).toEqual([]);
  });

  test.each([
    ['alice@example.com', 'enabled', 'UserEnabled is TRUE'],
    ['bob@example.com', 'address only', 'UserEnabled is FALSE'],
    ['carol@example.com', 'address only', 'UserEnabled is absent'],
    ['dave@example.com', 'unknown', 'there is no SIP address'],
    ['jürg@example.com', 'enabled', 'the address is in base64'],
    ['frank@example.com', 'enabled', 'the address has an option'],
    ['eve@example.com', 'unknown', 'there is no such user'],
  ])('%s is %s: %s', (key, what, _why) => {
    const answer = directory.lookup(key);
    const home = { kind: 'home', side: 'microsoft', freshness: 'fresh', source: 'ldif users.ldif', ageMs: 0 };
    const expected = {
      enabled: { ...home, addressOnly: false },
      'address only': { ...home, addressOnly: true },
      unknown: { kind: 'unknown-user', source: 'ldif users.ldif', ageMs: 0 },
    }[what];
    expect(answer).toEqual(expected);
  });

  test('the directory describes itself', () => {
    expect(directory.describe()).toEqual({ source: 'ldif users.ldif', summary: '5 users, 3 of them enabled' });
  });

  test('what is passed over is counted, and the rest is there', () => {
    const bad = [
      entry('Eve', 'msRTCSIP-PrimaryUserAddress: sip:eve@example.com,'),
      entry('Tel', `${address('t')}`, 'msRTCSIP-UserEnabled: 1'),
    ];
    const { directory: rest, userCount } = ldifDirectory([text, ...bad].join('\n'), 'users.ldif');
    expect(rest.describe().summary).toBe('6 users, 3 of them enabled, 2 values passed over');
    expect(userCount).toBe(6);
    expect(rest.lookup('alice@example.com')).toMatchObject({ kind: 'home', addressOnly: false });
  });

  test.each([
    'bob@example.com',
    'tel:+4912345',
    'sips:bob@example.com',
    'sip:bob',
    'sip:@example.com',
    'sip:bob smith@example.com',
    '',
  ])('an address must be sip: and well formed, and %j is not', (value) => {
    expect(problemsOf(entry('Bob', `msRTCSIP-PrimaryUserAddress: ${value}`))).toEqual([
      `2: msRTCSIP-PrimaryUserAddress must be like sip:bob@example.com, and is ${JSON.stringify(value)}`,
    ]);
  });

  test.each([
    ['TRUE', false],
    ['True', false],
    ['true', false],
    ['FALSE', true],
    ['False', true],
  ])('UserEnabled may be written as scripts do: %s', (value, addressOnly) => {
    const { directory, problems } = ldifDirectory(entry('Bob', address('bob'), `msRTCSIP-UserEnabled: ${value}`), 'x');
    expect(problems).toEqual([]);
    expect(directory.lookup('bob@example.com')).toMatchObject({ kind: 'home', addressOnly });
  });

  test.each(['1', 'yes', 'TRUE ', 'T', ''])(
    'UserEnabled is TRUE or FALSE (RFC 4517 §3.3.3), and %j is neither',
    (value) => {
      const text = entry('Bob', address('bob'), `msRTCSIP-UserEnabled: ${value}`);
      expect(problemsOf(text)).toEqual([
        `3: msRTCSIP-UserEnabled must be TRUE or FALSE, and is ${JSON.stringify(value)}`,
      ]);
    },
  );

  test('an address that is not UTF-8 is a problem', () => {
    expect(problemsOf(entry('Bob', 'msRTCSIP-PrimaryUserAddress:: //8='))).toEqual([
      '2: msRTCSIP-PrimaryUserAddress must be like sip:bob@example.com, and is something that is not UTF-8',
    ]);
  });

  test('an entry has one address', () => {
    expect(problemsOf(entry('Bob', address('bob'), address('bobby')))).toEqual([
      '3: a second msRTCSIP-PrimaryUserAddress: line 2 has one already',
    ]);
  });

  test('of two entries with one address, in whatever spelling, the enabled one counts, and both are named', () => {
    const enabled = entry('Bob', address('bob'), 'msRTCSIP-UserEnabled: TRUE');
    const other = entry('Robert', address('B%6Fb'), 'msRTCSIP-UserEnabled: FALSE');
    const reversed = ldifDirectory([other, enabled].join('\n'), 'users.ldif');
    expect(reversed.directory.lookup('bob@example.com')).toMatchObject({ kind: 'home', addressOnly: false });
    expect([reversed.userCount, reversed.problems.map(({ kind }) => kind)]).toEqual([1, ['duplicate']]);
    const { directory, problems } = ldifDirectory([enabled, other].join('\n'), 'users.ldif');
    expect(problems).toEqual([
      {
        kind: 'duplicate',
        line: 6,
        problem:
          '"bob@example.com" is the address of two entries: here of "CN=Robert,OU=People,DC=example,DC=com", and in line 2 of "CN=Bob,OU=People,DC=example,DC=com"',
      },
    ]);
    expect(directory.lookup('bob@example.com')).toMatchObject({ kind: 'home', addressOnly: false });
  });
});
