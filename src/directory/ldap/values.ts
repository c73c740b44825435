/** The kinds of value that a source of users from LDAP has: URLs, names of attributes, filters, times of sweeps. */

import type { Reader } from '../../settings/declared.ts';
import { quote } from '../../settings/problem.ts';
import { parsed, reader } from '../../settings/reader.ts';
import { duration, formatDuration } from '../../settings/values.ts';

/** `ldap://host[:port]` or `ldaps://host[:port]` (RFC 4516) and nothing behind it: what is searched has settings of its own. */
export const ldapUrl: Reader<string> = parsed((text) => {
  // Before anything of it is told: a password may stand there, too.
  if (text.includes('@'))
    return { wrong: 'a URL must not hold a name', hint: 'bind-dn and password-file say who we are' };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLdap = url !== undefined && /^ldaps?:$/.test(url.protocol) && url.hostname !== '';
  if (!isLdap) return { wrong: `${quote(text)} is not an LDAP URL`, hint: 'such as ldaps://dc1.example.com' };
  const isBare = /^\/?$/.test(url.pathname) && url.search === '' && url.hash === '';
  return isBare
    ? { value: `${url.protocol}//${url.host}` }
    : {
        wrong: `${quote(text)} has something behind the port`,
        hint: 'base, scope and filter are settings of their own',
      };
});

/** A descr (RFC 4512 §1.4). Servers answer with names, so an OID would never be found again in what they say. */
export const attributeName: Reader<string> = parsed((text) => {
  if (/^[a-z][a-z0-9-]{0,127}$/i.test(text)) return { value: text };
  if (/^\d+(?:\.\d+)+$/.test(text)) return { wrong: `${quote(text)} is an OID, which is not supported`, hint: byName };
  return { wrong: `${quote(text)} is not the name of an attribute`, hint: 'such as proxyAddresses' };
});

const byName = 'write the name of the attribute, such as proxyAddresses';

/** A filter of RFC 4515. */
export const ldapFilter: Reader<string> = parsed((text) => {
  const end = endOfFilter(text, 0);
  if (end !== text.length)
    return { wrong: `${quote(text)} is not an LDAP filter`, hint: 'such as (objectCategory=person)' };
  if (/\\[89a-f][0-9a-f]/i.test(text))
    return { wrong: 'this filter escapes a letter beyond ASCII', hint: 'write the letter itself' };
  for (const [part, name = ''] of text.matchAll(/\(([a-z0-9.;-]*)[:~<>=][^)]*\)/gi)) {
    if (name === '') return { wrong: `${quote(part)} in this filter names no attribute`, hint: 'such as (cn=bob)' };
    if (/^\d/.test(name))
      return { wrong: `${quote(name)} in this filter is an OID, which is not supported`, hint: byName };
    if (/[.;]/.test(name))
      return { wrong: `${quote(name)} in this filter has an option, which is not supported`, hint: byName };
  }
  return { value: text };
});

/** attribute, comparison, value; or the extensible match of Active Directory's bits: `userAccountControl:1.2...803:=2`. */
const item = /^[a-z0-9.;-]*(?::dn)?(?::[a-z0-9.-]+)?(?:[~<>:])?=(?:[^()\\\0]|\\[0-9a-f]{2})*$/i;

/** Where the filter that begins at `start` ends; -1 when none begins there. */
function endOfFilter(text: string, start: number): number {
  if (text[start] !== '(') return -1;
  const operator = text[start + 1] ?? '';
  if ('&|!'.includes(operator) && operator !== '')
    return endOfSet(text, start + 2, operator === '!' ? 1 : Number.POSITIVE_INFINITY);
  const close = text.indexOf(')', start);
  return close !== -1 && item.test(text.slice(start + 1, close)) ? close + 1 : -1;
}

function endOfSet(text: string, start: number, most: number): number {
  let at = start;
  for (let count = 0; count < most && text[at] === '('; count += 1) {
    at = endOfFilter(text, at);
    if (at === -1) return -1;
  }
  return at > start && text[at] === ')' ? at + 1 : -1;
}

export type SweepTimes =
  | { readonly kind: 'interval'; readonly everyMs: number }
  | { readonly kind: 'at'; readonly weekday: number | undefined; readonly minuteOfDay: number };

const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const timeOfDay = new RegExp(`^(daily|${days.join('|')}) ([01]?\\d|2[0-3]):([0-5]\\d)$`, 'i');
const interval = duration(60_000, 7 * 86_400_000);

/** `24h`, `daily 03:30` or `sunday 03:30`, in local time. */
export const sweepTimes: Reader<SweepTimes> = reader(
  (node, spot) => {
    const [, day = '', hours, minutes] = (node.kind === 'scalar' && timeOfDay.exec(node.text)) || [];
    if (day !== '') {
      const weekday = days.indexOf(day.toLowerCase());
      const minuteOfDay = 60 * Number(hours) + Number(minutes);
      return { kind: 'at', weekday: weekday === -1 ? undefined : weekday, minuteOfDay };
    }
    if (node.kind === 'scalar' && node.text.includes(' ')) return noTime(node, spot);
    const everyMs = interval(node, spot);
    return everyMs === undefined ? undefined : { kind: 'interval', everyMs };
  },
  { schema: { type: 'string' }, write: writeSweep },
);

function writeSweep(times: SweepTimes): string {
  if (times.kind === 'interval') return formatDuration(times.everyMs);
  const { weekday, minuteOfDay } = times;
  const [hours, minutes] = [Math.floor(minuteOfDay / 60), minuteOfDay % 60].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${weekday === undefined ? 'daily' : days[weekday]} ${hours}:${minutes}`;
}

const noTime = parsed<never>((text) => ({
  wrong: `${quote(text)} is not a time of day`,
  hint: 'such as 24h, daily 03:30 or sunday 03:30',
}));
