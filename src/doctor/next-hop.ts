/** What a contact with a next hop says, and what to do about it. Pure. */
import { sipPort, sipsPort } from '../net/ports.ts';
import type { Side } from '../routing/types.ts';
import type { Target } from '../sip/transport/flow.ts';
import type { Contact, Secured } from './contact.ts';
import { error, type Finding, type RemedyStep, warning, well } from './finding.ts';
import type { InquiryResult } from './inquiry.ts';
import type { Today } from './own-certificate.ts';
import { type Expected, judgePeerCertificate } from './peer-certificate.ts';
import {
  agreeOnTls,
  expectOurName,
  type Identity,
  letUsIn,
  lookUpQuickly,
  onNetwork,
  onRouter,
  openItsPort,
  trustOurAuthority,
} from './remedies.ts';

interface HopContext {
  readonly target: Target;
  readonly side: Side;
  readonly identity: Identity;
  readonly expected: Expected;
  readonly today: Today;
  /** Statuses that a healthy hop gives to OPTIONS. */
  readonly good: ReadonlySet<number>;
}

/** @param older how far one gets with every old version and cipher, where one got nowhere without */
export function judgeHop(contact: Contact, context: HopContext, older: Contact | undefined): readonly Finding[] {
  switch (contact.kind) {
    case 'not-connected':
      return [judgeUnconnected(contact, context)];
    case 'not-secured':
      return [well('connection', 'it takes TCP connections'), judgeUnsecured(contact, context, older)];
    case 'open':
      return [
        ...(context.target.transport === 'udp' ? [] : [well('connection', 'it takes TCP connections')]),
        ...judgeSecured(contact, context),
        ...judgeAnswer(contact.answer, context),
      ];
  }
}

/** What comes first to mind: the usual port of the other kind (RFC 3261 §19.1.2). */
const otherKind = ({ transport, port }: Target): readonly RemedyStep[] => {
  if (transport === 'tls' && port === sipPort)
    return [
      onRouter(
        `port: ${sipsPort} on the route, as ${sipPort} is the port of SIP without TLS; or transport: tcp, if ${sipPort} is meant`,
      ),
    ];
  if (transport !== 'tls' && port === sipsPort)
    return [
      onRouter(
        `transport: tls on the route, as ${sipsPort} is the port of TLS; or port: ${sipPort}, if ${transport} is meant`,
      ),
    ];
  return [];
};

type Unconnected = Extract<Contact, { kind: 'not-connected' }>;

function judgeUnconnected({ why, detail }: Unconnected, { target, side, identity }: HopContext): Finding {
  const { address, port, transport } = target;
  const listens = openItsPort(side, target);
  switch (why) {
    case 'refused': {
      const firewall = onNetwork('some firewalls refuse in the name of the host');
      const seen = `nobody listens there for ${transport.toUpperCase()} (${detail})`;
      return error('connection', seen, ...otherKind(target), listens, firewall);
    }
    case 'closed': {
      const seen = `it closes the connection as soon as it is open (${detail})`;
      return error('connection', seen, ...otherKind(target), letUsIn(side, identity));
    }
    case 'silent': {
      const path = onNetwork(`does ${address} run, and may ${identity.address} connect to its port ${port}?`);
      return error('connection', `it says nothing, not even no (${detail})`, path, listens);
    }
    case 'unreachable':
      return error('connection', `there is no way to it (${detail})`, onNetwork(`routes and firewalls to ${address}`));
    case 'not-here': {
      const step = onRouter('correct the address under listen, or run this on the machine of the router');
      return error('connection', `${identity.address} is not an address of this machine (${detail})`, step);
    }
  }
}

type Unsecured = Extract<Contact, { kind: 'not-secured' }>;

function judgeUnsecured(contact: Unsecured, context: HopContext, older: Contact | undefined): Finding {
  const { side, target } = context;
  const { detail } = contact;
  const trust = trustOurAuthority(side);
  switch (contact.why) {
    case 'certificate-refused':
      return refusesUs(detail, context);
    case 'nothing-in-common':
      return error('tls-version', tellOlder(detail, older), agreeOnTls(side), ...legacyProfile(older));
    case 'not-tls': {
      const swapped = otherKind(target);
      const here =
        swapped.length > 0 ? swapped : [onRouter(`transport: tcp on the route, if port ${target.port} is meant`)];
      return error('tls-handshake', `it answers, but not with TLS (${detail})`, ...here, openItsPort(side, target));
    }
    case 'silent':
      return error(
        'tls-handshake',
        `it says nothing to TLS (${detail})`,
        ...otherKind(target),
        openItsPort(side, target),
      );
    case 'closed': {
      const swapped = otherKind(target);
      const why = swapped.length > 0 ? 'most likely it does not speak TLS' : 'most likely it refuses our certificate';
      const seen = `it closes the connection during the handshake: ${why} (${detail})`;
      return error('tls-handshake', seen, ...swapped, trust, expectOurName(side, context.identity));
    }
    case 'failed':
      return error('tls-handshake', `the handshake fails: ${detail}`, ...otherKind(target), agreeOnTls(side), trust);
  }
}

