/** A domain controller in memory, as far as the sync asks one: root DSE, sweeps, USNs, tombstones; a test can hold it up or break it. */
import { controlOids } from '../../src/directory/ldap/controls.ts';
import {
  type LdapConnection,
  type LdapConnections,
  type LdapEntry,
  LdapError,
  type LdapOperation,
  type LdapResult,
  type LdapSearch,
} from '../../src/directory/ldap/ldap.ts';

interface FakeObject {
  readonly guid: string;
  readonly dn: string;
  readonly addresses: readonly string[];
  readonly isEnabled: boolean | undefined;
  readonly isDeleted: boolean;
  readonly usn: number;
  /** Its objectClass. */
  readonly classes: readonly string[];
}

class FakeEntry implements LdapEntry {
  readonly dn: string;
  readonly controls = [];
  readonly #values: Readonly<Record<string, readonly string[]>>;

  constructor(dn: string, values: Readonly<Record<string, readonly string[]>>) {
    this.dn = dn;
    this.#values = Object.fromEntries(Object.entries(values).map(([name, each]) => [name.toLowerCase(), each]));
  }

  get names(): readonly string[] {
    return Object.keys(this.#values);
  }

  has(name: string): boolean {
    return this.texts(name).length > 0;
  }

  text(name: string): string | undefined {
    return this.texts(name)[0];
  }

  texts(name: string): readonly string[] {
    return this.#values[name.toLowerCase()] ?? [];
  }

  octets(name: string): readonly Buffer[] {
    return this.texts(name).map((value) => Buffer.from(value));
  }
}

const suffix = 'DC=example,DC=com';

export class FakeActiveDirectory implements LdapConnections {
  instance = 'invocation-1';
  server = 'ldaps://dc1.example.com:636';
  /** A better controller than the one in use, which may be used again. */
  returned: string | undefined;
  /** What `open` and every search reject with. */
  failure: LdapError | undefined;
  /** What sweeps reject with, after their entries. */
  sweepFailure: LdapError | undefined;
  /** What the next search for changes rejects with. */
  changesFailure: LdapError | undefined;
  /** Sweeps tell the second half of what they read at their beginning, and end, when this does. */
  sweepGate: Promise<unknown> = Promise.resolve();
  /** Single objects are told as they were when they were asked for, once this ends. */
  rereadGate: Promise<unknown> = Promise.resolve();
  /** Called when a single object is asked for, before it is looked for. */
  onReread: () => void = () => undefined;
  /** It knows change notification; whoever listens is told of each change at once. */
  canNotify = false;
  /** Notifications are lost. */
  mute = false;
  readonly #told = new Set<(entry: LdapEntry) => void>();
  sweeps = 0;
  /** USNs from which changes were asked for. */
  readonly askedSince: number[] = [];
  readonly #objects = new Map<string, FakeObject>();
  readonly #open = new Set<FakeConnection>();
  usn = 100;

  /** Makes or changes an object; its name is its identity. */
  put(name: string, change: Partial<Omit<FakeObject, 'guid' | 'usn'>> = {}): void {
    this.usn += 1;
    const before = this.#objects.get(name) ?? {
      guid: name,
      dn: `CN=${name},OU=Staff,${suffix}`,
      addresses: [`sip:${name}@example.com`],
      isEnabled: true,
      isDeleted: false,
      classes: ['top', 'person', 'user'],
    };
    const object = { ...before, ...change, usn: this.usn };
    this.#objects.set(name, object);
    if (!this.mute) for (const tell of this.#told) tell(entryOf(object));
  }

  listen(tell: (entry: LdapEntry) => void): void {
    this.#told.add(tell);
  }

  /** What is left of it keeps neither address nor place. */
  delete(name: string): void {
    this.put(name, { dn: `CN=${name}\\0ADEL,CN=Deleted Objects,${suffix}`, addresses: [], isDeleted: true });
  }

  /** As if it had never been: not even a tombstone is left. */
  forget(name: string): void {
    this.#objects.delete(name);
  }

