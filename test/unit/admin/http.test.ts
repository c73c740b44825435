/** Text of others in the answers of administration, over a real socket. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answering } from '../../../src/admin/http.ts';
import { anyText, everyUnit, hasUnseen } from '../../support/any-text.ts';

test('whatever a status quotes, its answer is one JSON value of one line, and shows nothing that is not seen', async () => {
  const texts = [...everyUnit, ...fc.sample(anyText, 100)];
  const server = createServer(answering({ 'GET /texts': () => ({ status: 200, body: { texts } }) }, () => undefined));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const asked = request({ host: '127.0.0.1', port, path: '/texts' }).end();
  const [response] = await once(asked, 'response');
  const text = (await response.setEncoding('utf8').toArray()).join('');
  server.close();
  expect(text.indexOf('\n')).toBe(text.length - 1);
  expect(hasUnseen(text.slice(0, -1))).toBe(false);
  expect(JSON.parse(text)).toEqual({ texts });
});
