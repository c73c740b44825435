/** How commands reach the running router: by its socket, or by the network with a token and TLS. */
import { readFileSync } from 'node:fs';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { resolve } from 'node:path';
import { isLoopback } from '../config/admin.ts';
import { adminSocketOf } from '../config/admin-socket.ts';
import { explainOctets, type PemKind } from '../settings/pem-file.ts';
import { readTextFile } from '../settings/text-file.ts';

/** Where the router answers, and with what to show for oneself. */
export interface Target {
  /** For people. */
  readonly text: string;
  readonly isTls: boolean;
  readonly options: RequestOptions & TlsFiles;
}

interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** As they stand in usages. A token is never an argument: everybody on a machine sees those. */
export const targetUsage =
  '[--socket PATH | --admin URL [--token-file F | --token-env NAME] [--ca F] [--cert F --key F]]';

const networkOptions = ['--token-file', '--token-env', '--ca', '--cert', '--key'] as const;
type Given = Readonly<Partial<Record<'--socket' | '--admin' | (typeof networkOptions)[number], string>>>;

/**
 * Takes the options that say where the router is out of `args`.
 * @returns what finds it by the file that it was started with; undefined when they do not fit together
 * @throws when a file that they name cannot be read
 */
export function takeTarget(args: string[]): ((file: string) => Target) | undefined {
  const given: Record<string, string> = {};
  for (const name of ['--socket', '--admin', ...networkOptions]) {
    const at = args.indexOf(name);
    if (at < 0) continue;
    const [, value] = args.splice(at, 2);
    if (value === undefined) return undefined;
    given[name] = value;
  }
  return fits(given) ? (file) => targetOf(given, file) : undefined;
}

function fits(given: Given): boolean {
  if (given['--admin'] === undefined) return networkOptions.every((name) => given[name] === undefined);
  const isUrl = /^https?:\/\/[^/?#@]+\/?$/i.test(given['--admin']);
  const hasOneToken = given['--token-file'] === undefined || given['--token-env'] === undefined;
  return isUrl && hasOneToken && given['--socket'] === undefined;
}

function targetOf(given: Given, file: string): Target {
  if (given['--admin'] !== undefined) return networkTarget(new URL(given['--admin']), given);
  const socketPath = given['--socket'] ?? adminSocketOf(file);
  return { text: socketPath, isTls: false, options: { socketPath } };
}

function networkTarget(url: URL, given: Given): Target {
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const token = tokenOf(given);
  if (token !== undefined && !isTls && host !== 'localhost' && !isLoopback(host))
    throw new Error(`the token would travel to ${url.host} in the clear: use https://`);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    text: url.origin,
    isTls,
    options: { host, port: url.port || (isTls ? 443 : 80), headers, ...tlsFiles(given) },
  };
}

function tokenOf({ '--token-file': file, '--token-env': variable }: Given): string | undefined {
  if (file !== undefined) return readFileSync(file, 'utf8').trim();
  if (variable === undefined) return undefined;
  const token = process.env[variable];
  if (token === undefined) throw new Error('the environment variable that --token-env names is not set');
  return token;
}

const tlsFiles = ({ '--ca': ca, '--cert': cert, '--key': key }: Given): TlsFiles => ({
  ...(ca === undefined ? {} : { ca: pemOf('authority', ca) }),
  ...(cert === undefined ? {} : { cert: pemOf('certificate', cert) }),
  ...(key === undefined ? {} : { key: pemOf('key', key) }),
});

/** @throws when the file cannot be read, or holds something else */
function pemOf(wanted: PemKind, file: string): string {
  const describe = (octets: Buffer) => explainOctets(wanted, octets, resolve(file));
  const read = readTextFile(file, describe);
  const wrong = read.kind === 'text' ? describe(Buffer.from(read.text)) : read;
  if (read.kind === 'text' && wrong === undefined) return read.text;
  throw new Error(`${file}: ${[wrong?.what, wrong?.hint].filter((part) => part !== undefined).join('; ')}`);
}

/** @param what method and path */
export const ask = ({ isTls, options }: Target, what: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const [method, path] = what.split(' ');
    const request = isTls ? httpsRequest : httpRequest;
    const asked = request({ ...options, method, path }, async (response) => {
      const chunks = await response.setEncoding('utf8').toArray().catch(reject);
      if (response.headers['content-type'] !== 'application/json')
        return reject(new Error('something else answers there'));
      resolve({ status: response.statusCode ?? 0, text: chunks?.join('') ?? '' });
    });
    asked.on('error', reject).end();
  });
