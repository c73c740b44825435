/** What the fuzzer found once, sent at the running program again: whatever leaves can be framed, and life goes on. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newTag, requestText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Received } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import {
  answerTo,
  type Flaw,
  frameDatagram,
  isRequest,
  missingIn,
  type StrictMessage,
} from '../support/strict-framer.ts';
import { fuzzRoutes, loudDomain, places, plainTransports, port, strictDomain } from './places.ts';

const folder = join(import.meta.dirname, 'found');
const files = readdirSync(folder).filter((name) => name.endsWith('.sip'));
const read = (name: string): string => readFileSync(join(folder, name), 'latin1');
const at = places(65);

/** A message that a strict receiver can take. */
function framed(text: string): StrictMessage {
  const message: StrictMessage | Flaw = frameDatagram(text);
  if ('why' in message) throw new Error(`${message.why}: ${JSON.stringify(text)}`);
  return message;
}

/** The found response as the answer to `request`. */
function asAnswer(found: string, request: Received): string {
  const proper = answerTo(framed(request.text));
  const copied = proper.slice(proper.indexOf('\r\n') + 2, proper.indexOf('Content-Length:'));
  const end = found.indexOf('\r\n') + 2;
  return found.slice(0, end) + copied + found.slice(end);
}

const titleOf = (name: string): string => name.replace(/\.sip$/, '').replaceAll('-', ' ');

describe('what the fuzzer found', () => {
  let router: RouterProcess;
  let hop: RawEnd;
  let loud: RawEnd;
  let answer = '';

  beforeAll(async () => {
    hop = await openEnd({ transport: 'tcp', address: at.strict, port });
    loud = await openEnd({ transport: 'tcp', address: at.loud, port });
    hop.respond((request) => (isRequest(framed(request.text)) ? answerTo(framed(request.text)) : undefined));
    loud.respond((request) => (/^(?:ACK|CANCEL) /.test(request.startLine) ? undefined : asAnswer(answer, request)));
    router = await RouterProcess.start({ routes: fuzzRoutes(at) });
  });

  afterAll(async () => {
    expect(await router.stop(), router.output).toBe(0);
    expect(router.output).not.toContain('"event":"bug"');
    await Promise.all([hop.close(), loud.close()]);
  });

  const open = (transport: 'udp' | 'tcp'): Promise<RawEnd> =>
    openEnd({
      transport,
      address: at.senders[0],
      to: { address: at.router, port },
      ...(transport === 'udp' ? { port } : {}),
    });

  /** Passes when a plain MESSAGE comes through: what was sent before it has been dealt with. */
  async function canary(): Promise<void> {
    const end = await open('tcp');
    const callId = newTag();
    const via = [`${end.via};branch=z9hG4bK${callId}`];
    end.send(requestText({ method: 'MESSAGE', uri: `sip:c@${strictDomain('tcp')}`, via, callId, body: 'tweet' }));
    await end.take((message) => message.header('Call-ID') === callId && message.status === 200);
    await end.close();
  }

  for (const name of files.filter((file) => file.startsWith('request-'))) {
    for (const transport of plainTransports) {
      it(`${titleOf(name)}, by ${transport}: what leaves can be framed`, async () => {
        const end = await open(transport);
        hop.inbox.length = 0;
        end.send(read(name).replace('z9hG4bKfound', `z9hG4bKfound${transport}`));
        framed((await end.take((message) => (message.status ?? 0) >= 200)).text);
        for (const { text } of hop.inbox) expect(missingIn(framed(text))).toBeUndefined();
        await end.close();
        await canary();
      });
    }
  }

  for (const name of files.filter((file) => file.startsWith('response-'))) {
    it(`${titleOf(name)}: what is handed on can be framed`, async () => {
      answer = read(name);
      const end = await open('tcp');
      const callId = newTag();
      const via = [`${end.via};branch=z9hG4bK${callId}`];
      end.send(requestText({ method: 'INVITE', uri: `sip:bob@${loudDomain('tcp')}`, via, callId }));
      await loud.take((request) => request.header('Call-ID') === callId);
      await canary();
      for (const { text } of end.inbox) framed(text);
      await end.close();
    });
  }
});
