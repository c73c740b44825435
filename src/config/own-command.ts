/** Commands of this program as they work where the operator is: in a checkout, installed, or as a service. */
import { realpathSync } from 'node:fs';
import { basename, delimiter, dirname, extname, join, relative } from 'node:path';
import { shellWord } from '../shell-word.ts';

/** What says how the program was called. */
export interface Call {
  /** Of Node: `[node, main file or its link, ...]`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

const thisCall = (): Call => ({ argv: process.argv, env: process.env, cwd: process.cwd() });

/** Of sources in a checkout, of JavaScript in a package. */
const mainFile = join(import.meta.dirname, '..', `main${extname(import.meta.filename)}`);

/**
 * A line for a shell in the folder where the program was started.
 * @param command `explain`, `directory check`
 * @param words as they are, without quotes
 */
export function ownCommand(command: string, words: readonly string[] = [], call = thisCall()): string {
  const quoted = words.map(shellWord);
  const [, called] = call.argv;
  if (called === undefined || realPath(called) !== mainFile) return ['pif-router', command, ...quoted].join(' ');
  if (isByNpm(call) && extname(mainFile) === '.ts') {
    // Its script gives Node the options that it takes at its start only.
    const script =
      command === 'start' ? ['npm start', ...(quoted.length === 0 ? [] : ['--'])] : ['npm run pif-router --', command];
    return [...script, ...quoted].join(' ');
  }
  return [...programOf(called, call), command, ...quoted].join(' ');
}

/** It puts folders into PATH that a shell does not have there. */
const isByNpm = ({ env }: Call): boolean => env.npm_lifecycle_event !== undefined;

/** By its bin, or by Node. */
function programOf(called: string, call: Call): readonly string[] {
  if (basename(called) === 'pif-router')
    return [isFound('pif-router', called, call) ? 'pif-router' : shortest(called, call)];
  const [node = 'node'] = call.argv;
  return [isFound('node', node, call) ? 'node' : shortest(node, call), shortest(called, call)];
}

/** Whether a shell runs `file` when it is told this name. */
function isFound(name: string, file: string, call: Call): boolean {
  if (isByNpm(call)) return false;
  const found = (call.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => realPath(join(folder, name)))
    .find((path) => path !== undefined);
  return found !== undefined && found === realPath(file);
}

function shortest(file: string, { cwd }: Call): string {
  const below = relative(cwd, file);
  return shellWord(below.startsWith('..') ? file : below.includes('/') ? below : `./${below}`);
}

function realPath(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined;
  }
}

/** A script of the package, by a path that works from where the program was started. */
export const ownScript = (path: string, call = thisCall()): string =>
  shortest(join(dirname(mainFile), '..', path), call);
