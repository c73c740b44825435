/** Faults that are planted in what the router sends, or is told: each must be found by the invariant that it is named for. */
import { RawMessage } from '../support/raw-message.ts';

export interface Planted {
  readonly violates: string;
  /** What becomes of a message of the router. */
  readonly change?: (message: RawMessage) => readonly string[];
  readonly lyingDirectory?: true;
}

const isRequest = ({ method }: RawMessage): boolean =>
  method !== undefined && !['ACK', 'CANCEL', 'OPTIONS'].includes(method);
const isFinal = ({ status = 0 }: RawMessage): boolean => status >= 200;
const same = ({ text }: RawMessage): readonly string[] => [text];

export const planted: Readonly<Record<string, Planted>> = {
  'an answer is given twice, and the second time otherwise': {
    violates: 'a request has one final answer at most',
    change: (message) =>
      isFinal(message) && message.status === 404
        ? [message.text, message.text.replace('SIP/2.0 404', 'SIP/2.0 486')]
        : same(message),
  },
  'an answer is swallowed': {
    violates: 'a request has a final answer',
    change: (message) => (message.status === 200 && !/CSeq: 1 CANCEL/.test(message.text) ? [] : same(message)),
  },
  'the router refuses what it could pass on': {
    violates: 'what a steady hop could serve is not refused by the router',
    change: (message) =>
      message.status === 404 && message.body === ''
        ? [message.text.replace('SIP/2.0 404', 'SIP/2.0 503')]
        : same(message),
  },
  'the directory says the other side': { violates: 'nothing is delivered to the wrong side', lyingDirectory: true },
  'a request is sent twice': {
    violates: 'nothing is delivered twice over a stream',
    change: (message) => (isRequest(message) ? [message.text, message.text] : same(message)),
  },
  'an ACK is swallowed': {
    violates: 'a call that was answered is acknowledged',
    change: (message) => (message.method === 'ACK' ? [] : same(message)),
  },
  'a CANCEL is swallowed': {
    violates: 'no phone rings on after its caller has hung up',
    change: (message) => (message.method === 'CANCEL' ? [] : same(message)),
  },
  'an octet of a body is another': {
    violates: 'no octet of one message is in another',
    change: (message) =>
      isRequest(message) && message.body !== '' ? [`${message.text.slice(0, -1)}?`] : same(message),
  },
};

/** What the router's messages are made of, by what is planted. */
export const sabotage =
  ({ change = same }: Planted) =>
  (text: string): readonly string[] =>
    text === '\r\n' ? [text] : change(new RawMessage(text));
