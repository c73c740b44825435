/** UDP over real sockets: datagrams, flows, keep-alives and the way back of responses. */
import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, test } from 'vitest';
import { closeTransports, flowTo, openTransports, RecordingUser } from '../../../support/open-transports.ts';
import { requestText } from '../../../support/raw-message.ts';
import { until } from '../../../support/until.ts';

interface UdpPeer {
  readonly socket: Socket;
  readonly port: number;
  readonly texts: string[];
  send(text: string, to: { readonly address: string; readonly port: number }): void;
}

const sockets: Socket[] = [];

async function openPeer(address = '127.0.0.1'): Promise<UdpPeer> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  sockets.push(socket);
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  const texts: string[] = [];
  socket.on('message', (datagram) => texts.push(datagram.toString('latin1')));
  const send: UdpPeer['send'] = (text, to) => socket.send(Buffer.from(text, 'latin1'), to.port, to.address);
  return { socket, port: socket.address().port, texts, send };
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await closeTransports();
});

const message = (callId: string, via: string, body = ''): string =>
  requestText({
    method: 'MESSAGE',
    uri: 'sip:bob@example.com',
    via: [`SIP/2.0/UDP ${via};branch=z9hG4bK${callId}`],
    callId,
    body,
  });

const response = (callId: string, status = 200): string =>
  `SIP/2.0 ${status} OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@example.com>;tag=1\r\n` +
  `To: <sip:b@example.com>;tag=2\r\nCall-ID: ${callId}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n`;

describe('datagrams', () => {
  test('a text that is no octets is not sent with half of its characters: that is a bug, and is thrown', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'udp' }] });
    const peer = await openPeer();
    const flow = flowTo(layer, { transport: 'udp', port: peer.port });
    expect(() => flow.send(message('wide', '127.0.0.1', '\u010d\u030a'))).toThrow('U+010D in a SIP message');
    flow.send(message('octets', '127.0.0.1', '\xc4\x8d'));
    await until(() => peer.texts.length > 0);
    expect(peer.texts).toEqual([expect.stringContaining('\r\n\r\n\xc4\x8d')]);
  });

  test('a request is handed up octet for octet, with one flow per remote address', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'udp' }] });
    const [one, other] = [await openPeer(), await openPeer()];
    const text = message('a', '127.0.0.1', 'h\xe9llo');
    one.send(text, listener);
    one.send(message('b', '127.0.0.1'), listener);
    await until(() => handler.requests.length === 2);
    other.send(message('c', '127.0.0.1'), listener);
    await until(() => handler.requests.length === 3);
    const [a, b, c] = handler.requests;
    expect(a!.message.text).toBe(text);
    expect(a!.flow).toMatchObject({
      transport: 'udp',
      isReliable: false,
      localPort: listener.port,
      remoteAddress: '127.0.0.1',
      remotePort: one.port,
      state: 'open',
    });
    expect(b!.flow).toBe(a!.flow);
    expect(c!.flow).not.toBe(a!.flow);
  });

  test('a Content-Length beyond the datagram is for the proxy to judge: the request is handed up', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'udp' }] });
    const peer = await openPeer();
    peer.send(message('a', '127.0.0.1', 'four').replace('Length: 4', 'Length: 9999'), listener);
    const { message: request } = await until(() => handler.requests[0]);
    expect(request.contentLength).toBe(9999);
  });

  test('responses are handed up, malformed ones and what is not SIP are dropped and told', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'udp' }] });
    const peer = await openPeer();
    for (const text of ['jaK\0', '', response('bad', 842), response('good')]) peer.send(text, listener);
    await until(() => handler.responses.length === 1);
    expect(handler.responses[0]!.message.callId).toBe('good');
    expect(handler.discardCodes).toEqual(['not-sip', 'not-sip', 'bad-response']);
  });

  test('a double CRLF is answered by a single one, a single one by nothing (RFC 5626 §3.5.1)', async () => {
    const { handler, listener } = await openTransports({ listen: [{ transport: 'udp' }] });
    const peer = await openPeer();
    for (const text of ['\r\n', '\r\n\r\n', response('after')]) peer.send(text, listener);
    await until(() => handler.responses.length === 1 && peer.texts.length === 1);
    expect(peer.texts).toEqual(['\r\n']);
    expect(handler.discarded).toEqual([]);
  });

  test('IPv6: flows carry plain addresses', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'udp', address: '::1' }] });
    const peer = await openPeer('::1');
    peer.send(message('a', '[::1]'), listener);
    const { flow } = await until(() => handler.requests[0]);
    expect(flow).toMatchObject({ remoteAddress: '::1', localAddress: '::1' });
    expect(flowTo(layer, { transport: 'udp', address: '::1', port: peer.port })).toBe(flow);
    flow.send('back');
    await until(() => peer.texts.includes('back'));
  });
});

