/** TCP connections over real sockets: framing, gathering of output, reuse, limits and every way to end. */

import { type AddressInfo, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { respond } from '../../../../src/sip-parser/index.ts';
import { closeTransports, flowTo, openTransports, RecordingUser } from '../../../support/open-transports.ts';
import { requestText } from '../../../support/raw-message.ts';
import { closePeers, connectPeer, listenAsPeer } from '../../../support/stream-peer.ts';
import { until } from '../../../support/until.ts';

afterEach(async () => {
  await closeTransports();
  closePeers();
});

const message = (callId: string, { via = '127.0.0.1:5060', body = '' } = {}): string =>
  requestText({
    method: 'MESSAGE',
    uri: 'sip:bob@example.com',
    via: [`SIP/2.0/TCP ${via};branch=z9hG4bK${callId}`],
    callId,
    body,
  });

const response = (callId: string, status = 200): string =>
  `SIP/2.0 ${status} OK\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@example.com>;tag=1\r\n` +
  `To: <sip:b@example.com>;tag=2\r\nCall-ID: ${callId}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n`;

const portOfNobody = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

describe('what comes in on a stream (RFC 3261 §18.3)', () => {
  test('several messages in one segment are handed up one by one, each with its own body', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    connectPeer(listener).send(message('a', { body: 'one' }) + message('b', { body: 'two' }) + message('c'));
    await until(() => handler.requests.length === 3);
    expect(handler.requests.map(({ message: { callId, body } }) => [callId, body])).toEqual([
      ['a', 'one'],
      ['b', 'two'],
      ['c', ''],
    ]);
  });

  test('a message that comes octet by octet is handed up whole', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    const text = message('slow', { body: 'h\xe9llo' });
    for (const octet of text) {
      peer.send(octet);
      await until(() => peer.socket.writableLength === 0);
    }
    await until(() => handler.requests.length === 1);
    expect(handler.requests[0]!.message.text).toBe(text);
  });

  test('a flow knows both its ends and its listener', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener, '127.0.0.7');
    peer.send(message('ends'));
    const { flow } = await until(() => handler.requests[0]);
    expect(flow).toMatchObject({
      transport: 'tcp',
      isReliable: true,
      localAddress: '127.0.0.1',
      localPort: listener.port,
      remoteAddress: '127.0.0.7',
      remotePort: peer.socket.localPort,
      verifiedNames: [],
      state: 'open',
    });
    expect(flow.listener).toBe(listener);
  });

  test('a connection with megabytes to tell does not keep the others waiting: after 64 KiB they have their turn', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const [loud, quiet] = [connectPeer(listener), connectPeer(listener)];
    quiet.send(message('hello'));
    await until(() => handler.requests.length === 1);
    const flood = Array.from({ length: 4_000 }, (_, index) => message(`flood-${index}`, { body: 'x'.repeat(300) }));
    // By the second flood the receive window has grown to more than one read.
    const octetsBefore: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      const before = handler.requests.length;
      handler.answer = ({ callId }) => {
        if (callId === 'flood-0') quiet.send(message('quiet'));
      };
      loud.send(flood.join(''));
      await until(() => handler.requests.length === before + flood.length + 1);
      const place = handler.requests.slice(before).findIndex(({ message: { callId } }) => callId === 'quiet');
      octetsBefore.push(flood.slice(0, place).join('').length);
    }
    expect(Math.max(...octetsBefore)).toBeLessThan(3 * 65_536);
  });

  test('responses are handed up, malformed ones are dropped and told', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    connectPeer(listener).send(response('bad', 842) + response('good'));
    await until(() => handler.responses.length === 1);
    expect(handler.responses[0]!.message.callId).toBe('good');
    expect(handler.discarded).toMatchObject([{ what: 'bad-response', callId: 'bad' }]);
    expect(handler.unfit, 'nobody can say what 842 answers').toEqual([]);
  });

  test('a response whose header lines could be misread is told, as one that cannot be sent on', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    for (const line of ['X: a\nVia: b', 'X: a\rb', 'X: \0', 'Content Length: 5'])
      connectPeer(listener).send(response('unfit').replace('CSeq', `${line}\r\nCSeq`));
    await until(() => handler.unfit.length === 4);
    expect(handler.discarded.map(({ what, callId }) => `${what} ${callId}`)).toEqual(
      Array(4).fill('bad-response unfit'),
    );
    expect(handler.responses).toEqual([]);
  });

  test('a double CRLF is answered by a single one (RFC 5626 §3.5.1)', async () => {
    const { listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send('\r\n\r\n');
    expect(await peer.read('\r\n')).toBe('\r\n');
  });

  test.each([
    ['framing-lost', 400, message('lost').replace('Content-Length: 0\r\n', '')],
    ['header-too-large', 513, message('lost').replace('CSeq', `X: ${'x'.repeat(70_000)}\r\nCSeq`)],
    ['body-too-large', 513, message('lost').replace('Length: 0', 'Length: 2000000')],
  ] as const)(
    '%s: the answer of whoever decides (%i) leaves, and the connection is closed',
    async (code, status, text) => {
      const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
      const peer = connectPeer(listener);
      peer.send(text);
      await until(() => peer.hasEnded);
      expect(peer.text.split('\r\n')[0]).toBe(`SIP/2.0 ${status} ${code}`);
      expect(handler.lost).toMatchObject([{ message: { callId: 'lost' }, loss: { code, status } }]);
      expect(handler.discarded).toMatchObject([{ what: code, callId: 'lost' }]);
      expect(handler.requests).toEqual([]);
    },
  );

  test('a lost request that nobody answers closes the connection all the same', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    handler.answersLost = false;
    const peer = connectPeer(listener);
    peer.send(message('lost').replace('Content-Length: 0\r\n', ''));
    await until(() => peer.hasEnded);
    expect(peer.text).toBe('');
    expect(handler.discardCodes).toEqual(['framing-lost']);
  });

  test('answers that are owed leave before a connection is closed whose framing is lost, and nothing more is read', async () => {
    const { layer, handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(message('owed') + message('big').replace('Length: 0', 'Length: 2000000') + message('unread'));
    const { message: owed, flow } = await until(() => handler.requests[0]);
    expect(await peer.read('\r\n\r\n')).toContain('SIP/2.0 513 body-too-large');
    expect(peer.hasEnded).toBe(false);
    layer.sendResponse(respond(owed, 200, 'OK', 'late'), owed, flow);
    await until(() => peer.text.includes('SIP/2.0 200 OK'));
    await until(() => {
      clock.advance(1_000);
      return peer.hasEnded;
    });
    expect(handler.requests).toHaveLength(1);
  });

  test.each([1, 2, 10, 3_000])('a request line of 60 kB passes, in %i segments', async (pieces) => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    const text = message('line').replace('@example.com SIP', `@example.com;opaque=${'a'.repeat(60_000)} SIP`);
    const step = Math.ceil(text.length / pieces);
    for (let at = 0; at < text.length; at += step) {
      peer.send(text.slice(at, at + step));
      await until(() => peer.socket.writableLength === 0);
    }
    await until(() => handler.requests.length === 1);
    expect(handler.requests[0]!.message.text).toBe(text);
  });

  test.each([1, 10])('one that is larger than all header fields may be is told, in %i segments', async (pieces) => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    const text = message('line').replace('@example.com SIP', `@example.com;opaque=${'a'.repeat(66_000)} SIP`);
    const step = Math.ceil(text.length / pieces);
    for (let at = 0; at < text.length; at += step) peer.send(text.slice(at, at + step));
    await until(() => peer.hasEnded);
    const detail = 'start line larger than 65536 octets';
    expect(handler.discarded).toMatchObject([{ what: 'header-too-large', detail }]);
    expect(peer.text, 'nothing says where an answer would have to go').toBe('');
  });

  test.each([
    ['a TLS hello', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 'the peer speaks TLS to a port without'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'the peer speaks HTTP, not SIP'],
    ['anything else', '220 mail.example.com ESMTP\r\n', 'no SIP start line'],
  ])('%s on a port for SIP over TCP is called by its name', async (_, text, detail) => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(text);
    await until(() => peer.hasEnded);
    expect(handler.discarded).toMatchObject([{ what: 'not-sip', detail: expect.stringContaining(detail) }]);
  });

  test('a hop that answers with a TLS alert is told to be reached by the wrong transport', async () => {
    const { layer, handler } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    flowTo(layer, { transport: 'tcp', port: server.port });
    (await server.peer(0)).send('\x15\x03\x01\0\x02\x02\x46');
    await until(() => handler.discarded.length === 1);
    expect(handler.discarded[0]).toMatchObject({ what: 'not-sip', detail: expect.stringContaining('transport: tls') });
  });

  test('what is not SIP closes the connection', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send('GET / HTTP/1.1\r\n\r\n');
    await until(() => peer.hasEnded);
    expect(handler.discardCodes).toEqual(['not-sip']);
  });

  test('a message that is not finished in time closes the connection', async () => {
    const { layer, handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    handler.answer = (request, flow) => layer.sendResponse(respond(request, 200, 'OK', 'x'), request, flow);
    const peer = connectPeer(listener);
    peer.send(`${message('whole')}MESSAGE sip:bob@example.com SIP/2.0\r\ni: half\r\nVia:`);
    await until(() => handler.requests.length === 1);
    clock.advance(29_999);
    expect(handler.discardCodes).toEqual([]);
    clock.advance(1);
    expect(handler.discarded).toMatchObject([{ what: 'incomplete-message', callId: 'half' }]);
    await until(() => peer.hasEnded);
  });

  test('a stream that ends inside a message is told, with the Call-ID as far as it has come', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    for (const text of [message('body', { body: 'hello' }).slice(0, -2), message('head').slice(0, -4)]) {
      const peer = connectPeer(listener);
      peer.send(text);
      peer.socket.end();
      await until(() => peer.hasEnded);
    }
    expect(handler.discarded.map(({ what, callId }) => [what, callId])).toEqual([
      ['incomplete-message', 'body'],
      ['incomplete-message', 'head'],
    ]);
  });

  test('a busy stream that is inside a message at every read is left alone', async () => {
    const { handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    const text = message('busy');
    peer.send(text + text.slice(0, 20));
    for (let count = 1; count <= 5; count += 1) {
      await until(() => handler.requests.length === count);
      clock.advance(20_000);
      peer.send(text.slice(20) + text.slice(0, 20));
    }
    await until(() => handler.requests.length === 6);
    expect(handler.discardCodes).toEqual([]);
  });

  test('a peer that resets the connection inside a message costs only the connection', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(`${message('whole')}MESSAGE sip:bob@`);
    const { flow } = await until(() => handler.requests[0]);
    const user = new RecordingUser();
    flow.users.add(user);
    peer.socket.resetAndDestroy();
    await until(() => flow.state === 'closed');
    expect(user.errors).toEqual([{ code: 'closed', detail: 'read ECONNRESET' }]);
    expect(flow.users.size).toBe(0);
    connectPeer(listener).send(message('next'));
    await until(() => handler.requests.length === 2);
  });
});

