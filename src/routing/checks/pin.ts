/**
 * pin: an operator's word about one user wins over the directory. In the words of the README: "an operator has said on which
 * side this user is". Gives pinned, home-is-the-sender.
 */
import { type Check, reject, toOtherSide } from './check.ts';
import { homeIsSender } from './home.ts';

/** An operator's word about one user wins over the directory. */
export const pin: Check = {
  name: 'pin',
  run: (request) => {
    const { facts, policy, from } = request;
    const { key } = facts.requestUri;
    // Even to look into an empty map takes the hash of a key that nobody has hashed yet.
    const found = key === undefined || policy.pins.size === 0 ? undefined : policy.pins.get(key);
    if (found === undefined) return undefined;
    if (found.side === from) return reject(request, found.pinned, homeIsSender(from, 'a pin'));
    return toOtherSide(request, found.pinned);
  },
  passed: ({ facts }) =>
    facts.requestUri.key === undefined ? 'no user part' : `${facts.requestUri.key} is not pinned`,
};
