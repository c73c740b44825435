/**
 * Why something was dropped without an answer, or could not be sent: every code of the log's lines `stray-response`,
 * `discarded` and `undelivered`, and of what became of a try at a next hop. Codes are stable like an API. The manual's tables
 * have the same words. Requests that get an answer have theirs in `proxy/own-answers.ts`, peers refused by TLS in
 * `transport/peer-refusal.ts`.
 */

interface Explained {
  /** What came, or what has happened. */
  readonly meaning: string;
  /** What to do. */
  readonly cure: string;
}

type Catalogue = Readonly<Record<string, Explained>>;

/** Responses that belong to no transaction (RFC 3261 §17.1.3, §18.1.2, RFC 6026 §8.9). */
export const strayResponses = {
  'no-transaction': {
    meaning: 'no request waits for it, or no longer; logged at level debug only',
    cure: 'nothing: late and repeated answers are normal',
  },
  'not-from-the-hop': {
    meaning: 'it has a known branch, but was sent neither by the hop that was asked nor by a server of its side',
    cure: 'does the server answer from an address, or with a certificate, that `access` gives to the other side or to nobody?',
  },
  'other-sent-by': {
    meaning: 'its topmost Via is not what the router has written',
    cure: 'something on the way rewrites Via',
  },
  'other-method': {
    meaning: 'its CSeq names another method than the request',
    cure: 'the server is at fault',
  },
  'not-for-the-asker': {
    meaning: 'its second Via is not that of the sender of the request',
    cure: 'the server, or something on the way, has changed or lost a Via',
  },
} as const satisfies Catalogue;

const tooLarge = {
  meaning: 'a message, request or response, whose header section or body is too large; the connection is closed',
  cure: 'raise `limits.header` or `limits.body`, or send less',
};
const slow = {
  meaning: 'a connection of a peer that had not proved to be one that is let in',
  cure: 'nothing, if it is a stranger. Otherwise see whether the peer shows its certificate at once; `limits.connections-of-strangers` and `timers.stranger` set the bounds',
};

/** What came in and was no usable message, and connections that were closed for what their peers did. */
export const discards = {
  'bad-response': {
    meaning: 'a response that is malformed where it matters, or could be misread',
    cure: 'the detail says where; its request gets 502 `bad-answer` if it still waits',
  },
  'not-sip': {
    meaning: 'something other than SIP: TLS on a port without TLS, HTTP, a probe of a load balancer',
    cure: 'the detail says what it is and which setting to look at',
  },
  'header-too-large': tooLarge,
  'body-too-large': tooLarge,
  'framing-lost': {
    meaning: 'a message on a stream whose end, and so the start of the next one, is unknown; the connection is closed',
    cure: 'Content-Length is missing, there twice, or not a number: the peer is at fault',
  },
  'incomplete-message': {
    meaning: 'a message that broke off, or took longer than `timers.message`',
    cure: 'look at the peer and the network',
  },
  'memory-limit': {
    meaning: 'a half-read message of a peer that has had its share; the connection is closed',
    cure: 'see `limits.memory`',
  },
  idle: { meaning: 'a connection without traffic for `timers.idle`', cure: 'nothing' },
  'connection-limit': {
    meaning: 'a connection of a peer that is let in, and more than `limits.connections`',
    cure: 'raise the limit if the peers need so many',
  },
  'address-limit': {
    meaning: 'a connection more than `limits.connections-per-address` from one address',
    cure: 'raise the limit if one address stands for many peers',
  },
  stranger: {
    meaning: 'a connection of a peer that no rule lets in',
    cure: 'add a row to `access` for the address or name that the detail shows, if it is to be let in',
  },
  'stranger-limit': slow,
  'stranger-time': slow,
} as const satisfies Catalogue;

/** Why nothing could be sent to an address, or no more; also what became of a try at a next hop. */
export const transportErrors = {
  'connect-refused': {
    meaning: 'nobody listens there, or a firewall says so',
    cure: 'does the server run, and is the port right?',
  },
  'connect-timeout': {
    meaning: 'no connection within `timers.connect`',
    cure: 'is the server up, and does a firewall drop the packets?',
  },
  'connect-failed': {
    meaning: 'no connection can be made for another reason',
    cure: 'is the address right, and is there a route to it?',
  },
  'tls-failed': {
    meaning: 'TLS could not be set up, or the certificate is not that of the server',
    cure: 'run `doctor`: it says what either end refuses',
  },
  closed: {
    meaning: 'the connection had ended, or ended before an answer came',
    cure: 'nothing, now and then: servers close what is idle, and are restarted',
  },
  'write-queue-full': {
    meaning: 'the peer does not read, and more than `limits.write-queue` waits for it',
    cure: 'is the server overloaded, or does it hang?',
  },
  'send-failed': {
    meaning: 'a datagram could not be sent, or the message does not fit in one',
    cure: 'is the address right? Let large messages go over TCP or TLS',
  },
  'no-listener': {
    meaning: 'no listener has the transport and the IP version of the address',
    cure: 'add one to `listen`',
  },
  unresolved: {
    meaning: 'DNS gives no address for the name',
    cure: 'look the name up with the DNS servers of this machine',
  },
} as const satisfies Catalogue;

/** Why an answer of ours reached nobody, besides errors of the transport. */
export const undeliveredAnswers = {
  'answer-too-large': { meaning: 'it does not fit in a datagram', cure: 'let that peer ask over TCP or TLS' },
  'no-address': {
    meaning: 'nothing can be sent to the address in its Via',
    cure: 'something on the way, or the peer itself, writes a wrong Via',
  },
} as const satisfies Catalogue;
