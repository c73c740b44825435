/** Every setting of routes.yaml: its name, its kind, its range and its default. What settings mean together is in checks.ts. */
import { parseFrom, parseFromDomain, parseName } from '../routing/access-pattern.ts';
import { keyOfAddress } from '../routing/user-key.ts';
import { quote } from '../settings/problem.ts';
import {
  choice,
  type Item,
  list,
  namedEntries,
  type ObjectOf,
  object,
  oneOrMore,
  optional,
  parsed,
  type Reader,
  required,
  requiredOr,
  section,
  variants,
  withDefault,
} from '../settings/reader.ts';
import {
  addressAndPort,
  duration,
  flag,
  host,
  hostName,
  integer,
  ipAddress,
  percentage,
  port,
  prose,
  size,
  socketAddress,
  text,
  word,
} from '../settings/values.ts';
import { attributeName, ldapFilter, ldapUrl, sweepTimes } from './ldap-values.ts';
import { ownHost } from './own-host.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KIB = 1_024;
const MIB = 1_024 * KIB;

const side = choice(['cisco', 'microsoft']);
const transport = choice(['udp', 'tcp', 'tls']);
const name = word(64);
const description = prose(255);

/** Two digits in a branch say which one it is for; more would not help a program that shares its ports. */
export const mostWorkers = 64;

const workers = parsed<number | 'auto'>((written) => {
  if (written === 'auto') return { value: written };
  const count = /^\d{1,3}$/.test(written) ? Number(written) : 0;
  if (count >= 1 && count <= mostWorkers) return { value: count };
  return { wrong: `${quote(written)} is not a number of workers`, hint: `auto, or from 1 to ${mostWorkers}` };
});

const node = object({
  name: required(ownHost),
});

export const listener = object({
  transport: required(transport),
  address: required(ipAddress),
  port: optional(port(0)),
  name: optional(ownHost),
  tls: optional(name),
});