describe('what goes out on a stream', () => {
  test('is octets: a text with any other character is a bug, and is thrown, not sent with half of its characters', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(message('a'));
    const { flow } = await until(() => handler.requests[0]);
    expect(() => flow.send(response('\u010d\u030aX-Evil: yes'))).toThrow('U+010D in a SIP message');
    flow.send(response('h\xc4\x8dllo'));
    expect(await peer.read('\r\n\r\n')).toBe(response('h\xc4\x8dllo'));
  });

  test('messages of one turn leave in order and in one write', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const flow = flowTo(layer, { transport: 'tcp', port: server.port });
    const peer = await server.peer(0);
    await until(() => flow.state === 'open');
    const chunks: string[] = [];
    peer.socket.on('data', (chunk) => chunks.push(chunk.toString('latin1')));
    for (const text of ['first', 'second', 'th\xefrd']) flow.send(text);
    await peer.read('th\xefrd');
    expect(chunks).toEqual(['firstsecondth\xefrd']);
  });

  test('what is sent while connecting leaves when the connection is open', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const flow = flowTo(layer, { transport: 'tcp', port: server.port });
    expect(flow.state).toBe('connecting');
    flow.send('early');
    expect(await (await server.peer(0)).read('early')).toBe('early');
    expect(flow).toMatchObject({ state: 'open', localAddress: '127.0.0.1', remotePort: server.port });
  });

  test('a peer that never reads gets its connection closed when the write queue is full, and others live on', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'tcp' }], limits: { writeQueueBytes: 100_000 } });
    const server = await listenAsPeer();
    const flow = flowTo(layer, { transport: 'tcp', port: server.port });
    (await server.peer(0)).socket.pause();
    const user = new RecordingUser();
    flow.users.add(user);
    const toldInsideSend = await until(() => {
      flow.send('x'.repeat(50_000));
      return flow.state === 'closed' && [...user.errors];
    });
    expect(toldInsideSend).toEqual([]);
    await until(() => user.errors.length > 0);
    expect(user.errors[0]!.code).toBe('write-queue-full');
    expect(flowTo(layer, { transport: 'tcp', port: server.port })).not.toBe(flow);
  });

  test('who sends by a closed flow is told afterwards', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(message('a'));
    const { flow } = await until(() => handler.requests[0]);
    peer.socket.destroy();
    layer.sendResponse(response('a'), undefined, flow);
    await until(() => flow.state === 'closed');
    const user = new RecordingUser();
    flow.users.add(user);
    flow.send('too late');
    expect(user.errors).toEqual([]);
    await until(() => user.errors.length === 1);
    expect(user.errors[0]!.code).toBe('closed');
  });
});

