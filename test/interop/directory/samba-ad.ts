/**
 * A throw-away Samba domain controller of Active Directory. Its LDAP ports are fixed in its code, so it takes a loopback address
 * of its own and needs the right to bind ports below 1024.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stopProcess } from '../../support/stopped-process.ts';
import { adSchemaAttributes, adSchemaClasses } from './rtc-schema.ts';
import { type Account, ServerFolder, ServerProcess, suffixOf, type TestDirectory } from './test-directory.ts';
import { ldifRecords } from './users.ts';

interface SambaWish {
  /** Default 200. Making the domain takes 8 s, and 1,000 users one more; a domain is made once, and kept. */
  readonly users?: number;
  /** Default example.com. */
  readonly domain?: string;
  /** False: as a forest that Lync has never met. Default: true. */
  readonly hasRtc?: boolean;
}

export interface SambaDirectory extends TestDirectory {
  /** Of the global catalog. */
  readonly gcUrl: string;
  /** A user without any right of its own. */
  readonly plain: Account;
  /** May do everything. */
  readonly admin: Account;
  /** Ends it as an administrator does; `start` goes on with its data. */
  end(): Promise<void>;
  /** Its smb.conf, for tools that work on its database. */
  readonly confFile: string;
}

const passwords = { admin: 'Admin-pass-1', reader: 'Reader-pass-1', writer: 'Writer-pass-1', plain: 'Plain-pass-1' };
const ports = [389, 636, 3268, 3269];
const loader = join(import.meta.dirname, 'samba-load.py');

export async function startSambaAd(wish: SambaWish = {}): Promise<SambaDirectory> {
  const { users = 200, domain = 'example.com', hasRtc = true } = wish;
  const suffix = suffixOf(domain);
  const host = await freeAddress();
  const tlsName = `dc1.${domain}`;
  const folder = new ServerFolder('samba', host, { name: tlsName });
  const confFile = configure(folder, host, domain);
  await fill(folder, confFile, { users, domain, suffix, hasRtc, host });
  const command = [
    'samba',
    '-s',
    confFile,
    '--foreground',
    '--no-process-group',
    '--debug-stdout',
    '-M',
    'single',
  ] as const;
  const listening = ports.map((port) => [host, port] as const);
  const server = new ServerProcess([...command], join(folder.path, 'samba.log'), listening);
  await server.start();
  const account = (cn: string, password: string): Account => ({ dn: `CN=${cn},CN=Users,${suffix}`, password });
  return {
    kind: 'samba',
    version: versionOf(),
    host,
    ldapUrl: `ldap://${host}:389`,
    ldapsUrl: `ldaps://${host}:636`,
    gcUrl: `ldaps://${host}:3269`,
    ca: folder.authority.certificate,
    caFile: folder.authority.certificateFile,
    tlsName,
    suffix,
    usersDn: `OU=Staff,${suffix}`,
    sipDomain: domain,
    users,
    reader: account('svc-sip', passwords.reader),
    writer: account('svc-provision', passwords.writer),
    admin: account('Administrator', passwords.admin),
    plain: account('svc-plain', passwords.plain),
    confFile,
    get pid() {
      return server.pid;
    },
    end: () => server.end('SIGTERM'),
    kill: () => server.end('SIGKILL'),
    pause: () => stopProcess(server.pid),
    resume: () => server.signal('SIGCONT'),
    keepData: () => folder.copy(parts, '.', 'kept'),
    restoreData: () => folder.copy(parts, 'kept', '.'),
    start: () => server.start(),
    async stop() {
      await server.end('SIGTERM');
      folder.remove();
    },
  };
}

const versionOf = (): string =>
  execFileSync('samba', ['--version'], { encoding: 'utf8' })
    .trim()
    .replace(/^Version/, 'Samba');

async function freeAddress(): Promise<string> {
  for (;;) {
    const octet = (): number => 1 + Math.floor(Math.random() * 253);
    const address = `127.88.${octet()}.${octet()}`;
    if (await isFree(address)) return address;
  }
}

const isFree = (address: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(new Error(`Samba needs ports below 1024: ${error.message}`));
    });
    server.listen(ports[0], address, () => server.close(() => resolve(true)));
  });

function configure(folder: ServerFolder, host: string, domain: string): string {
  const confFile = join(folder.path, 'smb.conf');
  writeFileSync(confFile, configuration(folder, host, domain));
  return confFile;
}

