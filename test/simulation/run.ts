/** `npm run simulate`: simulated worlds, seed after seed. See README.md. */
import './seeded-platform.ts';
import { parseArgs } from 'node:util';
import { Coverage } from './coverage.ts';
import { planted } from './planted.ts';
import { type Scene, sceneOf } from './scene.ts';
import { shrunk } from './shrink.ts';
import { simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    count: { type: 'string' },
    hours: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    plant: { type: 'string' },
    coverage: { type: 'boolean', default: false },
  },
});

const realMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

const plant = values.plant === undefined ? undefined : planted[values.plant];

async function tellFailure(scene: Scene): Promise<void> {
  const smallest = await shrunk(scene, async (each) => (await simulate(each, plant)).violations);
  const { story, violations } = await simulate(smallest, plant);
  console.log(
    `\nseed ${scene.seed}, with ${smallest.asks.length} of ${scene.asks.length} requests and ${smallest.faults.length} of ${scene.faults.length} faults:\n`,
  );
  for (const line of story) console.log(line);
  for (const violation of violations) console.log(`\nVIOLATED  ${violation}`);
}

async function run(): Promise<number> {
  const coverage = values.coverage ? new Coverage() : undefined;
  await coverage?.start();
  const beganMs = realMs();
  const withinMs = values.hours === undefined ? Number(values.seconds) * 1_000 : Number(values.hours) * 3_600_000;
  const from = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.count ?? Number.POSITIVE_INFINITY) : 1;
  let simulatedMs = 0;
  let seeds = 0;
  for (let seed = from; seeds < count && realMs() - beganMs < withinMs; seed += 1) {
    const scene = sceneOf(seed);
    const outcome = await simulate(scene, plant);
    seeds += 1;
    simulatedMs += outcome.simulatedMs;
    if (outcome.violations.length > 0) {
      await tellFailure(scene);
      return 1;
    }
    if (values.seed !== undefined) for (const line of outcome.story) console.log(line);
  }
  if (coverage !== undefined) {
    console.log('Of the machines, no world has come to');
    for (const line of await coverage.unreached()) console.log(`  ${line}`);
  }
  const seconds = (realMs() - beganMs) / 1_000;
  const hours = (simulatedMs / 3_600_000).toFixed(1);
  console.log(
    `${seeds} seeds in ${seconds.toFixed(0)} s (${(seeds / seconds).toFixed(1)} a second), ${hours} simulated hours: nothing was violated`,
  );
  return 0;
}

process.exitCode = await run();