describe('connecting', () => {
  test('a refused connection is told to those who wait', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    await new Promise((resolve) => server.close(resolve));
    const user = new RecordingUser();
    const flow = flowTo(layer, { transport: 'tcp', port });
    flow.users.add(user);
    flow.send('lost');
    await until(() => user.errors.length === 1);
    expect(user.errors).toEqual([{ code: 'connect-refused', detail: `connect ECONNREFUSED 127.0.0.1:${port}` }]);
    expect(flow.state).toBe('closed');
  });

  test('a peer that does not answer is given up after connectMs', async () => {
    const { layer, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const flow = flowTo(layer, { transport: 'tcp', port: server.port });
    const user = new RecordingUser();
    flow.users.add(user);
    clock.advance(2_000);
    expect(user.errors).toEqual([
      { code: 'connect-timeout', detail: `no connection to 127.0.0.1 port ${server.port} within 2000 ms` },
    ]);
  });

  test('no flow leads where no listener or no host can be', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const target = {
      transport: 'tcp',
      address: '127.0.0.1',
      port: 5060,
      tlsName: undefined,
      tlsProfile: undefined,
    } as const;
    expect(layer.flowTo({ ...target, transport: 'udp' })).toMatchObject({ code: 'no-listener' });
    expect(layer.flowTo({ ...target, address: '::1' })).toMatchObject({ code: 'no-listener' });
    expect(layer.flowTo({ ...target, address: '239.1.2.3' })).toMatchObject({ code: 'connect-failed' });
    expect(layer.flowTo({ ...target, address: 'localhost' })).toMatchObject({ code: 'connect-failed' });
    expect(layer.flowTo({ ...target, port: 70_000 })).toMatchObject({ code: 'connect-failed' });
  });

  test('a connection leaves from the address of its listener, by which peers know us', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'tcp', address: '127.0.0.9' }] });
    const server = await listenAsPeer();
    flowTo(layer, { transport: 'tcp', port: server.port });
    expect((await server.peer(0)).socket.remoteAddress).toBe('127.0.0.9');
  });
});