const configuration = (folder: ServerFolder, host: string, domain: string): string => `[global]
	workgroup = ${workgroupOf(domain)}
	realm = ${domain.toUpperCase()}
	netbios name = DC1
	server role = active directory domain controller
	server services = ldap
	# The /8 is needed: Samba finds no interface for a /32 of the loopback network.
	interfaces = ${host}/8
	bind interfaces only = yes
	private dir = ${folder.make('private')}
	state directory = ${folder.make('state')}
	cache directory = ${folder.make('cache')}
	lock directory = ${folder.make('run')}
	pid directory = ${folder.make('run')}
	ncalrpc dir = ${join(folder.path, 'run', 'ncalrpc')}
	winbindd socket directory = ${join(folder.path, 'run', 'winbindd')}
	ntp signd socket directory = ${join(folder.path, 'run', 'ntp')}
	binddns dir = ${folder.make('bind-dns')}
	usershare path =
	log level = 1
	# Extended attributes in a file of their own: the file system need not support them.
	vfs objects = dfs_samba4 acl_xattr xattr_tdb
	xattr_tdb:file = ${join(folder.path, 'state', 'xattr.tdb')}
	tls enabled = yes
	tls cafile = ${folder.authority.certificateFile}
	tls certfile = ${folder.certificate.certificateFile}
	tls keyfile = ${folder.certificate.keyFile}
	# Thrown away in any case: a crash may lose the last changes.
	ldb:nosync = yes

[sysvol]
	path = ${folder.make('state', 'sysvol')}
	read only = no

[netlogon]
	path = ${folder.make('state', 'sysvol', domain, 'scripts')}
	read only = no
`;

const workgroupOf = (domain: string): string => domain.split('.')[0]!.slice(0, 15).toUpperCase();

interface Filling {
  readonly users: number;
  readonly domain: string;
  readonly suffix: string;
  readonly hasRtc: boolean;
  readonly host: string;
}

const parts = ['private', 'state'];
/** What a domain is made by: when one of these changes, kept domains are of no use. */
const makers = ['samba-ad.ts', 'samba-load.py', 'rtc-schema.ts', 'users.ts'];

/** Making a domain takes longer than most tests: it is kept beside other temporary files for the next that wants the same. */
function keptDomain({ users, domain, hasRtc }: Filling): string {
  const hash = createHash('sha256').update(JSON.stringify([users, domain, hasRtc, userInfo().uid, versionOf()]));
  for (const maker of makers) hash.update(readFileSync(join(import.meta.dirname, maker)));
  return join(tmpdir(), `pif-samba-domain-${hash.digest('hex').slice(0, 16)}`);
}

async function fill(folder: ServerFolder, confFile: string, filling: Filling): Promise<void> {
  const kept = keptDomain(filling);
  if (!existsSync(kept)) {
    await makeDomain(folder, confFile, filling);
    copyParts(folder.path, `${kept}.${process.pid}`);
    // Whole or not at all; who comes second finds the first one's.
    if (existsSync(kept)) rmSync(`${kept}.${process.pid}`, { recursive: true });
    else renameSync(`${kept}.${process.pid}`, kept);
  } else copyParts(kept, folder.path);
}

function copyParts(from: string, to: string): void {
  for (const part of parts) cpSync(join(from, part), join(to, part), { recursive: true });
}

async function makeDomain(
  folder: ServerFolder,
  confFile: string,
  { users, domain, suffix, hasRtc, host }: Filling,
): Promise<void> {
  // Provisioning reads the paths from smb.conf and then rewrites the file.
  const wanted = configuration(folder, host, domain);
  const names = [
    `--realm=${domain.toUpperCase()}`,
    `--domain=${workgroupOf(domain)}`,
    '--host-name=dc1',
    `--host-ip=${host}`,
  ];
  const options = ['--server-role=dc', '--dns-backend=NONE', `--adminpass=${passwords.admin}`];
  quietly('samba-tool', 'domain', 'provision', '-s', confFile, ...names, ...options);
  writeFileSync(confFile, wanted);
  if (hasRtc) {
    const files = [join(folder.path, 'attributes.ldif'), join(folder.path, 'classes.ldif')] as const;
    writeFileSync(files[0], adSchemaAttributes(suffix));
    writeFileSync(files[1], adSchemaClasses(suffix));
    quietly('/usr/bin/python3', loader, confFile, 'schema', ...files);
  }
  const accounts = [
    `svc-sip:${passwords.reader}:reader`,
    `svc-provision:${passwords.writer}:writer`,
    `svc-plain:${passwords.plain}:plain`,
  ];
  quietly('/usr/bin/python3', loader, confFile, 'accounts', ...accounts);
  await loadUsers(confFile, ldifRecords({ users, suffix, sipDomain: domain, isAd: true, hasRtc }));
}

function quietly(program: string, ...args: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: Buffer; stderr?: Buffer };
    throw new Error(`${program} ${args[0]} failed:\n${stdout ?? ''}${stderr ?? error}`);
  }
}

async function loadUsers(confFile: string, records: Iterable<string>): Promise<void> {
  const python = spawn('/usr/bin/python3', [loader, confFile, 'users'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  python.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(python, 'close');
  await pipeline(Readable.from(records), python.stdin).catch(() => undefined);
  const [code] = await ended;
  if (code !== 0) throw new Error(`loading the users failed:\n${said}`);
}
