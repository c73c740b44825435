#!/usr/bin/env node
/** The process: arguments, signals and exit codes. The only place that ends it. */
import type { CommandIo } from './cli/command.ts';
import { start } from './cli/start.ts';

const usage = `usage: pif-router start [FILE]
       pif-router check [FILE]
       pif-router explain METHOD URI --from-peer ADDRESS[:PORT] [FILE]
FILE is routes.yaml unless another is named.`;

const defaultFile = 'routes.yaml';

const io: CommandIo = {
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

const misused = (): number => {
  io.err(usage);
  return 2;
};

const run = async ([command, ...args]: readonly string[]): Promise<number> => {
  switch (command) {
    case 'start':
      return args.length > 1 || args[0]?.startsWith('-') ? misused() : start(args[0] ?? defaultFile, io, untilStopped);
    case 'help':
    case '--help':
    case '-h':
      io.out(usage);
      return 0;
    default:
      return misused();
  }
};

process.exit(await run(process.argv.slice(2)));