describe('sending', () => {
  test('a flow to a target sends from the listening port', async () => {
    const { layer, listener } = await openTransports({ listen: [{ transport: 'udp' }] });
    const peer = await openPeer();
    const ports: number[] = [];
    peer.socket.on('message', (_datagram, { port }) => ports.push(port));
    flowTo(layer, { transport: 'udp', port: peer.port }).send('out \xff');
    await until(() => peer.texts.length === 1);
    expect(peer.texts).toEqual(['out \xff']);
    expect(ports).toEqual([listener.port]);
  });

  test('a message that fits in no datagram is told to its sender alone, after send has returned; the flow lives on', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'udp' }] });
    const peer = await openPeer();
    const flow = flowTo(layer, { transport: 'udp', port: peer.port });
    const user = new RecordingUser();
    const other = new RecordingUser();
    flow.users.add(user);
    flow.users.add(other);
    flow.send('x'.repeat(65_508), user);
    expect(user.errors).toEqual([]);
    await until(() => user.errors.length === 1);
    expect(user.errors[0]).toEqual({ code: 'send-failed', detail: '65508 octets do not fit in a datagram' });
    expect(other.errors).toEqual([]);
    expect(flow.users.size).toBe(1);
    flow.send('small');
    await until(() => peer.texts.includes('small'));
  });

  test('what the system refuses to send is told to those who wait', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'udp' }] });
    // From a loopback address nothing leaves the machine: the kernel answers EINVAL at once.
    const flow = flowTo(layer, { transport: 'udp', address: '192.0.2.1', port: 5060 });
    const user = new RecordingUser();
    flow.users.add(user);
    flow.send('never sent');
    await until(() => user.errors.length === 1);
    expect(user.errors[0]!.code).toBe('send-failed');
  });

  test('nothing is ever sent to multicast or broadcast', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'udp' }] });
    for (const address of ['255.255.255.255', '239.1.2.3']) {
      const target = { transport: 'udp', address, port: 5060, tlsName: undefined, tlsProfile: undefined } as const;
      expect(layer.flowTo(target)).toMatchObject({ code: 'send-failed' });
    }
  });

  test('who sends after the layer has closed is told', async () => {
    const { layer } = await openTransports({ listen: [{ transport: 'udp' }] });
    const flow = flowTo(layer, { transport: 'udp', port: 5060 });
    await layer.close(0);
    const user = new RecordingUser();
    flow.users.add(user);
    flow.send('late');
    await until(() => user.errors.length === 1);
    expect(flow.state).toBe('closed');
    expect(user.errors[0]!.code).toBe('closed');
  });
});

describe('responses (RFC 3261 §18.2.2, RFC 3581 §4)', () => {
  test('with rport they go to the source port, without it to the sent-by port of the source address', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'udp' }] });
    handler.answer = (request, flow) => layer.sendResponse(response(request.callId!), request, flow);
    const [source, sentBy] = [await openPeer(), await openPeer()];
    source.send(message('a', `client.invalid:${sentBy.port};rport`), listener);
    await until(() => source.texts.length === 1);
    source.send(message('b', `client.invalid:${sentBy.port}`), listener);
    await until(() => sentBy.texts.length === 1);
    expect(source.texts[0]).toContain('Call-ID: a');
    expect(sentBy.texts[0]).toContain('Call-ID: b');
  });

  test('they leave from the port that the request came to, even when another listener comes first', async () => {
    const { layer, handler } = await openTransports({ listen: [{ transport: 'udp' }, { transport: 'udp' }] });
    const second = layer.listeners[1]!;
    handler.answer = (request, flow) => layer.sendResponse(response('a'), request, flow);
    const [source, sentBy] = [await openPeer(), await openPeer()];
    const ports: number[] = [];
    sentBy.socket.on('message', (_datagram, { port }) => ports.push(port));
    source.send(message('a', `client.invalid:${sentBy.port}`), second);
    await until(() => ports.length === 1);
    expect(ports).toEqual([second.port]);
  });

  test('a request whose Via cannot be read is answered where it came from', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'udp' }] });
    handler.answer = (request, flow) => layer.sendResponse('answer', request, flow);
    const peer = await openPeer();
    peer.send(message('a', '127.0.0.1').replace('SIP/2.0/UDP 127', '@@'), listener);
    await until(() => peer.texts.includes('answer'));
  });

  test('a maddr is not followed: the answer comes to where the request came from', async () => {
    const { layer, handler, listener } = await openTransports({ listen: [{ transport: 'udp' }] });
    handler.answer = (request, flow) => layer.sendResponse('answer', request, flow);
    const peer = await openPeer();
    peer.send(message('a', '127.0.0.1;rport;maddr=2001:db8::1'), listener);
    peer.send(message('b', '127.0.0.1;rport;maddr=127.0.0.2'), listener);
    await until(() => handler.requests.length === 2);
    await until(() => peer.texts.length === 2);
  });
});
