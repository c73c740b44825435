/** A dialog through the router, with the route sets that both ends have learned (RFC 3261 §12.1). */
import { newBranch, type RawMessage, type RequestFields, requestText, responseText } from '../support/raw-message.ts';
import type { RawEnd, Received } from '../support/raw-sip.ts';
import { contactAt, hostOf, type Talk, values } from './talk.ts';

/** One end of a dialog, as it makes requests. */
interface Party {
  /** Speaks to the router. */
  readonly out: RawEnd;
  /** Where the party listens. */
  readonly at: RawEnd;
  /** Route values, first hop first. */
  readonly routes: readonly string[];
  /** Remote target. */
  readonly target: string;
  readonly from: string;
  readonly to: string;
}

interface Dialog {
  readonly talk: Talk;
  readonly caller: Party;
  readonly callee: Party;
  readonly sent: RawMessage;
  readonly forwarded: Received;
  readonly ok: Received;
}

const uriIn = (nameAddress: string): string => /<([^>]*)>/.exec(nameAddress)?.[1] ?? nameAddress;

/** Opens a dialog: INVITE (acknowledged) or SUBSCRIBE. `fields` are those of the opening request. */
export async function openDialog(talk: Talk, method = 'INVITE', fields: Partial<RequestFields> = {}): Promise<Dialog> {
  const { world, asker, callee } = talk;
  const callerHost = hostOf(world, asker);
  const callerAt = (callerHost === 'cisco' ? world.cisco : world.microsoft)[asker.transport];
  const opening = { headers: [contactAt(callerAt), ...(method === 'SUBSCRIBE' ? ['Event: presence'] : [])] };
  const sent = talk.ask(method, { ...opening, ...fields });
  const forwarded = await talk.arrived(method);
  forwarded.reply(responseText(forwarded, 200, { headers: [contactAt(callee)] }));
  const ok = await talk.answer(200);
  const calleeOut = await world.asker(callee.transport, { host: hostOf(world, callee) });
  const dialog: Dialog = {
    talk,
    sent,
    forwarded,
    ok,
    caller: {
      out: asker,
      at: callerAt,
      routes: values(ok.headers('Record-Route')).reverse(),
      target: uriIn(ok.header('Contact') ?? ''),
      from: ok.header('From') ?? '',
      to: ok.header('To') ?? '',
    },
    callee: {
      out: calleeOut,
      at: callee,
      routes: values(forwarded.headers('Record-Route')),
      target: uriIn(forwarded.header('Contact') ?? ''),
      from: ok.header('To') ?? '',
      to: forwarded.header('From') ?? '',
    },
  };
  if (method === 'INVITE') await acknowledge(dialog);
  return dialog;
}

async function acknowledge(dialog: Dialog): Promise<void> {
  sendWithin(dialog, 'caller', 'ACK');
  await dialog.talk.at(dialog.callee.at, 'ACK');
}

/** Text of a request within the dialog, with the learned route set. */
export function requestWithin(
  { talk }: Dialog,
  { out, routes, target, from, to }: Party,
  method: string,
  fields: Partial<RequestFields> & { readonly routes?: readonly string[] } = {},
): string {
  return requestText({
    method,
    uri: target,
    via: [`${out.via};branch=${newBranch()}`],
    from,
    to,
    callId: talk.callId,
    cseq: method === 'ACK' ? 1 : 2,
    ...fields,
    headers: [...(fields.routes ?? routes).map((route) => `Route: ${route}`), ...(fields.headers ?? [])],
  });
}

export function sendWithin(
  dialog: Dialog,
  by: 'caller' | 'callee',
  method: string,
  fields: Partial<RequestFields> & { readonly routes?: readonly string[] } = {},
): void {
  dialog[by].out.send(requestWithin(dialog, dialog[by], method, fields));
}

/** Sends a request within the dialog, answers it with 200 at the other end, and gives it as it arrived. */
export async function exchangeWithin(
  dialog: Dialog,
  by: 'caller' | 'callee',
  method: string,
  fields: Partial<RequestFields> = {},
): Promise<Received> {
  const { talk } = dialog;
  const far = by === 'caller' ? dialog.callee : dialog.caller;
  sendWithin(dialog, by, method, fields);
  const arrived = await talk.at(far.at, method);
  arrived.reply(responseText(arrived, 200));
  await talk.at(dialog[by].out, 200);
  return arrived;
}
