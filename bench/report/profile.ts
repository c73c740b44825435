/** Folds what V8's sampling profiler has seen into shares of the rooms of the source tree, and into the call tree of our functions. */
import type { Profiler } from 'node:inspector';
import { textTable } from './table.ts';

/** Of the profiled thread, as the scheduler counts, without what profiling adds; microseconds. */
export interface ThreadTime {
  readonly ranUs: number;
  readonly sleptUs: number;
}

/** What is to be folded. */
interface Seen {
  readonly profile: Profiler.Profile;
  readonly thread: ThreadTime;
  /** URL of the folder of our sources, with a slash at its end. */
  readonly source: string;
}

/** Shares of the thread's running time, 0 to 1. */
interface RoomShare {
  readonly room: string;
  readonly share: number;
}

/** A function of ours, called by the one that it stands below, or what ran without any. Shares as above. */
export interface Call {
  readonly name: string;
  /** File, relative to the sources, and line; none for what is no function of ours. */
  readonly place: string | undefined;
  /** With all that it calls. */
  readonly whole: number;
  /** Its own code, V8's builtins included. */
  readonly own: number;
  /** What it calls in Node and in packages, and native functions. */
  readonly foreign: number;
  /** By falling share. */
  readonly callees: readonly Call[];
}

export interface Folded {
  /** All that were taken while the thread ran. */
  readonly samples: number;
  /** Self time, by falling share; the sum is 1. */
  readonly rooms: readonly RoomShare[];
  readonly calls: readonly Call[];
}

type Frame = Profiler.ProfileNode['callFrame'];

const eventLoop = 'event loop: waking, reading sockets';
const outside = 'Node, outside of our functions';

/** @param least calls with less are left out */
export function fold(seen: Seen, least: number): Folded {
  const nodes = new Map(seen.profile.nodes.map((node) => [node.id, node]));
  const rooms = new Map<string, number>([[eventLoop, awakeInEventLoop(seen)]]);
  const root = new Branch(outside, undefined);
  root.callee('', eventLoop, undefined).own = awakeInEventLoop(seen);
  const visit = (node: Profiler.ProfileNode, caller: Branch): void => {
    const { callFrame: frame, hitCount = 0, children = [] } = node;
    if (frame.functionName === '(idle)') return;
    const room = roomOf(frame, seen.source);
    rooms.set(room, (rooms.get(room) ?? 0) + hitCount);
    const branch = caller.enter(frame, seen.source);
    if (branch === caller) branch.foreign += hitCount;
    else branch.own += hitCount;
    for (const child of children) visit(nodes.get(child)!, branch);
  };
  visit(seen.profile.nodes[0]!, root);
  const samples = [...rooms.values()].reduce((sum, count) => sum + count, 0);
  const shares = [...rooms].map(([room, count]) => ({ room, share: count / samples }));
  return {
    samples,
    rooms: shares.filter(({ share }) => share > 0).sort((a, b) => b.share - a.share),
    calls: root.told(samples, least),
  };
}

/**
 * V8 takes for idle whatever libuv does before it calls JavaScript: reading sockets is in that. A thread that sleeps is sampled
 * as one that runs is, so as many samples belong to its running as the scheduler says that it ran.
 */
function awakeInEventLoop({ profile, thread: { ranUs, sleptUs } }: Seen): number {
  const hits = (nodes: readonly Profiler.ProfileNode[]): number =>
    nodes.reduce((sum, { hitCount = 0 }) => sum + hitCount, 0);
  const idle = hits(profile.nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)'));
  const all = hits(profile.nodes);
  return Math.max(0, Math.round((all * ranUs) / (ranUs + sleptUs)) - (all - idle));
}

function roomOf({ functionName, url }: Frame, source: string): string {
  if (url.startsWith(source)) return roomOfFile(url.slice(source.length));
  if (url.startsWith('node:')) return "Node's own JavaScript";
  if (url !== '') return 'packages';
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(program)') return 'native, by itself';
  return 'native, called by JavaScript: writes, clock, hashes';
}

/** Transport and transactions are rooms of their own. */
function roomOfFile(file: string): string {
  const folders = file.split('/').slice(0, -1);
  const depth = folders[0] === 'sip' ? 2 : 1;
  return ['src', ...folders.slice(0, depth)].join('/');
}

/** A call while it is put together; counts are samples. */
class Branch {
  readonly #name: string;
  readonly #place: string | undefined;
  own = 0;
  foreign = 0;
  readonly #callees = new Map<string, Branch>();

  constructor(name: string, place: string | undefined) {
    this.#name = name;
    this.#place = place;
  }

  /** Node's frames and native ones belong to the function of ours that is nearest. */
  enter({ functionName, url, lineNumber }: Frame, source: string): Branch {
    if (url.startsWith(source)) {
      const place = `${url.slice(source.length)}:${lineNumber + 1}`;
      return this.callee(place, functionName || 'anonymous', place);
    }
    if (functionName === '(garbage collector)') return this.callee('', 'garbage collector', undefined);
    if (functionName === '(program)') return this.callee('', 'native, by itself', undefined);
    return this;
  }

  callee(at: string, name: string, place: string | undefined): Branch {
    const key = `${name} ${at}`;
    const known = this.#callees.get(key) ?? new Branch(name, place);
    this.#callees.set(key, known);
    return known;
  }

  /** What is below it, and what no function of ours has called. */
  told(samples: number, least: number): readonly Call[] {
    const outsiders = new Branch(outside, undefined);
    outsiders.own = this.foreign;
    return [...this.#callees.values(), outsiders]
      .map((branch) => branch.#told(samples, least))
      .filter(({ whole }) => whole >= least && whole > 0)
      .sort((a, b) => b.whole - a.whole);
  }

  #told(samples: number, least: number): Call {
    const callees = [...this.#callees.values()].map((branch) => branch.#told(samples, least));
    const [own, foreign] = [this.own / samples, this.foreign / samples];
    return {
      name: this.#name,
      place: this.#place,
      whole: own + foreign + callees.reduce((sum, { whole }) => sum + whole, 0),
      own,
      foreign,
      callees: callees.filter(({ whole }) => whole >= least).sort((a, b) => b.whole - a.whole),
    };
  }
}

const percent = (share: number): string => (100 * share).toFixed(1);

export const roomsTable = (rooms: readonly RoomShare[]): string =>
  textTable([['self time, by room', '%'], ...rooms.map(({ room, share }) => [room, percent(share)])]);

/** Columns of a terminal. */
const width = 100;

/** A line for each call, indented below its caller. */
export function callsTable(calls: readonly Call[]): string {
  const line = ({ name, place, whole, own, foreign }: Call, depth: number): string => {
    const shares = [whole, own, foreign].map((share) => percent(share).padStart(5)).join(' ');
    const start = `${shares}  ${' '.repeat(depth)}${name}`;
    const places = place === undefined ? [''] : [`  ${place}`, `  ${place.replace(/.*\//, '')}`];
    return (places.map((it) => start + it).find((it) => it.length <= width) ?? start).slice(0, width);
  };
  const lines = (all: readonly Call[], depth: number): string[] =>
    all.flatMap((call) => [line(call, depth), ...lines(call.callees, depth + 1)]);
  return ['whole   own  Node  function, below its caller', ...lines(calls, 0)].join('\n');
}
