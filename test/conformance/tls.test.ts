/** TLS: who may connect, whom we connect to, and by which names (RFC 3261 §26.3, RFC 5922). */
import { connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, expect } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import type { Credentials } from '../support/development-certificates.ts';
import { newBranch, responseText } from '../support/raw-message.ts';
import { type Check, conformance } from './check.ts';
import { Talk, values } from './talk.ts';
import { hostCredentials, type World } from './world.ts';

/** An authority that the router does not know; its certificates carry the right names all the same. */
const strangers = createAuthority('another CA');
afterAll(() => strangers.remove());

const byStrangers = (commonName: string): Pick<Credentials, 'cert' | 'key'> => {
  const { certificate, key } = strangers.issue({ commonName, alternativeNames: [`DNS:${commonName}`] });
  return { cert: Buffer.from(certificate), key: Buffer.from(key) };
};

type Host = Parameters<World['address']>[0];

const socketOf = (world: World, from: Host): Socket => {
  const { address: host, port } = world.routerAt('tls');
  return netConnect({ host, port, localAddress: world.address(from) });
};

/** Connects as this host with those TLS options and sends a MESSAGE: refused in the handshake or right after it. */
async function isRefused(world: World, options: object, from: Host = 'cisco'): Promise<void> {
  const talk = await Talk.open(world);
  const socket = tlsConnect({
    socket: socketOf(world, from),
    servername: 'router.example.com',
    ca: hostCredentials('cisco').ca,
    ...options,
  });
  const said: string[] = [];
  const isClosed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => said.push(chunk.toString('latin1')));
  const via = [`SIP/2.0/TLS ${world.address(from)}:5061;branch=${newBranch()}`];
  socket.on('secureConnect', () => socket.write(talk.request('MESSAGE', { via }).text));
  await isClosed;
  await talk.reachedNobody();
  expect(said.join('')).toBe('');
}

const checks: readonly Check[] = [
  {
    id: 'TLS-1',
    rfc: 5922,
    section: '7.4; 3261 §26.3.2',
    level: 'MUST',
    title: 'a peer that shows no certificate is refused, and its MESSAGE goes nowhere',
    run: (world) => isRefused(world, {}),
  },
  {
    id: 'TLS-2',
    rfc: 5922,
    section: '7.4',
    level: 'MUST',
    title: 'a certificate of an authority that we do not trust is refused, whatever name it carries',
    run: (world) => isRefused(world, byStrangers('imp1.example.com')),
  },
  {
    id: 'TLS-3',
    rfc: 5922,
    section: '7.1, 7.3',
    level: 'MUST',
    title: 'no request goes to a hop whose certificate carries another name than the one that is asked for',
    async run(world) {
      const talk = await Talk.open(world, { couple: 'impostor.example.com' });
      talk.ask('MESSAGE', { body: 'secret' });
      expect((await talk.answer()).status).toBeGreaterThanOrEqual(500);
      await talk.reachedNobody();
    },
  },
  {
    id: 'TLS-4',
    rfc: 5922,
    section: '7.4',
    level: 'MUST',
    title: 'a peer at any address is known by the verified name of its certificate',
    async run(world) {
      const asker = await world.asker('tls', { host: 'spare' });
      const talk = await Talk.open(world, { asker });
      await talk.exchange('MESSAGE');
    },
  },
  {
    id: 'TLS-5',
    rfc: 'product',
    section: '22',
    level: 'product',
    title: 'a certificate of our authority with a name that no access rule knows is closed before a word of it is read',
    run: (world) => isRefused(world, hostCredentials('router'), 'spare'),
  },
  {
    id: 'TLS-6',
    rfc: 3261,
    section: '26.2.2',
    level: 'MUST',
    title: 'a sips URI leaves over TLS',
    async run(world) {
      const talk = await Talk.open(world, { by: 'tls', to: 'tls' });
      const uri = talk.uri.replace('sip:', 'sips:');
      const { forwarded } = await talk.exchange('MESSAGE', { uri });
      expect(forwarded.requestUri).toBe(uri);
    },
  },
  {
    id: 'TLS-7',
    rfc: 3261,
    section: '26.2.2, 16.6(7)',
    level: 'MUST',
    title: 'a sips URI is never sent over TCP: it is refused where no hop speaks TLS',
    async run(world) {
      const talk = await Talk.open(world, { by: 'tls', to: 'tcp' });
      talk.ask('MESSAGE', { uri: talk.uri.replace('sip:', 'sips:') });
      expect((await talk.answer()).status).toBeGreaterThanOrEqual(400);
      await talk.reachedNobody();
    },
  },
  {
    id: 'TLS-8',
    rfc: 5922,
    section: '7.1',
    level: 'MUST',
    title: 'the router shows a certificate with its node name and a valid chain, and speaks TLS 1.2 or later',
    async run(world) {
      const own = { servername: 'router.example.com', ...hostCredentials('cisco') };
      const socket = tlsConnect({ ...own, socket: socketOf(world, 'cisco') });
      await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
      expect(socket.authorized).toBe(true);
      expect(['TLSv1.2', 'TLSv1.3']).toContain(socket.getProtocol());
      socket.destroy();
      const oldVersions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
      const old = tlsConnect({ ...own, ...oldVersions, socket: socketOf(world, 'cisco') });
      await expect(
        new Promise((resolve, reject) => old.once('secureConnect', resolve).once('error', reject)),
      ).rejects.toThrow();
    },
  },
  {
    id: 'TLS-9',
    rfc: 3261,
    section: '18.1.1, 26.3.2',
    level: 'MUST',
    title: 'plain text on the TLS port harms nobody, nor does TLS on the TCP port',
    async run(world) {
      const asker = await world.asker('tcp', { to: world.routerAt('tls') });
      const talk = await Talk.open(world, { asker });
      talk.ask('MESSAGE');
      await talk.reachedNobody();
      expect(await world.isAlive()).toBe(true);
    },
  },
  {
    id: 'TLS-10',
    rfc: 5658,
    section: '3.3, 5.1',
    level: 'MUST',
    title: 'between TLS and TCP two Record-Route values say transport=tls and transport=tcp, the way out on top',
    async run(world) {
      const talk = await Talk.open(world, { by: 'tls', to: 'tcp' });
      talk.ask('INVITE', { headers: ['Contact: <sip:alice@imp1.example.com:5061;transport=tls>'] });
      const forwarded = await talk.arrived('INVITE');
      const recorded = values(forwarded.headers('Record-Route'));
      expect(recorded.map((value) => /;transport=(\w+)/.exec(value)?.[1])).toEqual(['tcp', 'tls']);
      forwarded.reply(responseText(forwarded, 486));
      await talk.answer(486);
    },
  },
];

conformance(
  'TLS',
  {
    block: 13,
    access: [{ side: 'cisco', from: 'fe2.example.com' }],
    couples: [
      {
        domain: 'impostor.example.com',
        port: 5303,
        transport: 'tls',
        shows: { microsoft: 'cisco', second: 'microsoft' },
      },
    ],
  },
  checks,
);
