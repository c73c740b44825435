/** The users of the test directories: the same index gives the same user, so that a test can compute what it expects. */
import { createHash } from 'node:crypto';

type UserKind = 'enabled' | 'migrated' | 'mail-only' | 'account-disabled' | 'moving' | 'alias';

/** By index modulo 20: eleven enabled, four moved away with their address kept, two without any SIP address, three special. */
export const kindOf = (index: number): UserKind => {
  const place = index % 20;
  if (place < 11) return 'enabled';
  if (place < 15) return 'migrated';
  if (place < 17) return 'mail-only';
  return (['account-disabled', 'moving', 'alias'] as const)[place - 17] ?? 'enabled';
};

export const nameOf = (index: number): string => `user${String(index).padStart(7, '0')}`;
export const userDn = (index: number, suffix: string): string => `CN=${nameOf(index)},OU=Staff,${suffix}`;

export interface LdifWish {
  readonly users: number;
  readonly suffix: string;
  readonly sipDomain: string;
  /** AD makes its own objectGUID, and wants another userAccountControl for who has no password. */
  readonly isAd: boolean;
  readonly hasRtc: boolean;
}

type Attributes = readonly (readonly [name: string, value: string | Buffer | undefined])[];

const plain = /^[!-9;=-~](?:[ -~]*[!-~])?$/;

const line = (name: string, value: string | Buffer): string =>
  typeof value === 'string' && plain.test(value)
    ? `${name}: ${value}\n`
    : `${name}:: ${Buffer.from(value as string).toString('base64')}\n`;

/** One LDIF record (RFC 2849) with the blank line that ends it. */
export const record = (dn: string, attributes: Attributes): string =>
  `${line('dn', dn)}${attributes.map(([name, value]) => (value === undefined ? '' : line(name, value))).join('')}\n`;

const rtcAttributes = (address: string, isEnabled: boolean, suffix: string): Attributes => [
  ['msRTCSIP-PrimaryUserAddress', address],
  ['msRTCSIP-UserEnabled', isEnabled ? 'TRUE' : 'FALSE'],
  ['msRTCSIP-OptionFlags', '256'],
  [
    'msRTCSIP-PrimaryHomeServer',
    `CN=Lc Services,CN=Microsoft,CN=1:1,CN=Pools,CN=RTC Service,CN=Services,CN=Configuration,${suffix}`,
  ],
];

const pools = (suffix: string): readonly (readonly [dn: string, cn: string])[] => {
  const names = ['Services', 'RTC Service', 'Pools', '1:1', 'Microsoft', 'Lc Services'];
  const dns = names.map(
    (_, i) =>
      `${names
        .slice(0, i + 1)
        .reverse()
        .map((name) => `CN=${name}`)
        .join(',')},CN=Configuration,${suffix}`,
  );
  return names.map((cn, i) => [dns[i]!, cn] as const);
};

/** A user of a number. */
const user = (index: number, { suffix, sipDomain, isAd, hasRtc }: LdifWish): string => {
  const name = nameOf(index);
  const kind = kindOf(index);
  const address = `sip:${kind === 'alias' ? name.toUpperCase() : name}@${sipDomain}`;
  const hasAddress = hasRtc && kind !== 'mail-only';
  const control = kind === 'account-disabled' ? 2 : 0;
  return record(userDn(index, suffix), [
    ['objectClass', 'user'],
    ['cn', name],
    ['sn', name],
    ['displayName', `User ${index}`],
    ['sAMAccountName', name],
    ['userAccountControl', String((isAd ? 544 : 512) + control)],
    ['objectGUID', isAd ? undefined : createHash('md5').update(name).digest()],
    ['mail', `${name}@${sipDomain}`],
    ['telephoneNumber', `+49 30 ${index}`],
    ...(hasAddress ? rtcAttributes(address, kind !== 'migrated', suffix) : []),
    ['proxyAddresses', `SMTP:${name}@${sipDomain}`],
    ['proxyAddresses', hasAddress ? address : undefined],
    ['proxyAddresses', kind === 'alias' ? `sip:alias.${index}@${sipDomain}` : undefined],
  ]);
};

