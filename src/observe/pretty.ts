/**
 * The log for people: one line of plain words for each line of JSON, with colours on a terminal. Text of others passes through
 * `printable`, so that it cannot control the terminal.
 */
import { styleText } from 'node:util';
import { printable } from '../printable.ts';

/** Makes lines of the log ready to be written: whole lines in, whole lines out. */
export type Layout = (lines: Uint8Array) => Uint8Array;

type Style = Parameters<typeof styleText>[0];
type Paint = (style: Style, text: string) => string;

const plain: Paint = (_, text) => text;
const coloured: Paint = (style, text) => styleText(style, text, { validateStream: false });

/** @param hasColours of the place where it is written */
export const prettyLayout = (hasColours: boolean): Layout => {
  const paint = hasColours ? coloured : plain;
  return (lines) =>
    Buffer.from(
      Buffer.from(lines)
        .toString()
        .replace(/[^\n]+/g, (line) => prettyLine(line, paint)),
    );
};

type Entry = Readonly<Record<string, unknown>>;

function prettyLine(line: string, paint: Paint): string {
  const entry = entryOf(line);
  if (entry === undefined) return printable(line);
  const { level = '', time = '', event = '', msg = '', ...facts } = entry;
  const [summary, rest] = event === 'request' ? summaryOf(facts) : [textOf(msg), facts];
  const stack = stackOf(facts.err);
  const told = factsOf(rest, summary);
  const parts = [
    paint('dim', clockTime(String(time))),
    paint(levelStyles.get(level) ?? 'reset', printable(String(level)).toUpperCase().padEnd(5)),
    paint('bold', printable(String(event)).padEnd(eventWidth)),
    summary,
    ...(told === '' ? [] : [paint('dim', ` ${told}`)]),
  ];
  return [parts.join(' ').replace(/ +$/, ''), ...stack.map((each) => paint('dim', `    ${each}`))].join('\n');
}

/** Undefined: the text is no line of the log. */
function entryOf(line: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? (entry as Entry) : undefined;
  } catch {
    return undefined;
  }
}

const levelStyles: ReadonlyMap<unknown, Style> = new Map<unknown, Style>([
  ['trace', 'dim'],
  ['debug', 'dim'],
  ['info', 'green'],
  ['warn', 'yellow'],
  ['error', 'red'],
  ['fatal', ['red', 'bold']],
]);

/** Of the names of most events. */
const eventWidth = 14;

/** Local time, as a terminal's other lines have it: `03:04:05.678`. */
function clockTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return printable(time);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0'));
  return `${parts.join(':')}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `MESSAGE sip:bob@example.com cisco > microsoft 200 in 4 ms`, then the fields that this does not have. */
function summaryOf({
  method,
  uri,
  fromSide,
  toSide,
  status,
  ms,
  code,
  because,
  hops,
  ...rest
}: Entry): [string, Entry] {
  const sides = [fromSide, toSide].filter((side) => side !== undefined).map(textOf);
  const summary = [
    textOf(method),
    textOf(uri),
    ...(sides.length === 0 ? [] : [sides.join(' > ')]),
    status === 0 ? 'no answer' : textOf(status),
    ...(code === undefined ? [] : [textOf(code)]),
    ...(ms === undefined ? [] : [`in ${textOf(ms)} ms`]),
  ].join(' ');
  const { peer, from, id } = rest;
  // Where hops were tried, their outcomes are the reason.
  const why = Array.isArray(because)
    ? because.map(textOf).find((reason) => reason.startsWith(`${textOf(code)}: `))
    : undefined;
  return [
    summary,
    { hops: Array.isArray(hops) && hops.length > 0 ? hops.map(hopText) : undefined, why, peer, from, id },
  ];
}

const hopText = (hop: unknown): string => {
  const { address, outcome, ms } = (hop ?? {}) as Entry;
  return `${textOf(address)} ${textOf(outcome)}${ms === undefined ? '' : ` ${textOf(ms)} ms`}`;
};

/** Fields that the summary has are left out. */
const factsOf = (facts: Entry, summary: string): string =>
  Object.entries(facts)
    .filter(([name, value]) => value !== undefined && name !== 'err')
    .map(([name, value]): [string, string] => [printable(name), textOf(value)])
    .filter(([, value]) => value !== '' && !summary.includes(value))
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join('; ');
  if (typeof value === 'object' && value !== null) return printable(JSON.stringify(value));
  return printable(String(value ?? ''));
}

/** As pino writes an error; the stack contains the message, too. */
function stackOf(error: unknown): readonly string[] {
  const { stack, message } = (typeof error === 'object' && error !== null ? error : {}) as Entry;
  return String(stack ?? message ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => printable(line.trimEnd()));
}
