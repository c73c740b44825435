/**
 * A network of its own for tests of two nodes: each node a network namespace, the peers one, joined by a bridge in a fourth.
 * Nothing of it touches the addresses of the machine.
 */
import { execFileSync } from 'node:child_process';

/** 192.0.2.0/24 (RFC 5737). */
export const addresses = {
  a: '192.0.2.2',
  b: '192.0.2.3',
  virtual: '192.0.2.10',
  cisco: '192.0.2.11',
  microsoft: '192.0.2.21',
} as const;

export type Node = 'a' | 'b';

/** A namespace: a node, or where both sides have their servers. */
type Place = Node | 'peers';

const namespaceOf = (name: Place | 'net'): string => `pif-${name}-${process.pid}`;

const ip = (...args: readonly string[]): string =>
  execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Undefined when namespaces can be made here; else why not, for the title of a test that is skipped. */
export function whyNoNetwork(): string | undefined {
  const name = `pif-try-${process.pid}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return undefined;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return `network namespaces cannot be made here: ${(stderr ?? message).trim().split('\n')[0]}`;
  }
}

/** A cable from the bridge to a namespace, with addresses. */
function plug(place: Place, ...own: readonly string[]): void {
  const [net, there, port] = [namespaceOf('net'), namespaceOf(place), `to-${place}`];
  ip('-n', net, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', there);
  ip('-n', net, 'link', 'set', port, 'master', 'bridge', 'up');
  for (const address of own) ip('-n', there, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  ip('-n', there, 'link', 'set', 'eth0', 'up');
}

export class Network {
  constructor() {
    try {
      this.#make();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  #make(): void {
    for (const name of ['net', 'a', 'b', 'peers'] as const) {
      ip('netns', 'add', namespaceOf(name));
      ip('-n', namespaceOf(name), 'link', 'set', 'lo', 'up');
    }
    ip('-n', namespaceOf('net'), 'link', 'add', 'bridge', 'type', 'bridge');
    ip('-n', namespaceOf('net'), 'link', 'set', 'bridge', 'up');
    for (const node of ['a', 'b'] as const) plug(node, addresses[node]);
    plug('peers', addresses.cisco, addresses.microsoft);
  }

  /** How a program is called so that it runs there; it has the process id of the call. */
  on(place: Place): readonly ['ip', ...string[]] {
    return ['ip', 'netns', 'exec', namespaceOf(place)];
  }

  /** The node that has the virtual address; undefined: nobody. */
  get active(): Node | undefined {
    const has = (node: Node) => ip('-n', namespaceOf(node), 'address', 'show').includes(`${addresses.virtual}/`);
    return (['a', 'b'] as const).find(has);
  }

  /** Cables go with the namespaces that they end in. */
  remove(): void {
    const there = ip('netns', 'list');
    for (const name of ['a', 'b', 'peers', 'net'] as const) {
      if (there.includes(namespaceOf(name))) ip('netns', 'del', namespaceOf(name));
    }
  }
}
