/** Everything that the parser offers for one message, asked for once; what comes of it is not looked at. */
import {
  checkRequest,
  checkResponse,
  Edit,
  Header,
  parseMessage,
  respond,
  type SipMessage,
  StreamFramer,
} from '../../../src/sip-parser/index.ts';

export function exercise(text: string): void {
  frame(text);
  const message = parseMessage(text);
  if (message === undefined) return;
  readValues(message);
  readLists(message);
  if (message.kind === 'request') {
    checkRequest(message);
    message.uri?.param('x');
    respond(message, 400, 'Bad Request', 'z1', 'X: 1\r\n', { received: '192.0.2.1', rport: 5060 });
  } else {
    checkResponse(message);
  }
  editOnTheWayDown(message);
  editOnTheWayUp(message);
}

function frame(text: string): void {
  const framer = new StreamFramer({ headerBytes: 10_000_000, bodyBytes: 10_000_000 });
  framer.push(text);
  while (framer.next() !== undefined);
}

function readValues(message: SipMessage): void {
  void [message.topVia, message.callId, message.cseqNumber, message.cseqMethod, message.fromTag, message.toTag];
  void [message.maxForwards, message.maxBreadth, message.contentLength, message.body];
  message.from?.param('x');
  message.to?.parsedUri?.param('x');
}

function readLists(message: SipMessage): void {
  void [message.vias, message.proxyRequire, message.all('Subject'), message.all('v')];
  for (const id of Object.values(Header)) void [message.count(id), message.first(id)];
  for (const list of [message.routes, message.recordRoutes]) {
    for (const address of list) void [address.param('x'), address.parsedUri?.hasLr];
  }
}

function editOnTheWayDown(message: SipMessage): void {
  const edit = new Edit(message);
  edit.replaceRequestUri('sip:bob@192.0.2.9');
  edit.insertFirst('Via: SIP/2.0/TCP router.example.com\r\n');
  edit.setMaxForwards(9);
  edit.setMaxBreadth(9);
  edit.addViaParams('192.0.2.1', 5060);
  edit.removeRoutes(0, 1);
  edit.removeRoutes(message.routes.length - 1, 1);
  edit.appendRoute('<sip:next.example.com;lr>');
  edit.insertLast('X: 1\r\n');
  edit.addContentLengthIfAbsent();
  void edit.toString();
}

function editOnTheWayUp(message: SipMessage): void {
  const edit = new Edit(message);
  edit.removeTopVia();
  edit.removeRoutes(0, Number.POSITIVE_INFINITY);
  void edit.toString();
}
