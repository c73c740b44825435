/** What comes of the names and addresses that peers are told to reach this node by, beside its listeners and certificates. */

import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { namesShown } from '../certificates/names.ts';
import { isNamedIn } from '../certificates/own-name.ts';
import { isWildcard } from '../net/special-address.ts';
import { usualTlsProfile } from '../routing/routes/destination.ts';
import type { Path } from '../settings/problem.ts';
import type { Report } from '../settings/report.ts';
import type { TlsProfile } from '../sip/transport/settings.ts';
import type { ListenRow, RoutesFile } from './shape.ts';

interface Told {
  /** Where the host was read from: `node.name`, unless the listener has a name of its own. */
  readonly path: Path;
  readonly host: string;
}

const toldBy = (listener: ListenRow, path: Path, nodeName: string): Told =>
  listener.name === undefined
    ? { path: ['node', 'name'], host: nodeName }
    : { path: [...path, 'name'], host: listener.name };

/** What comes of an address in place of a name, where it works at all. */
export function checkOwnHosts({ node, listen }: RoutesFile, report: Report): void {
  warnOfAddress({ path: ['node', 'name'], host: node.name }, report);
  for (const { path, value } of listen) {
    const told = toldBy(value, path, node.name);
    if (value.name !== undefined) warnOfAddress(told, report);
    const [own, theirs] = [isIP(told.host), isIP(value.address)];
    if (own === 0 || own === theirs) continue;
    const what = `peers on IPv${theirs} are told to come back to ${told.host}, which is an IPv${own} address`;
    const isAny = isWildcard(value.address);
    const name = isAny ? `an IPv${theirs} address of this machine` : value.address;
    report.warning(path, what, `give this listener a name of its own: ${name}`);
  }
}

function warnOfAddress({ path, host }: Told, report: Report): void {
  if (isIP(host) === 0) return;
  const what = `${host} is an address: dialogs end when it changes, and Lync's static routes for TLS take names only`;
  report.warning(path, what, 'give a name, if both sides can resolve one');
}

/** Peers that check what they connect to would all hang up: RFC 5922 §7.2 compares what stands in the URI. */
export function checkAddressesAreCarried(
  { node, listen }: RoutesFile,
  profiles: ReadonlyMap<string, TlsProfile>,
  report: Report,
): void {
  for (const { path, value } of listen) {
    const profile = value.transport === 'tls' ? profiles.get(value.tls ?? usualTlsProfile) : undefined;
    const { host } = toldBy(value, path, node.name);
    if (profile === undefined || isIP(host) === 0) continue;
    const certificate = new X509Certificate(profile.certificate);
    if (isNamedIn(certificate, host)) continue;
    const what = `peers are told to come back to ${host}, which the certificate of TLS profile "${profile.name}" does not carry (${namesShown(certificate)})`;
    report.error(path, what, `have one made with IP:${host} in its subjectAltName, or use one of its names`);
  }
}
