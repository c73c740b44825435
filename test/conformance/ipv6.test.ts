/** IPv6: brackets where they belong and nowhere else (RFC 3261 §19.1, RFC 5118). */
import { expect } from 'vitest';
import { newBranch, responseText } from '../support/raw-message.ts';
import { type Check, conformance } from './check.ts';
import { Talk, values } from './talk.ts';
import type { World } from './world.ts';

const port = 5160;
const to = { address: '::1', port };

async function open(world: World, by: 'udp' | 'tcp', callee: 'udp' | 'tcp' | 'tls' = 'tcp') {
  const asker = await world.asker(by, { address: '::1', to });
  const talk = await Talk.open(world, { asker, to: callee });
  return { talk, asker, via: `SIP/2.0/${by.toUpperCase()} [::1]:${asker.port};branch=${newBranch()}` };
}

const checks: readonly Check[] = [
  ...(['udp', 'tcp'] as const).map(
    (by, index): Check => ({
      id: `V6-1.${index + 1}`,
      rfc: 5118,
      section: '4.1; 3261 §19.1',
      level: 'MUST',
      title: `a MESSAGE over IPv6 and ${by} is delivered over IPv4, its Via keeps the brackets, and the 200 comes back`,
      async run(world) {
        const { talk, via } = await open(world, by);
        const { forwarded, answer } = await talk.exchange('MESSAGE', { via: [via] });
        expect(forwarded.headers('Via')[1]).toContain('[::1]');
        expect(answer.header('Via')).toContain('[::1]');
      },
    }),
  ),
  {
    id: 'V6-2',
    rfc: 5118,
    section: '4.5',
    level: 'MUST',
    title: 'a received parameter is the address without brackets, and rport goes with it',
    async run(world) {
      const { talk, asker } = await open(world, 'udp');
      const via = `SIP/2.0/UDP client.invalid:9;branch=${newBranch()};rport`;
      const { forwarded } = await talk.exchange('MESSAGE', { via: [via] });
      expect(forwarded.headers('Via')[1]).toMatch(/;received=\[?::1\]?(?:;|$)/);
      expect(forwarded.headers('Via')[1]).not.toContain('received=[');
      expect(forwarded.headers('Via')[1]).toContain(`;rport=${asker.port}`);
    },
  },
  {
    id: 'V6-3',
    rfc: 5658,
    section: '3.3; 5118 §4',
    level: 'MUST',
    title: 'between IPv6 and IPv4 two Record-Route values stand, each for its own listener',
    async run(world) {
      const { talk, via } = await open(world, 'tcp');
      talk.ask('INVITE', { via: [via], headers: ['Contact: <sip:alice@[::1]:5170;transport=tcp>'] });
      const forwarded = await talk.arrived('INVITE');
      const recorded = values(forwarded.headers('Record-Route'));
      expect(recorded).toHaveLength(2);
      expect(recorded[1]).toContain(`:${port};`);
      forwarded.reply(responseText(forwarded, 486));
      await talk.answer(486);
    },
  },
  {
    id: 'V6-4',
    rfc: 3261,
    section: '16.4, 19.1',
    level: 'MUST',
    title: 'a Route with our IPv6 address in brackets is ours and goes',
    async run(world) {
      const { talk, via } = await open(world, 'tcp');
      const headers = [`Route: <sip:[::1]:${port};transport=tcp;lr>`];
      const { forwarded } = await talk.exchange('MESSAGE', { via: [via], headers });
      expect(forwarded.headers('Route')).toEqual([]);
    },
  },
  {
    id: 'V6-5',
    rfc: 3261,
    section: '11.2, 19.1',
    level: 'SHOULD',
    title: 'OPTIONS to our IPv6 address is answered with 200',
    async run(world) {
      const { talk, via } = await open(world, 'udp');
      talk.ask('OPTIONS', { uri: `sip:[::1]:${port}`, via: [via] });
      await talk.answer(200);
    },
  },
  {
    id: 'V6-6',
    rfc: 5118,
    section: '4.4, 4.5',
    level: 'MUST',
    title: 'IPv6 references in From, Contact, body and further Via values pass untouched, however they are written',
    async run(world) {
      const { talk, via } = await open(world, 'tcp');
      const far = 'SIP/2.0/UDP [2001:db8::9:1]:5060;received=[2001:db8::9:255];branch=z9hG4bKas3-111';
      const headers = ['Contact: <sip:alice@[2001:DB8::9:1]:5062>', 'X-Addr: 2001:db8::1'];
      const { forwarded, answer } = await talk.exchange('MESSAGE', { via: [via, far], headers, body: 'c=IN IP6 ::1' });
      expect(forwarded.headers('Via')[2]).toBe(far);
      expect(answer.headers('Via')[1]).toBe(far);
      expect(forwarded.header('Contact')).toBe('<sip:alice@[2001:DB8::9:1]:5062>');
      expect(forwarded.body).toBe('c=IN IP6 ::1');
    },
  },
];

conformance('IPv6', { block: 16, ipv6Port: port }, checks);
