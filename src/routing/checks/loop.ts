/**
 * loop: a request that went out through this node before and comes back is refused (RFC 3261 §16.3 step 4). In the words of
 * the README: "a request that went out before and comes back, unchanged, through a server that made it anew, or with Cisco's
 * marker, gets 482". Gives loop-branch, loop-returned, loop-cisco-marker.
 */
import type { Reason } from '../reasons.ts';
import type { Side } from '../types.ts';
import { type Check, isInDialogThroughUs, reject } from './check.ts';

const loopedBranch: Reason = {
  code: 'loop-branch',
  detail: 'a Via of ours with the same loop hash is in the request (RFC 5393, 4.2)',
};

const returned: Readonly<Record<Side, Reason>> = {
  cisco: { code: 'loop-returned', detail: 'was sent to cisco, and now comes from there: nobody has this user' },
  microsoft: { code: 'loop-returned', detail: 'was sent to microsoft, and now comes from there: nobody has this user' },
};

const marked: Reason = {
  code: 'loop-cisco-marker',
  detail:
    'comes from microsoft with the User-Agent marker of Cisco: IM&P has sent it before, and would send it out again',
};

/** RFC 3261 §16.3 step 4, and two ways to know a request again that has passed a B2BUA. Requests within a dialog may cross twice. */
export const loop: Check = {
  name: 'loop',
  run: (request) => {
    const { facts, from } = request;
    if (facts.hasLoopedBranch) return reject(request, loopedBranch);
    if (isInDialogThroughUs(request)) return undefined;
    if (facts.sentBeforeTo === from) return reject(request, returned[from]);
    return from === 'microsoft' && facts.isMarkedByCisco ? reject(request, marked) : undefined;
  },
  passed: (request) =>
    isInDialogThroughUs(request)
      ? 'no Via of ours with this loop hash'
      : `not seen before, not sent to ${request.from}, no marker`,
};
