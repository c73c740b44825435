/** The kinds of value that settings have: times, sizes, numbers, names, addresses. Each says in words what it expects. */

import { isIP } from 'node:net';
import { canonicalAddress, isHostName, readHostAndPort, withoutBrackets, withoutFinalDot } from '../net/host.ts';
import type { Reader } from './declared.ts';
import { hiddenCharacter } from './hidden-characters.ts';
import { quote } from './problem.ts';
import { type Parsed, parsed } from './reader.ts';
import { hasSlipAround } from './slips.ts';
import { KIB } from './units.ts';

/** Any text that is not empty, at most `longest` characters: a path, a filter, a DN. */
export const text = (longest = 1024): Reader<string> =>
  parsed((value) => (hasSlipAround(value) ? { wrong: `${quote(value)} is not possible here` } : plain(value, longest)));

/** The same of visible characters only: a name, a pattern. */
export const word = (longest: number): Reader<string> =>
  parsed((value) =>
    hiddenCharacter.test(value) || hasSlipAround(value)
      ? { wrong: `${quote(value)} is not possible here` }
      : plain(value, longest),
  );

/** The same for people to read, in whatever quotes they like. */
export const prose = (longest: number): Reader<string> => parsed((value) => plain(value, longest));

function plain(value: string, longest: number): Parsed<string> {
  if (value.length > longest)
    return { wrong: `this text has ${value.length} characters, at most ${longest} are possible` };
  if (!hasControlCharacter(value)) return { value };
  const wrong = 'this text holds a control character';
  // "C:\new" has lost its backslash and its n.
  return /^[a-z]:/i.test(value)
    ? { wrong, hint: `a path with backslashes must stand in single quotes: 'C:\\new'` }
    : { wrong };
}

export const integer = (min: number, max: number): Reader<number> =>
  parsed(
    (value) => {
      // 010 is 8 for YAML 1.1, and 10 for YAML 1.2.
      if (/^0\d{1,14}$/.test(value))
        return { wrong: `${quote(value)} starts with a zero`, hint: `write ${Number(value)}` };
      if (!/^-?\d{1,15}$/.test(value))
        return { wrong: `${quote(value)} is not a whole number`, hint: `from ${min} to ${max}` };
      return inRange(Number(value), value, { min, max, format: String });
    },
    { schema: { type: 'integer', minimum: min, maximum: max } },
  );

/** A port that can be connected to or bound; 0 where `min` allows it. */
export const port = (min: 0 | 1): Reader<number> => integer(min, 65_535);

const flags: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

const otherFlagWords: ReadonlyMap<string, string> = new Map([
  ['yes', 'true'],
  ['on', 'true'],
  ['1', 'true'],
  ['no', 'false'],
  ['off', 'false'],
  ['0', 'false'],
]);

export const flag: Reader<boolean> = parsed(
  (value) => {
    const known = flags.get(value);
    if (known !== undefined) return { value: known };
    const meant =
      otherFlagWords.get(value.toLowerCase()) ?? [...flags.keys()].find((word) => word === value.toLowerCase());
    return {
      wrong: `${quote(value)} is neither true nor false`,
      hint: meant === undefined ? 'write true or false' : `write ${meant}`,
    };
  },
  { schema: { type: 'boolean' } },
);

/** `10%`; the value is a share from 0 to 1. */
export const percentage: Reader<number> = parsed(
  (value) => {
    const match = /^(\d{1,3})(?:\.\d{1,3})?%$/.exec(value);
    if (match === null) return { wrong: `${quote(value)} is not a share`, hint: 'such as 10%' };
    const percent = Number(value.slice(0, -1));
    return percent <= 100 ? { value: percent / 100 } : { wrong: `${value} is more than all`, hint: 'at most 100%' };
  },
  { schema: { type: 'string', pattern: '^\\d{1,3}(\\.\\d{1,3})?%$' }, write: (share) => `${share * 100}%` },
);

const timeUnits: readonly Unit[] = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/** A time such as `500ms`, `30s`, `10m`, `24h`; the value is in milliseconds. */
export const duration = (minMs: number, maxMs: number): Reader<number> =>
  parsed(
    (value) => amount(value, timeUnits, '500ms, 30s, 10m or 24h', { min: minMs, max: maxMs, format: formatDuration }),
    { schema: { type: 'string', pattern: '^\\d{1,12}(h|m|s|ms)$' }, write: formatDuration },
  );

const sizeUnits: readonly Unit[] = [
  ['GiB', 1_073_741_824],
  ['MiB', 1_048_576],
  ['KiB', 1_024],
  ['', 1],
];

/** A size such as `64KiB`, `1MiB` or a plain number of bytes; the value is in bytes. */
export const size = (min: number, max: number): Reader<number> =>
  parsed((value) => amount(value, sizeUnits, '64KiB, 1MiB or a number of bytes', { min, max, format: formatSize }), {
    schema: { type: ['string', 'integer'], pattern: '^\\d{1,12}(GiB|MiB|KiB)?$' },
    write: (bytes) => (bytes % KIB === 0 ? formatSize(bytes) : bytes),
  });

