/** What `npm run bench` is told, and what it refuses in place of measuring something else. */
import { expect, test } from 'vitest';
import { readOptions } from '../../../bench/options.ts';

test.each([
  [
    ['--quick', '--only', 'basic'],
    '"basic" is left out by --quick, which measures udp, tcp, tls, message, call, subscribe, advanced, 4',
  ],
  [['--quick', '--only', 'tcp,1'], '"1" is left out by --quick'],
  [['--quick', '--only', 'sctp'], '"sctp" is none of udp, tcp, tls, message, call, subscribe, advanced, 4'],
  [['--only', 'sctp'], '"sctp" is none of udp, tcp, tls, message, call, subscribe, basic, advanced, 1, 4'],
])('%j is refused', (args, why) => expect(() => readOptions(args)).toThrow(why));

test('what --quick measures may be named', () => {
  expect(readOptions(['--quick', '--only', 'tcp,advanced,4'])).toMatchObject({
    transports: ['tcp'],
    works: ['message', 'call', 'subscribe'],
    modes: ['advanced'],
    connections: [4],
  });
  expect(readOptions(['--only', 'basic,1'])).toMatchObject({ modes: ['basic'], connections: [1] });
});
