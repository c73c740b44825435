/** `explain METHOD URI --from-peer ADDRESS`: how one request would be decided, check by check, by the very code that routes. */
import { isIP } from 'node:net';
import { createTimerWheel } from '../clock.ts';
import { loadSnapshot, type Snapshot } from '../config/snapshot.ts';
import { HopPlaces } from '../engine/hop-places.ts';
import { createResolveHop } from '../engine/resolve-hop.ts';
import { type Explanation, explain as explainDecision } from '../routing/explain.ts';
import type { KnownHop } from '../routing/routes/route-table.ts';
import type { Decision, DirectoryAnswer, RequestFacts } from '../routing/types.ts';
import { dnsOf } from '../sip/resolve/dns-client.ts';
import { createResolver } from '../sip/resolve/resolver.ts';
import { expectedNames } from '../sip/transport/flow.ts';
import { type AdminTarget, targetOf, unfitTarget } from './admin-client.ts';
import { type Command, Misuse } from './command.ts';
import { type ExplainRequest, explainOptions, explainWords, readRequest } from './explain-arguments.ts';
import { type Heard, hearOf } from './explain-directory.ts';
import { formatAddress, formatHop, type Io, printProblems, printText } from './printing.ts';

interface Explained extends Explanation {
  /** Undefined when the directory was not asked. */
  readonly heard: Heard | undefined;
}

export const command: Command = {
  name: 'explain',
  summary: 'tells how one request would be decided, check by check, by the very code that routes',
  usage: 'METHOD URI --from-peer ADDRESS[:PORT] [options] [FILE]',
  words: explainWords,
  options: explainOptions,
  exitCodes: [
    'the request would be forwarded or answered',
    'it would be refused',
    'the command or the configuration is not understood',
  ],
  examples: [
    {
      line: 'MESSAGE sip:bob@example.com --from-peer 127.0.0.11',
      what: 'a message from the Cisco side of the shipped file',
    },
    {
      line: 'INVITE sip:bob@example.com --from-peer 192.0.2.21 --tls-name fe1.example.com',
      what: 'a call by TLS from a peer with this name in its certificate',
    },
  ],
  notes:
    'Who lives where is asked of the router that runs with FILE, which answers by what it knows; where none runs, the sources that FILE names are looked up anew, and that is said.',
  async run(given, io) {
    const request = readRequest(given);
    let target: AdminTarget | undefined;
    try {
      target = targetOf(given, request.file);
    } catch (error) {
      io.err((error as Error).message);
      return 2;
    }
    if (target === undefined) throw new Misuse(unfitTarget);
    return explain(request, target, io);
  },
};

async function explain(request: ExplainRequest, target: AdminTarget, io: Io): Promise<number> {
  const { snapshot, problems } = loadSnapshot(request.file, 1);
  if (snapshot === undefined) {
    printProblems(problems, io.err);
    return 2;
  }
  const { host } = request.facts.requestUri;
  const hopsAt = request.facts.hasToTag && isIP(host) !== 0 ? await lookUpPlaces(snapshot) : request.facts.hopsAt;
  const explained = await ask({ ...request.facts, hopsAt }, target, snapshot);
  if (request.asJson) printText(JSON.stringify(asJson(request, explained), undefined, 2), io.out);
  else [...asText(request, explained), ...tellDoor(request.facts, snapshot)].forEach(io.out);
  return isServed(explained.decision) ? 0 : 1;
}

/** As the router does it: without the directory, and again with its answer when the decision asks for it. */
async function ask(facts: RequestFacts, target: AdminTarget, { policy, directory }: Snapshot): Promise<Explained> {
  const first = explainDecision(facts, policy);
  if (first.decision.kind !== 'ask-directory') return { ...first, heard: undefined };
  const heard = await hearOf(first.decision.recipient, target, directory);
  return { ...explainDecision(facts, policy, heard.answer), heard };
}

