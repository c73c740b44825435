/** The places to which a followed URI may lead: only peers that the access list or a route names, so that nobody relays through us. */

import { hostKey, isIp } from '../net/ip-address.ts';
import { defaultPort, type Transport } from '../net/ports.ts';
import type { AccessList } from './access/acl.ts';
import { nextHopId } from './routes/destination.ts';
import type { KnownHop } from './routes/route-table.ts';
import { type HopAt, type NextHop, otherSide, type Side, type UriFacts } from './types.ts';

/** What the URI asks for (RFC 3263 §4.1); undefined when it leaves the choice open, 'unknown' when we do not speak it. */
const askedTransport = ({ scheme, transport }: UriFacts): Transport | 'unknown' | undefined => {
  if (scheme === 'sips') return 'tls';
  if (transport === undefined || transport === 'udp' || transport === 'tcp' || transport === 'tls') return transport;
  return 'unknown';
};

/** True when the URI leads to this hop: where the URI leaves port or transport open, the configured one is meant. */
const leadsTo = ({ host, port }: UriFacts, asked: Transport | undefined, hop: NextHop): boolean => {
  if (hop.transport === 'any') return port === undefined;
  if (asked !== undefined && asked !== hop.transport) return false;
  if (port !== undefined) return port === hop.port;
  return !isIp(host) || hop.port === defaultPort(hop.transport);
};

/**
 * Of several hops to which the URI leads, one of the other side; of several there, where an IP address leaves the transport
 * open, the one by UDP (RFC 3263 §4.1).
 */
const configured = (
  sameHost: readonly KnownHop[],
  uri: UriFacts,
  asked: Transport | undefined,
  from: Side,
): KnownHop | undefined => {
  let best: KnownHop | undefined;
  let bestFit = -1;
  for (const known of sameHost) {
    if (!leadsTo(uri, asked, known.hop)) continue;
    const isUsual = asked === undefined && known.hop.transport === 'udp' && isIp(uri.host);
    const fit = (known.side === from ? 0 : 2) + (isUsual ? 1 : 0);
    if (fit > bestFit) [best, bestFit] = [known, fit];
  }
  return best;
};

/** What a place that no route names is known again by. */
const placeKey = ({ host, port }: UriFacts, transport: Transport, from: Side): string =>
  `${from} ${transport} ${port ?? 'any'} ${host}`;

/** A slice of a message would keep all of it alive. */
const withOwnHost = (uri: UriFacts): UriFacts => ({ ...uri, host: Buffer.from(uri.host, 'latin1').toString('latin1') });

/** A peer may name any port of its host: when so many places are known, all are forgotten. */
const mostPlaces = 1024;

/** Of a host that is remembered: no name is longer (RFC 1035 §2.3.4). */
const longestHost = 255;

/** Next hops only; any port of their hosts too; or whatever an access rule names besides. */
export type Reach = 'hops' | 'hosts of hops' | 'peers';

/** The next hops known by name that stand at an IP address. */
type HopsAt = (address: string) => readonly HopAt[];

const nowhere: HopsAt = () => [];

/** A hop that a URI with an IP address leads to, and how it is spoken to there. */
interface Standing extends KnownHop {
  readonly transport: Transport;
}

/** Where the URI leaves the transport open, that of the hop whose port it names. */
const transportAt = ({ port }: UriFacts, asked: Transport | undefined, at: HopAt): Transport => {
  if (asked !== undefined) return asked;
  return (port ?? defaultPort(at.transport)) === at.port ? at.transport : 'udp';
};

export class Peers {
  readonly #access: AccessList;
  readonly #hopsByHost: ReadonlyMap<string, readonly KnownHop[]>;
  readonly #hopsById: ReadonlyMap<string, KnownHop>;
  /** Other places of peers. Each stays one object throughout its dialogs: what is kept with a hop is then found again. */
  readonly #places = new Map<string, KnownHop>();

