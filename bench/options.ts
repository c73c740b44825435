/** What `npm run bench -- ...` may be told. */
import { parseArgs } from 'node:util';
import type { Transport } from './wire.ts';

export interface BenchOptions {
  readonly transports: readonly Transport[];
  /** Transactions per second of the fixed-rate load. */
  readonly rate: number;
  /** Transactions under way in the closed loop, over all connections. */
  readonly outstanding: number;
  /** Length of one measurement. */
  readonly seconds: number;
  /** Measurements of each kind; median, least and greatest are told. */
  readonly turns: number;
  /** Known users in the directory. */
  readonly users: number;
  /** Connections (UDP: sockets) on the asking side. */
  readonly connections: number;
  /** `log.decisions` of the router: records go to a file. */
  readonly decisions: 'all' | 'refused' | 'none';
  /** Whether a results file is written. */
  readonly isKept: boolean;
}

export const usage = `usage: npm run bench -- [--transports udp,tcp,tls] [--rate 2000] [--outstanding 64] [--seconds 4] [--turns 3]
                      [--users 100000] [--connections 4] [--decisions all|refused|none] [--no-results]`;

export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      transports: { type: 'string', default: 'udp,tcp,tls' },
      rate: { type: 'string', default: '2000' },
      outstanding: { type: 'string', default: '64' },
      seconds: { type: 'string', default: '4' },
      turns: { type: 'string', default: '3' },
      users: { type: 'string', default: '100000' },
      connections: { type: 'string', default: '4' },
      decisions: { type: 'string', default: 'all' },
      'no-results': { type: 'boolean', default: false },
    },
  });
  return {
    transports: values.transports.split(',').map((name) => oneOf(['udp', 'tcp', 'tls'], name)),
    rate: positive('rate', values.rate),
    outstanding: positive('outstanding', values.outstanding),
    seconds: positive('seconds', values.seconds),
    turns: positive('turns', values.turns),
    users: positive('users', values.users),
    connections: positive('connections', values.connections),
    decisions: oneOf(['all', 'refused', 'none'], values.decisions),
    isKept: !values['no-results'],
  };
}

function oneOf<T extends string>(allowed: readonly T[], value: string): T {
  const found = allowed.find((it) => it === value);
  if (found === undefined) throw new Error(`"${value}" is none of ${allowed.join(', ')}`);
  return found;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not "${text}"`);
  return value;
}
