/** The rows of configuration that routing is compiled from: plain values, already read and checked one by one. */
import type { Transport } from '../net/ports.ts';
import type { AccessPattern, NamePattern } from './access/pattern.ts';
import type { RoutePattern } from './routes/route-pattern.ts';
import type { HopTransport, Side } from './types.ts';

/** A row of `access`: who may talk to us, and which side they are. */
export interface AccessRuleInput {
  /** Place in the list, from 0: the row's name in reasons is `access[index]`. */
  readonly index: number;
  /** The operator's own name for the row. */
  readonly name: string | undefined;
  /** Undefined: what the row means is denied. */
  readonly side: Side | undefined;
  /** From `parseFrom`; `all` where the row asks for a name only. */
  readonly from: AccessPattern;
  /** `from` as written, for people. */
  readonly text: string;
  /** A name that must be proved besides; `from` is no name then. */
  readonly tlsName: NamePattern | undefined;
  readonly transport: Transport | undefined;
  /** Whom the From of its requests may name; undefined: anybody. */
  readonly fromDomains: readonly NamePattern[] | undefined;
  /** The methods of its requests; undefined: all. */
  readonly methods: readonly string[] | undefined;
}

/** A row of `routes`: where a side can be reached for what the pattern matches. It serves requests from the other side. */
export interface RouteInput {
  /** Place in the list, from 0: the row's name in reasons is `routes[index]`. */
  readonly index: number;
  readonly to: Side;
  /** From `parsePattern`, which also takes the route's type. */
  readonly pattern: RoutePattern;
  /** Host name, IPv4 or IPv6 address without brackets; lower case. */
  readonly nextHop: string;
  /** 0 to 65535; 0 asks for an SRV look-up of `nextHop`. */
  readonly port: number;
  /** `any` with port 0 only. */
  readonly transport: HopTransport;
  /** 1 to 65535; lower is tried first. */
  readonly priority: number;
  /** 1 to 65535; the share among rows of one priority. */
  readonly weight: number;
  readonly inService: boolean;
  /** What matches is refused. */
  readonly block: boolean;
  /** When all rows of one pattern allow it, hops of a less specific pattern follow behind theirs. */
  readonly allowLessSpecific: boolean;
  /** The name that the far certificate must carry; `nextHop` when undefined. TLS only. */
  readonly tlsName: string | undefined;
  /** Names that will do as well. */
  readonly otherTlsNames?: readonly string[];
  /** TLS only. */
  readonly tlsProfile: string | undefined;
  readonly description: string | undefined;
}

/** A row of `pins`: this user is at home there, whatever the directory says. */
export interface PinInput {
  /** Place in the list, from 0: the row's name in reasons is `pins[index]`. */
  readonly index: number;
  /** From `keyOfAddress`. */
  readonly key: string;
  readonly side: Side;
  readonly why: string | undefined;
}

/** A host, or a host and port, at which this node itself is reached. */
export interface OwnAddressInput {
  /** Host name, IPv4 or IPv6 address without brackets; lower case. */
  readonly host: string;
  readonly port: number;
}

export interface PolicyInput {
  readonly mode: 'basic' | 'advanced';
  /** Who counts as a Microsoft user: `enabled` asks for UserEnabled TRUE, `address` is content with PrimaryUserAddress. */
  readonly microsoftUser: 'enabled' | 'address';
  /** What advanced mode does when the directory cannot answer. */
  readonly whenUnavailable: 'basic' | 'reject';
  /** Retry-After of our own 503, in seconds. */
  readonly retryAfterS: number;
  /** What a source that no access rule names gets: 403, or nothing. */
  readonly onDenied: 'reject' | 'drop';
  /** The SIP domains that both sides share; lower case. */
  readonly domains: readonly string[];
  readonly access: readonly AccessRuleInput[];
  readonly routes: readonly RouteInput[];
  readonly pins: readonly PinInput[];
  /** Keys of all users of the Cisco side; undefined when there is no such list. */
  readonly ciscoUsers: ReadonlySet<string> | undefined;
  /** Each listener's address and port, and the node's name with each port. */
  readonly ownAddresses: readonly OwnAddressInput[];
}
