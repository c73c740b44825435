/** `npm run bench`: processor time of the router per MESSAGE transaction, over UDP, TCP and TLS. See README.md. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bed, type Measured } from './bed.ts';
import type { TurnOrder } from './load.ts';
import { type BenchOptions, readOptions, usage } from './options.ts';
import { keep, type Row, table } from './report.ts';
import type { Transport } from './wire.ts';

/** So that V8 has compiled what is hot before anything is counted. */
const warmUp: TurnOrder = { seconds: 3, outstanding: 64 };

async function measureTransport(transport: Transport, folder: string, options: BenchOptions): Promise<Row[]> {
  const { rate, outstanding, seconds, turns } = options;
  const bed = await Bed.open(transport, join(folder, transport), join(folder, 'certs'), options);
  try {
    await bed.measure(warmUp);
    const fixed: Measured[] = [];
    const closed: Measured[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      fixed.push(sound(await bed.measure({ seconds, rate })));
      closed.push(sound(await bed.measure({ seconds, outstanding })));
    }
    return [
      { transport, load: `${rate}/s`, turns: fixed },
      { transport, load: `${outstanding} outstanding`, turns: closed },
    ];
  } finally {
    await bed.close();
  }
}

/** A turn in which the router refused what it should forward measures something else. */
function sound(turn: Measured): Measured {
  if (turn.refused > 0) throw new Error(`${turn.refused} requests were refused, the first with:\n${turn.refusal}`);
  if (turn.answered === 0) throw new Error('no request was answered');
  return turn;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const folder = mkdtempSync(join(tmpdir(), 'pif-bench-'));
  const rows: Row[] = [];
  try {
    execFileSync(join(import.meta.dirname, '../certs/make-dev-certs.sh'), [join(folder, 'certs')], { stdio: 'ignore' });
    for (const transport of options.transports) {
      process.stderr.write(`measuring ${transport} ...\n`);
      rows.push(...(await measureTransport(transport, folder, options)));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(table(rows));
  if (options.isKept) console.log(`\nkept in ${keep(rows, options)}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) console.error(usage);
  process.exitCode = 1;
});
