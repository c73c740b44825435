/** A profile as V8's profiler gives it (Chrome DevTools Protocol, Profiler.Profile), folded into rooms and calls. */
import type { Profiler } from 'node:inspector';
import { describe, expect, test } from 'vitest';
import { type Call, callsTable, fold, roomsTable } from '../../../bench/report/profile.ts';

const source = 'file:///srv/src/router/src/';

/** A node with its line as people count, the samples in which it was on top, and what it calls. */
interface Sampled {
  readonly name: string;
  readonly url: string;
  readonly line: number;
  readonly hits: number;
  readonly callees: readonly Sampled[];
}

const sampled = (name: string, url: string, hits: number, ...callees: readonly Sampled[]): Sampled => {
  const [file = '', line = '1'] = url.split('#');
  return { name, url: file, line: Number(line), hits, callees };
};
const own = (name: string, place: string, hits: number, ...callees: readonly Sampled[]): Sampled =>
  sampled(name, source + place, hits, ...callees);
const native = (name: string, hits: number): Sampled => sampled(name, '', hits);

/** Nodes in a row, which name the callees by number, as the profiler lists them. */
function profileOf(...atRoot: readonly Sampled[]): Profiler.Profile {
  const nodes: Profiler.ProfileNode[] = [];
  const add = ({ name, url, line, hits, callees }: Sampled): number => {
    const id = nodes.length + 1;
    const callFrame = { functionName: name, scriptId: '1', url, lineNumber: line - 1, columnNumber: 0 };
    const node: Profiler.ProfileNode = { id, callFrame, hitCount: hits };
    nodes.push(node);
    if (callees.length > 0) node.children = callees.map(add);
    return id;
  };
  add({ name: '(root)', url: '', line: 0, hits: 0, callees: atRoot });
  return { nodes, startTime: 0, endTime: 1 };
}

/** 100 samples, of which 20 are idle. */
const profile = profileOf(
  sampled(
    'onStreamRead',
    'node:internal/stream_base_commons#166',
    4,
    own(
      '#onData',
      'sip/transport/stream-connection.ts#313',
      6,
      own('indexLine', 'sip-parser/header-index.ts#232', 20),
      sampled('emit', 'node:events#10', 2, own('onRequest', 'proxy/proxy-core.ts#141', 8)),
      own('onRequest', 'proxy/proxy-core.ts#141', 4, native('now', 1)),
      sampled('Socket.write', 'node:net#1', 3, native('writeLatin1String', 15)),
    ),
  ),
  sampled('processTimers', 'node:internal/timers#500', 1, own('', 'sip/clock.ts#12', 2)),
  sampled('write', 'file:///srv/src/router/node_modules/sonic-boom/index.js#1', 4),
  native('(program)', 5),
  native('(garbage collector)', 5),
  native('(idle)', 20),
);

/** It ran for nine tenths of the time, so ten of the idle samples were taken while it ran. */
const mostlyAwake = { profile, source, thread: { ranUs: 900, sleptUs: 100 } };
const asleepWhenIdle = { profile, source, thread: { ranUs: 800, sleptUs: 200 } };

const percents = (shares: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, Number((100 * share).toFixed(1))]));
const roomsOf = (seen: typeof mostlyAwake): Record<string, number> =>
  percents(Object.fromEntries(fold(seen, 0).rooms.map(({ room, share }) => [room, share])));

describe('shares by room', () => {
  test('self time goes to the room of the file; transport has one of its own, and what has no file is told apart', () => {
    expect(roomsOf(asleepWhenIdle)).toEqual({
      'src/sip-parser': 25,
      'native, called by JavaScript: writes, clock, hashes': 20,
      'src/proxy': 15,
      "Node's own JavaScript": 12.5,
      'src/sip/transport': 7.5,
      'native, by itself': 6.3,
      'garbage collector': 6.3,
      packages: 5,
      'src/sip': 2.5,
    });
  });

  test('the sum of all is 1', () => {
    const sum = fold(mostlyAwake, 0).rooms.reduce((total, { share }) => total + share, 0);
    expect(sum).toBeCloseTo(1, 12);
  });

  test('idle samples of a thread that the scheduler saw running belong to the event loop; the others are left out', () => {
    expect(fold(asleepWhenIdle, 0).samples).toBe(80);
    expect(fold(mostlyAwake, 0).samples).toBe(90);
    expect(roomsOf(mostlyAwake)['event loop: waking, reading sockets']).toBe(11.1);
    expect(roomsOf(mostlyAwake)['src/sip-parser']).toBe(22.2);
  });

  test('a thread that ran less than its samples say has no time in the event loop', () => {
    const { samples, rooms } = fold({ profile, source, thread: { ranUs: 500, sleptUs: 500 } }, 0);
    expect(samples).toBe(80);
    expect(rooms.map(({ room }) => room)).not.toContain('event loop: waking, reading sockets');
  });

  test('the table has a line for each', () => {
    const lines = roomsTable(fold(asleepWhenIdle, 0).rooms).split('\n');
    expect(lines[1]).toMatch(/^src\/sip-parser +25\.0$/);
    expect(lines).toHaveLength(10);
  });
});

