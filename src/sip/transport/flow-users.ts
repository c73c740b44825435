/** Who waits for something on a flow, and must be told when it fails. */
import type { TransportError } from './transport-error.ts';

/** A transaction or the like that waits for something on a flow. */
export interface FlowUser {
  /** Kept by the flow's `users`; -1 while it waits on none. */
  flowPlace: number;
  onTransportError(error: TransportError): void;
}

/**
 * An unordered list in which each user knows its place: users come and go with every transaction, and a `Set` would be
 * made anew all the time (see key-table.ts).
 */
export class FlowUsers {
  readonly #users: FlowUser[] = [];

  get size(): number {
    return this.#users.length;
  }

  /** A user waits on one flow at a time. */
  add(user: FlowUser): void {
    if (user.flowPlace < 0) user.flowPlace = this.#users.push(user) - 1;
  }

  delete(user: FlowUser): void {
    const place = user.flowPlace;
    if (this.#users[place] !== user) return;
    user.flowPlace = -1;
    const last = this.#users.pop();
    if (last === undefined || last === user) return;
    this.#users[place] = last;
    last.flowPlace = place;
  }

  /** Each is told once and forgotten; one that adds itself meanwhile is left for the next time. */
  tell(error: TransportError): void {
    const told = this.#users.splice(0);
    for (const user of told) user.flowPlace = -1;
    for (const user of told) user.onTransportError(error);
  }

  /** The same when the sender's call has returned: a user must not be called from inside its own `send`. */
  tellSoon(error: TransportError): void {
    queueMicrotask(() => this.tell(error));
  }

  /** Only this one, whose own message it is that failed. */
  tellOneSoon(user: FlowUser, error: TransportError): void {
    queueMicrotask(() => {
      this.delete(user);
      user.onTransportError(error);
    });
  }
}
