/** A throw-away OpenLDAP server on a loopback address, with a tree like that of Active Directory. Needs no root. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CertificateWish } from '../../support/certificates.ts';
import { stopProcess } from '../../support/stopped-process.ts';
import { openLdapSchema } from './rtc-schema.ts';
import { freePort, ServerFolder, ServerProcess, suffixOf, type TestDirectory } from './test-directory.ts';
import { type LdifWish, ldifRecords, record } from './users.ts';

export interface OpenLdapWish {
  /** Default 1000. */
  readonly users?: number;
  /** Default example.com. */
  readonly domain?: string;
  /** False: as a directory that Lync has never met. Default: true. */
  readonly hasRtc?: boolean;
  /** An attribute that no account but the administrator's may read. */
  readonly hidden?: string;
  /** Largest result without paging, and largest page, for the reader, as MaxPageSize of AD. Default 1000. */
  readonly pageLimit?: number;
  /** Idle connections are closed after this time. Default 0: never. */
  readonly idleS?: number;
  /** False: no paging for anybody. Default: true. */
  readonly hasPaging?: boolean;
  /** Where OU=Elsewhere is said to be held. Default: where nobody listens. */
  readonly referralTo?: string;
  /** A second naming context, beside the first; with an entry of its own, and nobody. */
  readonly secondSuffix?: string;
  /** False: it remembers no deletions, as is usual. Default: true. */
  readonly hasSessionLog?: boolean;
  /** Before all others: directives of `access`. */
  readonly rights?: string;
  /** What is other than usual about its certificate. */
  readonly certificate?: Pick<CertificateWish, 'days' | 'alternativeNames' | 'digest'>;
}

export interface OpenLdapDirectory extends TestDirectory {
  /** Directives of `access` before all others; from the next start on. */
  restrict(rights: string): void;
}

const host = '127.0.0.1';
const schemas = '/etc/ldap/schema';
const modules = '/usr/lib/ldap';
const passwords = { admin: 'Admin-pass-1', reader: 'Reader-pass-1', writer: 'Writer-pass-1' } as const;

export async function startOpenLdap(wish: OpenLdapWish = {}): Promise<OpenLdapDirectory> {
  const { users = 1000, domain = 'example.com', hasRtc = true, certificate = {} } = wish;
  const suffix = suffixOf(domain);
  const tlsName = `ldap.${domain}`;
  const folder = new ServerFolder('openldap', host, { name: tlsName, ...certificate });
  const [port, tlsPort] = [await freePort(host), await freePort(host)];
  const confFile = join(folder.path, 'slapd.conf');
  writeFileSync(join(folder.path, 'rtc.schema'), openLdapSchema(hasRtc));
  writeFileSync(confFile, configuration(folder, suffix, wish));
  const elsewhere = wish.referralTo ?? `ldap://127.0.0.1:1/OU=Elsewhere,${suffix}`;
  await load(confFile, elsewhere, { users, suffix, sipDomain: domain, isAd: false, hasRtc });
  const urls = `ldap://${host}:${port}/ ldaps://${host}:${tlsPort}/`;
  const server = new ServerProcess(['slapd', '-d', '0', '-f', confFile, '-h', urls], join(folder.path, 'slapd.log'), [
    [host, port],
    [host, tlsPort],
  ]);
  await server.start();
  return {
    kind: 'openldap',
    version: versionOf(),
    host,
    ldapUrl: `ldap://${host}:${port}`,
    ldapsUrl: `ldaps://${host}:${tlsPort}`,
    ca: folder.authority.certificate,
    caFile: folder.authority.certificateFile,
    tlsName,
    suffix,
    usersDn: `OU=Staff,${suffix}`,
    sipDomain: domain,
    users,
    reader: { dn: `CN=svc-sip,CN=Users,${suffix}`, password: passwords.reader },
    writer: { dn: `CN=svc-provision,CN=Users,${suffix}`, password: passwords.writer },
    admin: { dn: `CN=Administrator,CN=Users,${suffix}`, password: passwords.admin },
    get pid() {
      return server.pid;
    },
    kill: () => server.end('SIGKILL'),
    pause: () => stopProcess(server.pid),
    resume: () => server.signal('SIGCONT'),
    keepData: () => folder.copy(['db'], '.', 'kept'),
    restoreData: () => folder.copy(['db'], 'kept', '.'),
    restrict: (rights) => writeFileSync(confFile, configuration(folder, suffix, { ...wish, rights })),
    start: () => server.start(),
    async stop() {
      await server.end('SIGTERM');
      folder.remove();
    },
  };
}

