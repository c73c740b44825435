/** Rows, policies and requests for tests of the decision, each with plain defaults. */
import { parseFrom } from '../../src/routing/access/pattern.ts';
import { knownAs } from '../../src/routing/checks/access.ts';
import { decide } from '../../src/routing/decide.ts';
import type { ParseResult } from '../../src/routing/parsed.ts';
import { compilePolicy, type Policy } from '../../src/routing/policy.ts';
import type { AccessRuleInput, PinInput, PolicyInput, RouteInput } from '../../src/routing/policy-input.ts';
import { parsePattern, type RouteType } from '../../src/routing/routes/route-pattern.ts';
import type {
  Decision,
  DirectoryAnswer,
  RequestFacts,
  RequestSource,
  RouteFacts,
  Side,
  UriFacts,
} from '../../src/routing/types.ts';
import { keyOfAddress, userKey } from '../../src/routing/user-key.ts';

export const cisco = '192.0.2.11';
export const microsoft = '192.0.2.21';

const sound = <T>(parsed: ParseResult<T>): T => {
  if (parsed.problem !== undefined) throw new Error(parsed.problem);
  return parsed.value;
};

export const accessRow = (
  index: number,
  side: Side | undefined,
  text: string,
  more: Partial<Omit<AccessRuleInput, 'index' | 'side' | 'text' | 'from'>> = {},
): AccessRuleInput => ({
  index,
  name: undefined,
  side,
  text,
  from: sound(parseFrom(text)),
  tlsName: undefined,
  transport: undefined,
  fromDomains: undefined,
  methods: undefined,
  ...more,
});

export const routeRow = (
  index: number,
  to: Side,
  pattern: string,
  nextHop: string,
  { type = 'domain', ...more }: Partial<Omit<RouteInput, 'pattern'>> & { readonly type?: RouteType } = {},
): RouteInput => ({
  index,
  to,
  pattern: sound(parsePattern(pattern, type)),
  nextHop,
  port: 5060,
  transport: 'tcp',
  priority: 1,
  weight: 1,
  inService: true,
  block: false,
  allowLessSpecific: true,
  tlsName: undefined,
  tlsProfile: undefined,
  description: undefined,
  ...more,
});

export const pinRow = (index: number, address: string, side: Side): PinInput => ({
  index,
  key: keyOfAddress(address) ?? '',
  side,
  why: undefined,
});

/** Basic mode, one shared domain, one peer and one route on each side. */
export const policyInput = (overrides: Partial<PolicyInput> = {}): PolicyInput => ({
  mode: 'basic',
  microsoftUser: 'enabled',
  whenUnavailable: 'basic',
  retryAfterS: 30,
  onDenied: 'reject',
  domains: ['example.com'],
  access: [accessRow(0, 'cisco', cisco), accessRow(1, 'microsoft', microsoft)],
  routes: [routeRow(0, 'microsoft', 'example.com', microsoft), routeRow(1, 'cisco', 'example.com', cisco)],
  pins: [],
  ciscoUsers: undefined,
  ownAddresses: [
    { host: '192.0.2.1', port: 5060 },
    { host: 'router.example.com', port: 5060 },
  ],
  ...overrides,
});

export const policyOf = (overrides: Partial<PolicyInput> = {}): Policy => compilePolicy(policyInput(overrides));

export const sourceOf = (remoteAddress: string, verifiedNames: readonly string[] = []): RequestSource => ({
  transport: verifiedNames.length > 0 ? 'tls' : 'tcp',
  remoteAddress,
  remotePort: 40_000,
  verifiedNames,
});

/** Reads only what tests write: `sip:user@host:port;maddr=host;transport=tcp`, IPv6 in brackets. */
export const uriOf = (text: string): UriFacts => {
  const [, scheme, user, host = '', port, maddr, transport] =
    /^(sips?):(?:([^@]*)@)?(\[[^\]]+\]|[^:;]+)(?::(\d+))?(?:;maddr=([^;]+))?(?:;transport=(\w+))?$/.exec(text) ?? [];
  const bare = host.replace(/^\[|\]$/g, '');
  return {
    scheme: scheme === 'sips' ? 'sips' : 'sip',
    user,
    host: bare,
    maddr,
    port: port === undefined ? undefined : Number(port),
    transport,
    key: user === undefined ? undefined : userKey(user, bare),
  };
};

/** @param hasLr false: of a strict router */
export const routeOf = (text: string, hasLr = true): RouteFacts => ({ ...uriOf(text), hasLr });

/** An out-of-dialog MESSAGE that nobody has seen before. */
export const factsOf = (from: string, requestUri: string, more: Partial<RequestFacts> = {}): RequestFacts => ({
  method: 'MESSAGE',
  requestUri: uriOf(requestUri),
  source: sourceOf(from),
  fromDomain: 'example.com',
  hasToTag: false,
  ownRoute: 'none',
  forgery: undefined,
  nextRoute: undefined,
  hasLoopedBranch: false,
  sentBeforeTo: undefined,
  isMarkedByCisco: false,
  hopsAt: () => [],
  spread: 0,
  ...more,
});

const source = 'ldif users.ldif';

/** What a directory may say of a user. */
export const answers = {
  enabled: { kind: 'home', side: 'microsoft', addressOnly: false, freshness: 'fresh', source, ageMs: 0 },
  addressOnly: { kind: 'home', side: 'microsoft', addressOnly: true, freshness: 'fresh', source, ageMs: 0 },
  onCisco: { kind: 'home', side: 'cisco', addressOnly: false, freshness: 'fresh', source, ageMs: 0 },
  stale: { kind: 'home', side: 'microsoft', addressOnly: false, freshness: 'stale', source, ageMs: 90_000 },
  unknown: { kind: 'unknown-user', source, ageMs: 0 },
  unavailable: { kind: 'unavailable', why: 'no answer within 150 ms' },
} as const satisfies Record<string, DirectoryAnswer>;

/** As the router decides: the source is judged once; the answer, if there is one, comes when the decision asks for it. */
export const decided = (facts: RequestFacts, policy: Policy, answer?: DirectoryAnswer): Decision => {
  const peer = knownAs(facts.source, policy);
  const decision = 'kind' in peer ? peer : decide(facts, policy, peer);
  return decision.kind === 'ask-directory' && answer !== undefined ? decision.goOn(answer) : decision;
};