  constructor(access: AccessList, knownHops: readonly KnownHop[]) {
    this.#access = access;
    this.#hopsByHost = Map.groupBy(knownHops, ({ hop }) => hostKey(hop.host));
    this.#hopsById = new Map(knownHops.map((known) => [known.hop.id, known]));
  }

  /**
   * The hop to which a URI leads, when it is a known peer: a configured next hop itself, so that in-dialog and routed
   * traffic share connections; another port of a next hop's host; an address that a next hop's name stands for; or what an
   * access rule names.
   * @param from the asker's side: where a host serves both sides, the other one is meant
   * @param reach how far it may lead
   * @param hopsAt asked for IP addresses that no route names
   */
  find(uri: UriFacts, from: Side, reach: Reach, hopsAt: HopsAt = nowhere): KnownHop | undefined {
    const asked = askedTransport(uri);
    if (asked === 'unknown') return undefined;
    const sameHost = this.#hopsByHost.get(hostKey(uri.host)) ?? [];
    const hop = configured(sameHost, uri, asked, from);
    if (hop !== undefined || reach === 'hops') return hop;
    const standing = sameHost.length > 0 || !isIp(uri.host) ? undefined : this.#standing(uri, asked, from, hopsAt);
    if (reach === 'hosts of hops' && sameHost.length === 0 && standing === undefined) return undefined;
    const transport = standing?.transport ?? asked ?? 'udp';
    const key = `${placeKey(uri, transport, from)} ${standing?.hop.id ?? ''}`;
    const known = this.#places.get(key);
    return (
      known ?? this.#newPlace(key, withOwnHost(uri), transport, standing === undefined ? sameHost : [standing], from)
    );
  }

  /**
   * The hop whose name stands for the address. Over TLS it will have to prove the name; in the clear DNS must do, as it does
   * for the hop itself, but not for a hop that is reached by TLS: there somebody must have proved the name.
   */
  #standing(uri: UriFacts, asked: Transport | undefined, from: Side, hopsAt: HopsAt): Standing | undefined {
    let first: Standing | undefined;
    for (const at of hopsAt(uri.host)) {
      const known = this.#hopsById.get(at.hopId);
      const transport = transportAt(uri, asked, at);
      if (known === undefined || (transport !== 'tls' && at.transport === 'tls' && !at.hasProvedName)) continue;
      const tlsName = transport === 'tls' ? (known.hop.tlsName ?? known.hop.host) : undefined;
      const standing = { side: known.side, hop: { ...known.hop, transport, tlsName }, transport };
      if (known.side !== from) return standing;
      first ??= standing;
    }
    return first;
  }

  #newPlace(
    key: string,
    uri: UriFacts,
    transport: Transport,
    likeness: readonly KnownHop[],
    from: Side,
  ): KnownHop | undefined {
    const found = this.#unconfigured(uri, transport, likeness, from);
    if (found === undefined || uri.host.length > longestHost) return found;
    if (this.#places.size >= mostPlaces) this.#places.clear();
    this.#places.set(key, found);
    return found;
  }

  #unconfigured(uri: UriFacts, transport: Transport, sameHost: readonly KnownHop[], from: Side): KnownHop | undefined {
    const { host } = uri;
    const side = this.#access.sideOfTarget(host, transport) ?? sideOf(sameHost, from);
    if (side === undefined) return undefined;
    const port = uri.port ?? (isIp(host) ? defaultPort(transport) : 0);
    const likeness = sameHost.find(({ hop }) => hop.transport === transport)?.hop;
    const id = nextHopId(side, host, port, transport);
    return {
      side,
      hop: { ...likeness, id, transport, host, port, tlsName: likeness?.tlsName, tlsProfile: likeness?.tlsProfile },
    };
  }
}

const sideOf = (hops: readonly KnownHop[], from: Side): Side | undefined =>
  hops.some(({ side }) => side !== from) ? otherSide(from) : hops[0]?.side;