/** Where the hops are by DNS, now; each is taken to have proved its name, as it will have when it has a dialog. */
async function lookUpPlaces({ dns, policy }: Snapshot): Promise<RequestFacts['hopsAt']> {
  const clock = createTimerWheel();
  const places = new HopPlaces(clock);
  const resolver = createResolver({ ...dns, clock, dns: dnsOf(dns), random: Math.random });
  const resolve = createResolveHop(
    resolver,
    () => undefined,
    () => true,
  );
  const learn = async ({ hop }: KnownHop): Promise<void> => {
    const found = await resolve(hop);
    if ('code' in found) return;
    places.learn(hop, found);
    for (const target of found) places.prove({ address: target.address, names: expectedNames(target) });
  };
  await Promise.all(policy.routes.knownHops.map(learn));
  clock.close();
  return places.hopsAt;
}

/** What no rule could let in does not come so far as to be decided about. */
function tellDoor({ source }: RequestFacts, { policy }: Snapshot): readonly string[] {
  const { transport, remoteAddress } = source;
  if (transport === 'udp' || policy.access.prospectOf(remoteAddress, transport) !== 'stranger') return [];
  return ['it is not even read: a connection from this address is closed at once'];
}

const isServed = ({ kind }: Decision): boolean => kind === 'forward' || kind === 'answer';

function asJson({ facts, uri, file }: ExplainRequest, { decision, checks, heard }: Explained): unknown {
  const { method, source, hasToTag: inDialog } = facts;
  const request = { method, uri, source, inDialog };
  return { file, request, directory: heard?.answer, directoryFrom: heard?.from, checks, decision };
}

function asText({ facts, uri, file }: ExplainRequest, { decision, checks, heard }: Explained): readonly string[] {
  const { remoteAddress, remotePort, transport } = facts.source;
  const width = Math.max(...checks.map(({ check }) => check.length));
  return [
    `${facts.method} ${uri} from ${formatAddress(transport, remoteAddress, remotePort)}, by ${file}`,
    ...(heard === undefined ? [] : tellHeard(facts.requestUri.key ?? uri, heard)),
    '',
    ...checks.map(({ check, verdict, detail }) =>
      `  ${check.padEnd(width)}  ${verdict.replace('-', ' ').padEnd(11)}  ${detail}`.trimEnd(),
    ),
    '',
    ...tellDecision(decision, facts.method),
  ];
}

const tellHeard = (user: string, { answer, whyNotRouter }: Heard): readonly string[] => [
  `${user}: ${tellAnswer(answer)}`,
  whyNotRouter === undefined ? '  as the running router knows it' : `  looked up for this explanation: ${whyNotRouter}`,
];

function tellAnswer(answer: DirectoryAnswer): string {
  switch (answer.kind) {
    case 'home':
      return answer.addressOnly
        ? `${answer.source} has the address, but UserEnabled is not TRUE`
        : `${answer.source} has this user on ${answer.side}`;
    case 'unknown-user':
      return `${answer.source} does not know this user`;
    case 'unavailable':
      return `the directory cannot answer: ${answer.why}`;
  }
}

function tellDecision(decision: Decision, method: string): readonly string[] {
  switch (decision.kind) {
    case 'forward': {
      const hops = decision.plan.hops.map((hop, i) => `  ${i + 1}. ${formatHop(hop)}`);
      return [`forward from ${decision.from} to ${decision.plan.to}:`, ...hops, tellReasons(decision)];
    }
    case 'answer':
      return [`answer ${decision.status}`, tellReasons(decision)];
    case 'reject': {
      const retryAfter = decision.retryAfterS === undefined ? '' : `, Retry-After: ${decision.retryAfterS}`;
      return [`reject with ${decision.status}${retryAfter}${tellSilence(method)}`, tellReasons(decision)];
    }
    case 'drop':
      return ['drop, without an answer', tellReasons(decision)];
    case 'ask-directory':
      return [`the directory must be asked for ${decision.recipient}`];
  }
}

/** RFC 3261 §17 for ACK; BENOTIFY by its definition ([MS-SIP] 3.5). */
const tellSilence = (method: string): string =>
  method === 'ACK' || method === 'BENOTIFY' ? ` (${method} is never answered: it is dropped)` : '';

const tellReasons = ({ because }: Exclude<Decision, { kind: 'ask-directory' }>): string =>
  `reasons: ${because.map(({ code }) => code).join(', ')}`;
