#!/usr/bin/env -S sh -c 'exec node $(node --wasm-wrapper-tiering-budget=1 -v >/dev/null 2>&1 && echo --max-semi-space-size=64 --use-largepages=silent --test-udp-no-try-send --wasm-wrapper-tiering-budget=1000000000) "$0" "$@"'
/**
 * The process: arguments, signals and exit codes. The only place that ends it. The first line is for Linux, which takes 255 octets: a
 * Node that is too old does not know the options, and has to come as far as to say so.
 */

// Before everything else, which an older Node may not understand.
import './old-node.cts';
import { inspect } from 'node:util';
import { loadAll } from './cli/commands.ts';
import { createIo, printText } from './cli/printing.ts';
import { runWords } from './cli/run.ts';
import type { Signals } from './cli/signals.ts';

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

const program = [process.execPath, process.argv[1] ?? ''] as const;

/** A bug. Node would print it, too, with what others wrote as they wrote it. */
const report = (bug: unknown): number => {
  printText(inspect(bug), io.err);
  return 1;
};

process.exit(await runWords(process.argv.slice(2), io, { signals, program, allCommands: loadAll }).catch(report));
