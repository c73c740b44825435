/** The seam between the product's mind and a SIP stack: an engine asks `route` for each request and carries out the answer. */
import type { Route } from '../proxy/proxy-core.ts';
import type { Listener } from '../sip/transport/flow.ts';

export interface SipEngine {
  /** Opens every listener, or none: rejects with a ListenError. */
  start(route: Route): Promise<readonly Listener[]>;
  /** Takes no new connections; requests under way may end until `drainMs` have passed. */
  stop(drainMs: number): Promise<void>;
}