describe('call tree', () => {
  const call = (calls: readonly Call[], name: string): Call => {
    const found = calls.find((it) => it.name === name);
    if (found === undefined) throw new Error(`no ${name} among ${calls.map((it) => it.name).join(', ')}`);
    return found;
  };
  const { calls } = fold(asleepWhenIdle, 0);
  const sharesOf = ({ whole, own, foreign }: Call): Record<string, number> => percents({ whole, own, foreign });

  test("frames of Node and native ones belong to the nearest function of ours, apart from the function's own", () => {
    const onData = call(calls, '#onData');
    expect(onData.place).toBe('sip/transport/stream-connection.ts:313');
    expect(sharesOf(onData)).toEqual({ whole: 73.8, own: 7.5, foreign: 25 });
  });

  test("a function that is called both directly and by way of Node's is one call", () => {
    const { callees } = call(calls, '#onData');
    expect(callees.map(({ name }) => name)).toEqual(['indexLine', 'onRequest']);
    expect(sharesOf(call(callees, 'onRequest'))).toEqual({ whole: 16.3, own: 15, foreign: 1.3 });
  });

  test('what no function of ours has called stands beside them', () => {
    expect(sharesOf(call(calls, 'Node, outside of our functions')).whole).toBe(11.3);
    expect(call(calls, 'garbage collector').place).toBeUndefined();
    expect(sharesOf(call(calls, 'native, by itself')).whole).toBe(6.3);
    expect(calls.map(({ name }) => name)).not.toContain('(idle)');
  });

  test('it comes with the event loop', () => {
    expect(sharesOf(call(fold(mostlyAwake, 0).calls, 'event loop: waking, reading sockets')).whole).toBe(11.1);
  });

  test('whole shares at the top add up to 1', () => {
    expect(calls.reduce((sum, { whole }) => sum + whole, 0)).toBeCloseTo(1, 12);
  });

  test('calls below the least share are left out, and counted for their callers', () => {
    const few = fold(asleepWhenIdle, 0.2).calls;
    expect(few.map(({ name }) => name)).toEqual(['#onData']);
    expect(few[0]!.whole).toBe(call(calls, '#onData').whole);
    expect(few[0]!.callees.map(({ name }) => name)).toEqual(['indexLine']);
  });

  test('a function without a name is told by its place', () => {
    expect(call(calls, 'anonymous').place).toBe('sip/clock.ts:12');
  });

  test('in text a callee stands below its caller, one place further right', () => {
    expect(callsTable(calls).split('\n').slice(0, 3)).toEqual([
      'whole   own  Node  function, below its caller',
      ' 73.8   7.5  25.0  #onData  sip/transport/stream-connection.ts:313',
      ' 25.0  25.0   0.0   indexLine  sip-parser/header-index.ts:232',
    ]);
  });

  test('text keeps within 100 columns: a line gives up folders first, then the place', () => {
    const place = 'sip/transaction/transaction-layer.ts#143';
    const deep = Array.from({ length: 61 }).reduce<Sampled>(
      (callee) => own('open', place, 1, callee),
      native('now', 1),
    );
    const lines = callsTable(fold({ ...asleepWhenIdle, profile: profileOf(deep) }, 0).calls).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBe(100);
    expect(lines.some((line) => line.endsWith('open  transaction-layer.ts:143'))).toBe(true);
    expect(lines.at(-1)).toMatch(/ open$/);
  });
});
