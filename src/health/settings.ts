/** How the next hops are watched. */

import type { ObjectOf } from '../settings/declared.ts';
import { called, list, object, pick, section, valuesOf, withDefault } from '../settings/reader.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../settings/units.ts';
import { duration, flag, integer } from '../settings/values.ts';
import type { HealthRules } from './hop-health.ts';

export interface HealthSettings {
  readonly rules: HealthRules;
  readonly probe: ProbeSettings;
}

type ProbeSettings = Omit<ObjectOf<typeof probeFields>, 'good'> & { readonly good: ReadonlySet<number> };

const probeFields = {
  isEnabled: called('enabled', withDefault(flag, true)),
  /** Between two probes of one target, give or take a quarter. */
  everyMs: called('every', withDefault(duration(100, HOUR), 10 * SECOND)),
  /** Shorter than 64*T1 (Timer F), after which a transaction would give up. */
  timeoutMs: called('timeout', withDefault(duration(50, 32 * SECOND), 2 * SECOND)),
  /** Statuses that a healthy hop gives to OPTIONS: final ones (RFC 3261 §21). */
  good: withDefault(
    list(integer(200, 699)),
    [200, 404, 405, 481].map((value) => ({ path: [], value })),
  ),
};

/** So many signs in a row; they stand with the probe, though traffic counts as well. */
const signFields = {
  downAfter: called('down-after', withDefault(integer(1, 100), 2)),
  upAfter: called('up-after', withDefault(integer(1, 100), 2)),
};

const returnFields = {
  slowReturnMs: called('slow-return', withDefault(duration(0, HOUR), 30 * SECOND)),
  retryAfterCapMs: called('retry-after-cap', withDefault(duration(0, HOUR), MINUTE)),
  flapMemoryMs: called('flap-memory', withDefault(duration(SECOND, DAY), 10 * MINUTE)),
};

export const healthSection = object({
  probe: section(object({ ...probeFields, ...signFields })),
  ...returnFields,
});

export const healthOf = (row: ObjectOf<typeof healthSection.fields>): HealthSettings => ({
  rules: { ...pick(signFields, row.probe), ...pick(returnFields, row) },
  probe: { ...pick(probeFields, row.probe), good: new Set(valuesOf(row.probe.good)) },
});
