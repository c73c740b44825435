/**
 * Which connected peers may stay: each is judged when it has proved who it is, and again when a rule, a certificate or a CA has
 * changed.
 */
import type { Clock, Timer } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { AcceptedSockets, Refusal } from './accepted-sockets.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { Door } from './door.ts';
import type { Listener, MessageHandler } from './flow.ts';
import type { Listening } from './listening.ts';
import { identifyAgain } from './peer-identity.ts';
import { certificateRefusal } from './peer-refusal.ts';
import type { StreamConnection } from './stream-connection.ts';
import type { TlsContext } from './tls.ts';

/** How often open connections are looked at for certificates that have ended meanwhile. */
const CERTIFICATE_LOOK_MS = 60_000;

/** All of it is that in force: a reload changes it in place. */
interface PeersParts {
  readonly listening: Listening;
  /** By the name of their profile. */
  readonly tls: ReadonlyMap<string, TlsContext>;
  readonly pool: ConnectionPool;
  readonly accepted: AcceptedSockets;
  readonly door: Door;
  readonly handler: MessageHandler;
}

export class ConnectedPeers {
  readonly #parts: PeersParts;
  readonly #clock: Clock;
  readonly #log: Log;
  #certificateLook: Timer | undefined;

  constructor(parts: PeersParts, clock: Clock, log: Log) {
    this.#parts = parts;
    this.#clock = clock;
    this.#log = log;
  }

  onAccepted(connection: StreamConnection): void {
    // Its handshake began before a change and ended after it.
    if (this.isOutdated(connection)) {
      connection.retire();
      this.#identifyAgain(connection);
    }
    this.#judge(connection);
  }

  onIdentified(connection: StreamConnection): void {
    // It was opened with a profile that has changed meanwhile.
    if (connection.isRetired) this.#identifyAgain(connection);
    this.#tellProof(connection);
    if (connection.nameBasis !== 'common-name') return;
    const { remoteAddress, remotePort, verifiedNames: names, tlsProfile: profile } = connection;
    const peer = `tls:${remoteAddress}:${remotePort}`;
    this.#log.info(
      { event: 'known-by-common-name', peer, names, profile },
      'the certificate of this peer has no other name',
    );
  }

  /** Its listener has other words now, shows another certificate, or is gone. */
  isOutdated({ listener }: StreamConnection): boolean {
    return !this.#parts.listening.listeners.includes(listener);
  }

  /**
   * Closes peers that would not be let in now: a CA, a certificate, a name or an address may have lost its trust.
   * @param before the TLS contexts until now
   */
  reexamine(before: ReadonlyMap<string, TlsContext>): void {
    for (const connection of [...this.#parts.pool.connections]) {
      if (this.#contextFor(connection) !== before.get(connection.tlsProfile ?? '')) this.#identifyAgain(connection);
      this.#judge(connection);
    }
  }

  /** Nothing tells when a certificate ends that was good in the handshake (RFC 5280 §4.1.2.5). */
  watchCertificates(): void {
    this.#certificateLook = this.#clock.after(CERTIFICATE_LOOK_MS, () => {
      const now = new Date();
      for (const connection of [...this.#parts.pool.connections]) {
        expelWhenExpired(connection, now);
        this.#tellProof(connection);
      }
      this.watchCertificates();
    });
  }

  close(): void {
    this.#certificateLook?.cancel();
  }

  /** The peers now connected whose certificates have no other name, each once: `imp1.example.com at 192.0.2.11`. */
  knownByCommonName(): readonly string[] {
    const found = [...this.#parts.pool.connections].filter(({ nameBasis }) => nameBasis === 'common-name');
    return [
      ...new Set(found.map(({ verifiedNames, remoteAddress }) => `${verifiedNames.join(', ')} at ${remoteAddress}`)),
    ];
  }

  #identifyAgain(connection: StreamConnection): void {
    const context = this.#contextFor(connection);
    if (context === undefined) return;
    connection.reexamine((socket, expectation) => identifyAgain(socket, context, expectation));
  }

  /** What a connection like this one would be judged by now: by its old profile when its listener is gone. */
  #contextFor({
    isAccepted,
    tlsProfile,
    listener: { transport, address, port },
  }: StreamConnection): TlsContext | undefined {
    const { listening, tls } = this.#parts;
    const isSame = (other: Listener) =>
      other.transport === transport && other.address === address && other.port === port;
    const current = isAccepted ? listening.listeners.find(isSame)?.tlsProfile : undefined;
    return tls.get(current ?? tlsProfile ?? '');
  }

  #tellProof(connection: StreamConnection): void {
    const isProved = connection.state === 'open' && connection.verifiedNames.length > 0;
    if (isProved) this.#parts.handler.onProved?.(connection);
  }

  /** A peer that is not let in stays only until its 403 is sent, if it is answered at all. */
  #judge(connection: StreamConnection): void {
    this.#expelStranger(connection);
    if (!connection.isAccepted || connection.state !== 'open') return;
    const { door, accepted, handler } = this.#parts;
    const isAdmitted = door.admits(connection);
    const refusal = accepted.judge(connection, isAdmitted) ?? (isAdmitted ? undefined : stranger(connection));
    if (refusal === undefined || (refusal.code === 'stranger' && door.answersStrangers)) return;
    handler.onDiscarded(refusal.code, connection, refusal.detail);
    connection.destroy(refusal.detail);
  }

  /** A peer that had to show a certificate can be judged, and closed, before it sends anything. */
  #expelStranger(connection: StreamConnection): void {
    const { isAccepted, state, tlsProfile = '' } = connection;
    const { tls, handler } = this.#parts;
    if (!isAccepted || state !== 'open' || tls.get(tlsProfile)?.profile.clientCertificate !== 'required') return;
    const refusal = handler.refusalOf?.(connection);
    if (refusal !== undefined) connection.expel(refusal);
  }
}

const expelWhenExpired = (connection: StreamConnection, now: Date): void => {
  const { peerCertificate, state } = connection;
  if (state !== 'open' || peerCertificate === undefined || now <= peerCertificate.validToDate) return;
  connection.expel(certificateRefusal('CERT_HAS_EXPIRED', peerCertificate));
};

const stranger = ({ remoteAddress, verifiedNames }: StreamConnection): Refusal => {
  const names = verifiedNames.length === 0 ? 'no name' : verifiedNames.join(', ');
  return { code: 'stranger', detail: `no access rule lets in ${remoteAddress}, which has proved ${names}` };
};
