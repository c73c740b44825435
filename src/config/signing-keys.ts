/**
 * The file of the keys that prove a Via, Record-Route or Route to be ours: read, made, and rotated. One key a line, in
 * hexadecimal: the first signs, all are believed; the second is the next to sign, so that other nodes know it in time.
 */
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { keysStart, openDraft } from '../own-files.ts';
import type { SigningKeys } from '../proxy/signing.ts';
import { readYaml } from '../settings/document.ts';
import { readNamedFile, resolvePath } from '../settings/named-file.ts';
import { Problems } from '../settings/problem.ts';
import type { Report } from '../settings/report.ts';
import { checkIsPrivate } from '../settings/secret.ts';
import { readTextFile } from '../settings/text-file.ts';
import { ownCommand } from './own-command.ts';
import { type RoutesFile, routesFile, usualKeysFile } from './shape.ts';

export interface SigningSettings {
  /** Absolute. */
  readonly file: string;
  /** Undefined: there is no file in the usual place. */
  readonly keys: SigningKeys | undefined;
}

const path = ['signing', 'keys-file'];

/** 256 bits, as many as the HMAC has. */
const keyOctets = 32;

/** Each is tried with a forged signature. */
const maxKeys = 8;

const makeHint = (): string => `make one: ${ownCommand('keys', ['new'])}, and copy it to the other nodes`;

/** A file that is named must be there: a key made up for one node would end what began with another. */
export function readSigningKeys(
  { 'keys-file': named }: RoutesFile['signing'],
  report: Report,
  folder: string,
): SigningSettings {
  const file = resolvePath(named ?? usualKeysFile, folder);
  if (named === undefined && !existsSync(file)) return { file, keys: undefined };
  const text = readNamedFile(named ?? usualKeysFile, path, report, folder, makeHint());
  if (text === undefined) return { file, keys: undefined };
  checkIsPrivate('file of keys', named ?? usualKeysFile, path, report, folder);
  return { file, keys: parseKeys(text, file, report) };
}

/** Nothing of a line is told: a mistyped key is still a secret. */
function parseKeys(text: string, file: string, report: Report): SigningKeys | undefined {
  let isSound = true;
  const wrong = (line: number, what: string, hint: string) => {
    isSound = false;
    report.problems.adopt({ severity: 'error', file, line, column: 1, path: '', what, hint });
  };
  const lines = new Map<string, number>();
  for (const [at, written] of text.split(/\r?\n/).entries()) {
    const key = written.trim().toLowerCase();
    if (key === '' || key.startsWith('#')) continue;
    const before = lines.get(key);
    if (!isKey(key)) wrong(at + 1, 'this is not a key', `${2 * keyOctets} hexadecimal digits; ${makeHint()}`);
    else if (before !== undefined) wrong(at + 1, `this key stands in line ${before}, too`, 'remove one of them');
    else lines.set(key, at + 1);
  }
  const [first, ...others] = [...lines.keys()].map((hex) => createSecretKey(hex, 'hex'));
  if (others.length >= maxKeys) report.error(path, `this file holds more than ${maxKeys} keys`, 'remove the oldest');
  if (first !== undefined) return [first, ...others];
  if (isSound) report.error(path, 'this file holds no key', makeHint());
  return undefined;
}

/** Digits of one kind are a placeholder, and no secret. */
const isKey = (text: string): boolean => /^[0-9a-f]{64}$/.test(text) && new Set(text).size > 4;

/** Where the keys of a configuration are, also when there is no such file yet. Absolute. */
export function keysFileOf(file: string): string {
  const read = readTextFile(file);
  const nobody = new Problems(file);
  const root = read.kind === 'text' ? readYaml(read.text, nobody) : undefined;
  const settings = root && routesFile(root, { path: [], problems: nobody });
  return resolvePath(settings?.signing['keys-file'] ?? usualKeysFile, dirname(resolve(file)));
}

export const newKey = (): KeyObject => createSecretKey(randomBytes(keyOctets));

const head = `${keysStart}, which prove its own Via, Record-Route and Route. The first signs, all are believed.
# Keep this file secret, and the same on all nodes. pif-router keys rotate lets the second sign and makes a new one.
`;

const textOf = (keys: readonly KeyObject[]): string =>
  head + keys.map((key) => `${key.export().toString('hex')}\n`).join('');

/** Makes the file, for its owner only. Throws what the system says, also when there is one already. */
export const makeKeysFile = (file: string): void =>
  writeFileSync(file, textOf([newKey(), newKey()]), { mode: 0o600, flag: 'wx', flush: true });

/**
 * Lets the second key sign, keeps the first for what it has signed, and makes the one that comes next. What an earlier key
 * has signed ends. All at once, and with the owner and mode that the file had; where a symbolic link leads to it, there. Throws
 * what the system says.
 */
export function rotateKeysFile({ file, keys }: { readonly file: string; readonly keys: SigningKeys }): void {
  const [current, next = newKey()] = keys;
  const place = realpathSync(file);
  const { mode, uid, gid } = statSync(place);
  const draft = `${place}.new`;
  const descriptor = openDraft(draft, keysStart);
  try {
    writeFileSync(descriptor, textOf([next, newKey(), current]));
    fchownSync(descriptor, uid, gid);
    fchmodSync(descriptor, mode & 0o777);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, place);
}
