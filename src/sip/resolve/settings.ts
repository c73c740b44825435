/** How names become addresses. */
import type { ObjectOf } from '../../settings/declared.ts';
import { called, list, mapped, valuesOf, withDefault } from '../../settings/reader.ts';
import { DAY, HOUR, SECOND } from '../../settings/units.ts';
import { addressAndPort, duration } from '../../settings/values.ts';

export const dnsFields = {
  /** With or without port; empty: those that the system names, and its hosts file. */
  servers: withDefault(
    mapped(list(addressAndPort), valuesOf, (servers) => servers),
    [],
  ),
  /** Of one question to one server. */
  timeoutMs: called('timeout', withDefault(duration(50, 30 * SECOND), SECOND)),
  /** How long a request waits at most. */
  budgetMs: called('budget', withDefault(duration(50, 30 * SECOND), 2 * SECOND)),
  /** An answer is asked for again when it is older and wanted. */
  refreshMs: called('refresh', withDefault(duration(SECOND, DAY), 30 * SECOND)),
  /** A failure is remembered for this long. */
  negativeMs: called('negative', withDefault(duration(100, HOUR), 5 * SECOND)),
  /** An answer that cannot be renewed is used until it is this much older than `refresh`. */
  staleMs: called('stale', withDefault(duration(0, 30 * DAY), HOUR)),
};

export type DnsSettings = ObjectOf<typeof dnsFields>;
