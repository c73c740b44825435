/** Advanced mode: the directory says who is at home where, and no request goes to a side that does not have its user. */
import { expect } from 'vitest';
import { ldifUser } from '../support/two-sides.ts';
import { type Check, conformance } from './check.ts';
import { openDialog } from './dialog.ts';
import { Talk } from './talk.ts';
import type { Side, World } from './world.ts';

const domain = 'tcp.example.com';

async function delivered(world: World, from: Side, user: string, method = 'MESSAGE'): Promise<void> {
  const talk = await Talk.open(world, { from });
  await talk.exchange(method, { uri: `sip:${user}` });
}

async function refused(world: World, from: Side, user: string, status: number, method = 'MESSAGE'): Promise<void> {
  const talk = await Talk.open(world, { from });
  const sent = talk.ask(method, { uri: `sip:${user}` });
  const answer = await talk.answer(status);
  expect(answer.header('To')).toMatch(/;tag=./);
  expect(answer.header('ms-diagnostics')).toMatch(/^\d+;/);
  if (method === 'INVITE') talk.acknowledge(sent, answer);
  await talk.reachedNobody();
}

const checks: readonly Check[] = [
  ...['MESSAGE', 'INVITE', 'SUBSCRIBE', 'OPTIONS'].map(
    (method, index): Check => ({
      id: `NB-1.${index + 1}`,
      rfc: 3261,
      section: '16.5, 21.4.5',
      level: 'MUST',
      title: `${method} from Cisco to a user whom nobody knows gets 404 with a To tag and reaches no side`,
      run: (world) => refused(world, 'cisco', `nobody@${domain}`, 404, method),
    }),
  ),
  {
    id: 'ADV-1',
    rfc: 'product',
    section: '16.5',
    level: 'product',
    title: 'from Cisco an enabled Microsoft user is reached, however the address is written',
    async run(world) {
      for (const user of [`ms@${domain}`, `MS@${domain}`, `m%73@${domain}`, `ms@TCP.example.com;user=phone`]) {
        await delivered(world, 'cisco', user);
      }
    },
  },
  {
    id: 'ADV-2',
    rfc: 'product',
    section: '16.5',
    level: 'product',
    title: 'from Cisco a user who has only a Microsoft address, but is not enabled, gets 404',
    run: (world) => refused(world, 'cisco', `migrated@${domain}`, 404),
  },
  {
    id: 'ADV-3',
    rfc: 'product',
    section: '16.5',
    level: 'product',
    title: 'from Microsoft whoever is no enabled Microsoft user is sent to Cisco',
    async run(world) {
      await delivered(world, 'microsoft', `migrated@${domain}`);
      await delivered(world, 'microsoft', `somebody@${domain}`, 'SUBSCRIBE');
    },
  },
  {
    id: 'ADV-4',
    rfc: 'product',
    section: '16.5',
    level: 'product',
    title: 'from Microsoft a user who is at home there gets 404 instead of a loop',
    run: (world) => refused(world, 'microsoft', `ms@${domain}`, 404, 'INVITE'),
  },
  {
    id: 'ADV-5',
    rfc: 'product',
    section: '16.5',
    level: 'product',
    title: 'a pin wins over the directory, both ways',
    async run(world) {
      await delivered(world, 'microsoft', `pinned@${domain}`);
      await refused(world, 'cisco', `pinned@${domain}`, 404);
    },
  },
  {
    id: 'ADV-6',
    rfc: 3261,
    section: '16.12.1.1',
    level: 'MUST',
    title: 'requests within a dialog follow their route set and ask no directory',
    async run(world) {
      const talk = await Talk.open(world, { from: 'microsoft' });
      const dialog = await openDialog(talk, 'SUBSCRIBE');
      const { callee, caller } = dialog;
      expect(callee.routes.length).toBeGreaterThan(0);
      const routes = callee.routes.map((route) => `Route: ${route}`);
      const target = `sip:whoever@${domain};gruu`;
      const notify = talk.request('NOTIFY', {
        uri: target,
        via: [`${callee.out.via};branch=z9hG4bK${talk.callId}`],
        from: callee.from,
        to: callee.to,
        headers: [...routes, 'Event: presence', 'Subscription-State: active'],
      });
      callee.out.send(notify.text);
      expect((await talk.at(caller.at, 'NOTIFY')).requestUri).toBe(target);
    },
  },
  {
    id: 'ADV-7',
    rfc: 'MS-SIP §3.5',
    section: '16.5',
    level: 'MUST',
    title: 'BENOTIFY to a user whom nobody knows is dropped without an answer',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('BENOTIFY', { uri: `sip:nobody@${domain}` });
      await talk.reachedNobody();
      expect(talk.waitingAt(talk.asker)).toEqual([]);
    },
  },
];

conformance(
  'advanced mode',
  {
    block: 15,
    routing: { mode: 'advanced' },
    ldif: [
      ldifUser(`ms@${domain}`, true),
      ldifUser(`migrated@${domain}`, false),
      ldifUser(`pinned@${domain}`, true),
    ].join(''),
    pins: [{ user: `sip:pinned@${domain}`, side: 'cisco', why: 'moved early' }],
  },
  checks,
);
