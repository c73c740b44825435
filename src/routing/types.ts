/** What the routing room needs to know of a request, and what it answers. It knows no socket, no message, no clock. */
import type { Transport } from '../net/ports.ts';
import type { Reason, RejectStatus } from './reasons.ts';

export type Side = 'cisco' | 'microsoft';

/** `any`: DNS says by which (RFC 3263 §4.1). */
export type HopTransport = Transport | 'any';

export const otherSide = (side: Side): Side => (side === 'cisco' ? 'microsoft' : 'cisco');

/**
 * The parts of a SIP URI that routing reads. Hosts are lower case, without a final dot; an IPv6 address stands without
 * brackets, as RFC 5952 writes it.
 */
export interface UriFacts {
  readonly scheme: 'sip' | 'sips';
  /** The user part as sent, `%XX` not decoded; undefined when the URI has none. */
  readonly user: string | undefined;
  readonly host: string;
  /** Where a request to the URI goes in place of `host` (RFC 3261 §19.1.1); users are known by `host` all the same. */
  readonly maddr: string | undefined;
  readonly port: number | undefined;
  /** The `transport` parameter, lower case. */
  readonly transport: string | undefined;
  /** Key of the user for directory, pins and user routes: `bob@example.com` (see `userKey`); undefined without a user part. */
  readonly key: string | undefined;
}

/** A Route value. */
export interface RouteFacts extends UriFacts {
  /** False: a strict router (RFC 2543), which finds its own URI in the Request-URI (RFC 3261 §16.6 step 6). */
  readonly hasLr: boolean;
}

/** Where a request came from. One object per connection (or UDP remote address), so that a verdict can be kept with it. */
export interface RequestSource {
  readonly transport: Transport;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Names of the peer's certificate, verified against the CA; lower case; empty without TLS. */
  readonly verifiedNames: readonly string[];
}

/** What the Route of ours that a request came with proves. */
export type OwnRoute =
  /** No Route names us. */
  | 'none'
  /** One does, without a signature. */
  | 'unsigned'
  /** Its signature is not ours, or that of another dialog. */
  | 'forged'
  /** It is ours: the dialog joins both sides. */
  | 'both-sides'
  /** It is ours: the dialog lies within this side. */
  | Side;

/** A next hop whose name has stood for an address within the last hour. */
export interface HopAt {
  readonly hopId: string;
  /** By which DNS has led from the name to the address, and to which port. */
  readonly transport: Transport;
  readonly port: number;
  /** By TLS, somebody at the address has shown a certificate of the hop. */
  readonly hasProvedName: boolean;
}

/** What one request offers to the decision (RFC 3261 words; values are read when first asked for). */
export interface RequestFacts {
  readonly method: string;
  /** Request-URI after RFC 3261 §16.4 (a strict router's request already repaired). */
  readonly requestUri: UriFacts;
  readonly source: RequestSource;
  /** Host of the sip or sips URI in From; lower case, an IPv6 address without brackets; undefined when From has none. */
  readonly fromDomain: string | undefined;
  /** To carries a tag. */
  readonly hasToTag: boolean;
  /** Of the Route values of ours that were on top and have been removed, the one that proves least. */
  readonly ownRoute: OwnRoute;
  /** What names us and was not written by us. */
  readonly forgery: 'via' | 'record-route' | undefined;
  /** The topmost Route that is left; undefined when none is. */
  readonly nextRoute: RouteFacts | undefined;
  /** An own Via with the same loop hash is in the request (RFC 5393 §4.2). */
  readonly hasLoopedBranch: boolean;
  /** The side towards which this request (Call-ID, From tag, CSeq, method, recipient) was sent by us before, if it was. */
  readonly sentBeforeTo: Side | undefined;
  /** User-Agent carries Cisco's marker `Cisco-Systems-Partitioned`. */
  readonly isMarkedByCisco: boolean;
  /** The next hops known by name that stand at an IP address. */
  hopsAt(address: string): readonly HopAt[];
  /** Number in [0, 1) that is the same for every request of one Call-ID: the weighted choice of a hop. */
  readonly spread: number;
}

export type DirectoryAnswer =
  | {
      readonly kind: 'home';
      readonly side: Side;
      /** PrimaryUserAddress is there but UserEnabled is not TRUE (domain: migrated or made searchable). */
      readonly addressOnly: boolean;
      readonly freshness: 'fresh' | 'stale';
      readonly source: string;
      readonly ageMs: number;
    }
  | { readonly kind: 'unknown-user'; readonly source: string; readonly ageMs: number }
  | { readonly kind: 'unavailable'; readonly why: string };

/** One place to send a request to, as configured; resolving a name to addresses is not routing's matter. */
export interface NextHop {
  /** Stable name for logs, metrics and health: `microsoft 127.0.0.21:5060/tcp`. */
  readonly id: string;
  /** `any` with port 0 only. */
  readonly transport: HopTransport;
  /** Host name, IPv4 or IPv6 address without brackets; lower case. */
  readonly host: string;
  /** 0 asks for an SRV look-up of `host` (RFC 3263). */
  readonly port: number;
  /** The name that the far certificate must carry; defaults to `host`. TLS only. */
  readonly tlsName: string | undefined;
  /** Names that will do as well, such as those of a pool's Front Ends. TLS only. */
  readonly otherTlsNames?: readonly string[];
  /** Name of the TLS profile to connect with. TLS only. */
  readonly tlsProfile: string | undefined;
}

/** Never empty, best first. */
export interface RoutePlan {
  readonly to: Side;
  readonly hops: readonly [NextHop, ...NextHop[]];
}

export type Decision =
  | { readonly kind: 'forward'; readonly plan: RoutePlan; readonly from: Side; readonly because: readonly Reason[] }
  /** Answered by the router itself as the final recipient (OPTIONS to its own address). */
  | { readonly kind: 'answer'; readonly status: 200; readonly from: Side; readonly because: readonly Reason[] }
  | {
      readonly kind: 'reject';
      readonly status: RejectStatus;
      readonly retryAfterS?: number;
      readonly from: Side | undefined;
      readonly because: readonly Reason[];
    }
  | { readonly kind: 'drop'; readonly from: Side | undefined; readonly because: readonly Reason[] }
  | {
      readonly kind: 'ask-directory';
      readonly recipient: string;
      /** What becomes of the request, now that the directory has spoken: the checks before are not made again. */
      readonly goOn: (answer: DirectoryAnswer) => Decision;
    };
