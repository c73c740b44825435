/** Calls next hops as the router does: from the same address, with the same words and the same certificate; and listeners as a peer does. */

import { randomBytes } from 'node:crypto';
import { readCertificates } from '../certificates/pem.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { optionsText } from '../engine/options-probe.ts';
import { hostAndPort } from '../net/host.ts';
import { defaultPort, sipPort, sipsPort } from '../net/ports.ts';
import { isWildcard, loopbackOf } from '../net/special-address.ts';
import type { Address } from '../sip/resolve/lookup.ts';
import type { Listener, Target } from '../sip/transport/flow.ts';
import { chooseListener, describeListener, sourceAddress } from '../sip/transport/listener.ts';
import { createTlsContext, type TlsContext } from '../sip/transport/tls.ts';
import { commonNameOf } from './chain-end.ts';
import { type Contact, makeContact } from './contact.ts';
import type { Inquiry } from './inquiry.ts';
import type { Identity } from './remedies.ts';

export class Caller {
  /** In configured order. */
  readonly listeners: readonly Listener[];
  readonly #snapshot: Snapshot;
  readonly #contexts: ReadonlyMap<string, TlsContext>;

  /** @throws ListenError for a TLS profile that OpenSSL cannot use */
  constructor(snapshot: Snapshot) {
    const { transport } = snapshot;
    this.#snapshot = snapshot;
    this.listeners = transport.listen.map((setting, i) =>
      describeListener(setting, transport.nodeName, setting.port || defaultPort(setting.transport), i),
    );
    this.#contexts = new Map([...transport.tls].map(([name, profile]) => [name, createTlsContext(profile)]));
  }

  canReach({ transport, address }: Address): boolean {
    const family = address.includes(':') ? 6 : 4;
    return this.listeners.some((listener) => listener.transport === transport && listener.family === family);
  }

  /** The one whose words stand in a request to it. */
  listenerFor(target: Target): Listener | undefined {
    return chooseListener(this.listeners, target);
  }

  identityOf(listener: Listener, profile: string, target?: Target): Identity {
    const certificate = this.#snapshot.transport.tls.get(profile)?.certificate ?? '';
    const [leaf] = readCertificates(certificate);
    const source = target && sourceAddress(listener, target);
    return {
      name: listener.sentByHost,
      commonName: leaf && commonNameOf(leaf),
      address: source ?? (isWildcard(listener.address) ? 'this machine' : listener.address),
      tlsPort: this.listeners.find(({ transport }) => transport === 'tls')?.port ?? sipsPort,
      domains: this.#snapshot.rows.domains,
    };
  }

  callHop(target: Target, listener: Listener, context = this.#contexts.get(target.tlsProfile ?? '')): Promise<Contact> {
    return makeContact({
      target,
      localAddress: sourceAddress(listener, target),
      secureContext: target.transport === 'tls' ? context?.secureContext : undefined,
      connectMs: this.#snapshot.transport.timeouts.connectMs,
      inquiry: this.#inquiryFor(target, listener),
    });
  }

  /** With everything that OpenSSL still knows, where there was nothing in common: to say what the far end does speak. */
  async callWithOldTls(contact: Contact, target: Target, listener: Listener): Promise<Contact | undefined> {
    const profile = this.#snapshot.transport.tls.get(target.tlsProfile ?? '');
    if (profile === undefined || contact.kind !== 'not-secured' || contact.why !== 'nothing-in-common')
      return undefined;
    const old = createTlsContext({ ...profile, minVersion: 'TLSv1', ciphers: 'ALL', legacy: true });
    return this.callHop(target, listener, old);
  }

  /** With our own certificate, and from its own address: so it is known what `access` says of the caller. */
  callListener(listener: Listener): Promise<Contact> {
    const { transport, port, tlsProfile } = listener;
    const target: Target = { transport, address: addressToCall(listener), port, tlsName: undefined, tlsProfile };
    const context = this.#contexts.get(tlsProfile ?? '');
    return makeContact({
      target,
      localAddress: target.address,
      secureContext: transport === 'tls' ? context?.secureContext : undefined,
      connectMs: this.#snapshot.transport.timeouts.connectMs,
      inquiry: this.#inquiryFor(target, { ...listener, ...stranger }),
    });
  }

  /** An answer that comes later is no answer for the router either. */
  #inquiryFor(target: Target, listener: Listener): Inquiry {
    const callId = randomBytes(12).toString('hex');
    const branch = `z9hG4bK${randomBytes(8).toString('hex')}`;
    const text = optionsText(target, listener, branch, callId, false);
    return { text, callId: `${callId}@${listener.sentByHost}`, waitMs: this.#snapshot.health.probe.timeoutMs };
  }
}

/** Our own Via on a request that comes in would be a loop, or a forgery. */
const stranger = { sentBy: hostAndPort('doctor.invalid', sipPort), sentByHost: 'doctor.invalid', sentByPort: sipPort };

export const addressToCall = ({ address, family }: Listener): string => {
  return isWildcard(address) ? loopbackOf(family) : address;
};
