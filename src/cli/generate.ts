/** `gen`: what others are told of this program: editors, shells and man. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { routesSchema } from '../config/schema.ts';
import type { Command } from './command.ts';
import { completions } from './completion.ts';
import { manPage } from './man-page.ts';
import { printText } from './printing.ts';

/** Sources and the package have it two folders above. */
const shippedFile = join(import.meta.dirname, '../../routes.yaml');

export const genSchema: Command = {
  name: 'gen schema',
  summary: 'prints the JSON Schema of routes.yaml, by which editors complete and explain its settings',
  usage: '',
  words: [],
  options: {},
  notes:
    'The first line of routes.yaml names it for editors with a YAML language server: # yaml-language-server: $schema=FILE',
  exitCodes: ['it is printed'],
  examples: [{ line: '> routes.schema.json', what: 'writes it beside a routes.yaml' }],
  async run(_, io) {
    printText(JSON.stringify(routesSchema(readFileSync(shippedFile, 'utf8')), undefined, 2), io.out);
    return 0;
  },
};

export const genCompletion: Command = {
  name: 'gen completion',
  summary: 'prints what a shell needs to complete commands and options',
  usage: 'SHELL',
  words: [{ name: 'SHELL', what: [...completions.keys()].join(', '), choices: [...completions.keys()] }],
  options: {},
  exitCodes: ['it is printed', 'there is none for this shell'],
  examples: [
    { line: 'bash > /etc/bash_completion.d/pif-router', what: 'for all users of bash' },
    { line: 'zsh > /usr/local/share/zsh/site-functions/_pif-router', what: 'for all users of zsh' },
    { line: 'fish > ~/.config/fish/completions/pif-router.fish', what: 'for oneself' },
  ],
  async run({ words: [shell = ''] }, io, { allCommands }) {
    const print = completions.get(shell);
    if (print === undefined) {
      io.err(`there is no completion for ${JSON.stringify(shell)}, but for ${[...completions.keys()].join(', ')}`);
      return 1;
    }
    print(await allCommands()).forEach(io.out);
    return 0;
  },
};

export const genMan: Command = {
  name: 'gen man',
  summary: 'prints the man page',
  usage: '',
  words: [],
  options: {},
  exitCodes: ['it is printed'],
  examples: [{ line: '> /usr/local/share/man/man8/pif-router.8', what: 'for man pif-router' }],
  async run(_, io, { allCommands }) {
    manPage(await allCommands()).forEach(io.out);
    return 0;
  },
};
