/** Via: one value more on the way out, one less on the way back, and answers that find the asker. */
import { connect } from 'node:net';
import { expect } from 'vitest';
import { newBranch, responseText } from '../support/raw-message.ts';
import type { Transport } from '../support/raw-sip.ts';
import { type Check, conformance } from './check.ts';
import { Talk, values } from './talk.ts';
import type { World } from './world.ts';

const farVia = 'SIP/2.0/UDP 192.0.2.77:5062;branch=z9hG4bKfar77;received=192.0.2.78';
const branchOf = (via: string | undefined): string | undefined => /;branch=([^;]+)/.exec(via ?? '')?.[1];

async function addsOneVia(world: World, by: Transport, to: Transport): Promise<void> {
  const talk = await Talk.open(world, { by, to });
  const { sent, forwarded, answer } = await talk.exchange('MESSAGE', { via: [talk.via(), farVia] });
  const [own, ...rest] = values(forwarded.headers('Via'));
  expect(own).toMatch(new RegExp(`^SIP/2\\.0/${to.toUpperCase()} [^; ]+;.*branch=z9hG4bK`));
  expect(rest).toEqual(sent.headers('Via'));
  expect(answer.headers('Via')).toEqual(sent.headers('Via'));
}

const transportPairs = (['udp', 'tcp', 'tls'] as const).flatMap((by) =>
  (['udp', 'tcp', 'tls'] as const).map((to) => ({ by, to })),
);

