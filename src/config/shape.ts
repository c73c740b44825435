/** Every setting of routes.yaml: its name, its kind, its range and its default. What settings mean together is in checks.ts. */

import { cacheFields } from '../directory/cached.ts';
import { sourceRow } from '../directory/source-kinds.ts';
import { healthSection } from '../health/settings.ts';
import { defaultPort } from '../net/ports.ts';
import { logFields } from '../observe/settings.ts';
import { proxyFields, proxyTimerFields } from '../proxy/settings.ts';
import { parseFrom, parseFromDomain, parseName } from '../routing/access/pattern.ts';
import { keyOfAddress } from '../routing/user-key.ts';
import type { ObjectOf } from '../settings/declared.ts';
import { quote } from '../settings/problem.ts';
import {
  choice,
  type Item,
  list,
  namedEntries,
  object,
  oneOrMore,
  optional,
  parsed,
  reader,
  required,
  requiredOr,
  section,
  withDefault,
} from '../settings/reader.ts';
import { DAY, HOUR, SECOND } from '../settings/units.ts';
import {
  duration,
  flag,
  host,
  hostName,
  integer,
  ipAddress,
  port,
  prose,
  socketAddress,
  text,
  word,
} from '../settings/values.ts';
import { dnsFields } from '../sip/resolve/settings.ts';
import { timerFields } from '../sip/transaction/timers.ts';
import { limitFields, timeoutFields } from '../sip/transport/settings.ts';
import { ownHost } from './own-host.ts';

const side = choice(['cisco', 'microsoft']);
const transport = choice(['udp', 'tcp', 'tls']);
const name = word(64);
const description = prose(255);

/** Two digits in a branch say which one it is for; more would not help a program that shares its ports. */
export const mostWorkers = 64;

const workers = parsed<number | 'auto'>(
  (written) => {
    if (written === 'auto') return { value: written };
    const count = /^\d{1,3}$/.test(written) ? Number(written) : 0;
    if (count >= 1 && count <= mostWorkers) return { value: count };
    return { wrong: `${quote(written)} is not a number of workers`, hint: `auto, or from 1 to ${mostWorkers}` };
  },
  { schema: { anyOf: [{ enum: ['auto'] }, { type: 'integer', minimum: 1, maximum: mostWorkers }] } },
);

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
const wholeAccessRule = reader<AccessRow>((node, spot) => {
  const row = accessRule(node, spot);
  return spot.problems.hasErrorAround(...spot.path) ? undefined : row;
}, accessRule);

const routing = object({
  mode: withDefault(choice(['basic', 'advanced']), 'basic'),
  'microsoft-user': withDefault(choice(['enabled', 'address']), 'enabled'),
  'when-directory-unavailable': withDefault(choice(['basic', 'reject']), 'basic'),
  'when-access-denied': withDefault(choice(['reject', 'drop']), 'reject'),
  'retry-after': withDefault(duration(SECOND, HOUR), 30 * SECOND),
  'cisco-users': optional(text()),
  ...proxyFields,
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

export const pinRow = object({
  user: required(pinnedUser),
  side: required(side),
  why: optional(description),
});

const timers = object({ ...timerFields, ...proxyTimerFields, ...timeoutFields });

const directory = object({
  sources: withDefault(list(sourceRow), []),
  cache: section(object(cacheFields)),
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
  pins: withDefault(list(pinRow), []),
  directory: section(directory),
  dns: section(object(dnsFields)),
  health: section(healthSection),
  timers: section(timers),
  limits: section(object(limitFields)),
  log: section(object(logFields)),
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
export type Rows<T> = readonly Item<T>[];

/** What a listener or a route without a port uses (RFC 3261 §19.1.2). */
export const usualPort = (transport: 'udp' | 'tcp' | 'tls' | 'any'): number => {
  return transport === 'any' ? 0 : defaultPort(transport);
};
