/** How a listening address presents itself, and which one a request leaves by. Pure. */

import { isIPv6 } from 'node:net';
import { hostAndPort } from '../../net/host.ts';
import { isLoopback, isWildcard } from '../../net/special-address.ts';
import type { Listener, Target } from './flow.ts';
import { ListenError } from './listen-error.ts';
import type { ListenSetting } from './settings.ts';

/**
 * @param port the bound port, never 0
 * @param index place in the configuration, from 0
 * @throws ListenError when nothing is known that could stand in Via
 */
export function describeListener(
  setting: ListenSetting,
  nodeName: string | undefined,
  port: number,
  index: number,
): Listener {
  const name = setting.name ?? nodeName ?? (isWildcard(setting.address) ? undefined : setting.address);
  if (name === undefined) throw nodeNameMissing(setting, index);
  const { transport, address } = setting;
  const family = isIPv6(address) ? 6 : 4;
  const sentByHost = name.toLowerCase();
  const sentBy = hostAndPort(name, port);
  const tlsProfile = transport === 'tls' ? setting.tlsProfile : undefined;
  return { transport, address, port, family, sentBy, sentByHost, sentByPort: port, tlsProfile };
}

/** Whether both say the same to peers. */
export const isSameListener = (a: Listener, b: Listener): boolean =>
  a.transport === b.transport &&
  a.address === b.address &&
  a.port === b.port &&
  a.sentBy === b.sentBy &&
  a.tlsProfile === b.tlsProfile;

function nodeNameMissing(setting: ListenSetting, index: number): ListenError {
  return new ListenError(
    'node-name-missing',
    `listen[${index}] hears on every address (${setting.address}), so peers must be told a name for it: set node.name in routes.yaml`,
  );
}

/**
 * The listener whose words stand in the Via of a request to `target`: of its transport and family, if possible of its TLS
 * profile, if possible within its reach; the first in configured order among equals.
 */
export function chooseListener(listeners: readonly Listener[], target: Target): Listener | undefined {
  const family = target.address.includes(':') ? 6 : 4;
  let best: Listener | undefined;
  let bestFit = -1;
  for (const listener of listeners) {
    if (listener.transport !== target.transport || listener.family !== family) continue;
    const fit = fitOf(listener, target);
    if (fit > bestFit) {
      best = listener;
      bestFit = fit;
    }
  }
  return best;
}

function fitOf(listener: Listener, target: Target): number {
  const hasProfile = target.tlsProfile === undefined || target.tlsProfile === listener.tlsProfile;
  return (hasProfile ? 2 : 0) + (isWithinReach(listener, target.address) ? 1 : 0);
}

/**
 * The local address for a connection to `target`: that of the listener, because peers know their hosts by address; left to
 * the system when the listener has none of its own or could not reach the target.
 */
export function sourceAddress(listener: Listener, target: Target): string | undefined {
  return isWildcard(listener.address) || !isWithinReach(listener, target.address) ? undefined : listener.address;
}

/** Loopback talks to loopback only. */
function isWithinReach(listener: Listener, address: string): boolean {
  return isWildcard(listener.address) || isLoopback(listener.address) === isLoopback(address);
}
