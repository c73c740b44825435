/** Values by IP network, found by the longest prefix. What a search costs does not depend on how many networks there are. */
import { type IpAddress, type IpNetwork, masked } from '../../net/ip-address.ts';

interface Level<Value> {
  readonly prefix: number;
  /** By the network's bits: see `keyOf`. */
  readonly values: Map<number | string, Value>;
}

/** IPv6 as text: V8 hashes a bigint by its low 64 bits, which are zero in most networks, and all would fall into one bucket. */
const keyOf = (address: IpAddress, prefix: number): number | string =>
  address.family === 4 ? Number(masked(address, prefix)) : (address.value >> BigInt(128 - prefix)).toString(32);

/** One hash table per prefix length that occurs, longest first. */
type Levels<Value> = Level<Value>[];

const levelOf = <Value>(levels: Levels<Value>, prefix: number): Level<Value> => {
  const known = levels.find((level) => level.prefix === prefix);
  if (known !== undefined) return known;
  const level = { prefix, values: new Map<number | string, Value>() };
  levels.push(level);
  levels.sort((a, b) => b.prefix - a.prefix);
  return level;
};

export class NetworkTable<Value> {
  readonly #ipv4: Levels<Value> = [];
  readonly #ipv6: Levels<Value> = [];
  /** Of every address, and of none. */
  #everywhere: Value | undefined;

  /**
   * The value of exactly this network, made when there is none yet.
   * @param network undefined: everywhere, which is wider than any prefix
   */
  at(network: IpNetwork | undefined, make: () => Value): Value {
    if (network === undefined) {
      this.#everywhere ??= make();
      return this.#everywhere;
    }
    const { address, prefix } = network;
    const { values } = levelOf(this.#levels(address), prefix);
    const key = keyOf(address, prefix);
    const value = values.get(key) ?? make();
    values.set(key, value);
    return value;
  }

  /**
   * The first thing that `pick` finds in the values of the networks around an address, longest prefix first.
   * @param address undefined: one that is not known, which only what holds everywhere covers
   */
  longest<Found>(address: IpAddress | undefined, pick: (value: Value) => Found | undefined): Found | undefined {
    if (address !== undefined) {
      for (const { prefix, values } of this.#levels(address)) {
        const value = values.get(keyOf(address, prefix));
        const found = value === undefined ? undefined : pick(value);
        if (found !== undefined) return found;
      }
    }
    return this.#everywhere === undefined ? undefined : pick(this.#everywhere);
  }

  #levels({ family }: IpAddress): Levels<Value> {
    return family === 4 ? this.#ipv4 : this.#ipv6;
  }
}
