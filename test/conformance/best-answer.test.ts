/** Which of several answers is the asker's, when more than one hop was asked (RFC 3261 §16.7 steps 5 to 7). */
import { expect } from 'vitest';
import { responseText } from '../support/raw-message.ts';
import { type Check, conformance } from './check.ts';
import { contactAt, Talk } from './talk.ts';

const checks: readonly Check[] = [
  {
    id: 'FO-7',
    rfc: 3261,
    section: '16.7(6)',
    level: 'MUST',
    title: 'first 503, then 486: the 486 is the answer, for 503 is never the best',
    async run(world) {
      const couple = 'mixed.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const one = await talk.at(first!, 'INVITE');
      one.reply(responseText(one, 503));
      await talk.at(first!, 'ACK');
      const two = await talk.at(second!, 'INVITE');
      two.reply(responseText(two, 486));
      await talk.answer(486);
    },
  },
  {
    id: 'FO-8',
    rfc: 3261,
    section: '16.7(6)',
    level: 'MUST',
    title: 'the first silent, the second 404: the 404 is the answer, and a later one of the first is no second answer',
    async run(world) {
      const couple = 'half.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('MESSAGE');
      const one = await talk.at(first!, 'MESSAGE');
      const two = await talk.at(second!, 'MESSAGE');
      two.reply(responseText(two, 404));
      await talk.answer(404);
      one.reply(responseText(one, 404));
      await talk.heard(first!, one.reply);
      await talk.nothingAt(talk.asker);
    },
  },
  {
    id: 'FO-9',
    rfc: 3261,
    section: '16.7(5)',
    level: 'MUST',
    title: 'a 603 of one branch cancels the other that rings',
    async run(world) {
      const couple = 'decline.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('INVITE', { headers: [contactAt(world.cisco.tcp)] });
      const one = await talk.at(first!, 'INVITE');
      const two = await talk.at(second!, 'INVITE');
      one.reply(responseText(one, 180, { toTag: 'first' }));
      two.reply(responseText(two, 603));
      await talk.at(first!, 'CANCEL');
      one.reply(responseText(one, 487, { toTag: 'first' }));
      await talk.answer(603);
    },
  },
  {
    id: 'FO-10',
    rfc: 3261,
    section: '16.7(6)',
    level: 'SHOULD',
    title: 'of a 404 and a 401 the 401 is the better answer, of a 404 and a 603 the 603',
    async run(world) {
      for (const [index, better] of [401, 603].entries()) {
        const couple = `best${index}.example.com`;
        const { first, second } = world.couple(couple);
        const talk = await Talk.open(world, { couple });
        talk.ask('MESSAGE');
        const one = await talk.at(first!, 'MESSAGE');
        const two = await talk.at(second!, 'MESSAGE');
        one.reply(responseText(one, 404));
        two.reply(responseText(two, better, { headers: ['WWW-Authenticate: Digest realm="two"'] }));
        await talk.answer(better);
      }
    },
  },
  {
    id: 'FO-11',
    rfc: 3261,
    section: '16.7(7)',
    level: 'MUST',
    title: 'a 401 that is relayed carries the challenges of the other branch too',
    async run(world) {
      const couple = 'challenges.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('MESSAGE');
      const one = await talk.at(first!, 'MESSAGE');
      const two = await talk.at(second!, 'MESSAGE');
      one.reply(responseText(one, 401, { headers: ['WWW-Authenticate: Digest realm="one"'] }));
      // By two connections what is sent first need not come first, and then nobody would wait for this hop any more.
      await talk.heard(first!, one.reply);
      two.reply(responseText(two, 401, { headers: ['WWW-Authenticate: Digest realm="two"'] }));
      expect((await talk.answer(401)).headers('WWW-Authenticate').sort()).toEqual([
        'Digest realm="one"',
        'Digest realm="two"',
      ]);
    },
  },
  {
    id: 'FO-12',
    rfc: 3261,
    section: '16.7(5)',
    level: 'MUST',
    title: 'when both hops answer a MESSAGE with 200, the asker gets one',
    async run(world) {
      const couple = 'twice.example.com';
      const { first, second } = world.couple(couple);
      const talk = await Talk.open(world, { couple });
      talk.ask('MESSAGE');
      const one = await talk.at(first!, 'MESSAGE');
      const two = await talk.at(second!, 'MESSAGE');
      two.reply(responseText(two, 200));
      one.reply(responseText(one, 200));
      await talk.answer(200);
      await talk.nothingAt(talk.asker, 200);
    },
  },
];

const couples = ['mixed', 'half', 'decline', 'best0', 'best1', 'challenges', 'twice'];

conformance(
  'the best answer',
  {
    block: 19,
    routing: { 'failover-after': '2s' },
    couples: couples.map((name, index) => ({ domain: `${name}.example.com`, port: 5301 + index })),
  },
  checks,
);
