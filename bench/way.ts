/** `npm run bench -- way`: how many files, functions and calls of ours one transaction passes, answer included. See README.md. */
import { parseArgs } from 'node:util';
import { known, oneOf } from './options.ts';
import type { Walked } from './programs/way-probe.ts';
import { textTable } from './report/table.ts';
import { wayOf } from './report/way.ts';
import { watch } from './watch.ts';
import { atWork, type Workplace } from './workplace.ts';

const usage = 'usage: npm run bench -- way [--transport tcp|tls|udp] [--work message|call|subscribe] [--files]';

async function main(at: Workplace): Promise<void> {
  const { values } = parseArgs({
    options: {
      transport: { type: 'string', default: 'tcp' },
      work: { type: 'string', default: 'message' },
      files: { type: 'boolean', default: false },
    },
  });
  // One at a time: each has reads and writes of its own.
  const { measured, found } = await watch<Walked>(at, {
    probe: 'way-probe.ts',
    transport: oneOf(known.transports, values.transport),
    work: oneOf(known.works, values.work),
    connections: 1,
    before: [{ outstanding: 1, seconds: 1 }],
    watched: { outstanding: 1, seconds: 2 },
  });
  const way = wayOf(found.coverage, new URL('../src/', import.meta.url).href, measured.answered);
  if (values.files) {
    const rows = way.steps.map(({ file, functions, calls }) => [file, String(functions), calls.toFixed(1)]);
    console.log(textTable([['file', 'functions', 'calls'], ...rows]));
  }
  const { files, functions, calls } = way;
  console.log(`${files} files, ${functions} functions, ${calls} calls, over ${measured.answered} transactions`);
}

await atWork(main, usage);
