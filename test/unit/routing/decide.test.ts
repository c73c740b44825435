/** The decision as a table: who asks for whom, and what becomes of it. */
import { describe, expect, test } from 'vitest';
import type { PolicyInput } from '../../../src/routing/policy-input.ts';
import type { Decision, DirectoryAnswer, RequestFacts } from '../../../src/routing/types.ts';
import {
  accessRow,
  answers,
  cisco,
  decided,
  factsOf,
  microsoft,
  pinRow,
  policyOf,
  routeOf,
  routeRow,
  sourceOf,
} from '../../support/routing.ts';

/** A decision in one line: `forward microsoft 192.0.2.21:5060/tcp: access-allowed basic-other-side route-matched`. */
const inShort = (decision: Decision): string => {
  if (decision.kind === 'ask-directory') return `ask-directory ${decision.recipient}`;
  const codes = decision.because.map(({ code }) => code).join(' ');
  switch (decision.kind) {
    case 'forward':
      return `forward ${decision.plan.hops.map(({ id }) => id).join(', ')}: ${codes}`;
    case 'reject':
    case 'answer':
      return `${decision.status}: ${codes}`;
    case 'drop':
      return `drop: ${codes}`;
  }
};

const bob = 'sip:bob@example.com';
const toMicrosoft = 'forward microsoft 192.0.2.21:5060/tcp: access-allowed';
const toCisco = 'forward cisco 192.0.2.11:5060/tcp: access-allowed';
const dialog = { hasToTag: true, ownRoute: 'both-sides' } as const;

interface Row {
  readonly title: string;
  readonly from: string;
  readonly to: string;
  readonly facts?: Partial<RequestFacts>;
  readonly policy?: Partial<PolicyInput>;
  readonly answer?: DirectoryAnswer;
  readonly decision: string;
}

const decides = (rows: readonly Row[]): void => {
  test.each(rows)('$title', ({ from, to, facts, policy, answer, decision }) => {
    expect(inShort(decided(factsOf(from, to, facts), policyOf(policy), answer))).toBe(decision);
  });
};

describe('access: what no rule names stays outside (RFC 3261 §21.4.4)', () => {
  decides([
    { title: 'an unknown peer is refused', from: '192.0.2.99', to: bob, decision: '403: access-denied' },
    {
      title: 'an unknown peer is dropped where the policy says so',
      from: '192.0.2.99',
      to: bob,
      policy: { onDenied: 'drop' },
      decision: 'drop: access-denied',
    },
    {
      title: 'an address that a rule denies is refused',
      from: '192.0.2.99',
      to: bob,
      policy: { access: [accessRow(0, 'cisco', '192.0.2.0/24'), accessRow(1, undefined, '192.0.2.99')] },
      decision: '403: access-denied',
    },
    {
      title: 'a peer that speaks for a domain that is not its own is refused, also within a dialog',
      from: cisco,
      to: bob,
      facts: { ...dialog, fromDomain: 'example.net' },
      policy: { access: [accessRow(0, 'cisco', cisco, { fromDomains: [{ kind: 'name', name: 'example.com' }] })] },
      decision: '403: from-domain-denied',
    },
    {
      title: 'a method that a peer may not send is refused with 403: the recipient was never asked (§21.4.6)',
      from: cisco,
      to: bob,
      facts: { method: 'SERVICE' },
      policy: { access: [accessRow(0, 'cisco', cisco, { methods: ['MESSAGE'] })] },
      decision: '403: method-denied',
    },
    {
      title: 'what a peer may not say is refused aloud, even where strangers hear nothing',
      from: cisco,
      to: bob,
      facts: { method: 'SERVICE' },
      policy: { onDenied: 'drop', access: [accessRow(0, 'cisco', cisco, { methods: ['MESSAGE'] })] },
      decision: '403: method-denied',
    },
    {
      title: 'an unknown peer is refused before its loop is looked at',
      from: '192.0.2.99',
      to: bob,
      facts: { hasLoopedBranch: true },
      decision: '403: access-denied',
    },
    {
      title: 'an unknown peer does not get OPTIONS answered',
      from: '192.0.2.99',
      to: 'sip:192.0.2.1:5060',
      facts: { method: 'OPTIONS' },
      decision: '403: access-denied',
    },
    {
      title: 'a peer known by its verified TLS name is let in from any address',
      from: microsoft,
      to: bob,
      facts: { source: sourceOf('192.0.2.99', ['fe1.example.com']) },
      policy: { access: [accessRow(0, 'microsoft', 'fe1.example.com')] },
      decision: `${toCisco} basic-other-side route-matched`,
    },
  ]);
});

