/** Record-Route and Route: RFC 3261 §16.4, §16.6 steps 4, 6 and 7, §16.12.1; two values as RFC 5658 says. */
import { expect } from 'vitest';
import { newBranch, responseText } from '../support/raw-message.ts';
import type { Transport } from '../support/raw-sip.ts';
import { portOf } from '../support/two-sides.ts';
import { type Check, conformance, expectUntouched } from './check.ts';
import { exchangeWithin, openDialog, sendWithin } from './dialog.ts';
import { contactAt, Talk, values } from './talk.ts';
import type { World } from './world.ts';

const ours = /^<sip:router\.example\.com(?::\d+)?(?:;[^>]*)?;lr[;>]/;
const transportOf = (value: string | undefined): string | undefined => /;transport=(\w+)/i.exec(value ?? '')?.[1];

async function dialogGoesThrough(world: World, by: Transport, to: Transport): Promise<void> {
  const talk = await Talk.open(world, { by, to });
  const dialog = await openDialog(talk);
  const recorded = values(dialog.forwarded.headers('Record-Route'));
  expect(recorded.length).toBe(by === to ? 1 : 2);
  for (const value of recorded) expect(value).toMatch(ours);
  expect(transportOf(recorded[0])).toBe(to);
  expect(transportOf(recorded.at(-1))).toBe(by);
  expect(values(dialog.ok.headers('Record-Route'))).toEqual(recorded);
  const info = await exchangeWithin(dialog, 'caller', 'INFO');
  expect(info.requestUri).toBe(dialog.caller.target);
  expect(info.headers('Route')).toEqual([]);
  expect(info.header('Via')).toContain(`SIP/2.0/${to.toUpperCase()} `);
  const bye = await exchangeWithin(dialog, 'callee', 'BYE');
  expect(bye.requestUri).toBe(dialog.callee.target);
  expect(bye.headers('Route')).toEqual([]);
  expect(bye.header('Via')).toContain(`SIP/2.0/${by.toUpperCase()} `);
}

const pairs = (['udp', 'tcp', 'tls'] as const).flatMap((by) =>
  (['udp', 'tcp', 'tls'] as const).map((to) => ({ by, to })),
);

/** Ways to write our own address in a Route. */
const ownForms: readonly (readonly [form: string, uri: (address: string) => string])[] = [
  ['the address with its port', (address) => `sip:${address}:5060;lr`],
  ['the address without port', (address) => `sip:${address};lr`],
  ['the address with transport in upper case', (address) => `sip:${address}:5060;transport=TCP;lr`],
  ['the address of the TLS listener', (address) => `sip:${address}:5061;transport=tls;lr`],
  ['the node name with port', () => 'sip:router.example.com:5060;lr'],
  ['the node name without port', () => 'sip:router.example.com;transport=tcp;lr'],
  ['the node name in upper case', () => 'SIP:ROUTER.EXAMPLE.COM:5060;TRANSPORT=tcp;LR'],
  ['the node name with further parameters', () => 'sip:router.example.com:5060;transport=udp;lr=on;ms-x=y'],
];