/** `90000` becomes `90s`: the largest unit that leaves a whole number. */
export const formatDuration = (ms: number): string => inLargestUnit(ms, timeUnits);

export const formatSize = (bytes: number): string => inLargestUnit(bytes, sizeUnits);

/** An IPv4 or IPv6 address; brackets around an IPv6 address are taken off. */
export const ipAddress: Reader<string> = parsed((value) => {
  const address = withoutBrackets(value);
  if (isIP(address) !== 0) return { value: canonicalAddress(address) };
  return { wrong: `${quote(value)} is not an IP address`, hint: addressHint(value) };
});

function addressHint(value: string): string {
  if (/^(?:\*|any|all)$/i.test(value)) return 'all addresses are 0.0.0.0, those of IPv6 "::"';
  if (/^[\d.]+:\d+$|^\[.*\]:\d+$/.test(value)) return 'the port has a setting of its own';
  if (isIP(value.replace(/\/.*$/, '')) !== 0) return 'without the slash and what stands behind it';
  return isHostName(value) ? 'a name is not possible here, write the address' : 'such as 192.0.2.1 or 2001:db8::1';
}

/** An IP address with or without a port: `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`; kept as written. */
export const addressAndPort: Reader<string> = parsed((value) => {
  const { host, port } = readHostAndPort(value) ?? { host: value };
  if (isIP(host) !== 0 && port !== 0) return { value };
  return {
    wrong: `${quote(value)} is not an IP address`,
    hint: 'such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53',
  };
});

/** An IP address with its port: `127.0.0.1:8060`, `[::1]:8060`. */
export const socketAddress: Reader<{ readonly address: string; readonly port: number }> = parsed((value) => {
  const { host = '', port = 0 } = readHostAndPort(value) ?? {};
  if (isIP(host) !== 0 && port > 0) return { value: { address: canonicalAddress(host), port } };
  return { wrong: `${quote(value)} is not an IP address with its port`, hint: 'such as 127.0.0.1:8060 or [::1]:8060' };
});

/** A DNS name or an IP address, in the spelling that requests are compared by: lower case, without brackets and final dot. */
export const host: Reader<string> = parsed((value) => {
  const bare = withoutFinalDot(withoutBrackets(value).toLowerCase());
  if (isIP(bare) !== 0) return { value: canonicalAddress(bare) };
  if (isHostName(bare)) return { value: bare };
  return { wrong: `${quote(value)} is neither a host name nor an IP address`, hint: hostHint(value) };
});

/** A DNS name that is not an address; lower case, without its final dot. */
export const hostName: Reader<string> = parsed((value) => {
  const bare = withoutFinalDot(value.toLowerCase());
  if (isHostName(bare)) return { value: bare };
  return { wrong: `${quote(value)} is not a host name`, hint: hostHint(value) };
});

function hostHint(value: string): string {
  if (/^sips?:/i.test(value)) return 'leave out "sip:"';
  if (value.includes('@')) return 'only the part behind the @';
  if (/:\d+$/.test(value)) return 'the port has a setting of its own';
  if (value.endsWith('..')) return 'with one dot at the end, or none';
  if (/[,\s]/.test(value)) return 'give one; others need rows of their own';
  if (value.startsWith('*.')) return 'write each domain by itself';
  if (/^[a-z]+:\/\//i.test(value)) return 'the name alone, without a scheme and slashes';
  if (/[^\0-\x7f]/.test(value)) return 'write it as DNS does, in ASCII: xn--...';
  return 'such as sip.example.com';
}

// C0 and C1 controls, DEL and Unicode's line ends: they would break log lines and header fields.
const hasControlCharacter = (value: string): boolean => /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(value);

interface Range {
  readonly min: number;
  readonly max: number;
  readonly format: (value: number) => string;
}

type Unit = readonly [word: string, factor: number];

function amount(value: string, units: readonly Unit[], like: string, range: Range): Parsed<number> {
  const match = /^(\d{1,12})([a-z]*)$/i.exec(value);
  const unit = units.find(([word]) => word === match?.[2]);
  if (match === null || unit === undefined) {
    return { wrong: `${quote(value)} is not understood`, hint: `write it as ${like}` };
  }
  return inRange(Number(match[1]) * unit[1], value, range);
}

function inRange(value: number, shown: string, { min, max, format }: Range): Parsed<number> {
  if (value < min) return { wrong: `${shown} is too small`, hint: `at least ${format(min)}` };
  if (value > max) return { wrong: `${shown} is too large`, hint: `at most ${format(max)}` };
  return { value };
}

function inLargestUnit(value: number, units: readonly Unit[]): string {
  const [word, factor] = units.find(([, each]) => value !== 0 && value % each === 0) ?? units.at(-1)!;
  return `${value / factor}${word}`;
}