describe('loops end with 482 (RFC 3261 §16.3 step 4, RFC 5393 §4.2)', () => {
  decides([
    {
      title: 'an own Via with the same loop hash is a loop',
      from: cisco,
      to: bob,
      facts: { hasLoopedBranch: true },
      decision: '482: access-allowed loop-branch',
    },
    {
      title: 'an own Via with the same loop hash is a loop within a dialog too',
      from: cisco,
      to: bob,
      facts: { ...dialog, hasLoopedBranch: true },
      decision: '482: access-allowed loop-branch',
    },
    {
      title: 'what was sent to microsoft and comes from there is a loop, whatever a B2BUA made of its Via',
      from: microsoft,
      to: bob,
      facts: { sentBeforeTo: 'microsoft' },
      decision: '482: access-allowed loop-returned',
    },
    {
      title: 'what was sent to cisco and comes from there is a loop',
      from: cisco,
      to: bob,
      facts: { sentBeforeTo: 'cisco' },
      decision: '482: access-allowed loop-returned',
    },
    {
      title: 'what was sent to microsoft and comes from cisco again is not a loop: the asker tries again',
      from: cisco,
      to: bob,
      facts: { sentBeforeTo: 'microsoft' },
      decision: `${toMicrosoft} basic-other-side route-matched`,
    },
    {
      title: "Cisco's marker from the Microsoft side is a loop",
      from: microsoft,
      to: bob,
      facts: { isMarkedByCisco: true },
      decision: '482: access-allowed loop-cisco-marker',
    },
    {
      title: "Cisco's marker from the Cisco side is what every request of IM&P carries",
      from: cisco,
      to: bob,
      facts: { isMarkedByCisco: true },
      decision: `${toMicrosoft} basic-other-side route-matched`,
    },
    {
      title: "within a dialog neither the marker nor the memory counts: a dialog's requests pass both sides",
      from: microsoft,
      to: bob,
      facts: { ...dialog, isMarkedByCisco: true, sentBeforeTo: 'microsoft' },
      decision: `${toCisco} dialog-other-side route-matched`,
    },
  ]);
});

