/**
 * Preloaded into a router (`--import`): what cannot be brought about from outside. In each worker but the main thread, port 5098
 * can never be opened, and the worker ends as soon as the file that PIF_TEST_DEATH names is there.
 */
import { existsSync } from 'node:fs';
import { Server } from 'node:net';
import { workerData } from 'node:worker_threads';

/** Also of the thread that follows the directory; it has no place. */
const isWorker = (workerData as { place?: object } | null)?.place !== undefined;

if (isWorker) {
  const listen = Server.prototype.listen as (...args: unknown[]) => Server;
  Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
    const [{ port }] = args as [{ port?: number }];
    if (port !== 5098) return listen.apply(this, args);
    const error = Object.assign(new Error('bind EADDRINUSE'), { code: 'EADDRINUSE' });
    queueMicrotask(() => this.emit('error', error));
    return this;
  } as Server['listen'];
  setInterval(() => {
    if (existsSync(process.env.PIF_TEST_DEATH ?? '')) process.exit(7);
  }, 10).unref();
}
