/** A source goes back to a better server that had failed, once that may be used again. */
import type { Clock } from '../../clock.ts';
import type { LdapConnection, LdapConnections } from '../ldap/ldap.ts';

/** So often it is asked. */
const returnCheckMs = 1_000;

/**
 * Resolves when a better server than that of `current` is in use again; never after `current` has ended.
 * @param isBusy what runs on it is let come to its end first
 */
export function betterServer(
  connections: LdapConnections,
  clock: Clock,
  current: LdapConnection,
  isBusy: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    let timer: { cancel(): void } | undefined;
    current.onClosed(() => timer?.cancel());
    const watch = (): void => {
      if (current.closedBecause !== undefined) return;
      timer = clock.after(returnCheckMs, () => {
        if (isBusy() || !connections.isReturnDue()) return watch();
        void hasReturned(connections, current).then((isBack) => (isBack ? resolve() : watch()));
      });
    };
    watch();
  });
}

async function hasReturned(connections: LdapConnections, { server }: LdapConnection): Promise<boolean> {
  try {
    const next = await connections.open('sync');
    next.close();
    return next.server !== server;
  } catch {
    // The connections have recorded the failure; the session keeps the server that it has.
    return false;
  }
}