describe('a Route or a dialog is followed, to known peers only (RFC 3261 §16.5, §16.6 step 6)', () => {
  const lync = routeRow(2, 'microsoft', '.com.example.pool', microsoft, { port: 5061, transport: 'tls' });
  const withLync = { routes: [routeRow(0, 'microsoft', 'example.com', microsoft), lync] };
  decides([
    {
      title: 'the Route that is left is followed to a configured next hop',
      from: cisco,
      to: bob,
      facts: { ...dialog, nextRoute: routeOf('sip:192.0.2.21:5060;transport=tcp') },
      decision: `${toMicrosoft} route-followed`,
    },
    {
      title: 'a Route without a dialog chooses among the hops of the side that is decided on',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf('sip:192.0.2.21:5060;transport=tcp') },
      decision: `${toMicrosoft} basic-other-side route-followed`,
    },
    {
      title: 'a Route to a stranger is refused: this is no open relay',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf('sip:192.0.2.77:5060;transport=tcp') },
      decision: '403: access-allowed target-not-a-peer',
    },
    {
      title: 'a Route to a stranger by name is refused',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf('sip:evil.example.net;transport=tls') },
      decision: '403: access-allowed target-not-a-peer',
    },
    {
      title: 'the remote target of a dialog is followed to another port of a peer',
      from: microsoft,
      to: 'sip:alice@192.0.2.11:5080;transport=tcp',
      facts: dialog,
      decision: 'forward cisco 192.0.2.11:5080/tcp: access-allowed route-followed',
    },
    ...(['tcp', 'udp'] as const).map((transport) => ({
      title: `an IP address that leaves the transport open is reached as the routes name it: by ${transport}, by UDP where both do (RFC 3263 §4.1)`,
      from: cisco,
      to: 'sip:bob@192.0.2.21:5060',
      facts: dialog,
      policy: {
        routes: [
          routeRow(0, 'microsoft', 'example.com', microsoft),
          routeRow(1, 'microsoft', 'example.org', microsoft, { transport }),
        ],
      },
      decision: `forward microsoft 192.0.2.21:5060/${transport}: access-allowed route-followed`,
    })),
    {
      title: 'the remote target of a dialog that lost our Route is followed too',
      from: microsoft,
      to: 'sip:alice@192.0.2.11:5080;transport=tcp',
      facts: { hasToTag: true },
      decision: 'forward cisco 192.0.2.11:5080/tcp: access-allowed route-followed',
    },
    {
      title: 'the remote target of a dialog that is a stranger is refused',
      from: microsoft,
      to: 'sip:alice@192.0.2.77:5080',
      facts: dialog,
      decision: '403: access-allowed target-not-a-peer',
    },
    {
      title: "a Lync server's own name is reached by its host route, as IM&P has it",
      from: cisco,
      to: 'sip:pool.example.com:5061;transport=tls',
      facts: dialog,
      policy: withLync,
      decision: 'forward microsoft 192.0.2.21:5061/tls: access-allowed route-followed route-matched',
    },
    {
      title: 'a Route that names the Lync server is reached by its host route',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf('sip:pool.example.com:5061;transport=tls') },
      policy: withLync,
      decision: 'forward microsoft 192.0.2.21:5061/tls: access-allowed basic-other-side route-followed route-matched',
    },
    {
      title: 'a GRUU in a shared domain goes to the other side, without asking the directory',
      from: cisco,
      to: bob,
      facts: dialog,
      policy: { mode: 'advanced' },
      decision: `${toMicrosoft} dialog-other-side route-matched`,
    },
    {
      title: 'a dialog goes on where it is even when its user was pinned to the asker meanwhile',
      from: cisco,
      to: bob,
      facts: dialog,
      policy: { pins: [pinRow(0, bob, 'cisco')] },
      decision: `${toMicrosoft} dialog-other-side route-matched`,
    },
    {
      title: 'a Route of ours outside any dialog grants nothing: the address of a peer stays a foreign domain',
      from: cisco,
      to: 'sip:pool@192.0.2.21:5060;transport=tcp',
      facts: { ownRoute: 'unsigned' },
      decision: '404: access-allowed foreign-domain-no-route',
    },
    {
      title: 'the address of a peer without Route or dialog is a foreign domain',
      from: cisco,
      to: 'sip:pool@192.0.2.21:5060;transport=tcp',
      decision: '404: access-allowed foreign-domain-no-route',
    },
    {
      title: 'a shared domain within a dialog that did not come through us is decided like any other',
      from: cisco,
      to: bob,
      facts: { hasToTag: true },
      policy: { mode: 'advanced' },
      decision: 'ask-directory bob@example.com',
    },
    {
      title: 'a request outside any dialog that was sent to us by Route is decided like any other',
      from: cisco,
      to: bob,
      facts: { ownRoute: 'unsigned' },
      policy: { mode: 'advanced' },
      decision: 'ask-directory bob@example.com',
    },
    {
      title: 'a request outside any dialog to a foreign domain that was sent to us by Route has no route',
      from: cisco,
      to: 'sip:bob@example.net',
      facts: { ownRoute: 'unsigned' },
      decision: '404: access-allowed foreign-domain-no-route',
    },
  ]);
});

