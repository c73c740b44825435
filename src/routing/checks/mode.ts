/**
 * mode: advanced mode asks the directory who has the user, basic mode asks nobody. In the words of the README: "basic: the
 * other side. advanced: the side where Active Directory says the user lives"; its second table has each case. Gives
 * directory-home, directory-address-only, directory-stale, directory-unknown, directory-unavailable,
 * directory-unavailable-basic, not-a-microsoft-user, not-a-listed-cisco-user, home-is-the-sender.
 */
import type { Reason } from '../reasons.ts';
import type { DirectoryAnswer } from '../types.ts';
import { type Admitted, type Check, reject, toOtherSide, type Verdict } from './check.ts';
import { homeIsSender } from './home.ts';

type Home = DirectoryAnswer & { kind: 'home' };

const ageOf = (ageMs: number): string => `${Math.round(ageMs / 1000)} s old`;

const staleness = ({ freshness, source, ageMs }: Home): Reason[] =>
  freshness === 'fresh'
    ? []
    : [{ code: 'directory-stale', detail: `${source} cannot be asked now; its last answer is ${ageOf(ageMs)}` }];

const notMicrosoft = (source: string): Reason => ({
  code: 'not-a-microsoft-user',
  detail: `${source} has no enabled Microsoft user of this address`,
});

/** To Cisco goes who is no Microsoft user, and, where the Cisco users are listed, is listed. */
const toCiscoUnlessUnlisted = (request: Admitted, ...because: readonly Reason[]): Verdict => {
  const { key } = request.facts.requestUri;
  const { ciscoUsers } = request.policy;
  if (ciscoUsers === undefined || (key !== undefined && ciscoUsers.has(key))) return toOtherSide(request, ...because);
  const unlisted: Reason = { code: 'not-a-listed-cisco-user', detail: `the list of Cisco users has no ${key}` };
  return reject(request, ...because, unlisted);
};

/** UserEnabled is not TRUE: migrated by Cisco's tools, or made searchable; at home on Cisco all the same. */
const addressOnly = (request: Admitted, home: Home): Verdict => {
  if (request.from === 'microsoft') {
    return toCiscoUnlessUnlisted(request, notMicrosoft(home.source), ...staleness(home));
  }
  if (request.policy.microsoftUser === 'enabled') {
    return reject(request, notMicrosoft(home.source), ...staleness(home));
  }
  const because: Reason = {
    code: 'directory-address-only',
    detail: `${home.source} has the address, which is enough here`,
  };
  return toOtherSide(request, because, ...staleness(home));
};

const atHome = (request: Admitted, home: Home): Verdict => {
  if (home.addressOnly) return addressOnly(request, home);
  const { side, source } = home;
  if (side === request.from) return reject(request, homeIsSender(side, source), ...staleness(home));
  return toOtherSide(request, request.policy.homes.of(source, side), ...staleness(home));
};

const unknownUser = (request: Admitted, source: string): Verdict =>
  request.from === 'microsoft'
    ? toCiscoUnlessUnlisted(request, notMicrosoft(source))
    : reject(request, { code: 'directory-unknown', detail: `${source} does not know this user` });

const unavailable = (request: Admitted, why: string): Verdict =>
  request.policy.whenUnavailable === 'reject'
    ? reject(request, { code: 'directory-unavailable', detail: why })
    : toOtherSide(request, { code: 'directory-unavailable-basic', detail: `${why}; as in basic mode: the other side` });

const byAnswer = (request: Admitted, answer: DirectoryAnswer): Verdict => {
  switch (answer.kind) {
    case 'home':
      return atHome(request, answer);
    case 'unknown-user':
      return unknownUser(request, answer.source);
    case 'unavailable':
      return unavailable(request, answer.why);
  }
};

/** The last check: behind an answer of the directory there is only the route table. */
export const mode: Check = {
  name: 'mode',
  run: (request) => {
    const { facts, policy } = request;
    if (policy.mode === 'basic') return undefined;
    const { key } = facts.requestUri;
    if (key === undefined) {
      return reject(request, {
        code: 'directory-unknown',
        detail: 'no user part: nobody that a directory could know',
      });
    }
    return { kind: 'question', recipient: key, weigh: byAnswer };
  },
  passed: ({ to }) => `basic: the other side, ${to}`,
};
