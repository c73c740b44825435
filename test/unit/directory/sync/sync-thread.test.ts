import { expect, test } from 'vitest';
import { syncInThread, type ThreadOrder } from '../../../../src/directory/sync/thread.ts';
import { randomSeed } from '../../../../src/hash/keyed-hash.ts';

test('a thread that dies is told, does not take the process with it, and does not keep the router from stopping', async () => {
  const died = Promise.withResolvers<{ fields: object; message: string }>();
  const log = { info: () => {}, warn: (fields: object, message: string) => died.resolve({ fields, message }) };
  // Without settings it cannot even begin.
  const order = { source: { name: 'ldap corp' }, seed: randomSeed() } as ThreadOrder;
  const sync = syncInThread(order, log)(() => {});
  expect(await died.promise).toMatchObject({
    fields: { source: 'ldap corp', why: expect.stringContaining('TypeError') },
    message: 'the thread that sweeps has failed',
  });
  await sync.stop();
});
