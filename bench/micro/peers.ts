/** Both peers of the router in a thread of its own, whose garbage is not the router's: one sends requests, the other answers 200. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { messageText } from './messages.ts';

/** Handed over when the thread is started. */
export interface Peers {
  readonly router: string;
  readonly cisco: string;
  readonly microsoft: string;
}

/** How many are under way at a time. */
const outstanding = 64;
const { router, cisco, microsoft } = workerData as Peers;

/** Calls `onMessage` with each whole message; all lengths are given (RFC 3261 §18.3). */
function readMessages(socket: Socket, onMessage: (text: string) => void): void {
  let kept = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    kept += chunk;
    for (let end = endOfFirst(kept); end > 0; end = endOfFirst(kept)) {
      onMessage(kept.slice(0, end));
      kept = kept.slice(end);
    }
  });
}

function endOfFirst(text: string): number {
  const header = text.indexOf('\r\n\r\n') + 4;
  if (header < 4) return -1;
  const end = header + Number(/\r\nContent-Length: *(\d+)/i.exec(text)?.[1] ?? 0);
  return end <= text.length ? end : -1;
}

/** RFC 3261 §8.2.6.2. */
function okTo(request: string): string {
  const copied = request.split('\r\n').filter((line) => /^(?:Via|From|To|Call-ID|CSeq):/i.test(line));
  return ['SIP/2.0 200 OK', ...copied, 'Content-Length: 0', '', ''].join('\r\n');
}

const sink = createServer((socket) =>
  readMessages(socket, (text) => {
    if (text.startsWith('MESSAGE')) socket.write(okTo(text), 'latin1');
  }),
).listen(5060, microsoft);
await once(sink, 'listening');
const source = connect({ host: router, port: 5060, localAddress: cisco });
await once(source, 'connect');

let sent = 0;
let left = 0;
const send = (): void => {
  sent += 1;
  source.write(messageText(sent), 'latin1');
};
readMessages(source, (text) => {
  if (!text.startsWith('SIP/2.0 200')) throw new Error(`not as expected: ${text}`);
  left -= 1;
  if (left >= outstanding) send();
  if (left === 0) parentPort?.postMessage('answered');
});
parentPort?.on('message', (count: number) => {
  left = count;
  for (let i = 0; i < Math.min(count, outstanding); i += 1) send();
});
parentPort?.postMessage('connected');