describe('what claims to be ours and is not is refused (RFC 3261 §16.4, §26.1)', () => {
  decides([
    {
      title: 'a Via that names us and was not written by us',
      from: cisco,
      to: bob,
      facts: { forgery: 'via' },
      decision: '403: access-allowed via-forged',
    },
    {
      title: 'a Record-Route that names us and was not signed by us',
      from: cisco,
      to: bob,
      facts: { forgery: 'record-route' },
      decision: '403: access-allowed record-route-forged',
    },
    {
      title: 'a Route of ours without signature, within a dialog',
      from: cisco,
      to: bob,
      facts: { hasToTag: true, ownRoute: 'unsigned' },
      decision: '403: access-allowed route-not-signed',
    },
    {
      title: 'a Route of ours with the signature of another dialog',
      from: cisco,
      to: bob,
      facts: { hasToTag: true, ownRoute: 'forged' },
      decision: '403: access-allowed route-forged',
    },
    {
      title: 'a Route of a dialog that lies within the other side',
      from: cisco,
      to: bob,
      facts: { hasToTag: true, ownRoute: 'microsoft' },
      decision: '403: access-allowed route-forged',
    },
    {
      title: 'a Route of a dialog within the own side is honoured',
      from: cisco,
      to: 'sip:alice@192.0.2.11:5080;transport=tcp',
      facts: { hasToTag: true, ownRoute: 'cisco' },
      decision: 'forward cisco 192.0.2.11:5080/tcp: access-allowed route-followed',
    },
    {
      title: 'outside a dialog whatever stands in a Route of ours is taken away, and grants nothing',
      from: cisco,
      to: bob,
      facts: { ownRoute: 'forged' },
      policy: { mode: 'advanced' },
      decision: 'ask-directory bob@example.com',
    },
  ]);
});

describe('a URI of the asker leads only as far as its request is trusted', () => {
  const network = { access: [accessRow(0, 'cisco', cisco), accessRow(1, 'microsoft', '192.0.2.16/28')] };
  const elsewhere = 'sip:fe3@192.0.2.23:5080;transport=tcp';
  decides([
    {
      title: 'within a dialog through us to any place of an admitted network',
      from: cisco,
      to: elsewhere,
      facts: dialog,
      policy: network,
      decision: 'forward microsoft 192.0.2.23:5080/tcp: access-allowed route-followed',
    },
    {
      title: 'with a To tag alone not to a host that only an access rule names',
      from: cisco,
      to: elsewhere,
      facts: { hasToTag: true },
      policy: network,
      decision: '403: access-allowed target-not-a-peer',
    },
    {
      title: 'outside a dialog a Route does not lead to a host that only an access rule names',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf(elsewhere) },
      policy: network,
      decision: '403: access-allowed target-not-a-peer',
    },
    {
      title: 'outside a dialog a Route does not lead to another port of a next hop',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf('sip:192.0.2.21:22;transport=tcp') },
      decision: '403: access-allowed target-not-a-peer',
    },
    {
      title: 'with a To tag alone a blocked pattern stays blocked, whatever the Route',
      from: cisco,
      to: bob,
      facts: { hasToTag: true, nextRoute: routeOf('sip:192.0.2.21:5060;transport=tcp') },
      policy: {
        routes: [
          routeRow(0, 'microsoft', 'example.com', microsoft, { block: true }),
          routeRow(1, 'microsoft', 'example.org', microsoft),
        ],
      },
      decision: '403: access-allowed basic-other-side route-blocked',
    },
  ]);
});

