/** The certificates and revocation lists that a configuration names. */
import { type CertificateInUse, inUseOfFile, listsInUse } from '../certificates/in-use.ts';
import type { Snapshot } from './snapshot.ts';

export const certificatesOf = ({ transport, directory }: Snapshot): readonly CertificateInUse[] => [
  ...[...transport.tls].flatMap(([name, { certificate, ca, crl = [] }]) => [
    ...inUseOfFile('own', `tls.${name}.certificate`, certificate),
    ...inUseOfFile('authority', `tls.${name}.ca`, ca),
    ...listsInUse(`tls.${name}.crl`, crl, ca),
  ]),
  ...directory.sources.flatMap(({ certificates }, i) =>
    certificates.flatMap(({ setting, use, pem }) => inUseOfFile(use, `directory.sources[${i}].${setting}`, pem)),
  ),
];
