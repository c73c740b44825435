/** What the router counts, as families of metrics: every configured hop stands in it from the start, whatever its state. */
import type { App } from '../app.ts';
import type { Reloader } from '../config/reload.ts';
import type { EngineLoad } from '../engine/engine.ts';
import type { HealthState } from '../health/hop-health.ts';
import type { HopView } from '../health/hop-monitor.ts';
import type { Family, Sample } from '../observe/exposition.ts';

export const metricsOf = (app: App, reloader: Reloader, loads: readonly EngineLoad[]): readonly Family[] => [
  gauge('pif_router_configuration_number', 'Number of the configuration in force.', [
    { labels: {}, value: reloader.snapshot.number },
  ]),
  gauge('pif_router_draining', '1 while new requests are refused.', [{ labels: {}, value: Number(app.isDraining) }]),
  {
    name: 'pif_router_requests_total',
    help: 'Requests that were heard, by worker: 0 is the main thread.',
    type: 'counter',
    samples: byWorker(loads, ({ requests }) => requests),
  },
  gauge(
    'pif_router_open_requests',
    'Requests that still wait for their answer, or answers for their ACK.',
    byWorker(loads, ({ openRequests }) => openRequests),
  ),
  gauge(
    'pif_router_connections',
    'Open TCP and TLS connections.',
    byWorker(loads, ({ connections }) => connections),
  ),
  gauge(
    'pif_router_held_octets',
    'What peers make the router hold: half-read messages, requests under way, kept answers, queues.',
    byWorker(loads, ({ heldOctets }) => heldOctets),
  ),
  gauge(
    'pif_router_memory_limit_octets',
    'How much of that there may be: limits.memory.',
    byWorker(loads, ({ memoryLimitOctets }) => memoryLimitOctets),
  ),
  {
    name: 'pif_router_memory_refusals_total',
    help: 'Requests answered 503, and connections closed, because their peer made the router hold too much.',
    type: 'counter',
    samples: byWorker(loads, ({ memoryRefusals }) => memoryRefusals),
  },
  gauge('pif_router_hop_state', '1 for the state that an address of a next hop is in, else 0.', hopStates(app)),
  gauge('pif_router_hop_in_service', '0 for a next hop that an operator has taken out, else 1.', hopsInService(app)),
  gauge(
    'pif_router_certificate_expiry_timestamp_seconds',
    'When a certificate or revocation list in use ends: ours, those of authorities, and those of connected peers.',
    expiries(app),
  ),
];

const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
  name,
  help,
  type: 'gauge',
  samples,
});

const byWorker = (loads: readonly EngineLoad[], of: (load: EngineLoad) => number): readonly Sample[] =>
  loads.map((load, worker) => ({ labels: { worker: `${worker}` }, value: of(load) }));

const states: readonly HealthState[] = ['up', 'suspect', 'down'];

const hopStates = ({ hops }: App): readonly Sample[] => unique(hops.view().flatMap(statesOfHop));

/** One that DNS knows no address of is down as a whole. */
function statesOfHop({ id, side, unresolved, targets }: HopView): readonly Sample[] {
  const places = targets.length === 0 ? [{ address: '', state: 'down' as const }] : targets;
  return places.flatMap(({ address, state }) => {
    const shown = unresolved === undefined ? state : 'down';
    return states.map((each) => ({ labels: { hop: id, side, address, state: each }, value: Number(each === shown) }));
  });
}

const hopsInService = ({ hops }: App): readonly Sample[] =>
  unique(
    hops
      .view()
      .map(({ id, side, admin }) => ({ labels: { hop: id, side }, value: Number(admin.state === 'in-service') })),
  );

const expiries = (app: App): readonly Sample[] =>
  unique(
    app.certificates().map(({ use, where, subject, validToDate }) => ({
      labels: { use, where, subject },
      value: validToDate.getTime() / 1_000,
    })),
  );

/** No two samples of a family may have the same labels: of certificates with one subject, the first to end counts. */
function unique(samples: readonly Sample[]): readonly Sample[] {
  const kept = new Map<string, Sample>();
  for (const sample of samples) {
    const key = JSON.stringify(sample.labels);
    const known = kept.get(key);
    if (known === undefined || sample.value < known.value) kept.set(key, sample);
  }
  return [...kept.values()];
}
