/** Datagrams that leave by one system call: Node is told so at its start (src/cli/node-options.ts), so in a process of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { nodeOptions } from '../../../../src/cli/node-options.ts';
import { openEnd } from '../../../support/raw-sip.ts';

const program = join(import.meta.dirname, '../../../support/datagrams-together.ts');

test('of those sent in one turn each fails alone, and the others arrive, though the port closes in that very turn', async () => {
  const peer = await openEnd({ transport: 'udp', address: '127.0.152.2' });
  const args = [...nodeOptions, program, '127.0.152.1', peer.address, `${peer.port}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(JSON.parse(stdout)).toEqual({ peer: [], nowhere: ['send-failed'] });
  const arrived: (string | undefined)[] = [];
  while (arrived.length < 16) arrived.push((await peer.take('MESSAGE')).header('Call-ID'));
  const sent = Array.from({ length: 20 }, (_, number) => number).filter((number) => number % 5 !== 3);
  expect(arrived).toEqual(sent.map(String));
  await peer.close();
});
