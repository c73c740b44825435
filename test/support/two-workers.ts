/** A started router with two workers, and ends of which it is known which worker has their connection. */
import type { Status } from '../../src/admin/status.ts';
import { ask } from './admin.ts';
import { newBranch, requestText } from './raw-message.ts';
import type { RawEnd } from './raw-sip.ts';
import type { RouterProcess } from './router-process.ts';
import { until } from './until.ts';

/** For a routes.yaml. */
export const twoWorkers = 'workers: 2\n';

/** By number of the worker. */
type ByWorker = readonly [RawEnd[], RawEnd[]];

export const statusOf = async (router: RouterProcess): Promise<Status> =>
  (await ask<Status>(router, 'GET /status')).body;

export const optionsOf = (end: RawEnd, address: string): string =>
  requestText({ method: 'OPTIONS', uri: `sip:${address}`, via: [`${end.via};branch=${newBranch()};rport`] });

/** Which worker answers this end. Nobody else may send meanwhile. */
async function workerOf(end: RawEnd, router: RouterProcess, address: string): Promise<0 | 1> {
  const before = await statusOf(router);
  end.send(optionsOf(end, address));
  await end.take(200);
  const after = await statusOf(router);
  return after.workers[0]!.requests > before.workers[0]!.requests ? 0 : 1;
}

/**
 * Opens ends until each worker has so many; which of them the system gives a connection to is its own choice.
 * @param address where the router hears, for an OPTIONS to itself
 */
export async function endsOfBoth(
  router: RouterProcess,
  address: string,
  open: () => Promise<RawEnd>,
  each = 2,
): Promise<ByWorker> {
  const ends: ByWorker = [[], []];
  while (ends[0].length < each || ends[1].length < each) {
    const end = await open();
    ends[await workerOf(end, router, address)].push(end);
  }
  return ends;
}

/** The lines that the router has logged so far and that `isWanted`, when there are `count` of them. */
export const logged = (
  router: RouterProcess,
  count: number,
  isWanted: (line: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>[]> =>
  until(() => {
    const found = router.logLines.filter(isWanted);
    return found.length >= count && found;
  });
