/** Advanced mode: the directory says who is homed on Microsoft, and nobody else is looked for there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, inject, test } from 'vitest';
import type { Transport } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { domainOf, ldifUser, routesYaml, twoSides } from '../support/two-sides.ts';
import { expectAnswer, expectExchange } from './through-router.ts';

const sides = twoSides(12);
const transports: readonly Transport[] = ['udp', 'tcp', 'tls'];
const message = { client: 'uac-message-expect-200', server: 'uas-message-answer-200' };

const folder = mkdtempSync(join(tmpdir(), 'pif-users-'));
let router: RouterProcess;
beforeAll(async () => {
  const users = join(folder, 'users.ldif');
  writeFileSync(
    users,
    transports
      .map(domainOf)
      .map((domain) => ldifUser(`bob@${domain}`, true) + ldifUser(`moved@${domain}`, false))
      .join(''),
  );
  const certificates = inject('certificates');
  router = await RouterProcess.start({ routes: routesYaml(sides, { mode: 'advanced', certificates, users }) });
});
afterAll(async () => {
  await router?.stop();
  rmSync(folder, { recursive: true });
});

describe.each(transports)('over %s', (transport) => {
  const over = { sides, near: transport, far: transport };

  test('a message from Cisco reaches an enabled Microsoft user', async () => {
    await expectExchange({ ...over, from: 'cisco', ...message });
  });

  test('session-mode IM with an enabled Microsoft user: only the first request is decided, the rest follows its route', async () => {
    const scenarios = { client: 'uac-session-im-expect-200', server: 'uas-session-im-answer-200' };
    await expectExchange({ ...over, from: 'cisco', ...scenarios });
  });

  test('a message from Cisco to somebody the directory does not know is refused: 404, ms-diagnostics 1003', async () => {
    await expectAnswer({ ...over, from: 'cisco', user: 'nobody', client: 'uac-message-expect-404' });
  });

  test('a message from Cisco to somebody who has moved away from Microsoft is refused: 404, ms-diagnostics 4005', async () => {
    await expectAnswer({ ...over, from: 'cisco', user: 'moved', client: 'uac-message-expect-404-not-enabled' });
  });

  test('a message from Microsoft to somebody who is not its own user goes to Cisco', async () => {
    await expectExchange({ ...over, from: 'microsoft', user: 'moved', ...message });
  });

  test('a message from Microsoft to its own enabled user would come straight back, and is refused: 404', async () => {
    await expectAnswer({ ...over, from: 'microsoft', user: 'bob', client: 'uac-message-expect-404' });
  });
});
