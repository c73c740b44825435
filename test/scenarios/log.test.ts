/** What the started program writes about the requests that it has decided, and what it never writes. */
import { expect, inject, test } from 'vitest';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';
import { expectExchange } from './through-router.ts';

const sides = twoSides(18);

test('each request of a session leaves one decision record, and nothing that anybody wrote to anybody', async () => {
  const router = await RouterProcess.start({ routes: routesYaml(sides, { certificates: inject('certificates') }) });
  const session = { client: 'uac-session-im-expect-200', server: 'uas-session-im-answer-200', calls: 1 };
  await expectExchange({ sides, from: 'cisco', near: 'tcp', far: 'tcp', ...session });
  expect(await router.stop()).toBe(0);

  const records = router.logLines.filter(({ event }) => event === 'request');
  expect(records.map(({ method, fromSide, toSide, status }) => [method, fromSide, toSide, status])).toEqual([
    ['INVITE', 'cisco', 'microsoft', 200],
    // Nothing answers an ACK.
    ['ACK', 'cisco', 'microsoft', 0],
    ['INFO', 'cisco', 'microsoft', 200],
    ['MESSAGE', 'cisco', 'microsoft', 200],
    ['MESSAGE', 'microsoft', 'cisco', 200],
    ['BYE', 'cisco', 'microsoft', 200],
  ]);
  expect(records[0]).toMatchObject({
    id: expect.any(String),
    peer: expect.stringContaining(sides.cisco),
    because: expect.arrayContaining([expect.stringMatching(/^basic-other-side/)]),
    hops: [{ hop: `microsoft ${sides.microsoft}:5060/tcp`, outcome: '200', ms: expect.any(Number) }],
  });
  // The text of the messages, and the first one as Lync carries it in a header field of the INVITE (ms-body, base64).
  expect(router.output).not.toMatch(/Hello|SGVsbG8/);
});

test('with log.format: pretty all workers write lines for eyes, each whole', async () => {
  const routes = `${routesYaml(sides, { certificates: inject('certificates') })}\nworkers: 2\nlog: { format: pretty }\n`;
  const router = await RouterProcess.start({ routes });
  const exchange = { client: 'uac-message-expect-200', server: 'uas-message-answer-200', calls: 20 };
  for (const near of ['tcp', 'udp'] as const)
    await expectExchange({ sides, from: 'cisco', near, far: 'tcp', ...exchange });
  expect(await router.stop()).toBe(0);
  const records = router.output.split('\n').filter((line) => line.includes(' request '));
  expect(records).toHaveLength(40);
  for (const record of records) {
    expect(record).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} INFO {2}request {8}MESSAGE sip:\S+ cisco > microsoft 200 in [\d.]+ ms {2}hops: /,
    );
  }
});
