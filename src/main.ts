#!/usr/bin/env -S sh -c 'exec node $(node --wasm-wrapper-tiering-budget=1 -v >/dev/null 2>&1 && echo --max-semi-space-size=64 --use-largepages=silent --test-udp-no-try-send --wasm-wrapper-tiering-budget=1000000000) "$0" "$@"'
/**
 * The process: arguments, signals and exit codes. The only place that ends it. The first line is for Linux, which takes 255 octets: a
 * Node that is too old does not know the options, and has to come as far as to say so.
 */

// Before everything else, which an older Node may not understand.
import './old-node.cts';
import { inspect } from 'node:util';
import { targetUsage } from './cli/admin-client.ts';
import { drain, reload, status, undrain } from './cli/administer.ts';
import { check } from './cli/check.ts';
import { directory } from './cli/directory.ts';
import { doctor } from './cli/doctor.ts';
import { explain } from './cli/explain.ts';
import { keys } from './cli/keys.ts';
import { createIo, printText } from './cli/printing.ts';
import { type Signals, start } from './cli/start.ts';
import { unit } from './cli/unit.ts';

const usage = `usage: pif-router start [FILE]
       pif-router status | reload | drain | undrain [--json] [WHERE] [FILE]
       pif-router unit [FILE]
       pif-router check [FILE]
       pif-router doctor [--json] [FILE]
       pif-router directory check [FILE]
       pif-router directory refresh | confirm | show ADDRESS [--json] [WHERE] [FILE]
       pif-router keys new | rotate [FILE]
       pif-router explain METHOD URI --from-peer ADDRESS[:PORT] [FILE]
FILE is routes.yaml unless another is named. WHERE is
       ${targetUsage}
and the socket that FILE names when it is left out.`;

const io = createIo(process.stdout, process.stderr);

const signals: Signals = {
  stopOrders() {
    const first = Promise.withResolvers<string>();
    const second = Promise.withResolvers<string>();
    let next = first;
    const onStop = (signal: string): void => {
      next.resolve(signal);
      next = second;
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onStop);
    return { first: first.promise, second: second.promise };
  },
  onReload: (run) => void process.on('SIGHUP', run),
  // Unhandled rejections come this way too.
  onBug: (report) => void process.on('uncaughtException', report),
  kill: () => void process.kill(process.pid, 'SIGKILL'),
};

const run = async ([command, ...args]: readonly string[]): Promise<number> => {
  switch (command) {
    case 'start':
      return start(args, io, signals);
    case 'status':
      return status(args, io);
    case 'reload':
      return reload(args, io);
    case 'drain':
      return drain(args, io);
    case 'undrain':
      return undrain(args, io);
    case 'unit':
      return unit(args, io, [process.execPath, process.argv[1] ?? '']);
    case 'check':
      return check(args, io);
    case 'keys':
      return keys(args, io);
    case 'doctor':
      return doctor(args, io);
    case 'directory':
      return directory(args, io);
    case 'explain':
      return explain(args, io);
    case 'help':
    case '--help':
    case '-h':
      printText(usage, io.out);
      return 0;
    default:
      printText(usage, io.err);
      return 2;
  }
};

/** A bug. Node would print it, too, with what others wrote as they wrote it. */
const report = (bug: unknown): number => {
  printText(inspect(bug), io.err);
  return 1;
};

process.exit(await run(process.argv.slice(2)).catch(report));
