/** A caller may give up while the directory is still being asked where the callee lives. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { newBranch, requestText, responseText } from '../support/raw-message.ts';
import { openEnd } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { routesYaml, twoSides } from '../support/two-sides.ts';

test('an INVITE that is cancelled before the directory has answered ends with 487 and is sent to nobody (RFC 3261 §9.2)', async () => {
  const sides = twoSides(43);
  const certificates = inject('certificates');
  const silent = createServer().listen(6636, sides.microsoft2);
  await once(silent, 'listening');
  const source =
    `{ kind: ldap, urls: ["ldaps://${sides.microsoft2}:6636"], ca: ${certificates}/ca.crt, ` +
    'bind-dn: cn=pif, password-env: HOME, base: ["dc=example,dc=com"], connect: 10s }';
  const routes = routesYaml(sides, { certificates, mode: 'advanced' }).replace(
    'sources: []',
    `cache: { budget: 700ms }\n  sources:\n    - ${source}`,
  );
  const router = await RouterProcess.start({ routes });
  const microsoft = await openEnd({ transport: 'tcp', address: sides.microsoft, port: 5060 });
  microsoft.respond((request) => (request.method === 'INVITE' ? responseText(request, 180) : undefined));
  const caller = await openEnd({ transport: 'tcp', address: sides.cisco, to: { address: sides.router, port: 5060 } });
  try {
    const via = [`${caller.via};branch=${newBranch()}`];
    const invite = requestText({ method: 'INVITE', uri: 'sip:bob@tcp.example.com', via });
    caller.send(invite);
    await caller.take(100);
    caller.send(invite.replaceAll('INVITE', 'CANCEL'));
    expect((await caller.take(200)).header('CSeq')).toBe('1 CANCEL');
    expect((await caller.take(487)).header('CSeq')).toBe('1 INVITE');
    await pause(200);
    expect(microsoft.inbox.filter(({ method }) => method === 'INVITE')).toEqual([]);
  } finally {
    await caller.close();
    await microsoft.close();
    silent.close();
    await router.stop();
  }
});
