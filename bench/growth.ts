/** `npm run bench -- growth`: what a MESSAGE transaction costs the router as users, rules, connections and work under way grow. See README.md. */
import { parseArgs } from 'node:util';
import { Bed, type Measured } from './bed.ts';
import type { TurnOrder } from './load/load.ts';
import { positive } from './options.ts';
import { type RouterWish, startRouter } from './programs/pif-router.ts';
import { memoryBytes } from './programs/processes.ts';
import type { Program } from './programs/program.ts';
import { type Grown, growthPlot, growthTable, memoryTable } from './report/growth.ts';
import { circumstances, keep } from './report/results.ts';
import { atWork, type Workplace } from './workplace.ts';

/** One thing that grows. */
interface Axis {
  readonly name: string;
  /** Of the whole axis, in words. */
  readonly what: string;
  readonly sizes: readonly number[];
  readonly wish?: (size: number) => Partial<RouterWish>;
  readonly users?: (size: number) => number;
  /** Connections with traffic, and those without. */
  readonly busy?: (size: number) => number;
  readonly idle?: (size: number) => number;
  /** Transactions in progress besides the 64 of the closed loop: the far side answers so many later. */
  readonly inProgress?: (size: number) => number;
  /** What the memory at rest grows by. */
  readonly memoryOf?: string;
}

const usualUsers = 1_000;
const usualConnections = 4;
const rules = [10, 100, 1_000, 10_000];
const connections = [1, 10, 100, 1_000, 10_000];

const axes: readonly Axis[] = [
  {
    name: 'users',
    what: 'known users, each asked for in turn',
    sizes: [1_000, 10_000, 100_000, 1_000_000],
    wish: (users) => ({ users }),
    users: (size) => size,
    memoryOf: 'user',
  },
  { name: 'routes', what: 'routes', sizes: rules, wish: (routes) => ({ routes }) },
  { name: 'access', what: 'access rules', sizes: rules, wish: (accessRules) => ({ accessRules }) },
  {
    name: 'idle-connections',
    what: 'connections, all but 4 of them idle',
    sizes: connections.slice(1),
    idle: (size) => size - usualConnections,
    memoryOf: 'idle connection',
  },
  { name: 'connections', what: 'connections that take turns', sizes: connections, busy: (size) => size },
  {
    name: 'in-progress',
    what: 'transactions in progress, at a far side that answers late',
    sizes: [1_000, 10_000, 100_000],
    wish: () => ({ failoverAfter: '32s' }),
    inProgress: (size) => size,
    memoryOf: 'transaction in progress',
  },
];

const outstanding = 64;
/** Held back answers must not count as lost. */
const lostMs = 60_000;

class Subject {
  readonly size: number;
  readonly turns: Measured[] = [];
  restingBytes = 0;
  readonly #axis: Axis;
  readonly #bed: Bed;
  readonly #program: Program;

  constructor(size: number, axis: Axis, bed: Bed, program: Program) {
    this.size = size;
    this.#axis = axis;
    this.#bed = bed;
    this.#program = program;
  }

  async connect(): Promise<void> {
    const { size } = this;
    const { users = () => usualUsers, busy = () => usualConnections, idle = () => 0 } = this.#axis;
    const order = { to: this.#program.at, users: users(size) };
    await this.#bed.connect({ ...order, lanes: `busy ${size}`, connections: busy(size) });
    await this.#bed.connect({ ...order, lanes: `idle ${size}`, connections: idle(size) });
    await this.#bed.hold({ hold: this.#held });
    // All that is to be held is sent, and some of it answered.
    if (this.#held > 0) await this.turn(1 + this.#held / 20_000);
    this.restingBytes = memoryBytes(this.#program.pids());
  }

  get #held(): number {
    return this.#axis.inProgress?.(this.size) ?? 0;
  }

  turn(seconds: number): Promise<Measured> {
    const order = { on: `busy ${this.size}`, work: 'message', lostMs, seconds } as const;
    const leavesOpen = this.#held > 0;
    return this.#measure({ ...order, outstanding: outstanding + this.#held, leavesOpen });
  }

  async #measure(order: TurnOrder): Promise<Measured> {
    const measured = await this.#bed.measure(this.#program, order);
    if (measured.refused > 0) throw new Error(`${this.#axis.name} ${this.size}: refused with\n${measured.refusal}`);
    return measured;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}

/** A router for each size, all at once; sizes are measured one after the other in every turn, so that noise hits all alike. */
async function grow(axis: Axis, at: Workplace, turns: number, seconds: number): Promise<Grown> {
  const bed = await Bed.open('tcp', at.certificates);
  const subjects: Subject[] = [];
  for (const [index, size] of axis.sizes.entries()) subjects.push(await open(axis, size, index, bed, at));
  for (const subject of subjects) await subject.turn(1);
  for (let turn = 0; turn < turns; turn += 1) {
    process.stderr.write('.');
    const order = turn % 2 === 0 ? subjects : subjects.toReversed();
    for (const subject of order) subject.turns.push(await subject.turn(seconds));
  }
  await Promise.all(subjects.map((subject) => subject.stop()));
  await bed.close();
  const points = subjects.map(({ size, turns: measured, restingBytes }) => ({ size, turns: measured, restingBytes }));
  return { name: axis.name, what: axis.what, memoryOf: axis.memoryOf, points };
}

async function open(axis: Axis, size: number, index: number, bed: Bed, at: Workplace): Promise<Subject> {
  const program = await startRouter({
    transport: 'tcp',
    mode: 'advanced',
    users: usualUsers,
    folder: `${at.folder}/${axis.name}-${size}`,
    certificates: at.certificates,
    address: `127.0.131.${index + 1}`,
    ...axis.wish?.(size),
  });
  const subject = new Subject(size, axis, bed, program);
  await subject.connect();
  return subject;
}

const usage = `usage: npm run bench -- growth [--only NAME,NAME...] [--turns 5] [--seconds 1] [--no-results]
NAME: ${axes.map(({ name }) => name).join(' ')}`;

async function main(at: Workplace): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: axes.map(({ name }) => name).join() },
      turns: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '1' },
      'no-results': { type: 'boolean', default: false },
    },
  });
  const turns = positive('turns', values.turns);
  const seconds = positive('seconds', values.seconds);
  const known = circumstances();
  const grown: Grown[] = [];
  for (const name of values.only.split(',')) {
    const axis = axes.find((it) => it.name === name);
    if (axis === undefined) throw new Error(`--only: "${name}" is none of ${axes.map((it) => it.name).join(', ')}`);
    process.stderr.write(`${axis.what} `);
    grown.push(await grow(axis, at, turns, seconds));
    process.stderr.write('\n');
  }
  console.log(`${growthTable(grown)}\n\n${memoryTable(grown)}`);
  if (values['no-results']) return;
  const title = `Cost as things grow: TCP MESSAGE, 64 under way, ${known.date.slice(0, 10)}, commit ${known.commit}`;
  console.log(`\nkept in ${keep('-growth', known, { grown }, growthPlot(grown, title)).join(' and ')}`);
}

await atWork(main, usage);
