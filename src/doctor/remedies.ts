/**
 * What to do on each side, in the words of its own administration. Menus: Cisco's guides to IM&P 12.5 (partitioned intradomain
 * federation, chapters on the node and on troubleshooting); cmdlets: Lync Server 2010 to Skype for Business Server 2019.
 */
import { isIP } from 'node:net';
import type { Side } from '../routing/types.ts';
import { powershellWord } from '../shell-word.ts';
import type { Target } from '../sip/transport/flow.ts';
import type { RemedyStep } from './finding.ts';

const administration = 'Cisco Unified CM IM and Presence Administration';
const certificates = 'Cisco Unified IM and Presence OS Administration > Security > Certificate Management';
const services = 'Cisco Unified IM and Presence Serviceability > Tools > Control Center - Feature Services';
const restartProxy = `then restart Cisco SIP Proxy: ${services}`;

const onCisco = (what: string): RemedyStep => ({ on: 'Cisco IM&P', what });
const onMicrosoft = (what: string): RemedyStep => ({ on: 'Microsoft Front End', what });

export const onRouter = (what: string): RemedyStep => ({ on: 'this router', what });
export const onDns = (what: string): RemedyStep => ({ on: 'DNS', what });
export const onNetwork = (what: string): RemedyStep => ({ on: 'network', what });
export const atAuthority = (what: string): RemedyStep => ({ on: 'certification authority', what });

/** By which name and address the far side knows the router. */
export interface Identity {
  /** In the certificate, and in Via. */
  readonly name: string;
  /** That of the subject, which is all that Cisco compares. */
  readonly commonName: string | undefined;
  /** That our requests come from. */
  readonly address: string;
  /** That we hear TLS on. */
  readonly tlsPort: number;
  readonly domains: readonly string[];
}

/** So that it trusts the CA of our certificate. */
export const trustOurAuthority = (side: Side): RemedyStep =>
  side === 'cisco'
    ? onCisco(
        `${certificates} > Upload Certificate/Certificate Chain: our root, and each intermediate, as cup-trust; ${restartProxy}`,
      )
    : onMicrosoft(
        'on each Front End: Import-Certificate -FilePath root.crt -CertStoreLocation Cert:\\LocalMachine\\Root (intermediates: Cert:\\LocalMachine\\CA)',
      );

const namesOnly = 'New-CsStaticRoute -TLSRoute takes no address as its destination';

/** So that it knows the name that we show. */
export const expectOurName = (
  side: Side,
  { name, commonName, tlsPort, domains: [domain = ''] }: Identity,
): RemedyStep =>
  side === 'cisco'
    ? onCisco(
        `${administration} > System > Security > TLS Peer Subjects: add ${commonName ?? name}; ${administration} > System > Security > TLS Context Configuration > Default_Cisco_UP_SIP_Proxy_Peer_Auth_TLS_Context: select it; ${restartProxy}`,
      )
    : isIP(name) !== 0
      ? onRouter(`node.name: a name in place of ${name}, if only in the hosts file of each Front End: ${namesOnly}`)
      : onMicrosoft(
          `$route = New-CsStaticRoute -TLSRoute -Destination ${powershellWord(name)} -Port ${tlsPort} -MatchUri ${powershellWord(domain)} -UseDefaultCertificate $true; Set-CsStaticRoutingConfiguration -Identity global -Route @{Add=$route}; Enable-CsTopology`,
        );

/** So that it takes requests from us without asking for a password. */
export const letUsIn = (side: Side, { name, address, tlsPort }: Identity): RemedyStep =>
  side === 'cisco'
    ? onCisco(
        `${administration} > System > Security > Incoming ACL: ${[...new Set([address, name])].map((each) => `one row for ${each}`).join(' and ')}; ${restartProxy}`,
      )
    : onMicrosoft(
        `New-CsTrustedApplicationPool -Identity ${powershellWord(name)} -Registrar POOL -Site SITE -ComputerFqdn ${powershellWord(name)} -TreatAsAuthenticated $true -ThrottleAsServer $true -RequiresReplication $false -OutboundOnly $false; New-CsTrustedApplication -ApplicationId pif-router -TrustedApplicationPoolFqdn ${powershellWord(name)} -Port ${tlsPort}; Enable-CsTopology (OCS 2007 R2: Host Authorization on each Front End)`,
      );

/** So that it shows a certificate that is good. */
export const renewItsCertificate = (side: Side): RemedyStep =>
  side === 'cisco'
    ? onCisco(`${certificates} > Generate CSR: cup; upload what the authority makes of it as cup; ${restartProxy}`)
    : onMicrosoft(
        'Get-CsCertificate; Request-CsCertificate -New -Type Default; Set-CsCertificate -Type Default -Thumbprint THUMBPRINT; with a template for server and client authentication',
      );

/** So that it listens where we connect to. */
export function openItsPort(side: Side, { transport, port }: Pick<Target, 'transport' | 'port'>): RemedyStep {
  if (side === 'microsoft') {
    const usual = 'Front Ends hear mutual TLS on 5061; OCS and LCS also TCP on 5060; none hears UDP';
    return onMicrosoft(`Get-CsWindowsService: does RTCSRV run? ${usual}; the route says ${transport} ${port}`);
  }
  const listener =
    transport === 'tls'
      ? `Default Cisco SIP Proxy TLS Listener - Peer Auth on port ${port}, Server Auth on another`
      : `a ${transport.toUpperCase()} listener of Cisco SIP Proxy on port ${port}`;
  return onCisco(
    `${administration} > System > Application Listeners: ${listener}; ${services}: is Cisco SIP Proxy started?`,
  );
}

/** So that it speaks what we speak. */
export const agreeOnTls = (side: Side): RemedyStep =>
  side === 'cisco'
    ? onCisco(
        `${administration} > System > Security > TLS Context Configuration > Default_Cisco_UP_SIP_Proxy_Peer_Auth_TLS_Context: select more ciphers; ${restartProxy}`,
      )
    : onMicrosoft('allow TLS 1.2 in Schannel, if its Windows can');

/** The SRV and A records that it finds us by, or the row for our address. */
export const lookUpQuickly = (side: Side, { name, address }: Identity): RemedyStep =>
  side === 'cisco'
    ? onDns(
        `a PTR record of ${address}${isIP(name) === 0 ? ` for ${name}` : ''}: IM&P asks for it with every request, and waits up to 20 s`,
      )
    : onDns(`${isIP(name) === 0 ? 'A and PTR records' : 'a PTR record'} of ${name}, as the Front Ends see them`);