describe('a Route of the asker outside a dialog decides nothing but the hop', () => {
  const second = '192.0.2.22';
  const toSecond = routeOf(`sip:${second}:5060;transport=tcp`);
  const pinned = { pins: [pinRow(0, bob, 'cisco')] };
  const withSecond = (more: Parameters<typeof routeRow>[4] = {}) => ({
    routes: [
      routeRow(0, 'microsoft', 'example.com', microsoft),
      routeRow(1, 'microsoft', 'example.com', second, { priority: 2, ...more }),
      routeRow(2, 'cisco', 'example.com', cisco),
    ],
  });
  decides([
    {
      title: 'it takes the second hop in place of the first',
      from: cisco,
      to: bob,
      facts: { nextRoute: toSecond },
      policy: withSecond(),
      decision: `forward microsoft ${second}:5060/tcp: access-allowed basic-other-side route-followed`,
    },
    {
      title: 'it does not take one out of service',
      from: cisco,
      to: bob,
      facts: { nextRoute: toSecond },
      policy: withSecond({ inService: false }),
      decision: '403: access-allowed target-not-a-peer',
    },
    {
      title: 'it does not lead back to the own side',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf(`sip:${cisco}:5060;transport=tcp`) },
      decision: '403: access-allowed target-not-a-peer',
    },
    {
      title: 'it does not pass a pin',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf(`sip:${microsoft}:5060;transport=tcp`) },
      policy: pinned,
      decision: '404: access-allowed pinned home-is-the-sender',
    },
    {
      title: 'nor with a To tag that no signed Route goes with',
      from: cisco,
      to: bob,
      facts: { hasToTag: true, nextRoute: routeOf(`sip:${microsoft}:5060;transport=tcp`) },
      policy: pinned,
      decision: '404: access-allowed pinned home-is-the-sender',
    },
    {
      title: 'it does not pass the directory',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf(`sip:${microsoft}:5060;transport=tcp`) },
      policy: { mode: 'advanced' },
      answer: answers.unknown,
      decision: '404: access-allowed directory-unknown',
    },
    {
      title: 'without lr it may not name a user, who would stand in the Request-URI that leaves',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf(`sip:ceo@${microsoft}:5060;transport=tcp`, false) },
      decision: '403: access-allowed route-without-lr',
    },
    {
      title: 'nor a maddr',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf(`sip:example.com:5060;maddr=${microsoft};transport=tcp`, false) },
      decision: '403: access-allowed route-without-lr',
    },
    {
      title: 'a strict router that names a hop and nothing else is one that can be chosen',
      from: cisco,
      to: bob,
      facts: { nextRoute: routeOf(`sip:${microsoft}:5060;transport=tcp`, false) },
      decision: `${toMicrosoft} basic-other-side route-followed`,
    },
  ]);
});

describe('what is delivered is what is decided about', () => {
  const there = `sip:bob@example.com;maddr=${microsoft}`;
  const pinned = { pins: [pinRow(0, bob, 'cisco')] };
  decides([
    {
      title: 'a maddr that is another place than this node is refused, also that of a next hop',
      from: cisco,
      to: there,
      decision: '403: access-allowed maddr-elsewhere',
    },
    {
      title: 'a To tag alone does not change that',
      from: cisco,
      to: there,
      facts: { hasToTag: true },
      decision: '403: access-allowed maddr-elsewhere',
    },
    {
      title: 'within a dialog through us the maddr of the remote target is followed',
      from: cisco,
      to: `${there};transport=tcp`,
      facts: dialog,
      policy: pinned,
      decision: `${toMicrosoft} route-followed`,
    },
    ...['ceo%00x', 'ceo%C0%A0', 'ceo%FF', 'ce%C2%85o'].map((user) => ({
      title: `${user} is read in one way by one server and in another by the next`,
      from: cisco,
      to: `sip:${user}@example.com`,
      decision: '404: access-allowed user-ambiguous',
    })),
  ]);
});

