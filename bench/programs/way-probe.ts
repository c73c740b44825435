/** Preloaded into a router whose way of a message is counted (probe.ts): V8's precise coverage, with the calls of each function. */
import { type Profiler, Session } from 'node:inspector';
import { probe } from './probe.ts';

export interface Walked {
  readonly coverage: readonly Profiler.ScriptCoverage[];
}

const session = new Session();

probe(() => {
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  return (): Walked => ({ coverage: take() });
});

/** Within its own thread the inspector answers at once. */
function take(): readonly Profiler.ScriptCoverage[] {
  let taken: readonly Profiler.ScriptCoverage[] = [];
  session.post('Profiler.takePreciseCoverage', (_, { result }) => {
    taken = result;
  });
  return taken;
}
