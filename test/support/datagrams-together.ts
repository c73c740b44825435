/**
 * A program for tests: sends twenty messages by UDP in one turn, every fifth of them to where nothing can be sent from
 * loopback, then closes, and prints who was told what. Arguments: its own address; address and port of the peer.
 */
import { flowTo, openTransports, RecordingUser } from './open-transports.ts';
import { newBranch, requestText } from './raw-message.ts';

const [own = '', address = '', port = ''] = process.argv.slice(2);
const { layer } = await openTransports({ listen: [{ transport: 'udp', address: own }] });
const [ofPeer, ofNowhere] = [new RecordingUser(), new RecordingUser()];
const peer = flowTo(layer, { transport: 'udp', address, port: Number(port) });
const nowhere = flowTo(layer, { transport: 'udp', address: '192.0.2.1', port: 5060 });
peer.users.add(ofPeer);
nowhere.users.add(ofNowhere);
for (let number = 0; number < 20; number += 1) {
  const via = [`SIP/2.0/UDP ${peer.listener.sentBy};branch=${newBranch()}`];
  const flow = number % 5 === 3 ? nowhere : peer;
  flow.send(requestText({ method: 'MESSAGE', uri: 'sip:bob@example.com', via, callId: `${number}` }));
}
await layer.close(0);
const codes = ({ errors }: RecordingUser) => errors.map(({ code }) => code);
console.log(JSON.stringify({ peer: codes(ofPeer), nowhere: codes(ofNowhere) }));
