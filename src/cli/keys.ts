/** `keys new [FILE]`, `keys rotate [FILE]`: the file of signing keys that routes.yaml names, made and rotated. */
import { ownCommand } from '../config/own-command.ts';
import { keysFileOf, makeKeysFile, rotateKeysFile } from '../config/signing-keys.ts';
import { loadSnapshot } from '../config/snapshot.ts';
import { type Command, fileWord } from './command.ts';
import { type Io, printProblems } from './printing.ts';

const both = { usage: '[FILE]', words: [fileWord], options: {}, exitCodes: ['it is done', 'it cannot be done'] };

export const newKeys: Command = {
  ...both,
  name: 'keys new',
  summary: 'makes the file of signing keys that routes.yaml names, for its owner only',
  examples: [{ line: '', what: 'makes pif-router.keys, or what signing.keys-file names' }],
  run: async ({ words: [file = ''] }, io) => make(file, io),
};

export const rotateKeys: Command = {
  ...both,
  name: 'keys rotate',
  summary: 'lets the next key sign from now on; the one before is still believed',
  examples: [{ line: '/etc/pif-router/routes.yaml', what: 'changes the keys that this file names' }],
  run: async ({ words: [file = ''] }, io) => rotate(file, io),
};

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
