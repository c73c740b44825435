/** Child process: the asking side. Sends messages at a fixed rate or in a closed loop, and counts the 200s. */
import { isSuccess, messageMaker, numberOf } from './message.ts';
import { connect, cut, type Identity, type Place, type Transport, type Wire } from './wire.ts';

export interface LoadOrder {
  readonly transport: Transport;
  readonly from: string;
  readonly to: Place;
  readonly identity: Identity;
  readonly connections: number;
  readonly users: number;
}

/** `rate` in transactions per second; `outstanding` in transactions under way at once. */
export type TurnOrder = { readonly seconds: number } & ({ readonly rate: number } | { readonly outstanding: number });

export interface TurnResult {
  readonly sent: number;
  /** Answered with 200. */
  readonly answered: number;
  /** Answered with anything else. */
  readonly refused: number;
  /** First refusal, for people. */
  readonly refusal: string | undefined;
  readonly seconds: number;
  /** Milliseconds from the write to the 200, ascending quantiles. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** Processor time of this process. */
  readonly ownMicroseconds: number;
}

interface Lane {
  readonly wire: Wire;
  readonly make: (number: number) => string;
}

const slotMs = 10;
/** What has no answer for so long counts as lost, and the closed loop sends another in its place. */
const lostMs = 2_000;

let lanes: readonly Lane[] = [];
let lastNumber = 0;
const sentAt = new Map<number, number>();
let latencies: number[] = [];
let sent = 0;
let refused = 0;
let refusal: string | undefined;
/** Told how many answers one read has brought on a lane. */
let onAnswers: (lane: Lane, count: number) => void = () => {};

async function open(order: LoadOrder): Promise<void> {
  const opening = Array.from({ length: order.connections }, async () => {
    let waiting = '';
    const wire = await connect(order.transport, order.from, order.to, order.identity, (chunk) => {
      const { whole, rest } = cut(waiting + chunk);
      waiting = rest;
      for (const response of whole) count(response);
      if (whole.length > 0) onAnswers(lane, whole.length);
    });
    const lane: Lane = { wire, make: messageMaker(order.transport, wire.local, order.users) };
    return lane;
  });
  lanes = await Promise.all(opening);
}

function count(response: string): void {
  const number = numberOf(response);
  const at = sentAt.get(number);
  if (at === undefined) return;
  sentAt.delete(number);
  if (isSuccess(response)) latencies.push(performance.now() - at);
  else {
    refused += 1;
    refusal ??= response;
  }
}

function send({ wire, make }: Lane, howMany: number): void {
  const messages: string[] = [];
  const now = performance.now();
  for (let i = 0; i < howMany; i += 1) {
    lastNumber += 1;
    sentAt.set(lastNumber, now);
    messages.push(make(lastNumber));
  }
  sent += howMany;
  wire.send(messages);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function atFixedRate(rate: number, seconds: number): Promise<void> {
  const start = performance.now();
  const whole = rate * seconds;
  for (let slot = 0; sent < whole; slot += 1) {
    const due = Math.min(whole, Math.floor(((performance.now() - start + slotMs) / 1000) * rate));
    if (due > sent) send(lanes[slot % lanes.length]!, due - sent);
    await pause(Math.max(1, (slot + 1) * slotMs - (performance.now() - start)));
  }
}

async function inClosedLoop(outstanding: number, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  onAnswers = (lane, answers) => {
    if (performance.now() < end) send(lane, answers);
  };
  for (const lane of lanes) send(lane, Math.ceil(outstanding / lanes.length));
  while (performance.now() < end) {
    await pause(100);
    replaceLost();
  }
}

function replaceLost(): void {
  const before = performance.now() - lostMs;
  for (const [number, at] of sentAt) {
    if (at > before) return;
    sentAt.delete(number);
    send(lanes[number % lanes.length]!, 1);
  }
}

async function turn(order: TurnOrder): Promise<TurnResult> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  [sent, refused, refusal, latencies] = [0, 0, undefined, []];
  sentAt.clear();
  if ('rate' in order) await atFixedRate(order.rate, order.seconds);
  else await inClosedLoop(order.outstanding, order.seconds);
  const seconds = (performance.now() - start) / 1000;
  for (let waitedMs = 0; sentAt.size > 0 && waitedMs < lostMs; waitedMs += slotMs) await pause(slotMs);
  onAnswers = () => {};
  const { user, system } = process.cpuUsage(cpu);
  return {
    sent,
    answered: latencies.length,
    refused,
    refusal,
    seconds,
    latencyMs: quantiles(),
    ownMicroseconds: user + system,
  };
}

function quantiles(): { p50: number; p99: number } {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

process.on('message', async (order: LoadOrder | TurnOrder) => {
  if ('seconds' in order) process.send?.(await turn(order));
  else process.send?.(await open(order).then(() => 'open'));
});
process.on('disconnect', () => process.exit());
