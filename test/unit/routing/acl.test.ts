/** Access rules: their forms, and which of several speaks. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileAccess } from '../../../src/routing/access/acl.ts';
import { parseFrom } from '../../../src/routing/access/pattern.ts';
import type { Side } from '../../../src/routing/types.ts';
import { accessRow, sourceOf } from '../../support/routing.ts';

const accessOf = (...rules: readonly (readonly [Side, string])[]) =>
  compileAccess(rules.map(([side, text], index) => accessRow(index, side, text)));

/** Whether a single rule lets the source in. */
const admits = (from: string, address: string, names: readonly string[] = []): boolean =>
  accessOf(['cisco', from]).sideOf(sourceOf(address, names)) !== undefined;

describe('a rule says whom it means', () => {
  test.each([
    ['all', '192.0.2.1', true],
    ['all', '2001:db8::1', true],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['192.0.2.1', '::ffff:192.0.2.1', true],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['::ffff:c000:201', '192.0.2.1', true],
    ['2001:db8::1', '2001:DB8:0:0::1', true],
    ['[2001:db8::1]', '2001:db8::1', true],
    ['2001:db8::1', '2001:db8::2', false],
    ['fe80::1', 'fe80::1%eth0', true],
    ['192.0.2.0/25', '192.0.2.127', true],
    ['192.0.2.0/25', '192.0.2.128', false],
    ['192.0.2.0/255.255.255.128', '192.0.2.127', true],
    ['192.0.2.0/255.255.255.128', '192.0.2.128', false],
    ['0.0.0.0/0', '192.0.2.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['0.0.0.0/0.0.0.0', '192.0.2.1', true],
    ['::/0', '2001:db8::1', true],
    ['::/0', '192.0.2.1', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['10.', '10.200.1.1', true],
    ['10.1.', '10.1.200.1', true],
    ['10.1', '10.1.200.1', true],
    ['10.1.', '10.10.0.1', false],
    ['10.1.2.', '10.1.2.3', true],
    ['10.1.2.', '10.1.20.3', false],
    ['Allow from all', '192.0.2.1', true],
    ['Allow from 10.1.2.3', '10.1.2.3', true],
    ['allow  from 10.1', '10.1.200.1', true],
    ['Allow from 10.1.0.0/255.255.0.0', '10.1.200.1', true],
    ['Allow from 10.1.0.0/16', '10.2.0.1', false],
  ])('%s and %s: %s', (from, address, isIn) => {
    expect(admits(from, address)).toBe(isIn);
  });

  test.each([
    ['imp1.example.com', 'imp1.example.com', true],
    ['IMP1.Example.com', 'imp1.example.com', true],
    ['imp1.example.com', 'imp10.example.com', false],
    ['imp1.example.com', 'a.imp1.example.com', false],
    ['.example.com', 'imp1.example.com', true],
    ['.example.com', 'a.b.example.com', true],
    ['.example.com', 'example.com', false],
    ['.example.com', 'badexample.com', false],
    ['example.com', 'imp1.example.com', false],
    ['Allow from company.com', 'company.com', true],
    ['Allow from company.com', 'a.b.company.com', true],
    ['Allow from company.com', 'mycompany.com', false],
    ['Allow from .company.com', 'a.company.com', true],
    ['Allow from .company.com', 'company.com', false],
  ])('%s and the verified name %s: %s', (from, name, isIn) => {
    expect(admits(from, '192.0.2.1', [name])).toBe(isIn);
  });

  test('a name rule lets nobody in who has no verified name', () => {
    expect(admits('imp1.example.com', '192.0.2.1')).toBe(false);
  });

  test.each([
    '',
    '10.1.2.0/33',
    '2001:db8::/129',
    '192.0.2.1/24',
    '192.0.2.0/255.0.255.0',
    '2001:db8::/255.255.0.0',
    '192.0.2.0/',
    'example.com/24',
    '10.1/16',
    '256.1.1.1',
    '1.2.3.4.5',
    '010.1.2.3',
    '10..1',
    '2001:db8::1::2',
    '2001:db8:1',
    '12345::',
    '*.example.com',
    'exa mple.com',
    '-bad.example.com',
    '*',
    'env=let_me_in',
    'Deny from 10.1',
    '10.1.2.3 10.1.2.4',
  ])('%j is refused with a problem', (text) => {
    expect(parseFrom(text)).toEqual({ problem: expect.stringContaining(text) });
  });

  test.each([
    ['*.example.com', 'is written .example.com'],
    ['*', 'is written all'],
    ['Deny from 10.1', 'deny: true'],
    ['10.1.2.3 10.1.2.4', 'a row of its own'],
    ['Allow from 10.1 10.2', 'a row of its own'],
  ])('%j: it is said what to write instead (%s)', (text, instead) => {
    expect(parseFrom(text).problem).toContain(instead);
  });
});

describe('of several rules the most specific one speaks', () => {
  test.each<{ title: string; rules: [Side, string][]; names: string[] }>([
    {
      title: 'the longer prefix',
      rules: [
        ['cisco', '192.0.2.0/24'],
        ['microsoft', '192.0.2.21'],
      ],
      names: [],
    },
    {
      title: 'the longer prefix, listed first',
      rules: [
        ['microsoft', '192.0.2.21'],
        ['cisco', '192.0.2.0/24'],
      ],
      names: [],
    },
    {
      title: 'a network before all',
      rules: [
        ['cisco', 'all'],
        ['microsoft', '0.0.0.0/0'],
      ],
      names: [],
    },
    {
      title: 'a name before an address',
      rules: [
        ['cisco', '192.0.2.21'],
        ['microsoft', 'fe1.example.com'],
      ],
      names: ['fe1.example.com'],
    },
    {
      title: 'a partial name before an address',
      rules: [
        ['cisco', '192.0.2.21'],
        ['microsoft', '.example.com'],
      ],
      names: ['fe1.example.com'],
    },
    {
      title: 'a name before a partial name',
      rules: [
        ['cisco', '.example.com'],
        ['microsoft', 'fe1.example.com'],
      ],
      names: ['fe1.example.com'],
    },
    {
      title: 'the longer partial name',
      rules: [
        ['cisco', '.example.com'],
        ['microsoft', '.eu.example.com'],
      ],
      names: ['fe1.eu.example.com'],
    },
    {
      title: "the longer partial name, for another of the certificate's names",
      rules: [
        ['cisco', '.example.com'],
        ['microsoft', '.eu.example.com'],
      ],
      names: ['fe1.example.com', 'fe1.eu.example.com'],
    },
    {
      title: "an exact name, for another of the certificate's names",
      rules: [
        ['cisco', '.eu.example.com'],
        ['microsoft', 'fe1.example.com'],
      ],
      names: ['fe1.eu.example.com', 'fe1.example.com'],
    },
    {
      title: 'the first of two equal rules',
      rules: [
        ['microsoft', '192.0.2.21'],
        ['cisco', '192.0.2.21/32'],
      ],
      names: [],
    },
  ])('$title', ({ rules, names }) => {
    expect(accessOf(...rules).sideOf(sourceOf('192.0.2.21', names))).toBe('microsoft');
  });

  test('the verdict names its rule', () => {
    const access = accessOf(['cisco', '192.0.2.11'], ['microsoft', '192.0.2.0/24']);
    expect(access.rulesFor(sourceOf('192.0.2.21'))?.first.allows?.allowed).toEqual({
      code: 'access-allowed',
      detail: 'access[1] 192.0.2.0/24 is microsoft',
    });
  });

  test('a source is judged once: its object keeps its verdict', () => {
    const access = accessOf(['cisco', '192.0.2.11']);
    const names: string[] = [];
    const source = { ...sourceOf('192.0.2.99'), verifiedNames: names, remoteAddress: '192.0.2.11' };
    const verdict = access.rulesFor(source);
    source.remoteAddress = '192.0.2.99';
    expect(access.rulesFor(source)).toBe(verdict);
    const denied = sourceOf('192.0.2.99');
    expect(access.rulesFor(denied)).toBeUndefined();
    expect(access.rulesFor(denied)).toBeUndefined();
  });

  const ip = fc.oneof(
    fc
      .tuple(fc.constantFrom(10, 192), fc.constantFrom(0, 1, 255), fc.constantFrom(0, 2), fc.nat(255))
      .map((octets) => ({
        bits: octets.map((octet) => octet.toString(2).padStart(8, '0')).join(''),
        text: (bits: string) =>
          bits
            .match(/.{8}/g)
            ?.map((octet) => Number.parseInt(octet, 2))
            .join('.') ?? '',
      })),
    fc
      .tuple(fc.constantFrom(0x2001, 0xfe80), fc.constantFrom(0, 0xdb8), fc.nat(0xffff))
      .map(([first, second, last]) => ({
        bits: [first, second, 0, 0, 0, 0, 1, last].map((group) => group.toString(2).padStart(16, '0')).join(''),
        text: (bits: string) =>
          bits
            .match(/.{16}/g)
            ?.map((group) => Number.parseInt(group, 2).toString(16))
            .join(':') ?? '',
      })),
  );

  /** A network as text, and as the bits that an address must begin with. */
  const networkRule = fc
    .tuple(ip, fc.nat(128), fc.constantFrom<Side>('cisco', 'microsoft'))
    .map(([{ bits, text }, prefix, side]) => {
      const length = Math.min(prefix, bits.length);
      const start = bits.slice(0, length);
      return { side, start, total: bits.length, from: `${text(start.padEnd(bits.length, '0'))}/${length}` };
    });

  test('the longest prefix speaks, as a search through all rules would find it', () => {
    fc.assert(
      fc.property(fc.array(networkRule, { maxLength: 30 }), ip, (rules, { bits, text }) => {
        const access = accessOf(...rules.map(({ side, from }) => [side, from] as const));
        const [expected] = rules
          .filter(({ start, total }) => total === bits.length && bits.startsWith(start))
          .sort((a, b) => b.start.length - a.start.length);
        expect(access.sideOf(sourceOf(text(bits)))).toBe(expected?.side);
      }),
    );
  });
});

describe('a target is a peer when a rule names it', () => {
  const access = accessOf(['cisco', 'all'], ['microsoft', '192.0.2.0/24'], ['microsoft', '.example.com']);

  test.each([
    ['192.0.2.21', 'udp', 'microsoft', 'an address in a listed network'],
    ['198.51.100.1', 'udp', undefined, 'an address that only "all" lets in: it may call, but nobody is sent there'],
    ['fe1.example.com', 'tls', 'microsoft', 'a listed name by TLS'],
    ['fe1.example.com', 'tcp', undefined, 'a listed name without TLS: nothing would prove it'],
    ['fe1.example.net', 'tls', undefined, 'a name that is not listed'],
  ] as const)('%s over %s: %s (%s)', (host, transport, side, _why) => {
    expect(access.sideOfTarget(host, transport)).toBe(side);
  });

  test('an address that only a network of prefix 0 covers is no peer either', () => {
    expect(accessOf(['cisco', '0.0.0.0/0']).sideOfTarget('192.0.2.1', 'udp')).toBeUndefined();
  });
});
