/** What the hosts of all scenes prove themselves with: made once, for the names of the hosts stay the same. */
import { X509Certificate } from 'node:crypto';
import { createAuthority } from '../support/certificates.ts';

export interface SimulatedCertificates {
  /** The router's own, by two certificates that take each other's place. */
  readonly files: readonly Readonly<Record<string, string>>[];
  /** DER, of `NAME.example.com`. */
  of(name: string): Buffer;
}

export function simulatedCertificates(): SimulatedCertificates {
  const authority = createAuthority('Simulated CA', 3_650);
  const issue = (name: string) =>
    authority.issue({ commonName: `${name}.example.com`, alternativeNames: [`DNS:${name}.example.com`], days: 3_650 });
  const own = [issue('router'), issue('router')];
  const known = new Map<string, Buffer>();
  return {
    files: own.map(({ certificate, key }) => ({
      'router.crt': certificate,
      'router.key': key,
      'ca.crt': authority.certificate,
    })),
    of(name) {
      const before = known.get(name);
      if (before !== undefined) return before;
      const { raw } = new X509Certificate(issue(name).certificate);
      known.set(name, raw);
      return raw;
    },
  };
}
