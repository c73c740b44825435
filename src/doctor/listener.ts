/** What a peer sees of one of our listeners, and what that says. Pure. */
import { readCertificates } from '../certificates/pem.ts';
import { readTrust } from '../certificates/trust.ts';
import type { Transport } from '../sip/transport/flow.ts';
import type { Contact, Secured } from './contact.ts';
import { error, type Finding, warning, well } from './finding.ts';
import type { Answer } from './inquiry.ts';
import { onRouter } from './remedies.ts';

export interface ListenerContext {
  readonly transport: Transport;
  /** PEM texts of its TLS profile. */
  readonly profile: { readonly certificate: string; readonly ca: string } | undefined;
  readonly now: Date;
  /** Strangers get no answer at all. */
  readonly dropsStrangers: boolean;
}

export const isClosed = (contact: Contact): boolean => contact.kind === 'not-connected' && contact.why === 'refused';

/** @param isRunning another listener is open: then this one should be too */
export function judgeListener(contact: Contact, context: ListenerContext, isRunning: boolean): readonly Finding[] {
  if (contact.kind === 'not-connected') return [judgeClosed(contact, isRunning)];
  if (contact.kind === 'not-secured') {
    const step = onRouter('pif-router status: is it the router that listens there?');
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
  return (isRunning ? error : warning)('listener-open', seen, onRouter('pif-router start, or pif-router status'));
}

function judgeShown({ version, cipher, chain }: Secured, { profile }: ListenerContext): readonly Finding[] {
  const reached = well('listener-tls', `${version} with ${cipher}`);
  const [ours] = readCertificates(profile?.certificate ?? '');
  const shown = chain[0];
  if (shown === undefined || ours === undefined || shown.fingerprint256 === ours.fingerprint256)
    return [reached, well('listener-certificate', 'it shows the certificate of its file')];
  const seen = `it shows another certificate than its file holds: one that ends on ${shown.validToDate.toISOString().slice(0, 10)}`;
  return [reached, warning('listener-certificate', seen, onRouter('pif-router reload'))];
}

function judgeAnswer(answer: Answer, context: ListenerContext): Finding {
  const ask = onRouter('pif-router status');
  switch (answer.kind) {
    case 'answered':
      return well('listener-answer', tellStatus(answer));
    case 'silent':
      if (context.dropsStrangers)
        return well('listener-answer', 'it does not answer strangers, as when-access-denied: drop says');
      return error('listener-answer', `no answer to OPTIONS within ${answer.waitedMs} ms`, ask);
    case 'certificate-refused':
    case 'closed':
      return trustsOurselves(context) ? error('listener-answer', answer.detail, ask) : notForOurselves;
    case 'not-sip':
      return error('listener-answer', `what answers there is not the router (${answer.detail})`, ask);
  }
}

const tellStatus = ({ status, ms }: Extract<Answer, { kind: 'answered' }>): string => {
  const took = `OPTIONS: ${status} in ${Math.ceil(ms)} ms`;
  return status === 403 ? `${took}, as no rule lets this machine in` : took;
};

/** We connect with our own certificate, which need not be one that our peers' CA signed. */
const notForOurselves = well(
  'listener-answer',
  'it asks for a certificate that its ca signed; ours is not, so no OPTIONS could be sent',
);

function trustsOurselves({ profile, now }: ListenerContext): boolean {
  const [leaf, ...others] = readCertificates(profile?.certificate ?? '');
  return leaf === undefined || readTrust(profile?.ca ?? '', []).faultOf([leaf, ...others], now) === undefined;
}
