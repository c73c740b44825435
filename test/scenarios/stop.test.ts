/** The program is asked to end: with nothing to do, with peers connected, and with a request under way. */
import { afterEach, expect, inject, test } from 'vitest';
import { newBranch, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';

const sides = twoSides(17);
const router = { address: sides.router, port: 5060 };
const ends: RawEnd[] = [];

const start = (transports?: Transport[]): Promise<RouterProcess> => {
  const certificates = inject('certificates');
  const options = transports ? { certificates, transports } : { certificates };
  return RouterProcess.start({ routes: routesYaml(sides, options) });
};

const cisco = async (): Promise<RawEnd> => {
  const end = await openEnd({ transport: 'tcp', address: sides.cisco, to: router });
  ends.push(end);
  return end;
};

const message = (from: RawEnd): string =>
  requestText({
    method: 'MESSAGE',
    uri: 'sip:bob@tcp.example.com',
    via: [`${from.via};branch=${newBranch()}`],
    body: 'Hello',
  });

afterEach(async () => {
  for (const end of ends.splice(0)) await end.close();
});

test('with nothing to do it ends with 0', async () => {
  const program = await start();
  expect(await program.stop()).toBe(0);
});

async function stopWithIdlePeers(transports: Transport[]): Promise<void> {
  const program = await start(transports);
  const microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  ends.push(microsoft);
  microsoft.respond((request) => responseText(request, 200));
  const asker = await cisco();
  asker.send(message(asker));
  await asker.take(200);
  expect(await program.stop(), program.output).toBe(0);
}

test('with idle peers connected it closes their connections and ends with 0', async () => {
  await stopWithIdlePeers(['udp', 'tcp']);
});

test('without UDP listeners it does so too', async () => {
  await stopWithIdlePeers(['tcp']);
});

test('a request that is under way is still answered, then it ends with 0', async () => {
  const program = await start();
  const microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  ends.push(microsoft);
  const asker = await cisco();
  asker.send(message(asker));
  const request = await microsoft.take('MESSAGE');
  const stopped = program.stop();
  setTimeout(() => request.reply(responseText(request, 200)), 300);
  await asker.take(200);
  expect(await stopped, program.output).toBe(0);
});
