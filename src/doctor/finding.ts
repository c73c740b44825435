/** What an examination says: one finding for each thing that was looked at, and what to do about it on which system. */
import type { Side } from '../routing/types.ts';

/** `error`: something fails, or will for certain. `warning`: it works, or may; somebody should look at it. */
export type FindingSeverity = 'ok' | 'warning' | 'error';

/** Where a step is taken. */
type System = 'this router' | 'Cisco IM&P' | 'Microsoft Front End' | 'DNS' | 'certification authority' | 'network';

export interface RemedyStep {
  readonly on: System;
  /** With the menu or the cmdlet, word for word. */
  readonly what: string;
}

/** Stable like an API: for scripts that read `doctor --json`. */
export type FindingCode =
  // our own certificate
  | 'own-certificate-dates'
  | 'own-chain'
  | 'own-key'
  | 'own-names'
  | 'own-common-name'
  | 'own-purposes'
  | 'trusted-certificate-dates'
  // our own name
  | 'own-name-address'
  | 'own-name-reverse'
  // what a peer sees of a listener
  | 'listener-open'
  | 'listener-tls'
  | 'listener-certificate'
  | 'listener-answer'
  // from a next hop's name to its address
  | 'hop-address'
  | 'hop-reverse'
  // how far one gets with a next hop
  | 'connection'
  | 'tls-version'
  | 'tls-handshake'
  | 'own-certificate-accepted'
  | 'options'
  | 'clock'
  // what it shows
  | 'peer-chain'
  | 'peer-certificate-dates'
  | 'peer-name'
  | 'peer-purposes'
  | 'peer-access';

export interface Finding {
  readonly code: FindingCode;
  readonly severity: FindingSeverity;
  /** A sentence without its end. */
  readonly seen: string;
  /** None where all is well. */
  readonly steps: readonly RemedyStep[];
}

export interface Examination {
  readonly kind: 'tls-profile' | 'node' | 'listener' | 'next-hop';
  /** `tls 192.0.2.10:5061`. */
  readonly subject: string;
  readonly side?: Side;
  readonly findings: readonly Finding[];
}

export const well = (code: FindingCode, seen: string): Finding => ({ code, severity: 'ok', seen, steps: [] });

export const warning = (code: FindingCode, seen: string, ...steps: readonly RemedyStep[]): Finding => ({
  code,
  severity: 'warning',
  seen,
  steps,
});

export const error = (code: FindingCode, seen: string, ...steps: readonly RemedyStep[]): Finding => ({
  code,
  severity: 'error',
  seen,
  steps,
});