describe('our own address (RFC 3261 §11.2)', () => {
  decides([
    {
      title: 'OPTIONS to our address and port is answered',
      from: cisco,
      to: 'sip:192.0.2.1:5060',
      facts: { method: 'OPTIONS' },
      decision: '200: access-allowed own-address',
    },
    {
      title: 'OPTIONS to our name without a port is answered',
      from: microsoft,
      to: 'sip:router.example.com',
      facts: { method: 'OPTIONS' },
      decision: '200: access-allowed own-address',
    },
    {
      title: 'OPTIONS to a shared domain without a user is answered',
      from: microsoft,
      to: 'sip:example.com',
      facts: { method: 'OPTIONS' },
      decision: '200: access-allowed own-address',
    },
    {
      title: 'OPTIONS to a user of a shared domain is routed',
      from: cisco,
      to: bob,
      facts: { method: 'OPTIONS' },
      decision: `${toMicrosoft} basic-other-side route-matched`,
    },
    {
      title: 'another method to our address without a user finds nobody',
      from: cisco,
      to: 'sip:192.0.2.1:5060',
      decision: '404: access-allowed own-address',
    },
    {
      title: 'a user at our address finds nobody',
      from: microsoft,
      to: 'sip:bob@router.example.com:5060',
      decision: '404: access-allowed own-address',
    },
    {
      title: 'a request within a dialog that names only us finds nobody',
      from: microsoft,
      to: 'sip:router.example.com:5060',
      facts: { ...dialog, method: 'BYE' },
      decision: '404: access-allowed own-address',
    },
    {
      title: 'another port of our host is not us',
      from: cisco,
      to: 'sip:192.0.2.1:5070',
      facts: { method: 'OPTIONS' },
      decision: '404: access-allowed foreign-domain-no-route',
    },
    {
      title: 'another method to a shared domain without a user goes to the other side in basic mode',
      from: cisco,
      to: 'sip:example.com',
      facts: { method: 'SUBSCRIBE' },
      decision: `${toMicrosoft} basic-other-side route-matched`,
    },
    {
      title: 'another method to a shared domain without a user finds nobody in advanced mode',
      from: cisco,
      to: 'sip:example.com',
      policy: { mode: 'advanced' },
      decision: '404: access-allowed directory-unknown',
    },
  ]);

  test("a user at our address is told of Microsoft's ReplaceHostInRequestUri", () => {
    const decision = decided(factsOf(microsoft, 'sip:bob@router.example.com'), policyOf());
    expect(decision).toMatchObject({ because: [{}, { detail: expect.stringContaining('ReplaceHostInRequestUri') }] });
  });
});

describe('foreign domains: a route in that direction, or none', () => {
  const partner = { routes: [routeRow(0, 'microsoft', 'example.net', microsoft, { port: 5070 })] };
  decides([
    {
      title: 'a foreign domain without a route is never relayed',
      from: cisco,
      to: 'sip:bob@example.net',
      decision: '404: access-allowed foreign-domain-no-route',
    },
    {
      title: 'a foreign domain with a route to the other side is served',
      from: cisco,
      to: 'sip:bob@example.net',
      policy: partner,
      decision: 'forward microsoft 192.0.2.21:5070/tcp: access-allowed foreign-domain-route route-matched',
    },
    {
      title: 'a foreign domain never goes back to the side that asks',
      from: microsoft,
      to: 'sip:bob@example.net',
      policy: partner,
      decision: '404: access-allowed foreign-domain-no-route',
    },
    {
      title: 'a subdomain of a shared domain is a foreign domain',
      from: cisco,
      to: 'sip:bob@eu.example.com',
      decision: '404: access-allowed foreign-domain-no-route',
    },
    {
      title: 'a user route does not open a foreign domain',
      from: cisco,
      to: 'sip:bob@example.net',
      policy: { routes: [routeRow(0, 'microsoft', 'bob', microsoft, { type: 'user' })] },
      decision: '404: access-allowed foreign-domain-no-route',
    },
    {
      title: 'the directory is not asked for a foreign domain',
      from: cisco,
      to: 'sip:bob@example.net',
      policy: { ...partner, mode: 'advanced' },
      decision: 'forward microsoft 192.0.2.21:5070/tcp: access-allowed foreign-domain-route route-matched',
    },
  ]);
});

