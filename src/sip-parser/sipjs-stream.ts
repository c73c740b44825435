/** Cuts a stream into messages of npm `sip`'s shape. */
import { type LostFrame, StreamFramer } from './framer.ts';
import { latin1, type SipJsMessage, toSipJs } from './sipjs-message.ts';

/** Why a stream cannot be cut into messages any more. */
export type SipJsLoss = Pick<LostFrame, 'code' | 'detail'>;

/**
 * Cuts a stream into messages by Content-Length (RFC 3261 §18.3). Feed the returned function with each chunk, however cut.
 * @param onFlood called once when a message is too large or the framing is lost; nothing more is read then: close the connection
 * @param maxHeaderBytes of start line and header section of one message
 * @param maxContentLength octets of the body of one message
 */
export function makeStreamParser(
  onMessage: (message: SipJsMessage) => void,
  onFlood: (loss: SipJsLoss) => void = () => {},
  maxHeaderBytes = 60480,
  maxContentLength = 604800,
): (chunk: string | Uint8Array) => void {
  const framer = new StreamFramer({ headerBytes: maxHeaderBytes, bodyBytes: maxContentLength });
  return (chunk) => {
    framer.push(latin1(chunk));
    for (let frame = framer.next(); frame; frame = framer.next()) {
      const message = frame.kind === 'message' ? toSipJs(frame.message) : undefined;
      if (message) onMessage(message);
      if (frame.kind === 'lost') onFlood({ code: frame.code, detail: frame.detail });
    }
  };
}
