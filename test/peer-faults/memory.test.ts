/** What one let-in peer can make the running program hold: it is stopped at its share, and others are served. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import { ask } from '../support/admin.ts';
import { newTag } from '../support/raw-message.ts';
import { closePeers, type StreamPeer } from '../support/stream-peer.ts';
import { soon } from '../support/until.ts';
import { FaultWorld } from './fault-world.ts';

const MIB = 2 ** 20;
const body = 'x'.repeat(900_000);
/** More than would fit: one peer may take half of what is shared of 16 MiB. */
const count = 24;

const occurrences = (text: string, part: string): number => text.split(part).length - 1;

describe('a router that may hold 16 MiB for its peers', () => {
  let world: FaultWorld;
  beforeEach(async () => {
    world = await FaultWorld.open({ net: 83, limits: { memory: '16MiB' } });
  });
  afterEach(async () => {
    await neighbourIsServed();
    expect(await world.close(), world.router.output).toBe(0);
    closePeers();
  });

  /** By another address of the same side. */
  const neighbourIsServed = (): Promise<void> => world.canary(world.sides.cisco.replace(/\d+$/, '99'));

  const load = async (): Promise<Status['load']> => (await ask<Status>(world.router, 'GET /status')).body.load;

  const held = async (): Promise<number> => (await load()).heldOctets;
  const patience = { timeout: 20_000 };

  it('refuses large MESSAGEs beyond the share of their peer, while the next hop is silent', async () => {
    const hop = world.first.peer(0);
    const asker = world.connect();
    for (let number = 0; number < count; number += 1) asker.send(world.message(newTag(), body));
    // All have been judged: who begins another message while the hop's requests go to the next one may be stopped.
    const judged = async () => occurrences(asker.text, 'SIP/2.0 503 ') + (await load()).openRequests;
    await expect.poll(judged, patience).toBe(count);
    expect(occurrences(asker.text, 'SIP/2.0 503 ')).toBeGreaterThanOrEqual(12);
    expect(asker.text).toMatch(/^Warning: 399 router\.example\.com "memory-limit: \d+ octets are held for /m);
    expect(asker.text).toMatch(/^Retry-After: \d+\r$/m);
    await neighbourIsServed();
    const { heldOctets, memoryLimitOctets, memoryRefusals } = await load();
    expect(memoryLimitOctets).toBe(16 * MIB);
    expect(heldOctets).toBeGreaterThan(4 * MIB);
    expect(heldOctets).toBeLessThanOrEqual(8 * MIB);
    expect(memoryRefusals).toBeGreaterThanOrEqual(12);
    // The hop goes away, the second one answers: all of it is given back.
    (await hop).socket.destroy();
    await soon(
      () => occurrences(asker.text, 'SIP/2.0 200 ') + occurrences(asker.text, 'SIP/2.0 503 ') === count,
      20_000,
    );
    await expect.poll(held, patience).toBe(0);
  });

  it('closes connections whose unfinished messages are beyond the share of their peer', async () => {
    const unfinished = world.message(newTag(), body).slice(0, -1);
    const askers: StreamPeer[] = [];
    for (let number = 0; number < count; number += 1) {
      const asker = world.connect();
      askers.push(asker);
      asker.send(unfinished);
    }
    await soon(() => askers.filter(({ isClosed, hasEnded }) => isClosed || hasEnded).length >= 8, 20_000);
    await neighbourIsServed();
    await soon(() => world.discarded.length > 0, 20_000);
    expect(new Set(world.discarded)).toEqual(new Set(['memory-limit']));
    const { heldOctets } = await load();
    expect(heldOctets).toBeGreaterThan(4 * MIB);
    expect(heldOctets).toBeLessThanOrEqual(8 * MIB);
    for (const { socket } of askers) socket.destroy();
    await expect.poll(held, patience).toBe(0);
  });

  it('gives back what a peer held that has ended its side in the middle of a message, though it is owed an answer', async () => {
    const asker = world.connect();
    asker.send(world.message(newTag()) + world.message(newTag(), body).slice(0, -1));
    await expect.poll(held, patience).toBeGreaterThan(890_000);
    asker.socket.end();
    await expect.poll(held, patience).toBeLessThan(100_000);
  });
});
