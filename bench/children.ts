/** The processes of a bench: started, asked over IPC, ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** @param file relative to this folder */
export function begin(file: string, execArgv: readonly string[] = [], args: readonly string[] = []): ChildProcess {
  const child = fork(join(import.meta.dirname, file), [...args], { execArgv: [...execArgv], silent: true });
  child.stderr?.pipe(process.stderr);
  return child;
}

export async function ask<Answer>(child: ChildProcess, question: object | number | string): Promise<Answer> {
  const answer = once(child, 'message');
  child.send(question);
  return (await answer)[0] as Answer;
}

/** A router as a user would run it; resolves when it listens. */
export async function beginRouter(routesFile: string, execArgv: readonly string[] = []): Promise<ChildProcess> {
  const child = begin('../src/main.ts', execArgv, ['start', routesFile]);
  let said = '';
  child.stdout?.on('data', (text) => {
    said += text;
  });
  while (!/^ready\b/m.test(said)) {
    if (child.exitCode !== null) throw new Error(`the router ended:\n${said}`);
    await pause(20);
  }
  return child;
}

export async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