describe('pins win over everything that a directory says', () => {
  const onMicrosoft = { pins: [pinRow(0, 'sip:Bob@Example.com', 'microsoft')] };
  decides([
    {
      title: 'a pinned user is looked for on the side of the pin',
      from: cisco,
      to: 'sip:BOB@example.com',
      policy: { ...onMicrosoft, mode: 'advanced' },
      answer: answers.unknown,
      decision: `${toMicrosoft} pinned route-matched`,
    },
    {
      title: 'a user who is pinned to the side that asks is not found',
      from: microsoft,
      to: bob,
      policy: onMicrosoft,
      decision: '404: access-allowed pinned home-is-the-sender',
    },
    {
      title: 'a pinned user needs no directory',
      from: cisco,
      to: bob,
      policy: { ...onMicrosoft, mode: 'advanced' },
      decision: `${toMicrosoft} pinned route-matched`,
    },
  ]);
});

describe('basic mode: the other side', () => {
  decides([
    {
      title: 'from cisco to microsoft',
      from: cisco,
      to: bob,
      decision: `${toMicrosoft} basic-other-side route-matched`,
    },
    {
      title: 'from microsoft to cisco',
      from: microsoft,
      to: bob,
      decision: `${toCisco} basic-other-side route-matched`,
    },
    {
      title: 'a directory answer that was not asked for changes nothing',
      from: microsoft,
      to: bob,
      answer: answers.enabled,
      decision: `${toCisco} basic-other-side route-matched`,
    },
  ]);
});

describe('advanced mode: where the directory has the user', () => {
  const advanced = { mode: 'advanced' } as const;
  const listed = { ...advanced, ciscoUsers: new Set(['bob@example.com']) };
  const unlisted = { ...advanced, ciscoUsers: new Set(['alice@example.com']) };
  const rejecting = { ...advanced, whenUnavailable: 'reject' } as const;
  const addressIsEnough = { ...advanced, microsoftUser: 'address' } as const;
  const fromCisco = { from: cisco, to: bob, policy: advanced };
  const fromMicrosoft = { from: microsoft, to: bob, policy: advanced };
  decides([
    { title: 'without an answer the directory is asked', ...fromCisco, decision: 'ask-directory bob@example.com' },
    {
      title: 'the directory is asked for the canonical user',
      from: cisco,
      to: 'sip:B%6fb@example.com',
      policy: advanced,
      decision: 'ask-directory bob@example.com',
    },
    {
      title: 'cisco to an enabled Microsoft user: microsoft',
      ...fromCisco,
      answer: answers.enabled,
      decision: `${toMicrosoft} directory-home route-matched`,
    },
    {
      title: 'cisco to a user with an address only: not found',
      ...fromCisco,
      answer: answers.addressOnly,
      decision: '404: access-allowed not-a-microsoft-user',
    },
    {
      title: 'cisco to a user with an address only, where the address is enough: microsoft',
      ...fromCisco,
      policy: addressIsEnough,
      answer: answers.addressOnly,
      decision: `${toMicrosoft} directory-address-only route-matched`,
    },
    {
      title: 'cisco to nobody the directory knows: not found',
      ...fromCisco,
      answer: answers.unknown,
      decision: '404: access-allowed directory-unknown',
    },
    {
      title: 'cisco to a user whom a directory has on cisco: not found',
      ...fromCisco,
      answer: answers.onCisco,
      decision: '404: access-allowed home-is-the-sender',
    },
    {
      title: 'microsoft to an enabled Microsoft user: not found, the directory is ahead of the pool',
      ...fromMicrosoft,
      answer: answers.enabled,
      decision: '404: access-allowed home-is-the-sender',
    },
    {
      title: 'microsoft to a user with an address only: cisco, the user was migrated',
      ...fromMicrosoft,
      answer: answers.addressOnly,
      decision: `${toCisco} not-a-microsoft-user route-matched`,
    },
    {
      title: 'microsoft to a user with an address only, where the address is enough for cisco: cisco all the same',
      ...fromMicrosoft,
      policy: addressIsEnough,
      answer: answers.addressOnly,
      decision: `${toCisco} not-a-microsoft-user route-matched`,
    },
    {
      title: 'microsoft to nobody the directory knows: cisco',
      ...fromMicrosoft,
      answer: answers.unknown,
      decision: `${toCisco} not-a-microsoft-user route-matched`,
    },
    {
      title: 'microsoft to a user whom a directory has on cisco: cisco',
      ...fromMicrosoft,
      answer: answers.onCisco,
      decision: `${toCisco} directory-home route-matched`,
    },
    {
      title: 'microsoft to a listed Cisco user: cisco',
      ...fromMicrosoft,
      policy: listed,
      answer: answers.unknown,
      decision: `${toCisco} not-a-microsoft-user route-matched`,
    },
    {
      title: 'microsoft to a user whom the list of Cisco users has not: not found',
      ...fromMicrosoft,
      policy: unlisted,
      answer: answers.unknown,
      decision: '404: access-allowed not-a-microsoft-user not-a-listed-cisco-user',
    },
    {
      title: 'microsoft to an unlisted user with an address only: not found',
      ...fromMicrosoft,
      policy: unlisted,
      answer: answers.addressOnly,
      decision: '404: access-allowed not-a-microsoft-user not-a-listed-cisco-user',
    },
    {
      title: 'a stale home is used, and says so',
      ...fromCisco,
      answer: answers.stale,
      decision: `${toMicrosoft} directory-home directory-stale route-matched`,
    },
    {
      title: 'no answer from the directory: as in basic mode',
      ...fromCisco,
      answer: answers.unavailable,
      decision: `${toMicrosoft} directory-unavailable-basic route-matched`,
    },
    {
      title: 'no answer from the directory, where that is a reason to refuse: 503',
      ...fromCisco,
      policy: rejecting,
      answer: answers.unavailable,
      decision: '503: access-allowed directory-unavailable',
    },
  ]);

  test('a refusal for want of a directory says when to try again (RFC 3261 §21.5.4)', () => {
    const decision = decided(factsOf(cisco, bob), policyOf({ ...rejecting, retryAfterS: 7 }), answers.unavailable);
    expect(decision).toMatchObject({ kind: 'reject', status: 503, retryAfterS: 7, from: 'cisco' });
  });
});

