/** One dialog between raw ends that goes through whichever node its requests are sent to. */
import { deepStrictEqual } from 'node:assert/strict';
import { type Address, newBranch, type RawMessage, requestText, responseText } from '../../support/raw-message.ts';
import { openEnd, type RawEnd } from '../../support/raw-sip.ts';
import { addresses } from './network.ts';

export interface Dialog {
  /** The 200 to its INVITE, as the caller got it. */
  readonly answer: RawMessage;
  /** The INVITE, as the callee got it. */
  readonly invite: RawMessage;
}

const contact = `<sip:bob@${addresses.microsoft};transport=tcp>`;

const callerAt = (place: Address): Promise<RawEnd> =>
  openEnd({ transport: 'tcp', address: addresses.cisco, to: place });

/** INVITE, 200, ACK by way of the node at `place`. */
export async function openDialog(place: Address, callee: RawEnd): Promise<Dialog> {
  const caller = await callerAt(place);
  const via = [`${caller.via};branch=${newBranch()}`];
  const headers = [`Contact: <sip:alice@${addresses.cisco};transport=tcp>`];
  caller.send(requestText({ method: 'INVITE', uri: 'sip:bob@tcp.example.com', via, headers }));
  const invite = await callee.take('INVITE');
  invite.reply(responseText(invite, 200, { headers: [`Contact: ${contact}`] }));
  const answer = await caller.take(200);
  caller.send(inDialog('ACK', 1, caller, answer));
  await callee.take('ACK');
  await caller.close();
  return { answer, invite };
}

const inDialog = (method: string, cseq: number, caller: RawEnd, answer: RawMessage): string =>
  requestText({
    method,
    uri: contact.slice(1, -1),
    via: [`${caller.via};branch=${newBranch()}`],
    from: answer.header('From') ?? '',
    to: answer.header('To') ?? '',
    callId: answer.header('Call-ID') ?? '',
    cseq,
    headers: answer
      .headers('Record-Route')
      .toReversed()
      .map((value) => `Route: ${value}`),
  });

/** A request within the dialog by way of the node at `place`: it reaches the callee, and the answer comes back. */
export async function goOn(
  place: Address,
  callee: RawEnd,
  dialog: Dialog,
  method: string,
  cseq: number,
): Promise<void> {
  const caller = await callerAt(place);
  caller.send(inDialog(method, cseq, caller, dialog.answer));
  const request = await callee.take(method);
  deepStrictEqual(request.header('Call-ID'), dialog.invite.header('Call-ID'));
  deepStrictEqual(request.headers('Route'), []);
  request.reply(responseText(request, 200));
  await caller.take((message) => message.status === 200 && message.header('CSeq') === `${cseq} ${method}`);
  await caller.close();
}