  get objects(): readonly FakeObject[] {
    return [...this.#objects.values()];
  }

  async open(): Promise<LdapConnection> {
    if (this.failure !== undefined) throw this.failure;
    this.server = this.returned ?? this.server;
    this.returned = undefined;
    const connection = new FakeConnection(this);
    this.#open.add(connection);
    return connection;
  }

  /** All connections end, as when the controller goes away. */
  drop(): void {
    for (const connection of this.#open) connection.end(new LdapError('ldap-closed', 'the server is gone'));
    this.#open.clear();
  }

  isReturnDue(): boolean {
    return this.returned !== undefined;
  }

  /** How often an operator wanted it. */
  triedAtOnce = 0;

  restMs(): number {
    return this.failure === undefined ? 0 : 1_000;
  }

  tryAtOnce(): void {
    this.triedAtOnce += 1;
  }

  /** Of the servers that were left: why. */
  readonly left: string[] = [];
  /** Where the next connection goes when this one is left. */
  next: string | undefined;

  leave(_server: string, why: LdapError): void {
    this.left.push(why.message);
    this.server = this.next ?? this.server;
    if (this.next !== undefined) this.sweepFailure = undefined;
  }

  servers(): readonly [] {
    return [];
  }

  close(): void {
    this.drop();
  }
}

const nothing: LdapResult = { controls: [], referrals: [] };

class FakeConnection implements LdapConnection {
  readonly server: string;
  closedBecause: LdapError | undefined;
  readonly #directory: FakeActiveDirectory;
  readonly #listeners: ((why: LdapError) => void)[] = [];
  readonly #closed = Promise.withResolvers<never>();

  constructor(directory: FakeActiveDirectory) {
    this.#directory = directory;
    this.server = directory.server;
    this.#closed.promise.catch(() => undefined);
  }

  onClosed(run: (why: LdapError) => void): void {
    this.#listeners.push(run);
  }

  end(why: LdapError): void {
    if (this.closedBecause !== undefined) return;
    this.closedBecause = why;
    this.#closed.reject(why);
    for (const listener of this.#listeners) listener(why);
  }

  close(): void {
    this.end(new LdapError('ldap-closed', 'closed by us'));
  }

  search(search: LdapSearch): LdapOperation {
    return { done: Promise.race([this.#answer(search), this.#closed.promise]), abandon: () => {} };
  }

  searchPaged(search: LdapSearch): LdapOperation {
    return this.search(search);
  }

  async #answer(search: LdapSearch): Promise<LdapResult> {
    if (this.closedBecause !== undefined) throw this.closedBecause;
    if (this.#directory.failure !== undefined) throw this.#directory.failure;
    const { filter } = search;
    if (search.controls?.some(({ oid }) => oid === controlOids.notification)) {
      this.#directory.listen(search.onEntry);
      await this.#closed.promise;
    } else if (typeof filter !== 'string' && 'and' in filter) this.#tellUsers(search, () => true);
    else if (typeof filter !== 'string') this.#tellOfServer(search);
    else if (search.scope === 'base') {
      this.#directory.onReread();
      const isNamed = ({ dn, guid }: FakeObject): boolean =>
        search.baseDn === dn || search.baseDn === `<GUID=${Buffer.from(guid).toString('hex')}>`;
      const found = this.#directory.objects.filter((each) => each.addresses.length > 0 && isNamed(each));
      await this.#directory.rereadGate;
      for (const object of found) search.onEntry(entryOf(object));
    } else await this.#sweep(search);
    return nothing;
  }

  #tellOfServer({ baseDn, filter, onEntry }: LdapSearch): void {
    const { usn, instance } = this.#directory;
    if (typeof filter !== 'string' && 'atLeast' in filter) {
      this.#directory.askedSince.push(Number(filter.value));
      this.#failChanges();
      for (const object of this.#directory.objects) {
        if (object.usn >= Number(filter.value)) onEntry(entryOf(object));
      }
    } else if (baseDn === '') {
      onEntry(
        new FakeEntry('', {
          supportedCapabilities: ['1.2.840.113556.1.4.800'],
          supportedControl: this.#directory.canNotify ? [controlOids.notification] : [],
          defaultNamingContext: [suffix],
          namingContexts: [suffix],
          dsServiceName: ['CN=NTDS Settings'],
          highestCommittedUSN: [String(usn)],
        }),
      );
    } else onEntry(new FakeEntry(baseDn, { invocationId: [instance] }));
  }

  #failChanges(): void {
    const failure = this.#directory.changesFailure;
    this.#directory.changesFailure = undefined;
    if (failure !== undefined) throw failure;
  }

  async #sweep(search: LdapSearch): Promise<void> {
    this.#directory.sweeps += 1;
    const read = this.#directory.objects.filter(
      ({ dn, addresses }) => addresses.length > 0 && dn.endsWith(search.baseDn),
    );
    for (const object of read.slice(0, read.length / 2)) search.onEntry(entryOf(object));
    await this.#directory.sweepGate;
    for (const object of read.slice(read.length / 2)) search.onEntry(entryOf(object));
    if (this.#directory.sweepFailure !== undefined) throw this.#directory.sweepFailure;
  }

  #tellUsers({ onEntry }: LdapSearch, isWanted: (object: FakeObject) => boolean): void {
    for (const object of this.#directory.objects) {
      if (object.addresses.length > 0 && isWanted(object)) onEntry(entryOf(object));
    }
  }
}

const entryOf = ({ guid, dn, addresses, isEnabled, isDeleted, usn, classes }: FakeObject): LdapEntry =>
  new FakeEntry(dn, {
    objectGUID: [guid],
    objectClass: classes,
    uSNChanged: [String(usn)],
    'msRTCSIP-PrimaryUserAddress': addresses,
    ...(isEnabled === undefined ? {} : { 'msRTCSIP-UserEnabled': [isEnabled ? 'TRUE' : 'FALSE'] }),
    ...(isDeleted ? { isDeleted: ['TRUE'] } : {}),
  });
