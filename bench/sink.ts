/** Child process: the far side, which answers every message with 200. */
import { answerTo } from './message.ts';
import { type Identity, type Place, serve, type Transport } from './wire.ts';

export interface SinkOrder {
  readonly transport: Transport;
  readonly at: Place;
  readonly identity: Identity;
}

process.on('message', async ({ transport, at, identity }: SinkOrder) => {
  await serve(transport, at, identity, answerTo);
  process.send?.('listening');
});
process.on('disconnect', () => process.exit());
