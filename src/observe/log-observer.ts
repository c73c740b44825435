/** Writes what happens in the engine to the log: a decision record for each request, and a line for each irregularity. */

import type { Clock } from '../clock.ts';
import type { EmbeddedObserver } from '../engine/embedded.ts';
import type { HopEvent } from '../health/hop-monitor.ts';
import type { Log } from '../log.ts';
import { type DecisionLogging, isOfStranger, isRefused, recordText } from './decision-record.ts';
import type { WriteRecord } from './log.ts';
import { Repeats } from './repeats.ts';

export const createLogObserver = (
  log: Log,
  writeRecord: WriteRecord,
  clock: Clock,
  decisions: () => DecisionLogging,
): EmbeddedObserver => {
  const repeats = new Repeats(clock, (what, times, forMs) =>
    log.info({ event: 'repeated', what, times, forMs }, `${times} times more: ${what}`),
  );
  return {
    onEnded(report) {
      const wanted = decisions();
      if (wanted === 'none' || (wanted === 'refused' && !isRefused(report))) return;
      if (isOfStranger(report) && !repeats.isTold('access-denied')) return;
      if (report.ending.code === 'memory-limit' && !repeats.isTold('memory-limit')) return;
      writeRecord(recordText(report, clock.now()));
    },
    onStrayResponse(response, { transport, remoteAddress, remotePort }, why) {
      const from = `${transport}:${remoteAddress}:${remotePort}`;
      const { status, callId } = response;
      // Late responses are normal; one with a branch of ours that does not fit its transaction is not.
      const level = why === 'no-transaction' ? 'debug' : 'warn';
      if (level === 'warn' && !repeats.isTold(`stray-response: ${why}`)) return;
      log[level]({ event: 'stray-response', code: why, from, status, callId }, `response dropped: ${why}`);
    },
    onUnacknowledged(request) {
      log.warn({ event: 'unacknowledged', callId: request.callId }, 'no ACK came for a final response to INVITE');
    },
    onUndelivered(message, { transport, remoteAddress, remotePort }, { code, detail }) {
      if (!repeats.isTold(`undelivered: ${code}`)) return;
      const { callId, cseqMethod, text } = message;
      const what = message.kind === 'response' ? `${message.status} to ${cseqMethod}` : message.method;
      const peer = `${transport}:${remoteAddress}:${remotePort}`;
      const told = { event: 'undelivered', code, message: what, callId, octets: text.length, peer, detail };
      log.warn(told, `${what} did not reach ${peer}: ${detail}`);
    },
    onDiscarded(what, flow, detail, callId) {
      if (!repeats.isTold(what)) return;
      const from = `${flow.transport}:${flow.remoteAddress}:${flow.remotePort}`;
      log.info({ event: 'discarded', what, from, callId, detail }, `discarded: ${what}`);
    },
    onPeerRefused({ code, shown, detail, hint }, { remoteAddress, remotePort, listener }, direction) {
      if (!repeats.isTold(`peer-refused: ${code} (${direction})`)) return;
      const peer = `tls:${remoteAddress}:${remotePort}`;
      const told = {
        event: 'peer-refused',
        code,
        direction,
        peer,
        names: shown,
        listener: listener.sentBy,
        detail,
        hint,
      };
      log.warn(told, `refused: ${detail}`);
    },
    onHopEvent(event) {
      const isBad = event.event === 'hop-unresolved' || (event.event === 'target-health' && event.to !== 'up');
      log[isBad ? 'warn' : 'info'](event, describeHopEvent(event));
    },
    onBug(error, message) {
      log.error(
        { event: 'bug', err: error, callId: message.callId, cseq: message.cseqMethod },
        'a message was not handled',
      );
    },
  };
};

const describeHopEvent = (event: HopEvent): string => {
  switch (event.event) {
    case 'target-health':
      return `${event.target} is ${event.to}, it was ${event.from}: ${event.reason}`;
    case 'hop-waits':
      return `${event.target} asks to be spared for ${Math.round(event.forMs / 1_000)} s`;
    case 'hop-unresolved':
      return `${event.hop} has no address: ${event.reason}`;
    case 'hop-resolved':
      return `${event.hop} has an address again`;
    case 'hop-admin':
      return `${event.hop} is ${event.to} now (${event.reason})`;
  }
};
