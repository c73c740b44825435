/** Child process: the asking side. Sends transactions at a fixed rate or in a closed loop, and counts those that end well. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Latencies, type Quantiles } from './latencies.ts';
import type { Beat, Pacing } from './pacemaker.ts';
import { connect, type Identity, type Peer, type Place, serve, type Transport } from './wire.ts';
import {
  ackAndBye,
  answersTo,
  contactOf,
  enabledUser,
  isAnswerToBye,
  numberOf,
  requestMaker,
  statusOf,
  userName,
  type Work,
} from './work.ts';

/** Where requests of the far side, within dialogs, are taken. Comes first. */
export interface ListenOrder {
  readonly transport: Transport;
  /** The first is the one in Contact. */
  readonly listen: readonly [Place, ...Place[]];
  readonly identity: Identity;
  /** Where the far side is, for requests within dialogs. */
  readonly sink: Place;
}

export interface ConnectOrder {
  /** Name for the connections, used by turns. */
  readonly lanes: string;
  readonly to: Place;
  readonly connections: number;
  /** Recipients are spread over so many users. */
  readonly users: number;
  /** Default: those of the LDIF file. */
  readonly names?: 'of a test directory';
}

/** `rate` in transactions per second; `outstanding` in transactions under way at once. */
export type Pace = { readonly rate: number } | { readonly outstanding: number };

export type TurnOrder = Pace & {
  /** Name of the connections. */
  readonly on: string;
  readonly work: Work;
  readonly seconds: number;
  /** What has no answer for so long counts as lost, and the closed loop sends another in its place. */
  readonly lostMs: number;
  /** What is under way at the end stays so, and the next turn finds it. */
  readonly leavesOpen?: boolean;
};

export interface TurnResult {
  readonly sent: number;
  /** Ended well. */
  readonly answered: number;
  /** Answered with anything but success. */
  readonly refused: number;
  /** First refusal, for people. */
  readonly refusal: string | undefined;
  readonly seconds: number;
  /** From the moment when the first request was to leave, late or not, to the last answer. */
  readonly latencyMs: Quantiles;
}

/** Connections of one name. */
interface Group {
  readonly lanes: Lane[];
  /** Transactions. */
  underWay: number;
}

interface Lane {
  /** Its place among all lanes. */
  readonly index: number;
  readonly group: Group;
  readonly peer: Peer;
  readonly makers: Readonly<Record<Work, (number: number) => string>>;
}

/** More than ever are under way at once. */
const places = 1 << 20;

let site: ListenOrder | undefined;
const groups = new Map<string, Group>();
const allLanes: Lane[] = [];
let lastNumber = 0;
/** All before it are over. */
let oldest = 1;
/** By number: when it was to leave; 0 when it is not under way. */
const dueAt = new Float64Array(places);
/** By number: how many of its endings are still to come. */
const endings = new Uint8Array(places);
/** By number: the lane that it went by. */
const laneAt = new Uint16Array(places);
const latencies = new Latencies();

/** The turn that is on. */
let group: Group = { lanes: [], underWay: 0 };
let work: Work = 'message';
let lostMs = 2_000;
let sent = 0;
let refused = 0;
let refusal: string | undefined;
/** Told the lane of each transaction that is over. */
let onOver: (lane: Lane) => void = () => {};

async function listen(order: ListenOrder): Promise<void> {
  site = order;
  for (const place of order.listen) await serve(order.transport, place, order.identity, onRequest);
}

function onRequest(message: string, peer: Peer): void {
  if (statusOf(message) !== 0) return;
  for (const answer of answersTo(message, site!.transport, site!.listen[0])) peer.put(answer);
  if (message.startsWith('NOTIFY ')) onEnding(numberOf(message));
}

async function open(order: ConnectOrder): Promise<void> {
  const opened: Group = { lanes: [], underWay: 0 };
  groups.set(order.lanes, opened);
  for (let i = 0; i < order.connections; i += 1) {
    const lane = await openLane(opened, order);
    opened.lanes.push(lane);
    allLanes.push(lane);
  }
}

async function openLane(opened: Group, { to, users, names }: ConnectOrder): Promise<Lane> {
  const {
    transport,
    listen: [own],
    identity,
  } = site!;
  const peer = await connect(transport, own.address, to, identity, onResponse);
  const nameOf = names === undefined ? userName : enabledUser;
  const maker = (what: Work) => requestMaker(what, transport, peer.local, own, users, nameOf);
  const makers = { message: maker('message'), call: maker('call'), subscribe: maker('subscribe') };
  return { index: allLanes.length, group: opened, peer, makers };
}

function onResponse(message: string, peer: Peer): void {
  const status = statusOf(message);
  if (status === 100 || status === 180) return;
  if (status !== 200) return onRefusal(numberOf(message), message);
  if (work === 'call' && !isAnswerToBye(message)) return hangUp(message, peer);
  onEnding(numberOf(message));
}

function hangUp(response: string, peer: Peer): void {
  const { transport, sink } = site!;
  for (const request of ackAndBye(response, transport, peer.local, contactOf(transport, 'bob', sink)))
    peer.put(request);
}

function onRefusal(number: number, message: string): void {
  refusal ??= message;
  if (!isUnderWay(number)) return;
  refused += 1;
  end(number);
}

