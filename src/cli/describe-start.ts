/** What `start` says once all listeners are open: addresses, sides, routes, the directory, and one line to try. */
import type { Snapshot } from '../config/snapshot.ts';
import type { RouteInput } from '../routing/policy-input.ts';
import type { Side } from '../routing/types.ts';
import type { Listener } from '../sip/transport/flow.ts';

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);

const labelled = (label: string, text: string): string => `  ${label.padEnd(11)}${text}`;

const describeListener = ({ transport, address, port, sentBy, tlsProfile }: Listener): string =>
  labelled(
    transport,
    `${bracketed(address)}:${port}, as ${sentBy}${tlsProfile === undefined ? '' : `, TLS profile ${tlsProfile}`}`,
  );

const describeRoute = ({
  to,
  pattern,
  nextHop,
  port,
  transport,
  priority,
  weight,
  inService,
  block,
}: RouteInput): string => {
  const state = block ? ', blocked' : inService ? '' : ', out of service';
  const hop = block ? 'refused' : `${bracketed(nextHop)}:${port} over ${transport}`;
  return labelled(to, `${pattern.text} by ${hop}, priority ${priority}, weight ${weight}${state}`);
};

const describeSide = (side: Side, { rows }: Snapshot): string => {
  const sources = rows.access.filter((rule) => rule.side === side).map(({ text }) => text);
  return labelled(side, sources.length === 0 ? 'nobody' : sources.join(', '));
};

/** A request that the policy lets in, so that the first thing an operator tries works. */
const lineToTry = ({ rows, file }: Snapshot): string => {
  const source = rows.access.find(({ text }) => /^[\d.]+$/.test(text))?.text ?? 'ADDRESS';
  const domain = rows.domains[0] ?? 'example.com';
  return `npm run explain -- MESSAGE sip:bob@${domain} --from-peer ${source} ${file}`;
};

export const describeStart = (snapshot: Snapshot, listeners: readonly Listener[]): readonly string[] => {
  const { number, file, rows, policy, directory } = snapshot;
  return [
    `pif-router: configuration ${number} from ${file}`,
    'listens on',
    ...listeners.map(describeListener),
    `routes ${rows.domains.join(', ')} in ${policy.mode} mode`,
    'lets in',
    describeSide('cisco', snapshot),
    describeSide('microsoft', snapshot),
    'reaches',
    ...rows.routes.map(describeRoute),
    `knows ${directory.describe().source}: ${directory.describe().summary}`,
    `try: ${lineToTry(snapshot)}`,
    `ready: ${listeners.length} listeners open`,
  ];
};
