/** Whole dialogs as both sides hold them: subscriptions and session-mode instant messaging. */
import { expect } from 'vitest';
import { responseText } from '../support/raw-message.ts';
import { openEnd } from '../support/raw-sip.ts';
import { type Check, conformance } from './check.ts';
import { exchangeWithin, openDialog, sendWithin } from './dialog.ts';
import { contactAt, Talk, values } from './talk.ts';

const checks: readonly Check[] = [
  ...(['cisco', 'microsoft'] as const).map(
    (from, index): Check => ({
      id: `DLG-1.${index + 1}`,
      rfc: 6665,
      section: '4.1, 4.2',
      level: 'MUST',
      title: `a subscription from ${from} is opened, notified, refreshed and ended`,
      async run(world) {
        const dialog = await openDialog(await Talk.open(world, { from }), 'SUBSCRIBE');
        const headers = ['Event: presence', 'Subscription-State: active;expires=7446'];
        for (const cseq of [1, 2]) {
          const notify = await exchangeWithin(dialog, 'callee', 'NOTIFY', { cseq, headers, body: '<presence/>' });
          expect(notify.requestUri).toBe(dialog.callee.target);
          expect(notify.body).toBe('<presence/>');
        }
        await exchangeWithin(dialog, 'caller', 'SUBSCRIBE', { cseq: 2, headers: ['Event: presence', 'Expires: 7446'] });
        await exchangeWithin(dialog, 'caller', 'SUBSCRIBE', { cseq: 3, headers: ['Event: presence', 'Expires: 0'] });
      },
    }),
  ),
  {
    id: 'DLG-2',
    rfc: 'MS-SIP §3.5',
    section: '3.5',
    level: 'MUST',
    title: 'BENOTIFY within a subscription arrives by the route set, and nobody answers it',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world), 'SUBSCRIBE', {
        headers: [contactAt(world.cisco.tcp), 'Event: presence', 'Proxy-Require: ms-benotify'],
      });
      const { talk, callee, caller } = dialog;
      for (const cseq of [1, 2]) {
        sendWithin(dialog, 'callee', 'BENOTIFY', { cseq, headers: ['Event: presence'], body: `state ${cseq}` });
        const arrived = await talk.at(caller.at, 'BENOTIFY');
        expect(arrived.requestUri).toBe(callee.target);
        expect(arrived.headers('Route')).toEqual([]);
        expect(arrived.body).toBe(`state ${cseq}`);
      }
      await talk.nothingAt(callee.out);
    },
  },
  ...(['cisco', 'microsoft'] as const).map(
    (from, index): Check => ({
      id: `DLG-3.${index + 1}`,
      rfc: 3261,
      section: '12.2, 16.12.1.1',
      level: 'MUST',
      title: `a session from ${from} carries MESSAGE and INFO both ways, and ends from either end`,
      async run(world) {
        const dialog = await openDialog(await Talk.open(world, { from }));
        for (const by of ['caller', 'callee'] as const) {
          const message = await exchangeWithin(dialog, by, 'MESSAGE', { cseq: 2, body: `from the ${by}` });
          expect(message.body).toBe(`from the ${by}`);
          await exchangeWithin(dialog, by, 'INFO', {
            cseq: 3,
            headers: ['Content-Type: application/xml'],
            body: '<k/>',
          });
        }
        await exchangeWithin(dialog, from === 'cisco' ? 'callee' : 'caller', 'BYE', { cseq: 4 });
      },
    }),
  ),
  ...(['caller', 'callee'] as const).map(
    (by, index): Check => ({
      id: `DLG-4.${index + 1}`,
      rfc: 3261,
      section: '14, 16.12.1.1',
      level: 'MUST',
      title: `a re-INVITE of the ${by} passes with its 1xx, 200 and ACK`,
      async run(world) {
        const dialog = await openDialog(await Talk.open(world));
        const { talk } = dialog;
        const far = by === 'caller' ? dialog.callee : dialog.caller;
        const headers = [contactAt(dialog[by].at)];
        sendWithin(dialog, by, 'INVITE', { cseq: 2, headers });
        const arrived = await talk.at(far.at, 'INVITE');
        arrived.reply(responseText(arrived, 180));
        await talk.at(dialog[by].out, 180);
        arrived.reply(responseText(arrived, 200, { headers: [contactAt(far.at)] }));
        await talk.at(dialog[by].out, 200);
        sendWithin(dialog, by, 'ACK', { cseq: 2 });
        expect((await talk.at(far.at, 'ACK')).headers('Via')).toHaveLength(2);
      },
    }),
  ),
  {
    id: 'DLG-5',
    rfc: 3261,
    section: '12.1.1, 16.7',
    level: 'MUST',
    title: 'an early dialog carries PRACK and UPDATE by the route set of the provisional response',
    async run(world) {
      const talk = await Talk.open(world);
      const invite = talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp), 'Supported: 100rel'] });
      const forwarded = await talk.arrived('INVITE');
      forwarded.reply(
        responseText(forwarded, 183, { headers: [contactAt(talk.callee), 'RSeq: 1', 'Require: 100rel'] }),
      );
      const early = await talk.answer(183);
      const routes = values(early.headers('Record-Route')).reverse();
      for (const method of ['PRACK', 'UPDATE']) {
        talk.ask(method, {
          uri: `sip:${talk.callee.address}:5060;transport=tcp`,
          from: invite.header('From')!,
          to: early.header('To')!,
          cseq: 2,
          headers: [...routes.map((route) => `Route: ${route}`), 'RAck: 1 1 INVITE'],
        });
        const arrived = await talk.arrived(method);
        arrived.reply(responseText(arrived, 200));
        await talk.answer(200);
      }
    },
  },
  {
    id: 'DLG-6',
    rfc: 'product',
    section: '16.5',
    level: 'product',
    title: 'within a dialog the router does not carry requests to a target that is nobody it knows',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      for (const uri of ['sip:bob@192.0.2.99:5060', 'sip:bob@stranger.example.net']) {
        sendWithin(dialog, 'caller', 'INFO', { uri });
        expect([403, 404, 481]).toContain((await dialog.talk.answer()).status);
      }
      await dialog.talk.reachedNobody();
    },
  },
  {
    id: 'DLG-7',
    rfc: 3261,
    section: '16.12.1.1, 19.1.1',
    level: 'MUST',
    title: 'a dialog whose remote target is an address of record (a GRUU) goes on by its Route',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      const gruu = `sip:bob@${dialog.talk.domain};opaque=user:epid:Zz;gruu`;
      const arrived = await exchangeWithin(dialog, 'caller', 'INFO', { uri: gruu });
      expect(arrived.requestUri).toBe(gruu);
    },
  },
  {
    id: 'DLG-8',
    rfc: 3261,
    section: '13.2.2.4, 16.11',
    level: 'MUST',
    title: 'the ACK to a 2xx goes by Route and Request-URI, and is not answered',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp', to: 'tls' });
      const dialog = await openDialog(talk);
      sendWithin(dialog, 'caller', 'ACK');
      const ack = await talk.at(dialog.callee.at, 'ACK');
      expect(ack.requestUri).toBe(dialog.caller.target);
      expect(ack.headers('Route')).toEqual([]);
      expect(ack.headers('Via')).toHaveLength(2);
      await talk.nothingAt(talk.asker, (message) => (message.status ?? 0) > 200);
    },
  },
  {
    id: 'DLG-9',
    rfc: 3261,
    section: '12.2.1.1, 16.6(6)',
    level: 'MUST',
    title: 'the remote target may be another port of the same host than the one requests are routed to',
    async run(world) {
      for (const transport of ['udp', 'tcp'] as const) {
        const phone = await openEnd({ transport, address: world.address('microsoft') });
        const talk = await Talk.open(world);
        talk.ask('SUBSCRIBE', { headers: [contactAt(world.cisco.tcp), 'Event: presence'] });
        const forwarded = await talk.arrived('SUBSCRIBE');
        forwarded.reply(responseText(forwarded, 200, { headers: [contactAt(phone)] }));
        const ok = await talk.answer(200);
        talk.ask('SUBSCRIBE', {
          uri: /<(.*)>/.exec(ok.header('Contact')!)![1]!,
          to: ok.header('To')!,
          cseq: 2,
          headers: [...values(ok.headers('Record-Route')).map((route) => `Route: ${route}`), 'Event: presence'],
        });
        const arrived = await talk.at(phone, 'SUBSCRIBE');
        arrived.reply(responseText(arrived, 200));
        await talk.answer(200);
        await phone.close();
      }
    },
  },
  {
    id: 'DLG-10',
    rfc: 3263,
    section: '4.1',
    level: 'MUST',
    title: 'a numeric remote target without transport parameter is reached over UDP',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      sendWithin(dialog, 'caller', 'INFO', { uri: `sip:bob@${world.address('microsoft')}:5060` });
      await dialog.talk.at(world.microsoft.udp, 'INFO');
    },
  },
];

conformance('dialogs', { block: 5 }, checks);
