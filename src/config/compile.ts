/** Turns the checked rows of routes.yaml into the values that routing and transport are built from. */
import { reachedBy } from '../net/own-addresses.ts';
import type { AccessRuleInput, OwnAddressInput, PinInput, PolicyInput, RouteInput } from '../routing/policy-input.ts';
import { usualTlsProfile } from '../routing/routes/destination.ts';
import { parsePattern } from '../routing/routes/route-pattern.ts';
import type { Item } from '../settings/reader.ts';
import type { ListenSetting } from '../sip/transport/settings.ts';
import { type AccessRow, type ListenRow, type RouteRow, type RoutesFile, type Rows, usualPort } from './shape.ts';

export function compileListener({ transport, address, port, name, tls }: ListenRow): ListenSetting {
  return {
    transport,
    address,
    port: port ?? usualPort(transport),
    ...(name === undefined ? {} : { name }),
    ...(transport === 'tls' ? { tlsProfile: tls ?? usualTlsProfile } : {}),
  };
}

/**
 * @param ciscoUsers keys of all users of the Cisco side, when there is such a list
 * @param interfaces the addresses of this machine: what a wildcard listener stands for
 */
export function compilePolicyInput(
  file: RoutesFile,
  ciscoUsers: ReadonlySet<string> | undefined,
  interfaces: readonly string[],
): PolicyInput {
  const { routing } = file;
  return {
    mode: routing.mode,
    microsoftUser: routing['microsoft-user'],
    whenUnavailable: routing['when-directory-unavailable'],
    retryAfterS: Math.ceil(routing['retry-after'] / 1_000),
    onDenied: routing['when-access-denied'],
    domains: file.domains.map(({ value }) => value),
    access: file.access.map(compileAccessRule),
    routes: file.routes.flatMap(compileRoute),
    pins: file.pins.map(compilePin),
    ciscoUsers,
    ownAddresses: ownAddresses(file, interfaces),
  };
}

const indexOf = ({ path }: Item<unknown>): number => Number(path.at(-1));

const valuesOf = <T>(items: readonly Item<T>[] | undefined): readonly T[] | undefined =>
  items?.map(({ value }) => value);

/** Whatever denies has no side. */
export const compileAccessRule = (row: Item<AccessRow>): AccessRuleInput => {
  const { name, side, deny, from, transport, methods } = row.value;
  return {
    index: indexOf(row),
    name,
    side: deny ? undefined : side,
    from: from?.pattern ?? { kind: 'all' },
    text: from?.text ?? 'all',
    tlsName: row.value['tls-name'],
    transport,
    fromDomains: valuesOf(row.value['from-domains']),
    methods: valuesOf(methods),
  };
};

const compilePin = (row: RoutesFile['pins'][number]): PinInput => {
  const { user, side, why } = row.value;
  return { index: indexOf(row), key: user, side, why };
};

const mayUseTls = (transport: RouteRow['transport']): boolean => transport === 'tls' || transport === 'any';

/** A pattern that cannot be read has been reported: its row is left out. */
function compileRoute(row: Item<RouteRow>): readonly RouteInput[] {
  const { to, type, transport, priority, weight, block, tls, description, ...rest } = row.value;
  const { value: pattern } = parsePattern(rest.pattern, type);
  if (pattern === undefined) return [];
  const route: RouteInput = {
    index: indexOf(row),
    to,
    pattern,
    nextHop: rest['next-hop'],
    port: rest.port ?? usualPort(transport),
    transport,
    priority,
    weight,
    inService: rest['in-service'],
    block,
    allowLessSpecific: rest['allow-less-specific'],
    ...compileTlsNames(rest['tls-name'] ?? []),
    tlsProfile: mayUseTls(transport) ? (tls ?? usualTlsProfile) : undefined,
    description,
  };
  return [route];
}

function compileTlsNames([first, ...others]: Rows<string>): Pick<RouteInput, 'tlsName' | 'otherTlsNames'> {
  const otherTlsNames = others.map(({ value }) => value);
  return { tlsName: first?.value, ...(otherTlsNames.length === 0 ? {} : { otherTlsNames }) };
}

function ownAddresses({ node, listen }: RoutesFile, interfaces: readonly string[]): readonly OwnAddressInput[] {
  return listen.flatMap(({ value }) => {
    const { address, port, name = node.name } = compileListener(value);
    const hosts = new Set([node.name, name, ...reachedBy(address, interfaces)]);
    return [...hosts].map((host) => ({ host, port }));
  });
}
