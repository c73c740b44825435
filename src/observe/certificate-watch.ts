/** Logs certificates and revocation lists that end soon, or have ended: at start, with every reload, and once a day. */
import { type CertificateInUse, inUse, validityInUse } from '../certificates/in-use.ts';
import { dayMs } from '../certificates/validity.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Log } from '../log.ts';
import type { OpenConnection } from '../sip/transport/transport-layer.ts';

interface Watched {
  readonly clock: Clock;
  readonly log: Log;
  /** Asked anew each time. */
  certificates(): readonly CertificateInUse[];
  warnBeforeMs(): number;
}

interface CertificateWatch {
  /** Checks now, and schedules the next check. */
  look(): void;
  stop(): void;
}

/** By then the next hops have been probed, and have shown their certificates. */
const firstHopsMs = 60_000;

export const watchCertificates = (watched: Watched): CertificateWatch => {
  let timer: Timer | undefined;
  const lookIn = (ms: number): void => {
    timer?.cancel();
    timer = watched.clock.after(ms, () => {
      tell(watched.certificates(), watched);
      lookIn(dayMs);
    });
  };
  return {
    look() {
      tell(watched.certificates(), watched);
      lookIn(firstHopsMs);
    },
    stop: () => timer?.cancel(),
  };
};

/** The same certificate may be shown on many connections. */
export function shownOn(connections: Iterable<OpenConnection>): readonly CertificateInUse[] {
  const shown = new Map<string, CertificateInUse>();
  for (const { transport, remoteAddress, peerCertificate } of connections) {
    if (peerCertificate === undefined || shown.has(peerCertificate.fingerprint256)) continue;
    shown.set(peerCertificate.fingerprint256, inUse('peer', `${transport}:${remoteAddress}`, peerCertificate));
  }
  return [...shown.values()];
}

function tell(certificates: readonly CertificateInUse[], { log, warnBeforeMs }: Watched): void {
  const now = new Date();
  for (const certificate of certificates) {
    const { state, text } = validityInUse(certificate, now, warnBeforeMs());
    if (state === 'valid') continue;
    const { use, where, subject, validToDate } = certificate;
    const what = use === 'revocation-list' ? 'revocation list' : 'certificate';
    const line = { event: 'certificate-ends', use, where, subject, endsAt: validToDate.toISOString() };
    log[state === 'ends-soon' ? 'warn' : 'error'](line, `the ${what} of ${subject} (${where}) ${text}`);
  }
}
