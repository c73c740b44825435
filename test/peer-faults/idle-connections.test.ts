/** Ten thousand peers that connect and say nothing. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closePeers } from '../support/stream-peer.ts';
import { soon } from '../support/until.ts';
import { FaultWorld } from './fault-world.ts';

/** Files that a process may have open here; the router's process inherits it. */
const openFiles = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' })) || Number.POSITIVE_INFINITY;

/** What a process needs besides. */
const reserve = 500;

const wanted = 10_000;
const count = Math.min(wanted, openFiles - reserve);
const net = 54;
/** The canaries that are sent meanwhile need room too. */
const room = 10;

const limits = { connections: count + room, 'connections-per-address': count };

/** The listening socket takes some hundred at a time. */
const wave = 200;

describe(`${count} idle connections${count < wanted ? ` (no more than the ${openFiles} open files allow)` : ''}`, () => {
  let world: FaultWorld;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    world = await FaultWorld.open({
      net,
      limits,
    });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    expect(await world.close(), world.router.output).toBe(0);
    closePeers();
  });

  /** Four source addresses, as one has not ports enough for all. */
  function begin(index: number): Socket {
    const localAddress = `127.0.${net}.${100 + (index % 4)}`;
    const socket = connect({ host: world.sides.router, port: 5060, localAddress });
    socket.on('error', () => socket.destroy());
    return socket.resume();
  }

  async function open(index: number): Promise<Socket> {
    const socket = begin(index);
    await once(socket, 'connect');
    return socket;
  }

  const openOnes = (): number => sockets.filter(({ destroyed }) => !destroyed).length;

  it('are all held, and others are served as ever', async () => {
    while (sockets.length < count) {
      const waveSize = Math.min(wave, count - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: waveSize }, (_, at) => open(sockets.length + at)))));
    }
    await world.canary();
    expect(openOnes()).toBe(count);
  });

  it('one more than limits.connections is closed at once, and those that are open stay', async () => {
    // One that is closed at once may never hear that it was connected.
    const more = Array.from({ length: room + 5 }, (_, index) => begin(index));
    await soon(() => more.filter(({ destroyed }) => destroyed).length >= 5);
    await soon(() => world.discarded.includes('connection-limit'));
    expect(openOnes()).toBe(count);
    for (const socket of more) socket.destroy();
  });

  it('are closed when timers.idle is over, which a reload sets anew for all, and then there is room for as many again', async () => {
    // Not before: however long it takes to open them all, none may be idle for too long meanwhile.
    await world.change({ limits, timers: { idle: '10s' } });
    await soon(() => openOnes() === 0, 40_000);
    await world.canary();
    sockets.length = 0;
    sockets.push(await open(0));
    expect(openOnes()).toBe(1);
  });
});
