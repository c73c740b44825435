/** Asks a started router over its socket for administration, and runs the program's own commands as processes. */
import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import type { ReloadResult } from '../../src/config/reload.ts';
import { mainFile, type RouterProcess } from './router-process.ts';

export const socketOf = (router: RouterProcess): string => join(router.folder, 'pif-router.sock');

/** @param what method and path: `POST /reload` */
export const ask = <Body>(router: RouterProcess, what: string): Promise<{ status: number; body: Body }> =>
  new Promise((resolve, reject) => {
    const [method, path] = what.split(' ');
    const asked = request({ socketPath: socketOf(router), method, path }, async (response) => {
      const chunks = await response.setEncoding('utf8').toArray();
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(chunks.join('')) as Body });
    });
    asked.on('error', reject).end();
  });

export const reload = async (router: RouterProcess): Promise<ReloadResult> =>
  (await ask<ReloadResult>(router, 'POST /reload')).body;

export interface CommandResult {
  readonly code: number;
  /** Stdout and stderr. */
  readonly output: string;
  readonly stdout: string;
}

/** `pif-router ARGS FILE` with the file of that router. */
export const command = (router: RouterProcess, ...args: readonly string[]): Promise<CommandResult> =>
  new Promise((resolve) => {
    execFile(process.execPath, [mainFile, ...args, router.file], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr, stdout });
    });
  });
