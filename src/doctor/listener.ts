/** What a peer sees of one of our listeners, and what that says. Pure. */
import { certificateNames, matchesName } from '../certificates/names.ts';
import { readCertificates } from '../certificates/pem.ts';
import { readTrust } from '../certificates/trust.ts';
import { ownCommand } from '../config/own-command.ts';
import type { Transport } from '../net/ports.ts';
import type { Policy } from '../routing/policy.ts';
import type { Listener } from '../sip/transport/flow.ts';
import type { TlsProfile } from '../sip/transport/settings.ts';
import type { Contact, Secured } from './contact.ts';
import { error, type Finding, warning, well } from './finding.ts';
import type { InquiryResult } from './inquiry.ts';
import { onRouter } from './remedies.ts';

interface ListenerContext {
  readonly transport: Transport;
  /** PEM texts of its TLS profile. */
  readonly profile: { readonly certificate: string; readonly ca: string } | undefined;
  readonly now: Date;
  /** What the router does with a caller from this machine that shows the router's certificate. */
  readonly reception: Reception;
}

/** Closed before anything is read; not answered; or answered, with 403 if no rule lets the peer in. */
type Reception = 'closed' | 'silence' | 'answer';

/**
 * The router's own rule: it closes unread a peer that no rule could admit, and one that must prove a name and has no admitted
 * one.
 */
export function receptionOf(
  { transport }: Pick<Listener, 'transport'>,
  remoteAddress: string,
  profile: TlsProfile | undefined,
  { access, onDenied }: Policy,
): Reception {
  const prospect = access.prospectOf(remoteAddress, transport);
  if (transport !== 'udp' && prospect === 'stranger') return 'closed';
  const names = profile === undefined || profile.clientCertificate === 'none' ? undefined : ownNames(profile);
  const verifiedNames = names?.hosts ?? [];
  const isAdmitted = access.sideOf({ transport, remoteAddress, remotePort: 0, verifiedNames }) !== undefined;
  const isListed = profile?.peers?.some((peer) => names !== undefined && matchesName(names, peer)) ?? true;
  if (profile?.clientCertificate === 'required' && !(isAdmitted && isListed)) return 'closed';
  return isAdmitted || onDenied === 'reject' ? 'answer' : 'silence';
}

const ownNames = ({ certificate, wildcards = false, commonName = true }: TlsProfile) =>
  certificateNames(readCertificates(certificate)[0]!, { wildcards, commonName });

export const isClosed = (contact: Contact): boolean => contact.kind === 'not-connected' && contact.why === 'refused';

/** @param isRunning another listener is open: then this one should be too */
export function judgeListener(contact: Contact, context: ListenerContext, isRunning: boolean): readonly Finding[] {
  if (isUnread(contact) && context.reception === 'closed') return closesStrangers;
  if (contact.kind === 'not-connected') return [judgeClosed(contact, isRunning)];
  if (contact.kind === 'not-secured') {
    const step = onRouter(`${ownCommand('status')}: is it the router that listens there?`);
    return [error('listener-tls', `no TLS with it: ${contact.detail} (${contact.why})`, step)];
  }
  const { secured, answer } = contact;
  return [
    ...(context.transport === 'udp' ? [] : [well('listener-open', 'it is open')]),
    ...(secured === undefined ? [] : judgeShown(secured, context)),
    judgeAnswer(answer, context),
  ];
}

function judgeClosed({ why, detail }: Extract<Contact, { kind: 'not-connected' }>, isRunning: boolean): Finding {
  if (why !== 'refused') {
    return error(
      'listener-open',
      `it cannot be connected to (${detail})`,
      onRouter('is this the machine of the router?'),
    );
  }
  const seen = isRunning
    ? 'nobody listens there, but other listeners are open'
    : 'nobody listens there: the router does not run';
  return (isRunning ? error : warning)(
    'listener-open',
    seen,
    onRouter(`${ownCommand('start')}, or ${ownCommand('status')}`),
  );
}

function judgeShown({ version, cipher, chain }: Secured, { profile }: ListenerContext): readonly Finding[] {
  const reached = well('listener-tls', `${version} with ${cipher}`);
  const [ours] = readCertificates(profile?.certificate ?? '');
  const shown = chain[0];
  if (shown === undefined || ours === undefined || shown.fingerprint256 === ours.fingerprint256)
    return [reached, well('listener-certificate', 'it shows the certificate of its file')];
  const seen = `it shows another certificate than its file holds: one that ends on ${shown.validToDate.toISOString().slice(0, 10)}`;
  return [reached, warning('listener-certificate', seen, onRouter(ownCommand('reload')))];
}

function judgeAnswer(answer: InquiryResult, context: ListenerContext): Finding {
  const ask = onRouter(ownCommand('status'));
  switch (answer.kind) {
    case 'answered':
      return well('listener-answer', tellStatus(answer));
    case 'silent':
      if (context.reception === 'silence')
        return well('listener-answer', 'it does not answer strangers, as when-access-denied: drop says');
      return error('listener-answer', `no answer to OPTIONS within ${answer.waitedMs} ms`, ask);
    case 'certificate-refused':
    case 'closed':
      if (context.reception === 'closed') return closesUnread;
      return trustsOurselves(context) ? error('listener-answer', answer.detail, ask) : notForOurselves;
    case 'not-sip':
      return error('listener-answer', `what answers there is not the router (${answer.detail})`, ask);
  }
}

const tellStatus = ({ status, ms }: Extract<InquiryResult, { kind: 'answered' }>): string => {
  const took = `OPTIONS: ${status} in ${Math.ceil(ms)} ms`;
  return status === 403 ? `${took}, as no rule lets this machine in` : took;
};

/** Before TLS has begun; where there is none, before we could ask. */
const isUnread = (contact: Contact): boolean => {
  if (contact.kind === 'open') return contact.secured === undefined && contact.answer.kind === 'closed';
  return contact.why === 'closed';
};

const closesUnread = well('listener-answer', 'it closes unread what comes from here, as no rule lets this machine in');

const closesStrangers = [well('listener-open', 'it is open'), closesUnread];

/** We connect with our own certificate, which need not be one that our peers' CA signed. */
const notForOurselves = well(
  'listener-answer',
  'it asks for a certificate that its ca signed; ours is not, so no OPTIONS could be sent',
);

function trustsOurselves({ profile, now }: ListenerContext): boolean {
  const [leaf, ...others] = readCertificates(profile?.certificate ?? '');
  return leaf === undefined || readTrust(profile?.ca ?? '', []).faultOf([leaf, ...others], now) === undefined;
}
