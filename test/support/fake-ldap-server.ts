/** An LDAP server in this process that answers as a test tells it: what no real server can be made to do in a test. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Ber, BerReader, BerWriter } from 'ldapts';
import { onTestFinished } from 'vitest';

export interface LdapRequest {
  readonly messageId: number;
  readonly operation: 'bind' | 'search' | 'abandon' | 'unbind' | 'other';
  /** Number of this request's kind on its connection, from 1. */
  readonly count: number;
  /** The whole message. */
  readonly octets: Buffer;
}

export interface FakeLdapServer {
  readonly port: number;
  /** Connections accepted so far, and those that are open. */
  readonly accepted: number;
  readonly open: number;
}

const operations: Readonly<Record<number, LdapRequest['operation']>> = {
  96: 'bind',
  99: 'search',
  80: 'abandon',
  66: 'unbind',
};

const message = (messageId: number, tag: number, write: (writer: BerWriter) => void, controls?: Buffer): Buffer => {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(messageId);
  writer.startSequence(tag);
  write(writer);
  writer.endSequence();
  if (controls !== undefined) writer.writeBuffer(controls, 0xa0);
  writer.endSequence();
  return writer.buffer;
};

const result =
  (tag: number) =>
  (messageId: number, code = 0, diagnostic = '', controls?: Buffer): Buffer =>
    message(
      messageId,
      tag,
      (writer) => {
        writer.writeEnumeration(code);
        writer.writeString('');
        writer.writeString(diagnostic);
      },
      controls,
    );

export const bindResponse = result(0x61);
export const searchDone = result(0x65);

export const searchEntry = (
  messageId: number,
  dn: string,
  attributes: Readonly<Record<string, readonly string[]>>,
): Buffer =>
  message(messageId, 0x64, (writer) => {
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, values] of Object.entries(attributes)) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(0x31);
      for (const value of values) writer.writeString(value);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });

/** The paged results control of a response (RFC 2696). */
export const pagedCookie = (cookie: string): Buffer => {
  const value = new BerWriter();
  value.startSequence();
  value.writeInt(0);
  value.writeString(cookie);
  value.endSequence();
  const control = new BerWriter();
  control.startSequence();
  control.writeString('1.2.840.113556.1.4.319');
  control.writeBuffer(value.buffer, Ber.OctetString);
  control.endSequence();
  return control.buffer;
};

/** What is no LDAP, such as the beginning of a TLS handshake, is a request of another kind. */
const readRequest = (octets: Buffer): Omit<LdapRequest, 'count'> => {
  if (octets[0] !== 0x30) return { messageId: 0, operation: 'other', octets };
  const reader = new BerReader(octets);
  reader.readSequence();
  const messageId = reader.readInt() ?? 0;
  return { messageId, operation: operations[reader.peek() ?? 0] ?? 'other', octets };
};

/** Requests are far below 64 KiB, and come whole. */
const split = (chunk: Buffer): Buffer[] => {
  if (chunk[0] !== 0x30) return [chunk];
  const messages: Buffer[] = [];
  for (let at = 0; at < chunk.length; ) {
    const reader = new BerReader(chunk.subarray(at));
    reader.readSequence();
    const length = reader.offset + reader.length;
    messages.push(chunk.subarray(at, at + length));
    at += length;
  }
  return messages;
};

/** @param answer what to send for a request; binds are welcome and signs of life are given unless it says otherwise */
export async function fakeLdapServer(
  answer: (request: LdapRequest, socket: Socket) => readonly Buffer[] | undefined,
): Promise<FakeLdapServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    const counts = new Map<string, number>();
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      for (const octets of split(chunk)) {
        const request = readRequest(octets);
        const count = (counts.get(request.operation) ?? 0) + 1;
        counts.set(request.operation, count);
        const reply = answer({ ...request, count }, socket);
        for (const each of reply ?? usualAnswer(request)) socket.write(each);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as { port: number }).port,
    get accepted() {
      return accepted;
    },
    get open() {
      return sockets.size;
    },
  };
}

function usualAnswer({ operation, messageId }: Omit<LdapRequest, 'count'>): readonly Buffer[] {
  if (operation === 'bind') return [bindResponse(messageId)];
  return operation === 'search' ? [searchDone(messageId)] : [];
}
