#!/usr/bin/env node
/** The process: arguments, signals and exit codes. The only place that ends it. */
import { check } from './cli/check.ts';
import { explain } from './cli/explain.ts';
import type { Io } from './cli/printing.ts';
import { start } from './cli/start.ts';

const usage = `usage: pif-router start [FILE]
       pif-router check [FILE]
       pif-router explain METHOD URI --from-peer ADDRESS[:PORT] [FILE]
FILE is routes.yaml unless another is named.`;

const io: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
};

/** A second signal ends the process at once: the operator has lost patience. */
const untilStopped = (): Promise<string> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve(signal);
        process.once(signal, () => process.exit(1));
      });
    }
  });

const run = async ([command, ...args]: readonly string[]): Promise<number> => {
  switch (command) {
    case 'start':
      return start(args, io, untilStopped);
    case 'check':
      return check(args, io);
    case 'explain':
      return explain(args, io);
    case 'help':
    case '--help':
    case '-h':
      io.out(usage);
      return 0;
    default:
      io.err(usage);
      return 2;
  }
};

process.exit(await run(process.argv.slice(2)));