interface Special {
  readonly cn: string;
  readonly rdn?: string;
  readonly address?: string;
  readonly proxies?: readonly string[];
  readonly isEnabled?: boolean;
  readonly isContact?: boolean;
}

/** Who is found in every real directory sooner or later. `@` stands for the SIP domain. */
const specials: readonly Special[] = [
  { cn: 'Jürgen Müller 東京', address: 'sip:jürgen@' },
  // Every character that RFC 4515 wants escaped, in the name and in the address.
  { cn: 'star*paren()back\\slash', rdn: 'star*paren()back\\\\slash', address: 'sip:a*(b)\\c@' },
  { cn: 'Doe, Jane + Co', rdn: 'Doe\\, Jane \\+ Co', address: 'sip:jane.doe@' },
  // A directory does not forbid that two objects have one address.
  { cn: 'dup-a', address: 'sip:dup@' },
  { cn: 'dup-b', address: 'sip:DUP@', isEnabled: false },
  { cn: 'proxy-only', proxies: ['sip:proxy.only@'] },
  { cn: 'primary-only', address: 'sip:primary.only@', proxies: [] },
  // A central forest has contacts where others have users.
  { cn: 'central-contact', address: 'sip:central.contact@', isContact: true },
  { cn: 'malformed', address: 'sip:no-domain' },
  { cn: 'foreign', address: 'sip:guest@other.example.com' },
  {
    cn: 'many-values',
    address: 'sip:many@',
    proxies: ['sip:many@', ...Array.from({ length: 300 }, (_, i) => `smtp:many.${i}@`)],
  },
];

const special = (
  { cn, rdn = cn, address, proxies, isEnabled = true, isContact = false }: Special,
  wish: LdifWish,
  index: number,
): string => {
  const { suffix, sipDomain, isAd, hasRtc } = wish;
  const full = (text: string): string => text.replace(/@$/, `@${sipDomain}`);
  return record(`CN=${rdn},OU=Special,${suffix}`, [
    ['objectClass', isContact ? 'contact' : 'user'],
    ['cn', cn],
    ['sn', cn],
    ...(isContact
      ? []
      : ([
          ['sAMAccountName', `special-${index}`],
          ['userAccountControl', isAd ? '544' : '512'],
        ] as const)),
    ['objectGUID', isAd ? undefined : createHash('md5').update(cn).digest()],
    ...(address === undefined || !hasRtc ? [] : rtcAttributes(full(address), isEnabled, suffix)),
    ...(proxies ?? (address === undefined ? [] : [address])).map((proxy) => ['proxyAddresses', full(proxy)] as const),
  ]);
};

function* structure({ suffix, isAd }: LdifWish): Generator<string> {
  if (!isAd) {
    const [, name = ''] = /^DC=([^,]+)/i.exec(suffix) ?? [];
    yield record(suffix, [
      ['objectClass', 'organization'],
      ['objectClass', 'dcObject'],
      ['dc', name],
      ['o', name],
    ]);
    for (const cn of ['Users', 'Configuration'])
      yield record(`CN=${cn},${suffix}`, [
        ['objectClass', 'container'],
        ['cn', cn],
      ]);
    yield record(`CN=Services,CN=Configuration,${suffix}`, [
      ['objectClass', 'container'],
      ['cn', 'Services'],
    ]);
  }
  for (const [dn, cn] of pools(suffix).slice(1))
    yield record(dn, [
      ['objectClass', 'container'],
      ['cn', cn],
    ]);
  for (const ou of ['Staff', 'Special'])
    yield record(`OU=${ou},${suffix}`, [
      ['objectClass', 'organizationalUnit'],
      ['ou', ou],
    ]);
}

/** The whole directory, record by record: containers, the users 1 to `users` below OU=Staff, awkward ones below OU=Special. */
export function* ldifRecords(wish: LdifWish): Generator<string> {
  yield* structure(wish);
  for (let index = 1; index <= wish.users; index += 1) yield user(index, wish);
  for (const [index, each] of specials.entries()) yield special(each, wish, index);
}
