/**
 * Why a request became what it became: every reason code of the decision, what it means and, where it refuses, the status of
 * the answer and what an operator can do about it. Codes are stable like an API. The manual's table has the same words, and
 * the proxy adds its own codes to them (`proxy/own-answers.ts`).
 */

/** A reason that only explains a decision. */
interface Explains {
  readonly status?: undefined;
  /** A sentence part for people. */
  readonly meaning: string;
}

/** A reason for which a request is refused. */
export interface Refuses {
  readonly status: RejectStatus;
  readonly meaning: string;
  /** What to do: the words of the manual. */
  readonly cure: string;
}

/** 503 carries Retry-After. */
export type RejectStatus = 403 | 404 | 482 | 503;

const nobody = 'usually nothing: the user is on neither side (the sender sees `looped-downstream`, 404)';
const otherRule = 'the rule of `access` that the record names limits whom its peer may speak for, and what it may send';
const lostSeal =
  'within a dialog, a Route of this router has lost its `pif` parameter, or has that of another dialog or of other keys. Give all nodes the same `signing.keys-file`. Have the keys been rotated twice since the dialog began?';
const impostor =
  "somebody else writes this router's name into Via or Record-Route: a node with other keys, or a server with the same name";
const missingRoute = 'add the domain to `domains`, or a route for it';
const otherHome = 'compare Active Directory with where the user really is; a pin helps meanwhile';
const notNow = 'every matching route has `in-service: false`';

export const reasons = {
  // Who speaks.
  'access-allowed': { meaning: 'a rule of access lets the peer in' },
  'access-denied': {
    status: 403,
    meaning: 'no rule of access lets the peer in, or one denies it',
    cure: 'add a row to `access` for the address or certificate name that the record shows',
  },
  'method-denied': { status: 403, meaning: 'the peer may not send this method', cure: otherRule },
  'from-domain-denied': { status: 403, meaning: 'the peer may not speak for this domain', cure: otherRule },
  // The node itself.
  draining: {
    status: 503,
    meaning: 'the node is being taken out of service, and begins nothing new',
    cure: 'the node is being drained: `pif-router undrain` takes it back into service',
  },
  // What claims to be of this node.
  'via-forged': { status: 403, meaning: 'a Via that names this node was not written by it', cure: impostor },
  'record-route-forged': {
    status: 403,
    meaning: 'a Record-Route that names this node was not signed by it',
    cure: impostor,
  },
  'route-forged': {
    status: 403,
    meaning: 'a Route that names this node was not signed for this dialog',
    cure: lostSeal,
  },
  'route-not-signed': { status: 403, meaning: 'a Route that names this node has no signature', cure: lostSeal },
  // Loops.
  'loop-branch': { status: 482, meaning: 'the request has come back unchanged', cure: nobody },
  'loop-returned': { status: 482, meaning: 'the request comes from the side that it was sent to', cure: nobody },
  'loop-cisco-marker': { status: 482, meaning: 'IM&P has sent the request before', cure: nobody },
  // Dialogs, and Routes that the sender chose.
  'route-followed': { meaning: 'a Route, or the remote target of a dialog, says where to' },
  'dialog-other-side': { meaning: 'a dialog goes on to a shared domain' },
  'target-not-a-peer': {
    status: 403,
    meaning: 'a Route or the remote target leads to nobody who is known',
    cure: "a Route or Contact leads to a host that no access rule and no route names, and that no next hop's name stands for. Outside a dialog only next hops of the other side count",
  },
  'route-without-lr': {
    status: 403,
    meaning: 'a Route of a strict router would take the place of the recipient',
    cure: "the sender's Route needs `;lr`",
  },
  // Who is meant.
  'maddr-elsewhere': {
    status: 403,
    meaning: 'maddr names another place than this node',
    cure: 'the Request-URI names another place than this router: have the sender leave out `maddr`',
  },
  'user-ambiguous': {
    status: 404,
    meaning: 'servers would read the user part in different ways',
    cure: 'the user part has a control character or is not UTF-8: correct the address where it is kept',
  },
  'own-address': {
    status: 404,
    meaning: 'the request is meant for this node',
    cure: 'the request is addressed to the router itself: check ReplaceHostInRequestUri on the Microsoft side',
  },
  'foreign-domain-route': { meaning: 'a domain that is not shared has a route' },
  'foreign-domain-no-route': { status: 404, meaning: 'a domain that is not shared has no route', cure: missingRoute },
  // Where the user is at home.
  pinned: { meaning: 'a pin says where the user is' },
  'basic-other-side': { meaning: 'basic mode sends to the other side' },
  'directory-home': { meaning: 'the directory says where the user is' },
  'directory-address-only': { meaning: 'the user has a Microsoft address, which is enough here' },
  'directory-stale': { meaning: 'the directory cannot be asked; its last answer counts' },
  'directory-unavailable-basic': { meaning: 'the directory cannot be asked; the other side, as in basic mode' },
  'directory-unavailable': {
    status: 503,
    meaning: 'the directory cannot be asked',
    cure: 'see what the log says of the directory',
  },
  'not-a-microsoft-user': { status: 404, meaning: 'no enabled Microsoft user has the address', cure: otherHome },
  'directory-unknown': { status: 404, meaning: 'the directory does not know the user', cure: otherHome },
  'home-is-the-sender': {
    status: 404,
    meaning: 'the user is on the side that the request comes from',
    cure: otherHome,
  },
  'not-a-listed-cisco-user': { status: 404, meaning: 'the list of Cisco users has no such user', cure: otherHome },
  // By which hops.
  'route-matched': { meaning: 'a route names the hops' },
  'route-less-specific': { meaning: 'a less specific route names further hops' },
  'route-blocked': {
    status: 403,
    meaning: 'a route refuses it',
    cure: 'the route that the record names has `block: true`',
  },
  'route-out-of-service': { status: 503, meaning: 'every route that matches is out of service', cure: notNow },
  'no-route': { status: 404, meaning: 'no route matches', cure: missingRoute },
} as const satisfies Readonly<Record<string, Explains | Refuses>>;

export type ReasonCode = keyof typeof reasons;

/** `code` is stable like an API, `detail` is for people. */
export interface Reason {
  readonly code: ReasonCode;
  readonly detail: string;
}

const statusOf = (code: ReasonCode): RejectStatus | undefined => (reasons[code] as Explains | Refuses).status;

/** Of the reasons for a refusal the one that refuses: the last with a status. How old an answer was may stand behind it. */
export const refusingReason = (because: readonly Reason[]): Reason & { readonly status: RejectStatus } => {
  for (let index = because.length - 1; index >= 0; index -= 1) {
    const reason = because[index]!;
    const status = statusOf(reason.code);
    if (status !== undefined) return { ...reason, status };
  }
  throw new Error(`none of the reasons refuses: ${because.map(({ code }) => code).join(', ')}`);
};