describe('reuse of connections (RFC 3261 §18.1.1, RFC 5923)', () => {
  test('one connection serves all who ask for the same target, also while it connects', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const flow = flowTo(layer, { transport: 'tcp', port: server.port });
    expect(flowTo(layer, { transport: 'tcp', port: server.port })).toBe(flow);
    await until(() => flow.state === 'open');
    expect(flowTo(layer, { transport: 'tcp', port: server.port })).toBe(flow);
    expect(server.peers).toHaveLength(1);
  });

  test('another port is another connection', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const [one, other] = [await listenAsPeer(), await listenAsPeer()];
    const flow = flowTo(layer, { transport: 'tcp', port: one.port });
    expect(flowTo(layer, { transport: 'tcp', port: other.port })).not.toBe(flow);
  });

  test('a closed connection is replaced by a new one', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const flow = flowTo(layer, { transport: 'tcp', port: server.port });
    (await server.peer(0)).socket.destroy();
    await until(() => flow.state === 'closed');
    const next = flowTo(layer, { transport: 'tcp', port: server.port });
    expect(next).not.toBe(flow);
    next.send('hello');
    expect(await (await server.peer(1)).read('hello')).toBe('hello');
  });

  test("requests go by the peer's own connection when its Via carried alias", async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(message('a', { via: '127.0.0.1:5999;alias' }));
    const { flow } = await until(() => handler.requests[0]);
    expect(flowTo(layer, { transport: 'tcp', port: 5999 })).toBe(flow);
    flowTo(layer, { transport: 'tcp', port: 5999 }).send('request');
    await peer.read('request');
  });

  test('without alias only messages to its own ephemeral port go by it', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(message('a', { via: '127.0.0.1:5999' }));
    const { flow } = await until(() => handler.requests[0]);
    expect(flowTo(layer, { transport: 'tcp', port: 5999 })).not.toBe(flow);
    expect(flowTo(layer, { transport: 'tcp', port: peer.socket.localPort! })).toBe(flow);
  });

  test('an alias counts for the address of the peer only, and ends with the connection', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener, '127.0.0.7');
    peer.send(message('a', { via: '127.0.0.8:5999;alias' }));
    const { flow } = await until(() => handler.requests[0]);
    expect(flowTo(layer, { transport: 'tcp', address: '127.0.0.8', port: 5999 })).not.toBe(flow);
    expect(flowTo(layer, { transport: 'tcp', address: '127.0.0.7', port: 5999 })).toBe(flow);
    peer.socket.resetAndDestroy();
    await until(() => flow.state === 'closed');
    expect(flowTo(layer, { transport: 'tcp', address: '127.0.0.7', port: 5999 })).not.toBe(flow);
  });

  test('what comes on a connection that we opened is handed up too', async () => {
    const { layer, handler } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const flow = flowTo(layer, { transport: 'tcp', port: server.port });
    (await server.peer(0)).send(message('back') + response('r'));
    await until(() => handler.responses.length === 1);
    expect(handler.requests[0]!.flow).toBe(flow);
  });
});

