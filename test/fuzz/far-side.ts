/**
 * The far side of a fuzz campaign, in a thread of its own: two next hops that frame all that reaches them as strictly as they
 * can, and the canary, a quiet conversation through the same router that must never fail.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import {
  answerTo,
  type Flaw,
  frameDatagram,
  isRequest,
  missingIn,
  type StrictMessage,
  StrictStream,
} from '../support/strict-framer.ts';
import { Canary, type CanaryReport } from './canary.ts';
import { mutate, reframed } from './mutate.ts';
import { type Places, port } from './places.ts';
import { Chance } from './random.ts';

export interface FarSideOptions {
  readonly at: Places;
  readonly seed: number;
}

export interface FarSideReport {
  /** Messages that the strict and the loud hop have framed. */
  readonly framed: number;
  readonly flaws: readonly Flaw[];
  readonly canary: CanaryReport;
}

const { at, seed } = workerData as FarSideOptions;
const chance = new Chance(seed ^ 0x5eed);
const flaws: Flaw[] = [];
let framed = 0;

const MOST_FLAWS = 200;

function note(flaw: Flaw): void {
  if (flaws.length < MOST_FLAWS) flaws.push({ why: flaw.why, text: flaw.text.slice(0, 4000) });
}

/** What one message is answered with, one datagram each by UDP. */
type Answer = (message: StrictMessage) => readonly string[];

const properly: Answer = (message) => [answerTo(message)];

const seeds = ['SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP a\r\n\r\n', 'SIP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello'];

const loudly: Answer = (message) => {
  const status = chance.of([
    '200 OK',
    '202 Accepted',
    '404 Not Found',
    '486 Busy',
    '603 Decline',
    '503 Busy',
    '180 Ringing',
  ]);
  const text = mutate(
    answerTo(message, status, 'ms-diagnostics: 1;reason="x"\r\nContact: <sip:b@192.0.2.1>\r\n'),
    chance,
    seeds,
  );
  // The proper one comes last, for an INVITE that only rings is kept until Timer C, and with it all that it needs.
  return [chance.oneIn(3) ? text : reframed(text), answerTo(message)];
};

/** Judges a whole message; gives what to answer. */
function take(message: StrictMessage, answer: Answer): readonly string[] {
  framed += 1;
  const missing = missingIn(message);
  if (missing !== undefined) note({ why: missing, text: message.text });
  const isAnswered = isRequest(message) && !/^(?:ACK|BENOTIFY) /.test(message.startLine);
  return isAnswered ? answer(message) : [];
}

async function listenUdp(address: string, answer: Answer): Promise<void> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.on('message', (datagram, from) => {
    const message = frameDatagram(datagram.toString('latin1'));
    if ('why' in message) return note(message);
    for (const text of take(message, answer)) socket.send(Buffer.from(text, 'latin1'), from.port, from.address);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
}

function frameStream(socket: Socket, answer: Answer): void {
  const stream = new StrictStream();
  socket.setEncoding('latin1');
  // The router hangs up on who does not speak SIP; the loud hop is such a one.
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    if (stream.flaw !== undefined) return;
    for (const message of stream.push(chunk)) {
      for (const text of take(message, answer)) socket.write(text, 'latin1');
    }
    if (stream.flaw !== undefined) note(stream.flaw);
  });
  socket.on('close', () => {
    if (stream.flaw === undefined && stream.rest !== '' && answer === properly) {
      note({ why: 'the stream ended inside a message', text: stream.rest });
    }
  });
}

async function listenTcp(address: string, answer: Answer): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => frameStream(socket, answer)).listen(port, address);
  await once(server, 'listening');
}

await Promise.all([
  listenUdp(at.strict, properly),
  listenTcp(at.strict, properly),
  listenUdp(at.loud, loudly),
  listenTcp(at.loud, loudly),
]);

const canary = new Canary(at);

parentPort?.on('message', async (order: 'begin' | 'idle' | 'load' | 'report') => {
  if (order === 'begin') await canary.begin();
  else if (order !== 'report') canary.phase = order;
  const report: FarSideReport = { framed, flaws, canary: canary.report };
  parentPort?.postMessage(report);
});
parentPort?.postMessage('ready');
