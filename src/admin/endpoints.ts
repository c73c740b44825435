/** What an administrator can ask and order, over the socket and over the port for administration. Each order is logged. */
import type { App } from '../app.ts';
import type { Reloader } from '../config/reload.ts';
import type { Log } from '../log.ts';
import { exposition, expositionType } from '../observe/exposition.ts';
import { directoryEndpoints } from './directory.ts';
import type { Endpoints, Reply } from './http.ts';
import { metricsOf } from './metrics.ts';
import { statusOf } from './status.ts';

export const endpointsOf = (app: App, reloader: Reloader, log: Log): Endpoints => {
  const status = async (): Promise<Reply> => ({ status: 200, body: await statusOf(app, reloader) });
  const drain = (isDraining: boolean) => async (): Promise<Reply> => {
    await app.drain(isDraining);
    log.warn({ event: 'drain', isDraining }, isDraining ? 'new requests get 503 from now on' : 'in service again');
    return status();
  };
  return {
    'GET /status': status,
    /** 200 only while new requests are taken: for keepalived, HAProxy and the like. */
    'GET /ready': async () => ({ ...(await status()), status: app.isDraining ? 503 : 200 }),
    'GET /metrics': async () => ({
      status: 200,
      body: undefined,
      text: exposition(metricsOf(app, reloader, await app.loads())),
      headers: { 'content-type': expositionType },
    }),
    'POST /reload': async () => {
      const result = await reloader.reload('command');
      return { status: result.outcome === 'applied' ? 200 : 422, body: result };
    },
    'POST /drain': drain(true),
    'POST /undrain': drain(false),
    ...directoryEndpoints(() => app.directory, log),
  };
};
