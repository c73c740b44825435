/** Tells those who wait on a flow that it failed them. */
import type { FlowUser, TransportError } from './flow.ts';

/** Each is told once and forgotten; one that adds itself meanwhile is left for the next time. */
export function tellUsers(users: Set<FlowUser>, error: TransportError): void {
  if (users.size === 0) return;
  const told = [...users];
  users.clear();
  for (const user of told) user.onTransportError(error);
}

/** The same when the sender's call has returned: a user must not be called from inside its own `send`. */
export function tellUsersSoon(users: Set<FlowUser>, error: TransportError): void {
  queueMicrotask(() => tellUsers(users, error));
}