const checks: readonly Check[] = [
  ...pairs.map(
    ({ by, to }, index): Check => ({
      id: `RR-1.${index + 1}`,
      rfc: by === to ? 3261 : 5658,
      section: by === to ? '16.6(4), 16.12.1.1' : '3.3',
      level: 'MUST',
      title: `a dialog from ${by} to ${to} passes through our Record-Route in both directions`,
      run: (world) => dialogGoesThrough(world, by, to),
    }),
  ),
  {
    id: 'RR-1.10',
    rfc: 3261,
    section: '16.6(4)',
    level: 'MUST',
    title: 'our Record-Route stands above those of the proxies before us, which keep their octets',
    async run(world) {
      const talk = await Talk.open(world);
      const signed =
        '<sip:pool.example.com:5061;transport=tls;ms-fe=fe1.example.com;opaque=state:F;lr;ms-route-sig=aB+/=>;tag=X';
      const headers = [
        contactAt(world.cisco.tcp),
        `Record-Route: ${signed}`,
        'Record-Route: <sip:edge.example.com;lr>',
      ];
      const { forwarded, answer } = await talk.exchange('SUBSCRIBE', { headers: [...headers, 'Event: presence'] });
      for (const message of [forwarded, answer]) {
        const recorded = message.headers('Record-Route');
        expect(recorded[0]).toMatch(ours);
        expect(recorded.slice(-2)).toEqual([signed, '<sip:edge.example.com;lr>']);
      }
    },
  },
  ...['SUBSCRIBE', 'NOTIFY', 'REFER', 'UPDATE'].map(
    (method, index): Check => ({
      id: `RR-1.${index + 11}`,
      rfc: 3261,
      section: '16.6(4)',
      level: 'SHOULD',
      title: `${method}, which opens a dialog or refreshes its target, is recorded`,
      async run(world) {
        const headers = [contactAt(world.cisco.tcp), 'Event: presence'];
        const { forwarded } = await (await Talk.open(world)).exchange(method, { headers });
        expect(forwarded.header('Record-Route')).toMatch(ours);
      },
    }),
  ),
  {
    id: 'RR-2',
    rfc: 3261,
    section: '16.4, 16.6(6, 7)',
    level: 'MUST',
    title: 'our Route is taken away, the next loose one is followed and kept, the Request-URI stays',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      const next = `<sip:${world.address('second')}:5060;transport=tcp;lr;ms-route-sig=aB+/=>;odd="x"`;
      const routes = [...dialog.caller.routes, next];
      sendWithin(dialog, 'caller', 'INFO', { uri: 'sip:bob@192.0.2.50;opaque=user:x', routes });
      const arrived = await dialog.talk.at(world.second.tcp, 'INFO');
      expect(arrived.headers('Route')).toEqual([next]);
      expect(arrived.requestUri).toBe('sip:bob@192.0.2.50;opaque=user:x');
      arrived.reply(responseText(arrived, 200));
      await dialog.talk.answer(200);
    },
  },
  {
    id: 'RR-2.1',
    rfc: 3261,
    section: '16.4',
    level: 'MUST',
    title: 'Route values that share one header field with ours keep their order and octets',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      const left = [
        `<sip:${world.address('second')}:5060;transport=tcp;lr>`,
        '"A, B" <sip:last.example.com;lr>;p="q,r"',
      ];
      sendWithin(dialog, 'caller', 'INFO', { routes: [[...dialog.caller.routes, ...left].join(' , ')] });
      const arrived = await dialog.talk.at(world.second.tcp, 'INFO');
      expect(values(arrived.headers('Route'))).toEqual(left);
    },
  },
  {
    id: 'RR-3',
    rfc: 3261,
    section: '16.4',
    level: 'MUST',
    title: 'a request from a strict router is repaired: the last Route becomes the Request-URI',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      const own = /<([^>]*)>/.exec(dialog.caller.routes[0] ?? '')?.[1] ?? '';
      sendWithin(dialog, 'caller', 'INFO', { uri: own, routes: [`<${dialog.caller.target}>`] });
      const arrived = await dialog.talk.at(dialog.callee.at, 'INFO');
      expect(arrived.requestUri).toBe(dialog.caller.target);
      expect(arrived.headers('Route')).toEqual([]);
    },
  },
  {
    id: 'RR-4',
    rfc: 3261,
    section: '16.6(6)',
    level: 'MUST',
    title: 'a strict next hop finds its own URI in the Request-URI, and the target as the last Route',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      const strict = `sip:${world.address('second')}:5060;transport=tcp`;
      const further = '<sip:further.example.com;lr>';
      sendWithin(dialog, 'caller', 'INFO', { routes: [...dialog.caller.routes, `<${strict}>`, further] });
      const arrived = await dialog.talk.at(world.second.tcp, 'INFO');
      expect(arrived.requestUri).toBe(strict);
      expect(values(arrived.headers('Route'))).toEqual([further, `<${dialog.caller.target}>`]);
      arrived.reply(responseText(arrived, 200));
      await dialog.talk.answer(200);
    },
  },
  ...ownForms.map(
    ([form, uri], index): Check => ({
      id: `RR-5.${index + 1}`,
      rfc: 3261,
      section: '16.4, 19.1.4',
      level: 'MUST',
      title: `a Route that we have signed is known as ours in the form: ${form}`,
      async run(world) {
        const dialog = await openDialog(await Talk.open(world));
        const [seal] = /;pif=\w+/.exec(dialog.caller.routes[0] ?? '') ?? [];
        sendWithin(dialog, 'caller', 'INFO', { routes: [`<${uri(world.address('router'))}${seal}>`] });
        const arrived = await dialog.talk.at(dialog.callee.at, 'INFO');
        expect(arrived.headers('Route')).toEqual([]);
        expect(arrived.requestUri).toBe(dialog.caller.target);
      },
    }),
  ),
  {
    id: 'RR-6',
    rfc: 5658,
    section: '3.3',
    level: 'MUST',
    title: 'two Route values of ours, as a double Record-Route leaves them, both go',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world, { by: 'tls', to: 'udp' }));
      expect(dialog.caller.routes).toHaveLength(2);
      const arrived = await exchangeWithin(dialog, 'caller', 'INFO');
      expect(arrived.headers('Route')).toEqual([]);
    },
  },
  {
    id: 'RR-7',
    rfc: 3261,
    section: '16.4, 16.5',
    level: 'MUST',
    title: 'outside a dialog our Route is taken away, and the Request-URI decides',
    async run(world) {
      const talk = await Talk.open(world);
      const headers = [`Route: <sip:${world.address('router')}:5060;transport=tcp;lr>`];
      const { forwarded } = await talk.exchange('MESSAGE', { headers });
      expect(forwarded.headers('Route')).toEqual([]);
      expect(forwarded.requestUri).toBe(talk.uri);
    },
  },
  {
    id: 'RR-8',
    rfc: 3261,
    section: '16.7',
    level: 'MUST',
    title: 'Record-Route values of a response keep their octets, also those of proxies behind us',
    async run(world) {
      const talk = await Talk.open(world, { by: 'tls', to: 'tcp' });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tls)] });
      const forwarded = await talk.arrived('INVITE');
      const beyond = 'Record-Route: <sip:pool.example.com:5061;transport=tls;lr;ms-route-sig=x>;ms-rrsig=abc;tag=1';
      const reply = responseText(forwarded, 183).replace('Record-Route:', `${beyond}\r\nRecord-Route:`);
      forwarded.reply(reply);
      const recorded = (text: string) => text.split('\r\n').filter((line) => line.startsWith('Record-Route:'));
      expect(recorded((await talk.answer(183)).text)).toEqual(recorded(reply));
    },
  },
  {
    id: 'RR-9',
    rfc: 3261,
    section: '16.6(4)',
    level: 'MUST',
    title: 'ACK, BYE and CANCEL need no Record-Route of ours; what matters is that the route set stays as it was',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      const bye = await exchangeWithin(dialog, 'caller', 'BYE');
      for (const value of values(bye.headers('Record-Route'))) expect(value).toMatch(ours);
    },
  },
  {
    id: 'RR-10',
    rfc: 3261,
    section: '16.12.1.1',
    level: 'MUST',
    title: 'a request within a dialog is untouched but for Via, Route, Record-Route and Max-Forwards',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world));
      const { talk, caller } = dialog;
      const sent = talk.request('INFO', {
        uri: caller.target,
        from: caller.from,
        to: caller.to,
        cseq: 9,
        headers: [...caller.routes.map((route) => `Route: ${route}`), 'Content-Type: application/xml', 'X-Odd :  y'],
        body: '<KeyboardActivity><status status="type" /></KeyboardActivity>',
      });
      talk.send(sent);
      expectUntouched(sent, await talk.arrived('INFO'));
    },
  },
  {
    id: 'RR-11',
    rfc: 3261,
    section: '16.6(4)',
    level: 'MUST',
    title: 'the port of a Record-Route is that of the listener with that transport',
    async run(world) {
      for (const { by, to } of pairs) {
        const talk = await Talk.open(world, { by, to });
        const headers = [contactAt(world.cisco[by]), 'Event: presence'];
        const { forwarded } = await talk.exchange('SUBSCRIBE', { headers });
        for (const value of values(forwarded.headers('Record-Route'))) {
          const transport = transportOf(value) as Transport;
          expect(value).toContain(`:${portOf(transport)};`);
        }
      }
    },
  },
  {
    id: 'RR-12',
    rfc: 3261,
    section: '16.4',
    level: 'MUST',
    title: 'a strict router is repaired when further Route values of ours lie between',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world, { by: 'tcp', to: 'udp' }));
      const [own, second] = dialog.caller.routes;
      const uri = /<([^>]*)>/.exec(own ?? '')?.[1] ?? '';
      dialog.caller.out.send(
        dialog.talk.request('INFO', {
          uri,
          via: [`${dialog.caller.out.via};branch=${newBranch()}`],
          from: dialog.caller.from,
          to: dialog.caller.to,
          cseq: 2,
          headers: [`Route: ${second}`, `Route: <${dialog.caller.target}>`],
        }).text,
      );
      const arrived = await dialog.talk.at(dialog.callee.at, 'INFO');
      expect(arrived.requestUri).toBe(dialog.caller.target);
      expect(arrived.headers('Route')).toEqual([]);
    },
  },
  {
    id: 'RR-13',
    rfc: 3261,
    section: '16.6(6), 16.5',
    level: 'MUST',
    title: 'outside a dialog a Route to a known peer is followed, and kept for it',
    async run(world) {
      const talk = await Talk.open(world);
      const next = `<sip:${world.address('second')}:5060;transport=tcp;lr>`;
      talk.ask('MESSAGE', { headers: [`Route: ${next}`] });
      const forwarded = await talk.at(world.second.tcp, 'MESSAGE');
      expect(forwarded.headers('Route')).toEqual([next]);
      expect(forwarded.requestUri).toBe(talk.uri);
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'RR-14',
    rfc: 3261,
    section: '16.6(7), 19.1.1',
    level: 'MUST',
    title:
      'the transport parameter of the remote target says how it is reached: tcp and tls, whatever the dialog began with',
    async run(world) {
      const dialog = await openDialog(await Talk.open(world, { to: 'tls' }));
      const tcp = `sip:bob@${world.address('microsoft')}:5060;transport=TCP`;
      sendWithin(dialog, 'caller', 'INFO', { uri: tcp, cseq: 2 });
      expect((await dialog.talk.at(world.microsoft.tcp, 'INFO')).requestUri).toBe(tcp);
      const udp = `sip:bob@${world.address('microsoft')}:5060;transport=udp`;
      sendWithin(dialog, 'caller', 'INFO', { uri: udp, cseq: 3 });
      expect((await dialog.talk.at(world.microsoft.udp, 'INFO')).requestUri).toBe(udp);
    },
  },
];

conformance('Record-Route and Route', { block: 4 }, checks);
