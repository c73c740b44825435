/**
 * signatures: what claims to be of this node must be. In the words of the README: "what carries this router's name in Via,
 * Record-Route and, within a dialog, Route must carry its signature: else 403" (RFC 3261 §26.1). Gives via-forged,
 * record-route-forged, route-not-signed, route-forged.
 */

import type { Reason } from '../reasons.ts';
import { type Check, isInDialogThroughUs, reject } from './check.ts';

const forgeries: Readonly<Record<'via' | 'record-route', Reason>> = {
  via: { code: 'via-forged', detail: 'a Via names this node, and has not been written by it or a node with its keys' },
  'record-route': {
    code: 'record-route-forged',
    detail: 'a Record-Route names this node, and has not been signed with its keys for this Call-ID',
  },
};

const unsignedRoute: Reason = {
  code: 'route-not-signed',
  detail: 'within a dialog a Route names this node without the parameter that its Record-Route had',
};

const forgedRoute: Reason = {
  code: 'route-forged',
  detail: 'within a dialog a Route names this node, but has not been signed with its keys for this Call-ID and side',
};

/**
 * What claims to come from us must be ours: whoever made it up wants more than the request alone would get. Outside a dialog a
 * Route that names us grants nothing, so there peers may write it themselves (an outbound proxy).
 */
export const signatures: Check = {
  name: 'signatures',
  run: (request) => {
    const { facts } = request;
    if (facts.forgery !== undefined) return reject(request, forgeries[facts.forgery]);
    if (!facts.hasToTag || facts.ownRoute === 'none' || isInDialogThroughUs(request)) return undefined;
    return reject(request, facts.ownRoute === 'unsigned' ? unsignedRoute : forgedRoute);
  },
  passed: (request) =>
    isInDialogThroughUs(request)
      ? 'the Route is signed: a dialog through this node'
      : 'nothing claims to be of this node',
};
