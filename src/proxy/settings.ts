/** What the proxy core is told by the operator. */

import { quote } from '../settings/problem.ts';
import { called, list, mapped, parsed, valuesOf, withDefault } from '../settings/reader.ts';
import { HOUR, MINUTE, SECOND } from '../settings/units.ts';
import { duration } from '../settings/values.ts';

/** Among the timers. */
export const proxyTimerFields = {
  /** RFC 3261 §16.6 step 11: larger than 3 minutes. */
  timerCMs: called('timer-c', withDefault(duration(3 * MINUTE + 1, HOUR), 190 * SECOND)),
};

/** An option tag is a token (RFC 3261 §25.1); case does not count. */
const optionTag = parsed((tag) =>
  /^[a-z0-9.!%*_+`'~-]{1,128}$/i.test(tag)
    ? { value: tag.toLowerCase() }
    : { wrong: `${quote(tag)} is not an option tag`, hint: 'one word, such as ms-benotify' },
);

/** Among the settings of routing. */
export const proxyFields = {
  /** No answer at all from a hop for this long: the next one is asked as well. */
  failoverAfterMs: called('failover-after', withDefault(duration(100, 32 * SECOND), 2 * SECOND)),
  /** Option tags of Proxy-Require that are understood, lower case (RFC 3261 §20.29). */
  proxyRequire: called(
    'proxy-require',
    withDefault(
      mapped(
        list(optionTag),
        (tags): ReadonlySet<string> => new Set(valuesOf(tags)),
        (tags) => [...tags],
      ),
      new Set(['ms-benotify']),
    ),
  ),
};
