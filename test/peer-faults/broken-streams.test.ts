/** Connections that end, break or stall where they should not, at the running program: each has its limit in routes.yaml. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newTag, RawMessage, responseText } from '../support/raw-message.ts';
import { closePeers, type StreamPeer } from '../support/stream-peer.ts';
import { soon } from '../support/until.ts';
import { FaultWorld } from './fault-world.ts';

const KIB = 1024;

/** The request that `peer` has read last, as its hop sees it. */
const lastRequest = ({ text }: StreamPeer): RawMessage => new RawMessage(text.slice(text.lastIndexOf('MESSAGE sip:')));

const isClosed = (peer: StreamPeer): Promise<true> => soon(() => (peer.isClosed || peer.hasEnded) && true, 8_000);

describe('connections that break', () => {
  let world: FaultWorld;
  // A router of its own for each: it would remember that the first hop is a bad one.
  beforeEach(async () => {
    world = await FaultWorld.open({
      net: 53,
      timers: { 'half-open': '1s', message: '1s', idle: '60s' },
      limits: { 'write-queue': '1MiB' },
    });
  });
  afterEach(async () => {
    await world.canary();
    expect(await world.close(), world.router.output).toBe(0);
    closePeers();
  });

  /** The connection that the router opens to the first hop. */
  const firstPeer = (): Promise<StreamPeer> => world.first.peer(0);

  async function answer(hop: StreamPeer): Promise<void> {
    hop.send(responseText(lastRequest(hop), 200));
  }

  it('an asker that has closed its side still gets its answer, and then the end (timers.half-open)', async () => {
    const hop = firstPeer();
    const asker = world.connect();
    asker.send(world.message(newTag()));
    asker.socket.end();
    await (await hop).read('hello');
    await pause(200);
    await answer(await hop);
    await asker.read('SIP/2.0 200 ');
    await soon(() => asker.hasEnded);
  });

  it('an asker that has closed its side and waits in vain is let go when timers.half-open is over', async () => {
    const hop = firstPeer();
    const asker = world.connect();
    asker.send(world.message(newTag()));
    asker.socket.end();
    await (await hop).read('hello');
    await soon(() => asker.hasEnded);
    expect(asker.text).toBe('');
  });

  it('a next hop that closes its side as soon as it has answered: its answer counts, and nobody else is asked', async () => {
    const hop = firstPeer();
    const asker = world.connect();
    asker.send(world.message(newTag()));
    await (await hop).read('hello');
    (await hop).socket.end(responseText(lastRequest(await hop), 200, { reason: 'First' }));
    await asker.read('SIP/2.0 200 First');
  });

  it('a next hop that closes its side instead of answering: the second hop is asked at once', async () => {
    const hop = firstPeer();
    const asker = world.connect();
    asker.send(world.message(newTag()));
    await (await hop).read('hello');
    (await hop).socket.end();
    await asker.read('SIP/2.0 200 ');
  });

  it('a next hop that resets the connection instead of answering: the second hop is asked at once', async () => {
    const hop = firstPeer();
    const asker = world.connect();
    asker.send(world.message(newTag()));
    await (await hop).read('hello');
    (await hop).socket.resetAndDestroy();
    await asker.read('SIP/2.0 200 ');
  });

  it('a next hop that resets the connection in the middle of its answer: nothing of it is handed on, the second hop is asked', async () => {
    const hop = firstPeer();
    const asker = world.connect();
    asker.send(world.message(newTag()));
    await (await hop).read('hello');
    const text = responseText(lastRequest(await hop), 200, { body: 'from the first', reason: 'First' });
    (await hop).send(text.slice(0, -5));
    await pause(100);
    (await hop).socket.resetAndDestroy();
    await asker.read('SIP/2.0 200 ');
    expect(asker.text).not.toContain('First');
  });

  it('an asker that resets the connection in the middle of a message: nothing of it is forwarded', async () => {
    const asker = world.connect();
    asker.send(world.message(newTag()).slice(0, -3));
    await pause(100);
    asker.socket.resetAndDestroy();
    await world.canary();
    expect(world.first.peers).toEqual([]);
  });

  it('an asker that resets the connection while its answer is awaited: the answer goes nowhere, and nobody else notices', async () => {
    const hop = firstPeer();
    const asker = world.connect();
    asker.send(world.message(newTag()));
    await (await hop).read('hello');
    asker.socket.resetAndDestroy();
    await pause(100);
    await answer(await hop);
  });

  it('a peer that sends an octet at a time, and never a whole message, is let go when timers.message is over', async () => {
    const asker = world.connect();
    const text = world.message(newTag(), 'x'.repeat(1000));
    const began = performance.now();
    for (let sent = 0; !asker.hasEnded && sent < text.length; sent++) {
      asker.send(text[sent]!);
      await pause(100);
    }
    expect(asker.hasEnded).toBe(true);
    // A message that begins just behind a look is noticed by the one after the next.
    expect(performance.now() - began).toBeLessThan(3_500);
    await soon(() => world.discarded.includes('incomplete-message'));
  });

  it('a next hop that answers an octet at a time loses the connection at timers.message, and the second hop is asked', async () => {
    const hop = firstPeer();
    const asker = world.connect();
    asker.send(world.message(newTag()));
    await (await hop).read('hello');
    const text = responseText(lastRequest(await hop), 200, { reason: 'Slow' });
    for (let sent = 0; asker.text === '' && sent < text.length; sent++) {
      (await hop).send(text[sent]!);
      await pause(100);
    }
    await asker.read('SIP/2.0 200 ');
    expect(asker.text).not.toContain('Slow');
  });

  it('a next hop that never reads: when limits.write-queue is full the connection is closed and all its requests fail over', async () => {
    // Opens the connection to the second hop.
    await world.canary();
    const hop = firstPeer();
    const asker = world.connect();
    const callIds = Array.from({ length: 120 }, () => newTag());
    asker.send(world.message(callIds[0]!));
    const peer = await hop;
    peer.socket.pause();
    // More than the buffers of both sockets hold.
    for (const callId of callIds.slice(1, -1)) asker.send(world.message(callId, 'x'.repeat(KIB * 100)));
    await pause(1_500);
    asker.send(world.message(callIds.at(-1)!));
    const answered = (): number => asker.text.split('SIP/2.0 200 ').length - 1;
    await soon(() => answered() === callIds.length, 10_000).catch(() => {
      throw new Error(`${answered()} of ${callIds.length} were answered with 200`);
    });
    peer.socket.resume();
    await isClosed(peer);
  });

  it('an asker that never reads: when limits.write-queue is full its connection is closed', async () => {
    const hop = firstPeer();
    const asker = world.connect();
    asker.send(world.message('first'));
    const peer = await hop;
    await peer.read('hello');
    asker.socket.pause();
    const body = 'x'.repeat(KIB * 1000);
    for (let sent = 0; sent < 32; sent++) {
      asker.send(world.message(`unread-${sent}`, `${sent}.`));
      const hasArrived = await soon(() => peer.text.includes(`\r\n\r\n${sent}.`), 1_000).catch(() => false);
      if (!hasArrived) break;
      peer.send(responseText(lastRequest(peer), 200, { body }));
      await pause(100);
    }
    await world.canary();
    asker.socket.resume();
    await isClosed(asker);
    expect(asker.text.length).toBeLessThan(32 * body.length);
  });
});