function onEnding(number: number): void {
  if (!isUnderWay(number)) return;
  endings[number % places]! -= 1;
  if (endings[number % places]! > 0) return;
  latencies.add(performance.now() - dueAt[number % places]!);
  end(number);
}

const isUnderWay = (number: number): boolean => number >= 0 && dueAt[number % places] !== 0;

function end(number: number): void {
  const lane = allLanes[laneAt[number % places]!]!;
  dueAt[number % places] = 0;
  lane.group.underWay -= 1;
  onOver(lane);
}

const unflushed = new Set<Peer>();

/** It leaves at the end of this read or tick, with all else for the same connection. */
function send({ index, peer, makers }: Lane, due: number): void {
  lastNumber += 1;
  const place = lastNumber % places;
  dueAt[place] = due;
  endings[place] = work === 'subscribe' ? 2 : 1;
  laneAt[place] = index;
  sent += 1;
  group.underWay += 1;
  peer.put(makers[work](lastNumber));
  if (unflushed.size === 0) queueMicrotask(flush);
  unflushed.add(peer);
}

/** Lanes take turns. */
const nextLane = (): Lane => group.lanes[sent % group.lanes.length]!;

function flush(): void {
  for (const peer of unflushed) peer.flush();
  unflushed.clear();
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * What is due meanwhile leaves together, each by a connection of its own. More beats would take the generator more than half a
 * core, and then it is its own waiting for a processor that shows as latency.
 */
const leastBeatMs = 0.25;
let pacemaker: Worker | undefined;

async function startPacemaker(): Promise<Worker> {
  const worker = new Worker(new URL('pacemaker.ts', import.meta.url));
  await once(worker, 'message');
  return worker;
}

/** Each transaction has its moment, and its latency counts from there: a program that stalls does not slow the asking. */
async function atFixedRate(rate: number, seconds: number): Promise<void> {
  pacemaker ??= await startPacemaker();
  const whole = rate * seconds;
  const start = performance.now();
  const sendDue = (): void => {
    const due = Math.min(whole, 1 + Math.floor(((performance.now() - start) / 1000) * rate));
    while (sent < due) send(nextLane(), start + (sent * 1000) / rate);
  };
  await paced(pacemaker, { everyMs: Math.max(leastBeatMs, 1000 / rate), forMs: seconds * 1000 }, sendDue);
  sendDue();
}

function paced(worker: Worker, pacing: Pacing, onBeat: () => void): Promise<void> {
  return new Promise((resolve) => {
    const onMessage = (beat: Beat): void => {
      if (beat === 'beat') return onBeat();
      worker.off('message', onMessage);
      resolve();
    };
    worker.on('message', onMessage);
    worker.postMessage(pacing);
  });
}

/** With fewer lanes than transactions each lane keeps its share; with more the transactions go round. */
async function inClosedLoop(outstanding: number, seconds: number): Promise<void> {
  const goesRound = group.lanes.length > outstanding;
  await fill(outstanding);
  const endMs = performance.now() + seconds * 1000;
  onOver = (lane) => {
    const now = performance.now();
    if (now < endMs && lane.group === group) send(goesRound ? nextLane() : lane, now);
  };
  // Those that ended before anybody was told.
  await fill(outstanding);
  while (performance.now() < endMs) {
    await pause(Math.min(100, Math.max(1, endMs - performance.now())));
    giveUpLost(performance.now() - lostMs);
  }
  onOver = () => {};
}

/** In portions, so that no write queue overflows. */
async function fill(outstanding: number): Promise<void> {
  while (group.underWay < outstanding) {
    const portion = Math.min(outstanding - group.underWay, 500);
    for (let i = 0; i < portion; i += 1) send(nextLane(), performance.now());
    if (group.underWay < outstanding) await pause(10);
  }
}

/** Their places in the loop are taken by others; they are missing among the answered. */
function giveUpLost(before: number): void {
  for (; oldest <= lastNumber; oldest += 1) {
    const due = dueAt[oldest % places]!;
    if (due > before) return;
    if (due !== 0) end(oldest);
  }
}

async function turn(order: TurnOrder): Promise<TurnResult> {
  group = groups.get(order.on)!;
  ({ work, lostMs } = order);
  [sent, refused, refusal] = [0, 0, undefined];
  latencies.clear();
  const start = performance.now();
  if ('rate' in order) await atFixedRate(order.rate, order.seconds);
  else await inClosedLoop(order.outstanding, order.seconds);
  const seconds = (performance.now() - start) / 1000;
  if (!order.leavesOpen) await untilOver();
  return { sent, answered: latencies.count, refused, refusal, seconds, latencyMs: latencies.quantiles() };
}

async function untilOver(): Promise<void> {
  const endMs = performance.now() + lostMs;
  while (group.underWay > 0 && performance.now() < endMs) await pause(5);
  giveUpLost(Number.POSITIVE_INFINITY);
}

process.on('message', async (order: ListenOrder | ConnectOrder | TurnOrder) => {
  if ('seconds' in order) process.send?.(await turn(order));
  else process.send?.(await ('listen' in order ? listen(order) : open(order)).then(() => 'done'));
});
process.on('disconnect', () => process.exit());
