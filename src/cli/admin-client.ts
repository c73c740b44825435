/** How commands reach the running router: by its socket, or by the network with a token and TLS. */

import { readFileSync } from 'node:fs';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { resolve } from 'node:path';
import { adminSocketOf } from '../config/admin-socket.ts';
import { withoutBrackets } from '../net/host.ts';
import { isLoopbackHost } from '../net/special-address.ts';
import { explainOctets, type PemKind } from '../settings/pem-file.ts';
import { readTextFile } from '../settings/text-file.ts';
import type { Given, Option } from './command.ts';

/** Where the router answers, and with what to show for oneself. */
export interface AdminTarget {
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

/** Behind the name of a command. A token is never an argument: everybody on a machine sees those. */
export const targetUsage =
  '[--socket PATH | --admin URL [--token-file F | --token-env NAME] [--ca F] [--cert F --key F]]';

export const targetOptions = {
  socket: { value: 'PATH', what: 'its socket; default the one that FILE names', isFile: true },
  admin: { value: 'URL', what: 'its port, as in https://192.0.2.10:8443' },
  'token-file': { value: 'FILE', what: 'the file that holds its token', isFile: true },
  'token-env': { value: 'NAME', what: 'the environment variable that holds its token' },
  ca: { value: 'FILE', what: 'PEM: who signed its certificate; default those that Node trusts', isFile: true },
  cert: { value: 'FILE', what: 'PEM: a certificate to show', isFile: true },
  key: { value: 'FILE', what: 'PEM: its key', isFile: true },
} satisfies Record<string, Option>;

/** Of options that do not fit together. */
export const unfitTarget =
  'these options do not say where the router is: --socket, or --admin with a URL such as https://192.0.2.10:8443, one token and PEM files';

type Options = Pick<Given, 'value'>;

/**
 * @param file that the router was started with
 * @returns undefined when the options do not fit together
 * @throws when a file or a variable that they name cannot be read
 */
export const targetOf = (given: Options, file: string): AdminTarget | undefined =>
  fits(given) ? openTarget(given, file) : undefined;

const networkOptions = ['token-file', 'token-env', 'ca', 'cert', 'key'] as const;

function fits({ value }: Options): boolean {
  const url = value('admin');
  if (url === undefined) return networkOptions.every((name) => value(name) === undefined);
  const isUrl = /^https?:\/\/[^/?#@]+\/?$/i.test(url);
  const hasOneToken = value('token-file') === undefined || value('token-env') === undefined;
  return isUrl && hasOneToken && value('socket') === undefined;
}

function openTarget(given: Options, file: string): AdminTarget {
  const url = given.value('admin');
  if (url !== undefined) return networkTarget(new URL(url), given);
  const socketPath = given.value('socket') ?? adminSocketOf(file);
  return { text: socketPath, isTls: false, options: { socketPath } };
}

function networkTarget(url: URL, given: Options): AdminTarget {
  const isTls = url.protocol === 'https:';
  const host = withoutBrackets(url.hostname);
  const token = tokenOf(given);
  if (token !== undefined && !isTls && host !== 'localhost' && !isLoopbackHost(host))
    throw new Error(`the token would travel to ${url.host} in the clear: use https://`);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    text: url.origin,
    isTls,
    options: { host, port: url.port || (isTls ? 443 : 80), headers, ...tlsFiles(given) },
  };
}

function tokenOf({ value }: Options): string | undefined {
  const [file, variable] = [value('token-file'), value('token-env')];
  if (file !== undefined) return readFileSync(file, 'utf8').trim();
  if (variable === undefined) return undefined;
  const token = process.env[variable];
  if (token === undefined) throw new Error('the environment variable that --token-env names is not set');
  return token;
}

function tlsFiles({ value }: Options): TlsFiles {
  const [ca, cert, key] = [value('ca'), value('cert'), value('key')];
  return {
    ...(ca === undefined ? {} : { ca: pemOf('authority', ca) }),
    ...(cert === undefined ? {} : { cert: pemOf('certificate', cert) }),
    ...(key === undefined ? {} : { key: pemOf('key', key) }),
  };
}

/** @throws when the file cannot be read, or holds something else */
function pemOf(wanted: PemKind, file: string): string {
  const describe = (octets: Buffer) => explainOctets(wanted, octets, resolve(file));
  const read = readTextFile(file, describe);
  const wrong = read.kind === 'text' ? describe(Buffer.from(read.text)) : read;
  if (read.kind === 'text' && wrong === undefined) return read.text;
  throw new Error(`${file}: ${[wrong?.what, wrong?.hint].filter((part) => part !== undefined).join('; ')}`);
}

/** @param what method and path */
export const ask = ({ isTls, options }: AdminTarget, what: string): Promise<Answer> =>
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