const checks: readonly Check[] = [
  {
    id: 'VIA-1',
    rfc: 3261,
    section: '16.6(8)',
    level: 'MUST',
    title: 'two requests get one Via more each, on top, with different branches that begin with the magic cookie',
    async run(world) {
      const branches = await Promise.all(
        [1, 2].map(async () => {
          const talk = await Talk.open(world);
          const { sent, forwarded } = await talk.exchange('MESSAGE', { via: [talk.via(), farVia] });
          expect(forwarded.headers('Via').slice(1)).toEqual(sent.headers('Via'));
          return branchOf(forwarded.header('Via'));
        }),
      );
      expect(branches[0]).toMatch(/^z9hG4bK./);
      expect(branches[1]).toMatch(/^z9hG4bK./);
      expect(branches[0]).not.toBe(branches[1]);
    },
  },
  ...transportPairs.map(
    ({ by, to }, index): Check => ({
      id: `VIA-1.${index + 1}`,
      rfc: 3261,
      section: '16.6(8), 18.1.1',
      level: 'MUST',
      title: `from ${by} to ${to} our Via says ${to.toUpperCase()}, and the answer comes back with exactly the asker's Via values`,
      run: (world) => addsOneVia(world, by, to),
    }),
  ),
  {
    id: 'VIA-2',
    rfc: 3261,
    section: '18.2.1',
    level: 'MUST',
    title: 'received is added to the Via of the asker when its sent-by is a host name',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      talk.ask('MESSAGE', { via: [`SIP/2.0/UDP client.invalid:${talk.asker.port};branch=${newBranch()}`] });
      const forwarded = await talk.arrived('MESSAGE');
      expect(forwarded.headers('Via')[1]).toContain(`;received=${talk.asker.address}`);
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'VIA-2.1',
    rfc: 3261,
    section: '18.2.1',
    level: 'MUST',
    title: 'received is added when the sent-by is another address than the source, over TCP too',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE', { via: [`SIP/2.0/TCP 192.0.2.9:5060;branch=${newBranch()}`] });
      expect((await talk.arrived('MESSAGE')).headers('Via')[1]).toContain(`;received=${talk.asker.address}`);
    },
  },
  {
    id: 'VIA-2.2',
    rfc: 3261,
    section: '18.2.1',
    level: 'MUST',
    title: 'a received parameter that the asker has invented is replaced by the true source',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const { port, address } = talk.asker;
      talk.ask('MESSAGE', { via: [`SIP/2.0/UDP client.invalid:${port};received=192.0.2.66;branch=${newBranch()}`] });
      const forwarded = await talk.arrived('MESSAGE');
      expect(forwarded.headers('Via')[1]?.match(/;received=[^;]*/g)).toEqual([`;received=${address}`]);
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
    },
  },
  {
    id: 'VIA-3',
    rfc: 3581,
    section: '4',
    level: 'MUST',
    title: 'with rport the answer goes to the source port, and the Via says received and rport',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const { address, port } = talk.asker;
      const { forwarded, answer } = await talk.exchange('MESSAGE', {
        via: [`SIP/2.0/UDP ${address}:9;branch=${newBranch()};rport`],
      });
      for (const via of [forwarded.headers('Via')[1], answer.header('Via')]) {
        expect(via).toContain(`;received=${address}`);
        expect(via).toContain(`;rport=${port}`);
      }
    },
  },
  {
    id: 'VIA-3.1',
    rfc: 3581,
    section: '4',
    level: 'MUST',
    title: "rport is also filled in for the router's own answers",
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const { address, port } = talk.asker;
      talk.ask('MESSAGE', { via: [`SIP/2.0/UDP ${address}:9;rport;branch=${newBranch()}`], maxForwards: 0 });
      const via = (await talk.answer(483)).header('Via');
      expect(via).toContain(`;rport=${port}`);
      expect(via).toContain(`;received=${address}`);
    },
  },
  {
    id: 'VIA-3.2',
    rfc: 3261,
    section: '18.2.2',
    level: 'MUST',
    title: 'without rport the answer goes to the port of sent-by, not to the source port',
    async run(world) {
      const [asker, listening] = await Promise.all([world.asker('udp'), world.asker('udp')]);
      const talk = await Talk.open(world, { asker });
      talk.ask('MESSAGE', { via: [`${listening.via};branch=${newBranch()}`] });
      const forwarded = await talk.arrived('MESSAGE');
      forwarded.reply(responseText(forwarded, 200));
      await talk.at(listening, 200);
      await talk.nothingAt(asker);
    },
  },
  {
    id: 'VIA-4',
    rfc: 'product',
    section: '18.2.2',
    level: 'product',
    title: 'with maddr the answer still goes to where the request came from: nobody has our answers sent to others',
    async run(world) {
      const [asker, other] = await Promise.all([world.asker('udp'), world.asker('udp', { host: 'spare' })]);
      const talk = await Talk.open(world, { asker });
      const via = `SIP/2.0/UDP ${asker.address}:${asker.port};maddr=${other.address};branch=${newBranch()}`;
      talk.ask('MESSAGE', { via: [via] });
      const forwarded = await talk.arrived('MESSAGE');
      forwarded.reply(responseText(forwarded, 200));
      await talk.answer(200);
      await talk.nothingAt(other);
    },
  },
  {
    id: 'VIA-5',
    rfc: 3261,
    section: '16.7(3), 7.3.1',
    level: 'MUST',
    title: 'Via values that share a header field come back in their order, without ours',
    async run(world) {
      const talk = await Talk.open(world);
      const via = [talk.via(), 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa , SIP/2.0/TCP 192.0.2.2;branch=z9hG4bKb'];
      const { answer } = await talk.exchange('MESSAGE', { via });
      expect(values(answer.headers('Via'))).toEqual(values(via));
    },
  },
  {
    id: 'VIA-5.1',
    rfc: 3261,
    section: '16.7(3), 7.3.1',
    level: 'MUST',
    title: "all values in one header field, the asker's first: the answer has them all in order",
    async run(world) {
      const talk = await Talk.open(world);
      const via = [`${talk.via()},SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa,SIP/2.0/TLS 192.0.2.2;branch=z9hG4bKb`];
      const { answer } = await talk.exchange('MESSAGE', { via });
      expect(values(answer.headers('Via'))).toEqual(values(via));
    },
  },
  {
    id: 'VIA-5.2',
    rfc: 3261,
    section: '16.7(3)',
    level: 'MUST',
    title: 'a callee that joins all Via values in one header field is understood',
    async run(world) {
      const talk = await Talk.open(world);
      const via = [talk.via(), farVia];
      talk.ask('MESSAGE', { via });
      const forwarded = await talk.arrived('MESSAGE');
      const joined = `Via: ${values(forwarded.headers('Via')).join(', ')}\r\n`;
      forwarded.reply(responseText(forwarded, 200).replace(/(?:Via: .*\r\n)+/, joined));
      expect(values((await talk.answer(200)).headers('Via'))).toEqual(via);
    },
  },
  {
    id: 'VIA-6',
    rfc: 3261,
    section: '7.3.1, 20.42',
    level: 'MUST',
    title: 'white space within sent-protocol and around sent-by is legal, and the value comes back as it was',
    async run(world) {
      const talk = await Talk.open(world);
      const via = `SIP / 2.0 / TCP ${talk.asker.address} : ${talk.asker.port} ; branch=${newBranch()}`;
      const { answer } = await talk.exchange('MESSAGE', { via: [via] });
      expect(answer.headers('Via')).toEqual([via]);
    },
  },
  {
    id: 'VIA-7',
    rfc: 3261,
    section: '16.6, 25.1',
    level: 'MUST',
    title: 'Via parameters nobody knows, quoted strings with commas among them, come back untouched',
    async run(world) {
      const talk = await Talk.open(world);
      const via = talk.via(';branched=FALSE;ms-internal-info="a,b;c=\\"d\\" <e>";ms-received-cid=1A00;X=y');
      const { forwarded, answer } = await talk.exchange('MESSAGE', { via: [via, farVia] });
      expect(forwarded.headers('Via').slice(1)).toEqual([via, farVia]);
      expect(answer.headers('Via')).toEqual([via, farVia]);
    },
  },
  {
    id: 'VIA-8',
    rfc: 3261,
    section: '18.2.2',
    level: 'MUST',
    title: 'over TCP the answer uses the connection of the request, whatever port sent-by names',
    async run(world) {
      const talk = await Talk.open(world);
      const via = [`SIP/2.0/TCP ${talk.asker.address}:5060;branch=${newBranch()}`];
      await talk.exchange('MESSAGE', { via });
      expect(talk.waitingAt(world.cisco.tcp)).toEqual([]);
    },
  },
  {
    id: 'VIA-9',
    rfc: 3261,
    section: '18.2.2',
    level: 'SHOULD',
    title: 'when the connection of the request is gone, the answer goes to the port of sent-by on a new one',
    async run(world) {
      const talk = await Talk.open(world);
      talk.ask('MESSAGE', { via: [`${world.cisco.tcp.via};branch=${newBranch()}`] });
      const forwarded = await talk.arrived('MESSAGE');
      await talk.asker.close();
      await world.isAlive();
      forwarded.reply(responseText(forwarded, 200));
      await talk.at(world.cisco.tcp, 200);
    },
  },
  {
    id: 'VIA-9.1',
    rfc: 3261,
    section: '18.2.2',
    level: 'SHOULD',
    title: 'when the connection of the request was reset, the answer goes to the port of sent-by on a new one',
    async run(world) {
      const { address: host, port } = world.routerAt('tcp');
      const socket = connect({ host, port, localAddress: world.address('cisco') });
      const talk = await Talk.open(world);
      socket.write(talk.request('MESSAGE', { via: [`${world.cisco.tcp.via};branch=${newBranch()}`] }).text);
      const forwarded = await talk.arrived('MESSAGE');
      socket.resetAndDestroy();
      await world.isAlive();
      forwarded.reply(responseText(forwarded, 200));
      await talk.at(world.cisco.tcp, 200);
    },
  },
  {
    id: 'VIA-10',
    rfc: 3261,
    section: '17.2.3',
    level: 'MUST',
    title: 'a request of RFC 2543 whose Via has no branch is forwarded, and its answer comes back',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const { answer } = await talk.exchange('MESSAGE', { via: [talk.asker.via] });
      expect(answer.headers('Via')).toEqual([talk.asker.via]);
    },
  },
  {
    id: 'VIA-11',
    rfc: 3261,
    section: '7.3.3',
    level: 'MUST',
    title: 'the compact form v and the long form Via stand for one list',
    async run(world) {
      const talk = await Talk.open(world);
      const via = talk.via();
      const sent = talk.request('MESSAGE', { via: [via, farVia] });
      talk.send(sent.text.replace(`Via: ${via}`, `v: ${via}`));
      const forwarded = await talk.arrived('MESSAGE');
      const order = [...forwarded.text.matchAll(/^(?:via|v)\s*:\s*(.*?)\r$/gim)].map((match) => match[1]);
      expect(order.slice(1)).toEqual([via, farVia]);
      forwarded.reply(responseText(forwarded, 200).replace(`Via: ${farVia}`, `v: ${via}\r\nv: ${farVia}`));
      expect((await talk.answer(200)).text).toContain(farVia);
    },
  },
  {
    id: 'VIA-12',
    rfc: 3261,
    section: '18.2.2, 20.42',
    level: 'MUST',
    title: 'a sent-by without port means 5060',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      talk.ask('MESSAGE', { via: [`SIP/2.0/UDP ${talk.asker.address};branch=${newBranch()}`] });
      const forwarded = await talk.arrived('MESSAGE');
      forwarded.reply(responseText(forwarded, 200));
      await talk.at(world.cisco.udp, 200);
    },
  },
  {
    id: 'VIA-13',
    rfc: 3261,
    section: '7.1, 20.42, 7.3.1',
    level: 'MUST',
    title: 'protocol, transport and parameter names of a Via are read in any case',
    async run(world) {
      const talk = await Talk.open(world, { by: 'udp' });
      const { address, port } = talk.asker;
      const via = `sip/2.0/udp ${address}:9;RPORT;BRANCH=${newBranch()}`;
      const { answer } = await talk.exchange('MESSAGE', { via: [via] });
      expect(answer.header('Via')).toMatch(new RegExp(`;rport=${port}`, 'i'));
    },
  },
  {
    id: 'VIA-14',
    rfc: 3261,
    section: '16.6(8)',
    level: 'MUST',
    title: 'seventy Via values are carried there and back',
    async run(world) {
      const talk = await Talk.open(world);
      const far = Array.from({ length: 69 }, (_, index) => `SIP/2.0/TCP 192.0.2.${index};branch=z9hG4bKfar${index}`);
      const via = [talk.via(), ...far];
      const { forwarded, answer } = await talk.exchange('MESSAGE', { via });
      expect(forwarded.headers('Via').slice(1)).toEqual(via);
      expect(answer.headers('Via')).toEqual(via);
    },
  },
];

conformance('Via', { block: 0 }, checks);
