/** HTTP and JSON for administration: one request a connection, without a body, answered by an endpoint. */
import type { IncomingMessage, RequestListener, ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import { printableJson } from '../printable.ts';

export interface Reply {
  readonly status: number;
  /** Fit for JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the body, as it is; `headers` say what it is. */
  readonly text?: string;
}

/** What stands behind the question mark. */
export type Query = URLSearchParams;

/** By method and path: `POST /reload`. */
export type Endpoints = Readonly<Record<string, (query: Query) => Reply | Promise<Reply>>>;

/** Refuses a request before it is looked at; undefined lets it in. */
export type Guard = (request: IncomingMessage) => Reply | undefined;

/** What asks is a small tool nearby: it needs little room and little time. */
export const serverLimits: ServerOptions = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};

/** No header of RFC 6454 and the like stands here: a page of another origin reads nothing. */
const usualHeaders = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  connection: 'close',
};

/** Those that have brought their one request. What follows on them, pipelined, is not even looked at. */
const spent = new WeakSet<Socket>();

export const answering =
  (endpoints: Endpoints, guard: Guard): RequestListener =>
  async (request, response) => {
    if (spent.has(request.socket)) return;
    spent.add(request.socket);
    const { status, body, headers, text } =
      guard(request) ?? refuseBody(request) ?? (await replyTo(request, endpoints));
    response.writeHead(status, { ...usualHeaders, ...headers });
    response.end(text ?? `${printableJson(JSON.stringify(body))}\n`);
  };

/** It is not even read: with the answer the connection ends. */
const refuseBody: Guard = ({ headers }) => {
  const hasBody = Number(headers['content-length'] ?? 0) !== 0 || headers['transfer-encoding'] !== undefined;
  return hasBody ? { status: 413, body: { error: 'no request has a body here' } } : undefined;
};

const replyTo = async ({ method, url }: IncomingMessage, endpoints: Endpoints): Promise<Reply> => {
  const [path = '', query] = url?.split('?', 2) ?? [];
  const asked = `${method} ${path}`;
  const endpoint = Object.hasOwn(endpoints, asked) ? endpoints[asked] : undefined;
  if (endpoint === undefined)
    return { status: 404, body: { error: `there is no ${asked}`, try: Object.keys(endpoints) } };
  try {
    return await endpoint(new URLSearchParams(query));
  } catch (error) {
    return { status: 500, body: { error: error instanceof Error ? error.message : String(error) } };
  }
};
