/** Who may administer over the network: whoever has the token; without one, programs of this machine, but no web page. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AdminNetwork } from '../config/admin.ts';
import { readHostAndPort } from '../net/host.ts';
import type { Guard, Reply } from './http.ts';

export const createGuard = ({ address, token }: AdminNetwork): Guard => {
  const admits = token === undefined ? isForLoopback(address) : hasToken(token.reveal());
  return (request) => refuseOtherOrigin(request) ?? admits(request);
};

/** RFC 6750 §2.1 and §3. */
const hasToken = (token: string): Guard => {
  const expected = digestOf(token);
  return ({ headers }) => {
    const [scheme = '', given = ''] = headers.authorization?.split(' ', 2) ?? [];
    // Digests are of one length, and the time of their comparison says nothing of the token.
    const isRight = timingSafeEqual(digestOf(given), expected) && scheme.toLowerCase() === 'bearer';
    return isRight ? undefined : unauthorized;
  };
};

const unauthorized: Reply = {
  status: 401,
  body: { error: 'a token is needed, and this is not it: Authorization: Bearer TOKEN' },
  headers: { 'www-authenticate': 'Bearer realm="pif-router"' },
};

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A web page whose name has been made to point to this machine (DNS rebinding) still asks for that name. */
const isForLoopback = (address: string): Guard => {
  const own = new Set(['localhost', '127.0.0.1', '::1', address]);
  return ({ headers }) => (own.has(hostOf(headers.host)) ? undefined : forbidden('the Host header names another host'));
};

const hostOf = (host = ''): string => readHostAndPort(host.toLowerCase())?.host ?? '';

/** A browser says for which page it asks (RFC 6454 §7, Fetch Metadata): one from elsewhere can order nothing here. */
const refuseOtherOrigin = ({ headers }: IncomingMessage): Reply | undefined => {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'] ?? 'none';
  const isOwn = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  const isNear = site === 'none' || site === 'same-origin';
  return isOwn && isNear ? undefined : forbidden('web pages of other origins are not answered');
};

const forbidden = (error: string): Reply => ({ status: 403, body: { error } });