const tlsVersion = choice(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']);

export const tlsProfile = object({
  extends: optional(name),
  certificate: optional(text()),
  key: optional(text()),
  ca: optional(text()),
  crl: optional(oneOrMore(text())),
  'client-certificate': optional(choice(['required', 'optional', 'none'])),
  peers: optional(oneOrMore(hostName)),
  'common-name': optional(flag),
  wildcards: optional(flag),
  'min-version': optional(tlsVersion),
  'max-version': optional(tlsVersion),
  ciphers: optional(text()),
  legacy: optional(flag),
});

/** The forms are checked by routing's own readers; the text of `from` is kept, for reasons are told in the operator's words. */
const accessFrom = parsed((written) => {
  const { value, problem } = parseFrom(written);
  return value === undefined ? { wrong: problem } : { value: { pattern: value, text: written } };
});

const named = (read: typeof parseName) =>
  parsed((written) => {
    const { value, problem } = read(written);
    return value === undefined ? { wrong: problem } : { value };
  });

/** A token, and case counts (RFC 3261 §7.1). */
const method = parsed((written) =>
  /^[A-Z0-9.!%*_+`'~-]{1,64}$/.test(written)
    ? { value: written }
    : { wrong: `${quote(written)} is not a method`, hint: 'in capitals, such as MESSAGE' },
);

export const accessRule = object({
  name: optional(name),
  side: optional(side),
  deny: withDefault(flag, false),
  from: optional(accessFrom),
  'tls-name': optional(named(parseName)),
  transport: optional(transport),
  'from-domains': optional(list(named(parseFromDomain))),
  methods: optional(list(method)),
});

/** A rule of which a part is wrong would mean others than it should: it is left out. */
const wholeAccessRule: Reader<AccessRow> = (node, spot) => {
  const row = accessRule(node, spot);
  return spot.problems.hasErrorAround(...spot.path) ? undefined : row;
};

/** An option tag is a token (RFC 3261 §25.1). */
const optionTag = parsed((tag) =>
  /^[a-z0-9.!%*_+`'~-]{1,128}$/i.test(tag)
    ? { value: tag.toLowerCase() }
    : { wrong: `${quote(tag)} is not an option tag`, hint: 'one word, such as ms-benotify' },
);

const routing = object({
  mode: withDefault(choice(['basic', 'advanced']), 'basic'),
  'microsoft-user': withDefault(choice(['enabled', 'address']), 'enabled'),
  'when-directory-unavailable': withDefault(choice(['basic', 'reject']), 'basic'),
  'when-access-denied': withDefault(choice(['reject', 'drop']), 'reject'),
  'failover-after': withDefault(duration(100, 32 * SECOND), 2 * SECOND),
  'retry-after': withDefault(duration(SECOND, HOUR), 30 * SECOND),
  'cisco-users': optional(text()),
  'proxy-require': withDefault(list(optionTag), [{ path: [], value: 'ms-benotify' }]),
});

export const route = object({
  to: required(side),
  type: withDefault(choice(['domain', 'user']), 'domain'),
  pattern: required(word(255)),
  'next-hop': required(host),
  port: optional(port(0)),
  transport: withDefault(choice(['udp', 'tcp', 'tls', 'any']), 'tcp'),
  priority: withDefault(integer(1, 65_535), 1),
  weight: withDefault(integer(1, 65_535), 1),
  'in-service': withDefault(flag, true),
  block: withDefault(flag, false),
  'allow-less-specific': withDefault(flag, true),
  tls: optional(name),
  'tls-name': optional(oneOrMore(hostName)),
  description: optional(description),
});

const pinnedUser = parsed((written) => {
  const key = keyOfAddress(written);
  if (key !== undefined) return { value: key };
  return { wrong: `${quote(written)} is not the address of a user`, hint: 'such as sip:ceo@example.com' };
});

export const pin = object({
  user: required(pinnedUser),
  side: required(side),
  why: optional(description),
});

// RFC 3261 §17.1.1.1: T1 is an estimate of the round trip, T2 and T4 are multiples of it.
const timers = object({
  t1: withDefault(duration(10, 10 * SECOND), 500),
  t2: withDefault(duration(10, 60 * SECOND), 4 * SECOND),
  t4: withDefault(duration(10, 60 * SECOND), 5 * SECOND),
  // RFC 3261 §16.6 step 11: larger than 3 minutes.
  'timer-c': withDefault(duration(3 * MINUTE + 1, HOUR), 190 * SECOND),
  connect: withDefault(duration(100, MINUTE), 2 * SECOND),
  idle: withDefault(duration(SECOND, 7 * DAY), 10 * MINUTE),
  message: withDefault(duration(SECOND, 10 * MINUTE), 30 * SECOND),
  stranger: withDefault(duration(100, MINUTE), 5 * SECOND),
  'half-open': withDefault(duration(SECOND, 10 * MINUTE), 32 * SECOND),
  'keep-alive': withDefault(duration(SECOND, DAY), MINUTE),
});

// 65535 less the IPv4 (20) and UDP (8) headers.
const largestDatagram = 65_507;

const limits = object({
  header: withDefault(size(KIB, MIB), 64 * KIB),
  body: withDefault(size(KIB, 64 * MIB), MIB),
  connections: withDefault(integer(1, 1_000_000), 10_000),
  'connections-per-address': withDefault(integer(1, 1_000_000), 1_000),
  'connections-of-strangers': withDefault(integer(1, 100_000), 500),
  'write-queue': withDefault(size(64 * KIB, 1_024 * MIB), 4 * MIB),
  'udp-datagram': withDefault(size(KIB, largestDatagram), largestDatagram),
  'udp-peers': withDefault(integer(1, 1_000_000), 20_000),
  memory: optional(size(16 * MIB, 65_536 * MIB)),
});

/** RFC 3261 §21: a final status, as an answer to OPTIONS. */
const status = integer(200, 699);

export const probe = object({
  enabled: withDefault(flag, true),
  every: withDefault(duration(100, HOUR), 10 * SECOND),
  timeout: withDefault(duration(50, 32 * SECOND), 2 * SECOND),
  'down-after': withDefault(integer(1, 100), 2),
  'up-after': withDefault(integer(1, 100), 2),
  good: withDefault(
    list(status),
    [200, 404, 405, 481].map((value) => ({ path: [], value })),
  ),
});

const dns = object({
  servers: withDefault(list(addressAndPort), []),
  timeout: withDefault(duration(50, 30 * SECOND), SECOND),
  budget: withDefault(duration(50, 30 * SECOND), 2 * SECOND),
  refresh: withDefault(duration(SECOND, DAY), 30 * SECOND),
  negative: withDefault(duration(100, HOUR), 5 * SECOND),
  stale: withDefault(duration(0, 30 * DAY), HOUR),
});

const health = object({
  probe: section(probe),
  'slow-return': withDefault(duration(0, HOUR), 30 * SECOND),
  'retry-after-cap': withDefault(duration(0, HOUR), MINUTE),
  'flap-memory': withDefault(duration(SECOND, DAY), 10 * MINUTE),
});

const log = object({
  level: withDefault(choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), 'info'),
  decisions: withDefault(choice(['all', 'refused', 'none']), 'all'),
  file: optional(text()),
  format: withDefault(choice(['auto', 'json', 'pretty']), 'auto'),
});

export const ldifSource = object({
  kind: required(choice(['ldif'])),
  file: required(text()),
  'max-loss': withDefault(percentage, 0.1),
});

/** The address book's own attribute counts more than the list of all mail and SIP addresses. */
const addressAttributes = ['msRTCSIP-PrimaryUserAddress', 'proxyAddresses'].map((value) => ({ path: [], value }));

export const ldapSnapshot = object({
  follow: withDefault(choice(['notify', 'dirsync', 'poll', 'none']), 'poll'),
  'follow-every': withDefault(duration(100, HOUR), SECOND),
  sweep: withDefault(sweepTimes, { kind: 'interval', everyMs: DAY }),
  'sweep-jitter': withDefault(duration(0, DAY), 10 * MINUTE),
  'max-loss': withDefault(percentage, 0.1),
  'stale-after': withDefault(duration(MINUTE, 365 * DAY), 2 * DAY),
  'expire-after': withDefault(duration(MINUTE, 365 * DAY), 7 * DAY),
  file: optional(text()),
  'require-first-sync': withDefault(flag, false),
});

export const ldapSource = object({
  kind: required(choice(['ldap'])),
  name: optional(name),
  mode: withDefault(choice(['lookup', 'snapshot']), 'lookup'),
  snapshot: section(ldapSnapshot),
  urls: required(list(ldapUrl)),
  'start-tls': withDefault(flag, true),
  ca: optional(text()),
  'tls-name': optional(hostName),
  'bind-dn': required(text()),
  'password-file': optional(text()),
  'password-env': optional(text(128)),
  base: required(list(text())),
  scope: withDefault(choice(['sub', 'one', 'base']), 'sub'),
  filter: optional(ldapFilter),
  'address-attributes': withDefault(list(attributeName), addressAttributes),
  'enabled-attribute': withDefault(attributeName, 'msRTCSIP-UserEnabled'),
  referrals: withDefault(choice(['ignore', 'follow']), 'ignore'),
  'page-size': withDefault(integer(1, 100_000), 1_000),
  connect: withDefault(duration(100, MINUTE), 2 * SECOND),
  bind: withDefault(duration(100, MINUTE), 2 * SECOND),
  search: withDefault(duration(50, MINUTE), 2 * SECOND),
  'keep-alive': withDefault(duration(SECOND, HOUR), 30 * SECOND),
  'return-after': withDefault(duration(SECOND, DAY), 5 * MINUTE),
  'max-searches': withDefault(integer(1, 10_000), 64),
});

export const directoryCache = object({
  size: withDefault(integer(1, 10_000_000), 100_000),
  found: withDefault(duration(0, DAY), 30 * SECOND),
  unknown: withDefault(duration(0, HOUR), 5 * SECOND),
  stale: withDefault(duration(0, 30 * DAY), DAY),
  budget: withDefault(duration(10, 10 * SECOND), 150),
});

const directory = object({
  sources: withDefault(list(variants('kind', { ldif: ldifSource, ldap: ldapSource })), []),
  cache: section(directoryCache),
});

/** Authorities need their days, and their people holidays. */
const certificates = object({
  'warn-before': withDefault(duration(0, 365 * DAY), 30 * DAY),
});

const reload = object({
  watch: withDefault(flag, true),
});

const stop = object({
  drain: withDefault(duration(0, HOUR), 30 * SECOND),
});

/** In the folder of routes.yaml. */
export const usualKeysFile = 'pif-router.keys';

const signing = object({
  'keys-file': optional(text()),
});

/** In the folder of routes.yaml. */
export const usualAdminSocket = 'pif-router.sock';

const admin = object({
  socket: withDefault(text(), usualAdminSocket),
  'socket-mode': withDefault(choice(['0600', '0660']), '0600'),
  listen: optional(socketAddress),
  'token-file': optional(text()),
  'token-env': optional(text(128)),
  tls: optional(name),
});

/** The whole file. */
export const routesFile = object({
  node: requiredOr(node, { name: '' }),
  domains: requiredOr(list(hostName), []),
  listen: requiredOr(list(listener), []),
  workers: withDefault(workers, 1),
  tls: withDefault(namedEntries(tlsProfile), new Map()),
  certificates: section(certificates),
  access: requiredOr(list(wholeAccessRule), []),
  routing: section(routing),
  routes: requiredOr(list(route), []),
  pins: withDefault(list(pin), []),
  directory: section(directory),
  dns: section(dns),
  health: section(health),
  timers: section(timers),
  limits: section(limits),
  log: section(log),
  reload: section(reload),
  stop: section(stop),
  admin: section(admin),
  signing: section(signing),
});

export type RoutesFile = ObjectOf<typeof routesFile.fields>;
export type ListenRow = ObjectOf<typeof listener.fields>;
export type AccessRow = ObjectOf<typeof accessRule.fields>;
export type TlsRow = ObjectOf<typeof tlsProfile.fields>;
export type RouteRow = ObjectOf<typeof route.fields>;
export type LdifRow = ObjectOf<typeof ldifSource.fields>;
export type LdapRow = ObjectOf<typeof ldapSource.fields>;
export type Rows<T> = readonly Item<T>[];

/** What a listener or a route without a port uses (RFC 3261 §19.1.2). */
export const usualPort = (transport: 'udp' | 'tcp' | 'tls' | 'any'): number => {
  if (transport === 'any') return 0;
  return transport === 'tls' ? 5061 : 5060;
};
