/** How operators may reach the running router: what the settings of `admin` mean, and what would leave it open to others. */

import { isLoopback } from '../net/special-address.ts';
import { resolvePath } from '../settings/named-file.ts';
import { formatPath, type Path } from '../settings/problem.ts';
import type { Report } from '../settings/report.ts';
import { readSecret, type Secret } from '../settings/secret.ts';
import { type RoutesFile, usualPort } from './shape.ts';
import { checkTlsUse } from './tls-profiles.ts';

export interface AdminSettings {
  /** Absolute path of the socket. */
  readonly socket: string;
  /** Of the socket: 0600, or 0660. */
  readonly socketMode: number;
  /** Undefined: the socket is the only way in. */
  readonly network: AdminNetwork | undefined;
}

/** Beyond this machine only with both a token and TLS. */
export interface AdminNetwork {
  readonly address: string;
  readonly port: number;
  readonly token: Secret | undefined;
  /** Name of a TLS profile; undefined: plain HTTP. */
  readonly tlsProfile: string | undefined;
}

/** @param folder where relative paths start */
export function compileAdmin(file: RoutesFile, report: Report, folder: string): AdminSettings {
  return {
    socket: socketPath(file, report, folder),
    socketMode: Number.parseInt(file.admin['socket-mode'], 8),
    network: compileNetwork(file, report, folder),
  };
}

/** sun_path of unix(7) less its zero octet. */
const longestSocketPath = 107;

function socketPath({ admin }: RoutesFile, report: Report, folder: string): string {
  const path = resolvePath(admin.socket, folder);
  if (Buffer.byteLength(path) > longestSocketPath) {
    const hint = `at most ${longestSocketPath} octets are possible, as in /run/pif-router/admin.sock`;
    report.error(['admin', 'socket'], `${path} is too long for a socket`, hint);
  }
  return path;
}

const networkSettings = ['token-file', 'token-env', 'tls'] as const;

function compileNetwork(file: RoutesFile, report: Report, folder: string): AdminNetwork | undefined {
  const { listen, tls: tlsProfile, ...admin } = file.admin;
  const given = networkSettings.filter((setting) => file.admin[setting] !== undefined);
  if (listen === undefined) {
    if (report.isSound('admin'))
      for (const setting of given)
        report.error(['admin', setting], 'this has no meaning without admin.listen', 'remove it');
    return undefined;
  }
  checkReach(file, report);
  checkOwnPort(file, report);
  const profiles = [...file.tls.keys()];
  if (tlsProfile !== undefined)
    checkTlsUse({ path: ['admin'], value: { transport: 'tls', tls: tlsProfile } }, profiles, report);
  const named = { file: admin['token-file'], variable: admin['token-env'] };
  const hasToken = named.file !== undefined || named.variable !== undefined;
  const token = hasToken ? readSecret('token', named, ['admin'], report, folder) : undefined;
  if (token !== undefined) checkToken(token, ['admin', named.file === undefined ? 'token-env' : 'token-file'], report);
  return { ...listen, token, tlsProfile };
}

/** The source address alone must not admit an administrator: who is admitted can order a drain, and read whom the directory knows. */
function checkReach({ admin }: RoutesFile, report: Report): void {
  const { listen, tls } = admin;
  if (listen === undefined || isLoopback(listen.address) || !report.isSound('admin')) return;
  const hasToken = admin['token-file'] !== undefined || admin['token-env'] !== undefined;
  const missing = [...(hasToken ? [] : ['token-file']), ...(tls === undefined ? ['tls'] : [])];
  if (missing.length === 0) return;
  const what = `${listen.address} can be reached by other machines, which takes a token and TLS`;
  report.error(['admin', 'listen'], what, `add ${missing.join(' and ')}, or use 127.0.0.1`);
}

function checkOwnPort({ admin, listen }: RoutesFile, report: Report): void {
  const isSame = ({
    transport,
    address,
    port = usualPort(transport),
  }: RoutesFile['listen'][number]['value']): boolean =>
    transport !== 'udp' && address === admin.listen?.address && port === admin.listen.port;
  const taken = listen.find(({ value }) => isSame(value));
  if (taken !== undefined)
    report.error(['admin', 'listen'], `${formatPath(taken.path)} already listens there`, 'give it another port');
}

/** A b64token (RFC 6750 §2.1) that is too long to be guessed. */
function checkToken(token: Secret, path: Path, report: Report): void {
  if (/^[A-Za-z0-9._~+/-]{16,512}=*$/.test(token.reveal())) return;
  const what = 'a token is 16 to 512 letters, digits and - . _ ~ + / characters';
  report.error(path, what, 'openssl rand -hex 32 makes a good one');
}
