/** What the size of a message and the change of transport ask for: Content-Length, TCP in place of UDP, large bodies. */
import { expect } from 'vitest';
import { responseText } from '../support/raw-message.ts';
import { type Check, conformance } from './check.ts';
import { contactAt, Talk } from './talk.ts';

const allOctets = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet)).join('');

const checks: readonly Check[] = [
  {
    id: 'FWD-7',
    rfc: 3261,
    section: '16.6(9), 18.3',
    level: 'MUST',
    title: 'a UDP request without Content-Length leaves over TCP with the right one',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const sent = talk.request('MESSAGE', { body: 'twelve chars' });
      talk.send(sent.text.replace(/Content-Length: \d+\r\n/, ''));
      const forwarded = await talk.arrived('MESSAGE');
      expect(forwarded.headers('Content-Length')).toEqual(['12']);
      expect(forwarded.body).toBe('twelve chars');
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'FWD-8',
    rfc: 3261,
    section: '18.3, 16.7',
    level: 'MUST',
    title: 'a UDP response without Content-Length reaches a TCP asker with one',
    async run(world) {
      const talk = await Talk.open(world, { by: 'tcp', to: 'udp' });
      talk.ask('MESSAGE');
      const forwarded = await talk.arrived('MESSAGE');
      const reply = responseText(forwarded, 200, { body: 'four', headers: ['Content-Type: text/plain'] });
      forwarded.reply(reply.replace(/Content-Length: \d+\r\n/, ''));
      const answer = await talk.answer(200);
      expect(answer.headers('Content-Length')).toEqual(['4']);
      expect(answer.body).toBe('four');
    },
  },
  {
    id: 'FWD-9',
    rfc: 3261,
    section: '18.1.1',
    level: 'MUST',
    title: 'a request above 1300 octets does not leave by UDP where the hop takes TCP',
    async run(world) {
      const talk = await Talk.open(world, { to: 'udp' });
      talk.ask('MESSAGE', { body: 'x'.repeat(1400) });
      const forwarded = await talk.at(world.microsoft.tcp, 'MESSAGE');
      expect(forwarded.header('Via')).toMatch(/^SIP\/2\.0\/TCP /);
      expect(forwarded.body).toHaveLength(1400);
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
      expect(talk.waitingAt(world.microsoft.udp)).toEqual([]);
    },
  },
  {
    id: 'FWD-9.1',
    rfc: 3261,
    section: '18.1.1',
    level: 'MUST',
    title: 'a request above 1300 octets goes by UDP after all when the hop takes no TCP',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'only-udp.example.com' });
      const { forwarded } = await talk.exchange('MESSAGE', { body: 'x'.repeat(1400) });
      expect(forwarded.header('Via')).toMatch(/^SIP\/2\.0\/UDP /);
      expect(forwarded.body).toHaveLength(1400);
    },
  },
  {
    id: 'FWD-9.2',
    rfc: 3261,
    section: '18.1.1, 9.1, 17.1.1.3',
    level: 'MUST',
    title: 'CANCEL and ACK follow an INVITE that went by TCP for its size',
    async run(world) {
      const talk = await Talk.open(world, { to: 'udp' });
      const { tcp, udp } = world.microsoft;
      const invite = talk.ask('INVITE', { body: 'x'.repeat(1400), headers: [contactAt(world.cisco.tcp)] });
      const forwarded = await talk.at(tcp, 'INVITE');
      forwarded.reply(responseText(forwarded, 180, { toTag: 'a' }));
      await talk.answer(180);
      talk.send(
        talk.request('CANCEL', { via: invite.headers('Via'), from: invite.header('From')!, to: invite.header('To')! }),
      );
      const cancel = await talk.at(tcp, 'CANCEL');
      cancel.reply(responseText(cancel, 200));
      forwarded.reply(responseText(forwarded, 487, { toTag: 'a' }));
      await talk.answer(487);
      await talk.at(tcp, 'ACK');
      expect(talk.waitingAt(udp)).toEqual([]);
    },
  },
  {
    id: 'FWD-10',
    rfc: 3261,
    section: '16.6, 18.3',
    level: 'MUST',
    title: 'bodies of 200 000 octets pass over TCP and TLS, both ways',
    async run(world) {
      for (const to of ['tcp', 'tls'] as const) {
        const talk = await Talk.open(world, { by: to, to });
        const body = allOctets.repeat(800);
        const { forwarded, answer } = await talk.exchange('MESSAGE', { body }, 200, { body });
        expect(forwarded.body === body).toBe(true);
        expect(answer.body === body).toBe(true);
      }
    },
  },
  {
    id: 'FWD-14',
    rfc: 3261,
    section: '18.1.1',
    level: 'MUST',
    title: 'a datagram of 60 000 octets is received whole and leaves over TCP',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const body = allOctets.repeat(230);
      const { forwarded } = await talk.exchange('MESSAGE', { body });
      expect(forwarded.body === body).toBe(true);
    },
  },
];

conformance(
  'sizes and transports',
  { block: 18, couples: [{ domain: 'only-udp.example.com', port: 5101, transport: 'udp' }] },
  checks,
);