const versionOf = (): string =>
  /slapd [\d.]+/.exec(execFileSync('sh', ['-c', 'slapd -VV 2>&1'], { encoding: 'utf8' }))?.[0] ?? 'slapd';

/** How the reader meets the limits that AD has by itself. */
const limitsOf = ({ pageLimit = 1000, hasPaging = true }: OpenLdapWish): string =>
  `size.soft=${pageLimit} size.hard=${pageLimit} size.pr=${pageLimit} size.prtotal=${hasPaging ? 'unlimited' : 'disabled'}`;

const configuration = (folder: ServerFolder, suffix: string, wish: OpenLdapWish): string => `
include ${schemas}/core.schema
include ${schemas}/cosine.schema
include ${schemas}/inetorgperson.schema
include ${join(folder.path, 'rtc.schema')}
modulepath ${modules}
moduleload back_mdb
moduleload syncprov
moduleload memberof
loglevel none
threads 8
idletimeout ${wish.idleS ?? 0}
sizelimit unlimited
timelimit unlimited
conn_max_pending 1000
conn_max_pending_auth 10000
TLSCACertificateFile ${folder.authority.certificateFile}
TLSCertificateFile ${folder.certificate.certificateFile}
TLSCertificateKeyFile ${folder.certificate.keyFile}
TLSVerifyClient never
access to dn.base="" by * read
access to dn.base="cn=Subschema" by * read
database mdb
suffix "${suffix}"
directory ${folder.make('db')}
maxsize 17179869184
rootdn "CN=Administrator,CN=Users,${suffix}"
rootpw ${passwords.admin}
# Thrown away in any case: a crash may lose the last changes.
dbnosync
checkpoint 0 0
index objectClass,cn,objectGUID,proxyAddresses,entryUUID,entryCSN eq
${wish.hasRtc === false ? '' : 'index msRTCSIP-PrimaryUserAddress,msRTCSIP-UserEnabled,ectisrv3UserSipUri eq'}
limits dn.exact="CN=svc-sip,CN=Users,${suffix}" ${limitsOf(wish)}
${wish.rights ?? ''}
access to attrs=userPassword by anonymous auth by * none
${wish.hidden === undefined ? '' : `access to attrs=${wish.hidden} by * none\n`}access to * by dn.exact="CN=svc-provision,CN=Users,${suffix}" write by users read by * none
overlay memberof
overlay syncprov
syncprov-checkpoint 100 5
${wish.hasSessionLog === false ? '' : 'syncprov-sessionlog 10000'}
${wish.secondSuffix === undefined ? '' : second(folder, suffix, wish.secondSuffix)}
`;

const second = (folder: ServerFolder, suffix: string, secondSuffix: string): string => `
database mdb
suffix "${secondSuffix}"
directory ${folder.make('db', 'second')}
rootdn "CN=Administrator,CN=Users,${suffix}"
index objectClass,entryUUID,entryCSN eq
access to * by users read
overlay syncprov
syncprov-sessionlog 10000
`;

const account = (cn: string, password: string, suffix: string): string =>
  record(`CN=${cn},CN=Users,${suffix}`, [
    ['objectClass', 'user'],
    ['cn', cn],
    ['userPassword', password],
  ]);

/** A naming context below ours on another server, as a search from the root of a forest meets it. */
const referral = (suffix: string, to: string): string =>
  record(`OU=Elsewhere,${suffix}`, [
    ['objectClass', 'referral'],
    ['objectClass', 'extensibleObject'],
    ['ou', 'Elsewhere'],
    ['ref', to],
  ]);

function* wholeLdif(elsewhere: string, wish: LdifWish): Generator<string> {
  const { suffix } = wish;
  yield* ldifRecords(wish);
  yield account('svc-sip', passwords.reader, suffix);
  yield account('svc-provision', passwords.writer, suffix);
  yield referral(suffix, elsewhere);
}

async function load(confFile: string, elsewhere: string, wish: LdifWish): Promise<void> {
  const slapadd = spawn('slapadd', ['-q', '-w', '-f', confFile, '-b', wish.suffix], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  slapadd.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(slapadd, 'close');
  await pipeline(Readable.from(wholeLdif(elsewhere, wish)), slapadd.stdin).catch(() => undefined);
  const [code] = await ended;
  if (code !== 0) throw new Error(`slapadd ended with ${code}:\n${said}`);
}
