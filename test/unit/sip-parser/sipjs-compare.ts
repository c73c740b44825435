/** Compares what npm `sip` and the sip.js-compatible door give, and knows which differences are listed. */
import * as door from '../../../src/sip-parser/sipjs.ts';
import { type NpmSip, npmSip, type Untyped } from '../../support/npm-sip.ts';
import { type Difference, differences, type Found } from './sipjs-differences.ts';

/** The door, as untyped as the oracle. */
export const sipjs = door as unknown as NpmSip;

/** Every place where the two differ. A property that is undefined and one that is absent are alike, and prototypes do not count. */
function findDifferences(theirs: Untyped, ours: Untyped, path = '', result: Untyped = ours): Found[] {
  if (!isTree(theirs) || !isTree(ours) || Array.isArray(theirs) !== Array.isArray(ours)) {
    return Object.is(theirs, ours) ? [] : [{ path, theirs, ours, result }];
  }
  const names = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
  return [...names].flatMap((name) => findDifferences(theirs[name], ours[name], `${path}/${name}`, result));
}

function isTree(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** The row of the table that allows it. */
export function rowFor(found: Found): Difference | undefined {
  return differences.find((difference) => difference.covers?.(found));
}

/** The places where the two differ when they are asked the same. */
export function ask(question: (sip: NpmSip) => unknown): Found[] {
  return findDifferences(question(npmSip), question(sipjs));
}

/** Those that no row of the table allows, for a failed test to show. */
export function unlisted(found: readonly Found[]): string[] {
  return found.filter((one) => rowFor(one) === undefined).map(describeFound);
}

export function describeFound({ path, theirs, ours }: Found): string {
  return `${path}: npm sip ${JSON.stringify(theirs)}, ours ${JSON.stringify(ours)}`;
}
