/** A request that the configuration lets in and routes, so that the first thing an operator tries shows a decision. */
import { ownCommand } from '../config/own-command.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { IpAddress } from '../net/ip-address.ts';
import type { NamePattern } from '../routing/access/pattern.ts';
import { explain } from '../routing/explain.ts';
import type { AccessRuleInput } from '../routing/policy-input.ts';
import type { Decision } from '../routing/types.ts';
import { tryToRead } from './explain-arguments.ts';

/** `... explain MESSAGE sip:bob@example.com --from-peer 127.0.0.11 routes.yaml`; undefined when every request would be refused. */
export function lineToTry(snapshot: Snapshot): string | undefined {
  const words = wordsToTry(snapshot);
  return words && ownCommand('explain', words);
}

/** As `explain` takes them. */
export function wordsToTry(snapshot: Snapshot): readonly string[] | undefined {
  const users = usersOf(snapshot);
  for (const rule of snapshot.rows.access.slice(0, mostRules)) {
    if (rule.side === undefined) continue;
    for (const user of users) {
      const words = wordsOf(rule, user, snapshot);
      if (isRouted(words, snapshot)) return words;
    }
  }
  return undefined;
}

/** There may be thousands, and one of the first will do. */
const mostRules = 100;

/** Whom the configuration names, and a name that anybody might have. */
function usersOf({ rows }: Snapshot): readonly string[] {
  const [listed] = rows.ciscoUsers ?? [];
  const pinned = rows.pins.slice(0, 2).map(({ key }) => key);
  const usual = rows.domains.flatMap((domain) => ['bob', 'alice'].map((name) => `${name}@${domain}`));
  return [...usual, ...(listed === undefined ? [] : [listed]), ...pinned];
}

function wordsOf(rule: AccessRuleInput, user: string, { file }: Snapshot): readonly string[] {
  const names = [rule.from, rule.tlsName].filter((each) => each !== undefined).flatMap(nameOf);
  const transport = rule.transport === undefined || names.length > 0 ? [] : ['--transport', rule.transport];
  const from = rule.fromDomains?.[0];
  return [
    rule.methods?.[0] ?? 'MESSAGE',
    `sip:${user}`,
    '--from-peer',
    addressOf(rule),
    ...names.flatMap((name) => ['--tls-name', name]),
    ...transport,
    ...(from === undefined ? [] : ['--from', `sip:someone@${nameOf(from)[0]}`]),
    file,
  ];
}

/** One that the pattern means. */
function nameOf(pattern: AccessRuleInput['from'] | NamePattern): readonly string[] {
  if (pattern.kind === 'name') return [pattern.name];
  return pattern.kind === 'names-below' ? [`host.${pattern.domain}`] : [];
}

/** The first of a network is its own name, the second a host; who is known by name may have any (RFC 5737). */
function addressOf({ from }: AccessRuleInput): string {
  if (from.kind !== 'network') return '192.0.2.1';
  const { address, prefix } = from.network;
  if (address.family === 4) return ipv4Text(address.value + (prefix < 31 ? 1 : 0));
  return ipv6Text(address.value + (prefix < 127 ? 1n : 0n));
}

const ipv4Text = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');

const ipv6Text = (value: Extract<IpAddress, { family: 6 }>['value']): string => {
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
};

function isRouted(words: readonly string[], snapshot: Snapshot): boolean {
  const request = tryToRead(words);
  if (request === undefined) return false;
  const { decision } = explain(request.facts, snapshot.policy);
  if (decision.kind !== 'ask-directory') return decision.kind === 'forward';
  return isForward(request.facts, decision.recipient, snapshot);
}

/** Files answer at once; a server is not asked for this, and may know anybody. */
function isForward(facts: Parameters<typeof explain>[0], recipient: string, { policy, directory }: Snapshot): boolean {
  const files = directory.sources.flatMap(({ users }) => users ?? []);
  const answers = files.map((users) => users.lookup(recipient));
  const answer = answers.find((each) => 'kind' in each && each.kind === 'home') ?? answers[0];
  if (files.length < directory.sources.length || answer === undefined || !('kind' in answer)) return true;
  const decided: Decision = explain(facts, policy, answer).decision;
  return decided.kind === 'forward';
}
