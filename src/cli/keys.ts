/** `keys new [FILE]`, `keys rotate [FILE]`: the file of signing keys that routes.yaml names, made and rotated. */
import { ownCommand } from '../config/own-command.ts';
import { keysFileOf, makeKeysFile, rotateKeysFile } from '../config/signing-keys.ts';
import { loadSnapshot } from '../config/snapshot.ts';
import { type Io, printProblems, printText, usualFile } from './printing.ts';

const usage = `usage: pif-router keys new [FILE]       makes the file of signing keys, for its owner only
       pif-router keys rotate [FILE]    the next key signs from now on, the one before is still believed
FILE is ${usualFile} unless another is named.`;

/** @returns 0 when it is done, 1 when it cannot be done, 2 when the command is not understood */
export async function keys([order, file = usualFile, ...more]: readonly string[], io: Io): Promise<number> {
  const isUnderstood = (order === 'new' || order === 'rotate') && more.length === 0 && !file.startsWith('-');
  if (isUnderstood) return order === 'new' ? make(file, io) : rotate(file, io);
  printText(usage, io.err);
  return 2;
}

function make(file: string, io: Io): number {
  const path = keysFileOf(file);
  return tryTo(() => makeKeysFile(path), `${path} is made: copy it to the other nodes, and keep it secret`, path, io);
}

function rotate(file: string, io: Io): number {
  const { snapshot, problems } = loadSnapshot(file, 1);
  if (snapshot === undefined) {
    printProblems(problems, io.err);
    return 1;
  }
  const { file: path, keys: found } = snapshot.signing;
  if (found === undefined) {
    io.err(`${path}: there is no such file: ${ownCommand('keys', ['new', file])} makes it`);
    return 1;
  }
  const done = `${path} is rotated: copy it to the other nodes before it is rotated again`;
  return tryTo(() => rotateKeysFile({ file: path, keys: found }), done, path, io);
}

function tryTo(write: () => void, done: string, path: string, io: Io): number {
  try {
    write();
    io.out(done);
    return 0;
  } catch (failure) {
    io.err(`${path}: ${whyNot(failure as NodeJS.ErrnoException)}`);
    return 1;
  }
}

const whyNot = ({ code, message }: NodeJS.ErrnoException): string =>
  code === 'EEXIST' ? `there is such a file already: ${ownCommand('keys', ['rotate'])} changes its keys` : message;
