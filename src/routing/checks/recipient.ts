/**
 * recipient: who is meant must be said in one way. In the words of the README: "outside a dialog the Request-URI must name
 * one user in one way, and no other place than this router". Gives maddr-elsewhere, user-ambiguous.
 */
import type { Reason } from '../reasons.ts';
import type { RequestFacts } from '../types.ts';
import { isAmbiguousKey } from '../user-key.ts';
import { type Check, describeUri, isInDialogThroughUs, reject } from './check.ts';

const elsewhere = ({ requestUri }: RequestFacts): Reason => ({
  code: 'maddr-elsewhere',
  detail: `${describeUri(requestUri)} is to be sent to another place than this node, which decides by the host alone`,
});

const ambiguous = ({ requestUri }: RequestFacts): Reason => ({
  code: 'user-ambiguous',
  detail: `${requestUri.key} has a control character or octets that are not UTF-8: who that is, every server reads in its own way`,
});

/**
 * Outside a dialog what is delivered is what is decided about. A maddr of ours has been taken away when it led here (RFC 3261
 * §16.4); with any other, user and place would be two.
 */
export const recipient: Check = {
  name: 'recipient',
  run: (request) => {
    const { facts } = request;
    const { maddr, key } = facts.requestUri;
    if (maddr === undefined && (key === undefined || !isAmbiguousKey(key))) return undefined;
    if (isInDialogThroughUs(request)) return undefined;
    return maddr === undefined ? reject(request, ambiguous(facts)) : reject(request, elsewhere(facts));
  },
  passed: (request) =>
    isInDialogThroughUs(request) ? 'a dialog through this node' : 'the Request-URI says who is meant, in one way',
};
