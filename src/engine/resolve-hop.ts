/** From a hop to its targets: addresses by RFC 3263, each with the TLS name and profile that the hop asks for. */
import { isIP } from 'node:net';
import type { Resolve } from '../health/hop-knowledge.ts';
import type { NextHop } from '../routing/types.ts';
import type { Address } from '../sip/resolve/lookup.ts';
import type { Resolver } from '../sip/resolve/resolver.ts';
import type { Target } from '../sip/transport/flow.ts';

/** What a hop was resolved to when it was asked for last; the same addresses make the same targets. */
interface Known {
  readonly addresses: readonly Address[];
  readonly targets: readonly Target[];
  /** The hop is an address itself. */
  readonly isLiteral: boolean;
}

/**
 * @param defaultTlsProfile for a URI that is followed though no route names its host
 * @param canReach whether there is a listener for it: IPv6 addresses of a dual-stack host are of no use to an IPv4 router
 */
export const createResolveHop = (
  resolver: Resolver,
  defaultTlsProfile: () => string | undefined,
  canReach: (address: Address) => boolean,
): Resolve => {
  const known = new WeakMap<NextHop, Known>();

  // The name stays that of the hop: the names that DNS gives on the way prove nothing (RFC 5922 §4).
  const targetOf = (hop: NextHop, { transport, address, port }: Address): Target => ({
    transport,
    address,
    port,
    tlsName: transport === 'tls' ? (hop.tlsName ?? hop.host) : undefined,
    ...(transport !== 'tls' || hop.otherTlsNames === undefined ? {} : { otherTlsNames: hop.otherTlsNames }),
    tlsProfile: transport === 'tls' ? (hop.tlsProfile ?? defaultTlsProfile()) : undefined,
  });

  const targetsOf = (hop: NextHop, addresses: readonly Address[]): readonly Target[] => {
    const before = known.get(hop);
    if (before?.addresses === addresses) return before.targets;
    const reachable = addresses.filter(canReach);
    const targets = (reachable.length > 0 ? reachable : addresses).map((address) => targetOf(hop, address));
    known.set(hop, { addresses, targets, isLiteral: isIP(hop.host) !== 0 });
    return targets;
  };

  return (hop) => {
    // An address is resolved once; for a name the resolver keeps the answer as long as it is valid.
    const before = known.get(hop);
    if (before?.isLiteral === true) return before.targets;
    const found = resolver.resolve(hop.host, hop.port, hop.transport);
    if (!(found instanceof Promise)) return targetsOf(hop, found);
    return found.then((late) => ('code' in late ? late : targetsOf(hop, late)));
  };
};
