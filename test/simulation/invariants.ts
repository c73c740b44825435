/** What must hold whatever happens. Each names the section of its RFC, or the document of ours, that wants it. */
import type { SimulatedDirectory } from './directory.ts';
import type { Asked, Observed } from './observed.ts';
import type { Scene } from './scene.ts';

export interface Ended {
  readonly scene: Scene;
  readonly observed: Observed;
  readonly directory: SimulatedDirectory;
  readonly bugs: readonly string[];
  /** When everybody has gone home: what the router still holds. */
  readonly held: { readonly transactions: number; readonly octets: number; readonly connections: number };
  /** Its timers when nobody has come yet, and when all have gone. */
  readonly timers: { readonly before: number; readonly after: number };
}

type Invariant = (ended: Ended) => readonly string[];

const withAnswer = ({ method }: Asked): boolean => method !== 'BENOTIFY';
const nameOf = ({ id, method }: Asked): string => `${method} ${id}`;
const eachOf = ({ observed }: Ended, judge: (asked: Asked) => string | undefined): readonly string[] =>
  [...observed.asked.values()].flatMap((asked) => judge(asked) ?? []);

export const invariants: Readonly<Record<string, Invariant>> = {
  /** RFC 3261 §16.7 steps 5 and 10, §17.2: behind a refusal only that another phone has been picked up. */
  'a request has one final answer at most': (ended) =>
    eachOf(ended, (asked) => {
      const counting = asked.answers.filter(({ status }) => asked.method !== 'INVITE' || status >= 300);
      const said = counting.map(({ status, hop = 'the router' }) => `${status} of ${hop}`);
      return said.length > 1 ? `${nameOf(asked)} was answered ${said.length} times: ${said.join(', ')}` : undefined;
    }),

  /** RFC 3261 §16.7, and §16.8 where nobody answers; a steady hop of each side answers everything. */
  'a request has a final answer': (ended) =>
    eachOf(ended, (asked) => {
      if (!withAnswer(asked) || asked.answers.length > 0 || isLost(ended, asked)) return undefined;
      if (asked.dialogWith !== undefined && !isSteady(ended.scene, asked.dialogWith)) return undefined;
      const came = asked.deliveries.map(({ hop }) => hop);
      const given = asked.given.map(({ hop, status }) => `${status} of ${hop}`);
      const told = `it came to ${came.join(', ') || 'nobody'}, who gave ${given.join(', ') || 'nothing'}`;
      return `${nameOf(asked)} has no answer: ${told}`;
    }),

  /** RFC 3261 §16.7 step 5 and §16.8; docs/next-hops.md: another hop is tried. */
  'what a steady hop could serve is not refused by the router': (ended) =>
    eachOf(ended, (asked) => {
      const [answer] = asked.answers;
      if (answer === undefined || answer.hop !== undefined || asked.cancelledAtMs !== undefined) return undefined;
      if (asked.isWithHop || wasDrained(ended, asked)) return undefined;
      if (asked.dialogWith !== undefined && !isSteady(ended.scene, asked.dialogWith)) return undefined;
      return answer.status >= 500 || answer.status === 408
        ? `${nameOf(asked)} got ${answer.status} of the router`
        : undefined;
    }),

  /** RFC 3261 §16.5; docs/decision.md. */
  'nothing is delivered to the wrong side': ({ observed, directory }) =>
    [...observed.asked.values()].flatMap((asked) =>
      asked.deliveries.flatMap(({ hop, side, atMs }) => {
        if (asked.dialogWith !== undefined) return [];
        const homes = directory.sidesWithin(asked.user, asked.atMs, atMs);
        return side !== asked.side && homes.has(side)
          ? []
          : [`${nameOf(asked)} of ${asked.side} came to ${hop}, ${asked.user} is of ${[...homes].join(' and ')}`];
      }),
    ),

  /** RFC 3261 §12.2.1.1, §16.4: by its recorded route, wherever its user lives by now. */
  'a dialog stays where it began': (ended) =>
    eachOf(ended, (asked) => {
      const { dialogWith } = asked;
      const astray = asked.deliveries.find(({ hop }) => dialogWith !== undefined && hop !== dialogWith);
      return astray && `${nameOf(asked)} came to ${astray.hop}, its dialog is with ${dialogWith}`;
    }),

  /** RFC 3261 §17.2.2, §18: a repeated datagram is absorbed. A BENOTIFY, as an ACK, has no transaction that could. */
  'nothing is delivered twice over a stream': (ended) =>
    eachOf(ended, ({ deliveries, ...asked }) => {
      if (asked.method === 'BENOTIFY') return undefined;
      const once = new Set<string>();
      for (const { hop, branch, transport } of deliveries) {
        if (transport === 'udp') continue;
        if (once.has(`${hop} ${branch}`)) return `${nameOf({ deliveries, ...asked })} came to ${hop} twice`;
        once.add(`${hop} ${branch}`);
      }
      return undefined;
    }),

  /** RFC 3261 §13.2.2.4, §16.7 step 10. */
  'a call that was answered is acknowledged': (ended) =>
    eachOf(ended, (asked) => {
      const [answer] = asked.answers;
      if (asked.method !== 'INVITE' || answer?.hop === undefined || answer.status >= 300) return undefined;
      if (!isSteady(ended.scene, answer.hop)) return undefined;
      return asked.acksAtHops.includes(answer.hop)
        ? undefined
        : `${nameOf(asked)} was answered by ${answer.hop}, which got no ACK`;
    }),

  /** RFC 3261 §9.2, §16.10. */
  'no phone rings on after its caller has hung up': (ended) =>
    eachOf(ended, (asked) => {
      const { cancelledAtMs } = asked;
      if (cancelledAtMs === undefined) return undefined;
      const mostMs = longestRingMs + silenceMs(ended.scene);
      const late = [...asked.ringing].find(([name, { fromMs, untilMs = Number.POSITIVE_INFINITY, isCutOff }]) => {
        // A connection that ends before anything came by it is taken for a 503 (§16.9); behind it nobody is known to ring.
        const isKnown = !isCutOff || asked.heardRinging.has(name);
        return isKnown && untilMs - Math.max(fromMs, cancelledAtMs) > mostMs;
      });
      return late && `${nameOf(asked)} was cancelled, and ${late[0]} rang on`;
    }),

  'no octet of one message is in another': ({ observed }) => observed.strange,

  'the router finds no bug in itself': ({ bugs }) => bugs,

  /** RFC 3261 §17: every transaction ends. */
  'nothing outlives its time': ({ held: { transactions, octets, connections }, timers }) => [
    ...(transactions === 0 ? [] : [`${transactions} transactions are left`]),
    ...(octets === 0 ? [] : [`${octets} octets are held`]),
    ...(connections === 0 ? [] : [`${connections} connections are left`]),
    ...(timers.after <= timers.before
      ? []
      : [`${timers.after} timers are armed, ${timers.before} were at the beginning`]),
  ],
};

