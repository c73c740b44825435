/** `node bench/access.ts`: what an access list of ten, a thousand and ten thousand rules costs. See README.md. */

import type { Transport } from '../src/net/ports.ts';
import { type AccessList, compileAccess } from '../src/routing/access/acl.ts';
import { parseFrom, parseName } from '../src/routing/access/pattern.ts';
import type { AccessRuleInput } from '../src/routing/policy-input.ts';
import type { RequestSource } from '../src/routing/types.ts';

const sizes = [10, 1_000, 10_000] as const;
/** As many sources as a busy listener may meet, so that what is looked up does not stay in the nearest cache. */
const sourceCount = 20_000;
const rounds = 7;

const rule = (index: number, from: string, tlsName?: string): AccessRuleInput => {
  const { value, problem } = parseFrom(from);
  if (value === undefined) throw new Error(problem);
  const name = tlsName === undefined ? undefined : parseName(tlsName).value;
  const none = { name: undefined, transport: undefined, fromDomains: undefined, methods: undefined };
  return { index, side: 'cisco', from: value, text: from, tlsName: name, ...none };
};

const hex = (value: number): string => value.toString(16);

/** A third each of IPv4 networks of five lengths, IPv6 networks of three, and names, some of which ask for a network too. */
const ruleAt = (index: number): AccessRuleInput => {
  const at = Math.floor(index / 3);
  const [second, third] = [at >> 8, at & 255];
  if (index % 3 === 0) {
    const prefix = [32, 32, 24, 28, 30][at % 5];
    return rule(index, `10.${second}.${third}.0/${prefix}`);
  }
  if (index % 3 === 1) return rule(index, `2001:db8:${hex(at)}::/${[48, 64, 128][at % 3]}`);
  return at % 4 === 0 ? rule(index, '10.0.0.0/8', `fe${at}.example.com`) : rule(index, `fe${at}.example.com`);
};

/** Kinds of source, each made for rule number `at` of its kind, or for none. */
const kinds: Readonly<Record<string, (at: number) => readonly [Transport, string, readonly string[]]>> = {
  'IPv4, a rule': (at) => ['tcp', `10.${at >> 8}.${at & 255}.0`, []],
  'IPv4, no rule': (at) => ['tcp', `11.${(at >> 8) & 255}.${at & 255}.1`, []],
  'IPv6, a rule': (at) => ['tcp', `2001:db8:${hex(at)}::`, []],
  'IPv6, no rule': (at) => ['tcp', `2001:db9:${hex(at)}::1`, []],
  'name, a rule': (at) => ['tls', '10.1.2.3', [`fe${at}.example.com`]],
  'name, no rule': (at) => ['tls', '192.0.2.3', [`fe${at}.example.net`]],
};

const sourcesOf = (kind: string, size: number): RequestSource[] =>
  Array.from({ length: sourceCount }, (_, index) => {
    // Not in the order of the rules.
    const [transport, remoteAddress, verifiedNames] = kinds[kind]!((index * 7_919) % Math.floor(size / 3));
    return { transport, remoteAddress, remotePort: index, verifiedNames };
  });

const asked = { method: 'MESSAGE', fromDomain: 'example.com' };
let admitted = 0;

const judgeAll = (access: AccessList, sources: readonly RequestSource[]): number => {
  const begin = process.hrtime.bigint();
  for (const source of sources) {
    const judged = access.rulesFor(source)?.judge(asked);
    if (judged !== undefined && 'allowed' in judged) admitted += 1;
  }
  return Number(process.hrtime.bigint() - begin) / sources.length;
};

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

interface Cost {
  /** Nanoseconds for a source that has not been seen before. */
  readonly fresh: number;
  /** Nanoseconds for each further request of one that has. */
  readonly known: number;
}

const measure = (access: AccessList, kind: string, size: number): Cost => {
  const fresh: number[] = [];
  const known: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const sources = sourcesOf(kind, size);
    fresh.push(judgeAll(access, sources));
    // As many messages of a handful of peers.
    const few = Array.from({ length: sourceCount }, (_, index) => sources[index % 64]!);
    known.push(judgeAll(access, few));
  }
  return { fresh: median(fresh), known: median(known) };
};

const cells = (words: readonly string[]): string => words.map((word) => word.padStart(14)).join('');

const lists = sizes.map((size) => ({
  size,
  access: compileAccess(Array.from({ length: size }, (_, at) => ruleAt(at))),
}));
const kindNames = Object.keys(kinds);
for (const kind of kindNames) for (const { access, size } of lists) measure(access, kind, size);

for (const cost of ['fresh', 'known'] as const) {
  const what = cost === 'fresh' ? 'a new connection or address' : 'each message of a known one';
  process.stdout.write(
    `ns for ${what}\n${''.padEnd(14)}${cells([...sizes.map((size) => `${size} rules`), 'ratio'])}\n`,
  );
  for (const kind of kindNames) {
    const costs = lists.map(({ access, size }) => measure(access, kind, size)[cost]);
    const ratio = (costs.at(-1)! / costs[0]!).toFixed(2);
    process.stdout.write(`${kind.padEnd(14)}${cells([...costs.map((ns) => ns.toFixed(0)), ratio])}\n`);
  }
}
process.stdout.write(`${admitted} admitted\n`);
