/** `unit [FILE]`: prints a systemd unit that runs the router with a file as a confined service of its own user. */
import { dirname, resolve } from 'node:path';
import { loadSnapshot, type Snapshot } from '../config/snapshot.ts';
import { printable } from '../printable.ts';
import { shellWord } from '../shell-word.ts';
import { type Command, fileWord, type OwnProcess } from './command.ts';
import { nodeOptions } from './node-options.ts';
import { type Io, printProblems } from './printing.ts';

type Program = OwnProcess['program'];

export const command: Command = {
  name: 'unit',
  summary: 'prints a systemd unit that runs the router as a confined service of its own user',
  usage: '[FILE]',
  words: [fileWord],
  options: {},
  exitCodes: ['it is printed', 'the configuration has errors, or no unit can name a path'],
  examples: [{ line: '/etc/pif-router/routes.yaml', what: 'put it in /etc/systemd/system/pif-router.service' }],
  run: async ({ words: [file = ''] }, io, { program }) => unit(file, io, program),
};

const runtimeFolder = '/run/pif-router';

function unit(file: string, io: Io, program: Program): number {
  const { snapshot, problems } = loadSnapshot(file, 1);
  printProblems(problems, io.err);
  if (snapshot === undefined) return 1;
  const unsayable = [
    ...[resolve(file), ...program, ...writableFolders(snapshot)]
      .filter(isUnsayable)
      .map((path) => `${path}: ${unseen}`),
    ...program
      .slice(0, 1)
      .filter(hasQuote)
      .map((path) => `${path}: ${quotes}`),
  ];
  for (const problem of unsayable) io.err(problem);
  if (unsayable.length > 0) return 1;
  unitLines(snapshot, program).forEach(io.out);
  return 0;
}

/** Node gives U+FFFD for octets that are not UTF-8. */
const isUnsayable = (path: string): boolean => printable(path) !== path || path.includes('\ufffd');
const unseen =
  'no unit can name this path: it holds a line end, another character that is not seen, or octets that are not UTF-8';

/** systemd takes none of them in the path of a program, however they are quoted. */
const hasQuote = (path: string): boolean => /["'\\]/.test(path);
const quotes = 'systemd runs no program whose path holds a quote or a backslash';

/** Time for the process to end when its drain is over. */
const endS = 10;

const unitLines = (snapshot: Snapshot, program: Program): readonly string[] => {
  const file = resolve(snapshot.file);
  const [node, main] = program;
  const call = (...words: string[]) => [quoted(node), ...[...words, file].map(argument)].join(' ');
  return [
    `# Written by \`pif-router unit\`; write it anew for another Node, and when listen, stop.drain, log.file or admin.socket change.`,
    '# Once, as root:',
    '#   useradd --system --shell /usr/sbin/nologin pif-router',
    `#   ${[node, main, 'keys', 'new', file].map(shellWord).join(' ')}   (the router may not write there)`,
    `#   chown root:pif-router ${shellWord(file)} and the keys that it names, and chmod 640`,
    '[Unit]',
    'Description=SIP router between Cisco IM&P and Microsoft Lync',
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=notify',
    '# Its messages come from systemd-notify, a child of the router.',
    'NotifyAccess=all',
    `ExecStart=${call(...nodeOptions, main, 'start')}`,
    '# Fails, and says why, when the file is refused.',
    `ExecReload=${call(main, 'reload')}`,
    'Restart=always',
    'RestartSec=1',
    'WatchdogSec=30',
    '# SIGTERM drains; only the router itself is told.',
    'KillMode=mixed',
    `TimeoutStopSec=${Math.ceil(snapshot.stop.drainMs / 1_000) + endS}`,
    'LimitNOFILE=65536',
    '# A core would hold messages and keys.',
    'LimitCORE=0',
    '# Node chooses its largest heap by this, and limits.memory is half of that: the machine is never pushed out of memory.',
    'MemoryMax=80%',
    'User=pif-router',
    `RuntimeDirectory=${runtimeFolder.slice('/run/'.length)}`,
    'RuntimeDirectoryMode=0700',
    'UMask=0077',
    ...writablePaths(snapshot),
    '',
    ...capabilities(snapshot),
    ...hardening([...program, file]),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ];
};

/** A path, and the program that a command begins with: quotes of the unit file, and `%`, which begins a specifier. */
const quoted = (word: string): string => {
  const text = word.replaceAll('%', '%%');
  return /^[\w./@:=+,%-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
};

/** A word behind the program, where `$` begins a variable, also within quotes (systemd.service(5), command lines). */
const argument = (word: string): string => quoted(word.replaceAll('$', '$$$$'));

const writableFolders = ({ log, admin, directory }: Snapshot): readonly string[] => {
  const kept = directory.sources.flatMap(({ writtenFiles }) => writtenFiles);
  const files = [admin.socket, log.file, ...kept].filter((path) => path !== undefined);
  const folders = files.map((path) => dirname(path));
  return [...new Set(folders)].filter((folder) => folder !== runtimeFolder);
};

const writablePaths = (snapshot: Snapshot): readonly string[] => {
  const folders = writableFolders(snapshot);
  return folders.length === 0 ? [] : [`ReadWritePaths=${folders.map(quoted).join(' ')}`];
};

/** Only for a port that needs it. */
const capabilities = ({ transport, admin }: Snapshot): readonly string[] => {
  const ports = [...transport.listen.map(({ port }) => port), admin.network?.port ?? 0];
  const needed = ports.some((port) => port > 0 && port < 1024) ? 'CAP_NET_BIND_SERVICE' : '';
  return [
    `CapabilityBoundingSet=${needed}`,
    `AmbientCapabilities=${needed}`,
    // In a user namespace of its own a process holds no capability over the network of the machine.
    ...(needed === '' ? ['PrivateUsers=yes'] : []),
  ];
};

const isAtHome = (path: string): boolean => /^\/(home|root|run\/user)\//.test(path);

/** systemd.exec(5). */
const hardening = (paths: readonly string[]): readonly string[] => [
  'NoNewPrivileges=yes',
  'ProtectSystem=strict',
  `ProtectHome=${paths.some(isAtHome) ? 'read-only' : 'yes'}`,
  'PrivateTmp=yes',
  'PrivateDevices=yes',
  'ProtectKernelTunables=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelLogs=yes',
  'ProtectControlGroups=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'ProtectProc=invisible',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'RemoveIPC=yes',
  'KeyringMode=private',
  '# V8 writes the machine code that it runs: MemoryDenyWriteExecute would end the router.',
  'MemoryDenyWriteExecute=no',
  '# Netlink: the addresses that a wildcard listener stands for.',
  'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'SystemCallFilter=~@privileged',
  'SystemCallErrorNumber=EPERM',
];