describe('responses (RFC 3261 §18.2.2)', () => {
  test('go back on the connection of the request, whatever its sent-by says', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    handler.answer = (request, flow) => layer.sendResponse(response(request.callId!), request, flow);
    const peer = connectPeer(listener);
    peer.send(message('a', { via: 'elsewhere.invalid:9' }));
    await peer.read('Call-ID: a');
  });

  test('go by a new connection to the source address and sent-by port when that one is closed', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const peer = connectPeer(listener);
    peer.send(message('a', { via: `192.0.2.1:${server.port}` }));
    const { message: request, flow } = await until(() => handler.requests[0]);
    peer.socket.destroy();
    layer.sendResponse(response('probe'), undefined, flow);
    await until(() => flow.state === 'closed');
    layer.sendResponse(response('a'), request, flow);
    await (await server.peer(0)).read('Call-ID: a');
    expect(handler.undelivered).toEqual([]);
  });

  test('are told when that connection is refused, or there is nowhere to send them', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    const port = await portOfNobody();
    peer.send(message('a', { via: `192.0.2.1:${port}` }) + message('b', { via: '192.0.2.1:0' }));
    const [a, b] = await until(() => handler.requests.length === 2 && handler.requests);
    peer.socket.resetAndDestroy();
    await until(() => a!.flow.state === 'closed');
    layer.sendResponse(response('a'), a!.message, a!.flow);
    layer.sendResponse(response('b'), b!.message, b!.flow);
    await until(() => handler.undelivered.length === 2);
    expect(handler.undelivered).toEqual([
      { text: response('b'), why: { code: 'no-address', detail: 'nothing can be sent to 127.0.0.1 port 0' } },
      { text: response('a'), why: expect.objectContaining({ code: 'connect-refused' }) },
    ]);
  });

  test('go there also when the request is forgotten, and only the response has its Via', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const peer = connectPeer(listener);
    peer.send(message('a'));
    const { flow } = await until(() => handler.requests[0]);
    layer.sendResponse(response('open'), undefined, flow);
    await peer.read('Call-ID: open');
    peer.socket.destroy();
    flow.send(response('probe'));
    await until(() => flow.state === 'closed');
    layer.sendResponse(response('a').replace('TCP 127.0.0.1', `TCP 192.0.2.1:${server.port}`), undefined, flow);
    await (await server.peer(0)).read('Call-ID: a');
  });

  test('still reach a peer that has ended its side, which is closed after the last of them', async () => {
    const { layer, handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const user = new RecordingUser();
    handler.answer = (_request, flow) => flow.users.add(user);
    const peer = connectPeer(listener);
    peer.send(message('a') + message('b'));
    peer.socket.end();
    await until(() => handler.requests.length === 2);
    const [a, b] = handler.requests;
    await until(() => user.errors.length === 1);
    expect(user.errors[0]!.detail, 'no response can come by it').toBe('127.0.0.1 has ended the connection');
    layer.sendResponse(response('a', 180), a!.message, a!.flow);
    layer.sendResponse(response('a'), a!.message, a!.flow);
    await peer.read('200 OK');
    expect(peer.hasEnded).toBe(false);
    layer.sendResponse(response('b'), b!.message, b!.flow);
    await peer.read('Call-ID: b');
    await until(() => {
      clock.advance(50);
      return peer.hasEnded;
    });
  });

  test('still reach a peer that has ended its side inside another message', async () => {
    const { layer, handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(message('a') + message('b').slice(0, -5));
    peer.socket.end();
    await until(() => handler.discardCodes[0] === 'incomplete-message');
    // Longer than a message that has begun may take.
    clock.advance(31_000);
    const { message: request, flow } = handler.requests[0]!;
    layer.sendResponse(response('a'), request, flow);
    await peer.read('200 OK');
    expect(handler.discardCodes).toHaveLength(1);
  });

  test('that were written to a peer that had closed for good go to its sent-by on a new connection', async () => {
    const { layer, handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const peer = connectPeer(listener);
    peer.send(message('a', { via: `192.0.2.1:${server.port}` }));
    const { message: request, flow } = await until(() => handler.requests[0]);
    const user = new RecordingUser();
    flow.users.add(user);
    peer.socket.destroy();
    await until(() => user.errors.length === 1);
    expect(flow.state, 'the peer may have ended its side only').toBe('open');
    const sentBy = `192.0.2.1:${server.port}`;
    layer.sendResponse(response('a').replace('TCP 127.0.0.1', `TCP ${sentBy}`), request, flow);
    // The reset that answers a write comes by the loopback interface, not by the clock.
    await setTimeout(50);
    clock.advance(100);
    await until(() => flow.state === 'closed');
    await (await server.peer(0)).read('Call-ID: a');
  });

  test('that never come do not keep a half-closed connection for ever', async () => {
    const { handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(message('a'));
    const { flow } = await until(() => handler.requests[0]);
    const user = new RecordingUser();
    flow.users.add(user);
    peer.socket.end();
    await until(() => user.errors.length === 1);
    clock.advance(31_999);
    expect(flow.state).toBe('open');
    clock.advance(1);
    expect(flow.state).toBe('closed');
    await until(() => peer.hasEnded);
  });
});

describe('the end of a connection', () => {
  test('a peer that has ended its side and waits for nothing is closed at once', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(response('a'));
    peer.socket.end();
    await until(() => peer.hasEnded);
    expect(handler.discardCodes).toEqual([]);
  });

  test.each(['ends its side', 'closes for good'])(
    'a peer that %s as soon as it has answered has given all its answers',
    async (how) => {
      const { layer, handler } = await openTransports({ listen: [{ transport: 'tcp' }] });
      const server = await listenAsPeer();
      const flow = flowTo(layer, { transport: 'tcp', port: server.port });
      flow.send(message('request'));
      const peer = await server.peer(0);
      await peer.read('Call-ID: request');
      const user = new RecordingUser();
      flow.users.add(user);
      // More than one read takes.
      const callIds = Array.from({ length: 1_000 }, (_, i) => `answer-${i}`);
      peer.send(callIds.map((callId) => response(callId)).join(''));
      if (how === 'closes for good') peer.socket.destroySoon();
      else peer.socket.end();
      await until(() => user.errors.length === 1);
      expect(handler.responses.map(({ message: { callId } }) => callId)).toEqual(callIds);
    },
  );

  test('a stream that ends inside a message is told as such', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send('MESSAGE sip:bob@example.com SIP/2.0\r\n');
    peer.socket.end();
    await until(() => peer.hasEnded);
    expect(handler.discardCodes).toEqual(['incomplete-message']);
  });

  test('an idle connection is closed after idleMs, one that moves, is waited on or owes an answer is not', async () => {
    const { layer, handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send(message('a'));
    const { flow } = await until(() => handler.requests[0]);
    clock.advance(600_000);
    expect(flow.state, 'it moved in the first period').toBe('open');
    clock.advance(6_000_000);
    expect(flow.state, 'an answer is owed').toBe('open');
    layer.sendResponse(response('a'), undefined, flow);
    await peer.read('200 OK');
    clock.advance(600_000);
    const user = new RecordingUser();
    flow.users.add(user);
    clock.advance(600_000);
    expect(flow.state, 'somebody waits').toBe('open');
    flow.users.delete(user);
    clock.advance(600_000);
    expect(flow.state).toBe('closed');
    expect(handler.discardCodes).toEqual(['idle']);
    await until(() => peer.hasEnded);
  });

  test('a peer that does not close after us is cut off', async () => {
    const { listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const peer = connectPeer(listener);
    peer.send('nonsense\r\n\r\n');
    await until(() => peer.hasEnded);
    const closed = vi.fn();
    peer.socket.once('close', closed);
    clock.advance(2_000);
    await until(() => {
      peer.send('more');
      return closed.mock.calls.length > 0;
    });
  });

  test('connections beyond the limit are refused, and accepted again when one has gone', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'tcp' }], limits: { connections: 1 } });
    const first = connectPeer(listener);
    first.send(response('a'));
    await until(() => handler.responses.length === 1);
    const second = connectPeer(listener);
    await until(() => second.isClosed || second.hasEnded);
    expect(handler.discarded[0]).toMatchObject({ what: 'connection-limit', flow: { remoteAddress: '127.0.0.1' } });
    first.socket.end();
    await until(() => first.isClosed);
    connectPeer(listener).send(response('b'));
    await until(() => handler.responses.length === 2);
  });
});

