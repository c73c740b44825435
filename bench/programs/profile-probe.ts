/** Preloaded into a router that is profiled (probe.ts): V8's sampling profiler, and what the scheduler knows of the thread. */
import { type Profiler, Session } from 'node:inspector';
import type { ThreadTime } from '../report/profile.ts';
import { type Heap, watchHeap } from './heap.ts';
import { probe } from './probe.ts';
import { threadTimes } from './processes.ts';

export interface Profiled extends Heap {
  readonly profile: Profiler.Profile;
  readonly thread: ThreadTime;
}

/** V8's own. Each sample costs, and wakes a thread that sleeps; ten seconds have thousands all the same. */
const samplingIntervalUs = 1_000;

const session = new Session();

probe(() => {
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: samplingIntervalUs });
  session.post('Profiler.start');
  const thread = watchThread();
  const heap = watchHeap();
  return (): Profiled => ({ thread: thread(), ...heap(), profile: stop() });
});

/**
 * Neither running nor waiting for a processor is sleeping. Waits after a sleep are short and sampled as sleep is; waits of a
 * thread that another one has displaced are long, and have one sample each. Nobody tells how many are of which kind: they are
 * divided as sleeping and running are.
 */
function watchThread(): () => ThreadTime {
  const beginMs = performance.now();
  const atBegin = threadTimes();
  return () => {
    const elapsedUs = (performance.now() - beginMs) * 1_000;
    const atEnd = threadTimes();
    const [ranUs, waitedUs] = [atEnd.ranUs - atBegin.ranUs, atEnd.waitedUs - atBegin.waitedUs];
    const asleepUs = Math.max(0, elapsedUs - ranUs - waitedUs);
    return { ranUs, sleptUs: asleepUs + (waitedUs * asleepUs) / (asleepUs + ranUs) };
  };
}

/** Within its own thread the inspector answers at once. */
function stop(): Profiler.Profile {
  let stopped: Profiler.Profile | undefined;
  session.post('Profiler.stop', (_, { profile }) => {
    stopped = profile;
  });
  return stopped!;
}
