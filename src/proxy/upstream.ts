/** RFC 3261 §16.7 steps 3 and 9: a response as it is handed on to the previous hop. */
import type { Flow } from '../sip/transport/flow.ts';
import { Edit, type SipResponse } from '../sip-parser/index.ts';

/** @param lines header lines to add, each with its CRLF */
export const upstream = (response: SipResponse, to: Flow, lines = ''): string => {
  const edit = new Edit(response);
  edit.removeTopVia();
  edit.insertLast(lines);
  if (to.isReliable) edit.addContentLengthIfAbsent();
  return edit.toString();
};