describe('closing the layer', () => {
  test('idle connections are closed and new ones refused, while answers that are owed are waited for', async () => {
    const { layer, handler, listener, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const [idle, busy] = [connectPeer(listener), connectPeer(listener)];
    idle.send(response('a'));
    busy.send(message('b'));
    await until(() => handler.requests.length === 1 && handler.responses.length === 1);
    const done = vi.fn();
    const closing = layer.close(60_000).then(done);
    await until(() => idle.hasEnded);
    idle.socket.end();
    const late = connectPeer(listener);
    await until(() => late.isClosed);
    clock.advance(50);
    expect(done).not.toHaveBeenCalled();
    const { message: request, flow } = handler.requests[0]!;
    layer.sendResponse(response('b'), request, flow);
    await busy.read('Call-ID: b');
    clock.advance(50);
    await until(() => busy.hasEnded);
    busy.socket.end();
    await until(() => {
      clock.advance(50);
      return done.mock.calls.length > 0;
    });
    await closing;
  });

  test('after the time of grace those who wait are told, and everything is closed', async () => {
    const { layer, clock } = await openTransports({ listen: [{ transport: 'tcp' }] });
    const server = await listenAsPeer();
    const flow = flowTo(layer, { transport: 'tcp', port: server.port });
    const peer = await server.peer(0);
    const user = new RecordingUser();
    flow.users.add(user);
    const closing = layer.close(1_000);
    clock.advance(1_000);
    await closing;
    expect(user.errors).toEqual([{ code: 'closed', detail: 'the router has closed' }]);
    await until(() => peer.isClosed || peer.hasEnded);
  });
});