/** A CANCEL has its way to make. */
const longestRingMs = 4_000;

/** A request, or its answer, may have been on the way when the connection was reset; an answer of later goes by another (§18.2.2). */
const isLost = ({ scene }: Ended, { lostAtMs, given, asker }: Asked): boolean => {
  const listens = scene.askers.some(({ name, listens }) => name === asker && listens);
  // Of several the first was sent on.
  const [first] = given;
  return lostAtMs !== undefined && !(listens && first !== undefined && first.atMs > lostAtMs + 1_000);
};

/** docs/operate.md: what would begin while the node is drained is refused. It may have been on its way when that began. */
function wasDrained({ observed: { drained } }: Ended, { atMs, transport }: Asked): boolean {
  const untilMs = atMs + (transport === 'udp' ? 32_000 : onTheWayMs);
  const before = drained.findLast((each) => each.atMs <= atMs);
  return (
    before?.isDraining === true || drained.some((each) => each.isDraining && each.atMs > atMs && each.atMs < untilMs)
  );
}

const onTheWayMs = 2_000;

const isSteady = ({ hops }: Scene, name: string): boolean => hops.some((hop) => hop.name === name && hop.isSteady);

/**
 * In which a hop may not have heard that it should stop. A CANCEL waits for a provisional response (§9.1), and where that is lost
 * for the next copy of the INVITE, which comes within 64*T1 (§17.1.1.2).
 */
function silenceMs({ faults, network }: Scene): number {
  const silences = faults.filter(({ fault }) => /hangs|cut off/.test(fault));
  const isLossy = network.loss > 0 || faults.some(({ fault }) => fault === 'datagrams are lost');
  return silences.reduce((sum, { forMs }) => sum + forMs, isLossy ? 32_000 : 0);
}