describe('the route table has the last word', () => {
  decides([
    {
      title: 'without a route nothing is found',
      from: cisco,
      to: bob,
      policy: { routes: [routeRow(0, 'cisco', 'example.com', cisco)] },
      decision: '404: access-allowed basic-other-side no-route',
    },
    {
      title: 'a blocked route refuses',
      from: cisco,
      to: bob,
      policy: { routes: [routeRow(0, 'microsoft', 'example.com', microsoft, { block: true })] },
      decision: '403: access-allowed basic-other-side route-blocked',
    },
    {
      title: 'routes that are all out of service refuse for now',
      from: cisco,
      to: bob,
      policy: { routes: [routeRow(0, 'microsoft', 'example.com', microsoft, { inService: false })] },
      decision: '503: access-allowed basic-other-side route-out-of-service',
    },
    {
      title: 'hops come in the order of priority',
      from: cisco,
      to: bob,
      policy: {
        routes: [
          routeRow(0, 'microsoft', 'example.com', '192.0.2.22', { priority: 2 }),
          routeRow(1, 'microsoft', 'example.com', microsoft, { priority: 1 }),
        ],
      },
      decision:
        'forward microsoft 192.0.2.21:5060/tcp, microsoft 192.0.2.22:5060/tcp: access-allowed basic-other-side route-matched',
    },
  ]);

  test('routes that are all out of service say when to try again', () => {
    const routes = [routeRow(0, 'microsoft', 'example.com', microsoft, { inService: false })];
    expect(decided(factsOf(cisco, bob), policyOf({ routes }))).toMatchObject({ retryAfterS: 30 });
  });

  test('a forward names both sides: whence and whither', () => {
    expect(decided(factsOf(cisco, bob), policyOf())).toMatchObject({ from: 'cisco', plan: { to: 'microsoft' } });
  });
});
