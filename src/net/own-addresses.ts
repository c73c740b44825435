/** The addresses of this machine. */
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isWildcard } from './special-address.ts';

/** Those of all its interfaces, without zones, as they are now. */
export const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));

/**
 * Where a listener on `address` can be reached: there, or for a wildcard at all addresses of its family, as no socket hears both.
 * @param own the addresses of the machine
 */
export const reachedBy = (address: string, own: readonly string[]): readonly string[] =>
  isWildcard(address) ? own.filter((each) => isIPv6(each) === isIPv6(address)) : [address];