function tellOlder(detail: string, older: Contact | undefined): string {
  const common = `no TLS version or cipher in common (${detail})`;
  const secured = older?.kind === 'open' ? older.secured : undefined;
  return secured === undefined ? common : `${common}: it speaks ${secured.version} with ${secured.cipher}`;
}

const legacyProfile = (older: Contact | undefined): readonly RemedyStep[] =>
  older?.kind === 'open' && older.secured !== undefined
    ? [
        onRouter(
          `or, for an old system that cannot be brought further: a profile with { extends: ..., min-version: ${older.secured.version}, legacy: true } on its routes`,
        ),
      ]
    : [];

/** It has seen our certificate and does not want it. */
function refusesUs(detail: string, { side, identity }: HopContext): Finding {
  const seen = `it refuses our certificate (${detail})`;
  const isOld = /expired/.test(detail);
  const steps = isOld
    ? [onRouter('renew it; or is its clock or ours wrong?')]
    : [trustOurAuthority(side), expectOurName(side, identity)];
  return error('own-certificate-accepted', seen, ...steps);
}

const oldVersions = new Set(['SSLv3', 'TLSv1', 'TLSv1.1']);

function judgeSecured({ secured }: { readonly secured: Secured | undefined }, context: HopContext): readonly Finding[] {
  if (secured === undefined) return [];
  const { version, cipher } = secured;
  const reached = oldVersions.has(version)
    ? warning('tls-version', `${version} with ${cipher}, which is broken or nearly so`, agreeOnTls(context.side))
    : well('tls-version', `${version} with ${cipher}`);
  return [reached, ...judgePeerCertificate(secured, context.expected, context.today)];
}

function judgeAnswer(answer: InquiryResult, context: HopContext): readonly Finding[] {
  const { side, target, identity } = context;
  switch (answer.kind) {
    case 'answered':
      return [...acceptance(context), judgeStatus(answer, context), ...judgeClock(answer)];
    case 'certificate-refused':
      return [refusesUs(answer.detail, context)];
    case 'closed':
      return [judgeClosed(answer.detail, context)];
    case 'not-sip':
      return [
        error(
          'options',
          `what it answers is not SIP (${answer.detail})`,
          ...otherKind(target),
          openItsPort(side, target),
        ),
      ];
    case 'silent': {
      const seen = `no answer to OPTIONS within ${answer.waitedMs} ms`;
      return [error('options', seen, ...otherKind(target), letUsIn(side, identity), lookUpQuickly(side, identity))];
    }
  }
}

const acceptance = ({ target }: HopContext): readonly Finding[] =>
  target.transport === 'tls' ? [well('own-certificate-accepted', 'it accepts our certificate')] : [];

/** RFC 8446 §4.4.2.4: a server judges our certificate when the handshake is over for us, and need not say why it goes. */
function judgeClosed(detail: string, { target, side, identity }: HopContext): Finding {
  if (target.transport !== 'tls')
    return error('options', `${detail} instead of answering OPTIONS`, ...otherKind(target), letUsIn(side, identity));
  const seen = `${detail} after the handshake, without an answer: most likely it refuses our certificate`;
  return error('own-certificate-accepted', seen, trustOurAuthority(side), expectOurName(side, identity));
}

type Answered = Extract<InquiryResult, { kind: 'answered' }>;

/** It wants a password, or nothing from us at all. */
const notForUs = new Set([401, 403, 407]);

/** A hop that takes longer looks something up. */
const slowMs = 1_000;

function judgeStatus({ status, ms }: Answered, { good, side, identity }: HopContext): Finding {
  const seen = `OPTIONS: ${status} in ${Math.ceil(ms)} ms`;
  if (good.has(status) && ms <= slowMs) return well('options', seen);
  if (good.has(status)) return warning('options', `${seen}, which is slow`, lookUpQuickly(side, identity));
  if (notForUs.has(status)) return error('options', `${seen}: it does not know us`, letUsIn(side, identity));
  const step = onRouter('if this is how it answers when it is well: health.probe.good');
  return warning('options', `${seen}: the router takes that for ill`, step);
}

/** Certificates begin to fail at minutes, Kerberos at five. */
const clockToleranceMs = 60_000;

/** RFC 3261 §20.17: few send it. It counts whole seconds, so two of them mean nothing. */
function judgeClock({ date, atMs }: Answered): readonly Finding[] {
  const told = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(told)) return [];
  const aheadMs = told - atMs;
  if (Math.abs(aheadMs) < 2_000) return [well('clock', 'its clock is as ours')];
  const seen = `its clock is ${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ours`;
  if (Math.abs(aheadMs) < clockToleranceMs) return [well('clock', seen)];
  return [warning('clock', seen, onRouter('set one of them right: both by the same NTP servers'))];
}
