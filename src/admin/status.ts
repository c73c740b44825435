/** What the router says of itself when it is asked over the socket for administration. */

import type { App } from '../app.ts';
import { type CertificateInUse, validityInUse } from '../certificates/in-use.ts';
import type { Validity } from '../certificates/validity.ts';
import type { Reloader, ReloadResult } from '../config/reload.ts';
import type { EngineLoad } from '../engine/engine.ts';
import { hostAndPort } from '../net/host.ts';
import { type SourceStatus, sourcesOf } from './directory.ts';

type ServiceState = 'in service' | 'draining';

/** Fit for JSON; times in ISO 8601. */
export interface Status {
  readonly state: ServiceState;
  readonly pid: number;
  readonly startedAt: string;
  /** Of all workers together, and of each; the first one is the main thread. */
  readonly load: EngineLoad;
  readonly workers: readonly EngineLoad[];
  readonly configuration: {
    readonly number: number;
    readonly file: string;
    readonly inForceSince: string;
    /** The last try, if there was one: a refused one has changed nothing. */
    readonly lastReload: ReloadResult | undefined;
  };
  /** `tls 192.0.2.10:5061`. */
  readonly listeners: readonly { readonly address: string; readonly sentBy: string }[];
  /** Ours, those of authorities, their revocation lists, and those of connected peers. */
  readonly certificates: readonly CertificateStatus[];
  /** TLS profiles that take versions and keys which are not safe any more: `ocs-2007 (TLSv1)`. */
  readonly legacyProfiles: readonly string[];
  /** In the order in which they count; none in basic mode. */
  readonly directory: readonly SourceStatus[];
}

interface CertificateStatus extends Pick<CertificateInUse, 'use' | 'where' | 'subject'>, Validity {
  readonly endsAt: string;
}

const startedAt = new Date(Date.now() - performance.now()).toISOString();

const sumOf = (loads: readonly EngineLoad[]): EngineLoad => {
  const sum = (of: Exclude<keyof EngineLoad, 'knownByCommonName'>): number =>
    loads.reduce((total, load) => total + load[of], 0);
  const knownByCommonName = [...new Set(loads.flatMap((load) => load.knownByCommonName))];
  return {
    requests: sum('requests'),
    openRequests: sum('openRequests'),
    connections: sum('connections'),
    heldOctets: sum('heldOctets'),
    memoryLimitOctets: sum('memoryLimitOctets'),
    memoryRefusals: sum('memoryRefusals'),
    knownByCommonName,
  };
};

export const statusOf = async (app: App, reloader: Reloader): Promise<Status> =>
  describe(app, reloader, await app.loads());

const describe = (app: App, reloader: Reloader, workers: readonly EngineLoad[]): Status => ({
  state: app.isDraining ? 'draining' : 'in service',
  pid: process.pid,
  startedAt,
  load: sumOf(workers),
  workers,
  configuration: {
    number: reloader.snapshot.number,
    file: reloader.snapshot.file,
    inForceSince: reloader.inForceSince.toISOString(),
    lastReload: reloader.last,
  },
  listeners: app.listeners.map(({ transport, address, port, sentBy }) => ({
    address: `${transport} ${hostAndPort(address, port)}`,
    sentBy,
  })),
  certificates: app.certificates().map((each) => certificateStatus(each, reloader.snapshot.certificates.warnBeforeMs)),
  legacyProfiles: [...reloader.snapshot.transport.tls.values()]
    .filter(({ legacy }) => legacy)
    .map(({ name, minVersion }) => `${name} (${minVersion})`),
  directory: sourcesOf(app.directory),
});

const certificateStatus = (certificate: CertificateInUse, warnBeforeMs: number): CertificateStatus => {
  const { use, where, subject, validToDate } = certificate;
  const endsAt = validToDate.toISOString();
  return { use, where, subject, endsAt, ...validityInUse(certificate, new Date(), warnBeforeMs) };
};
