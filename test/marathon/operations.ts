/** What happens in the directory: operations on users and OUs, chosen by chance among those that are possible at the moment. */
import type { Chance } from '../fuzz/random.ts';
import {
  adding,
  type Change,
  changing,
  deleting,
  escaped,
  moving,
  replacing,
  restoring,
  type Tombstone,
  type Values,
} from './changes.ts';
import { type Entry, isBelow } from './expected.ts';

export interface Scene {
  readonly entries: readonly Entry[];
  readonly deleted: readonly Tombstone[];
  readonly chance: Chance;
  /** Of the directory: `DC=example,DC=com`. */
  readonly suffix: string;
  /** A number that was never used. */
  readonly next: () => number;
}

export interface Operation {
  readonly records: readonly string[];
  /** In words. */
  readonly what: string;
  /** Who can be restored afterwards. */
  readonly deletes?: readonly Tombstone[];
  readonly restores?: Tombstone;
}

/** Undefined where there is nobody to do it to. */
type Choose = (scene: Scene) => Operation | undefined;

export const domain = 'example.com';
export const baseOf = (suffix: string): string => `OU=Marathon,${suffix}`;
export const elsewhereOf = (suffix: string): string => `OU=Elsewhere,${suffix}`;
export const canaryOf = (suffix: string): string => `CN=Canary,${baseOf(suffix)}`;

const addressAttribute = 'msRTCSIP-PrimaryUserAddress';
const enabledAttribute = 'msRTCSIP-UserEnabled';

export const sip = (name: string): string => `sip:${name}@${domain}`;

const usersIn = ({ entries, suffix }: Scene): readonly Entry[] =>
  entries.filter(({ kind, dn }) => kind === 'user' && dn.toLowerCase() !== canaryOf(suffix).toLowerCase());

const someone = (scene: Scene, like: (entry: Entry) => boolean = () => true): Entry | undefined => {
  const found = usersIn(scene).filter(like);
  return found.length === 0 ? undefined : scene.chance.of(found);
};

/** Those within the base and, one time in `oneIn`, those elsewhere. */
function containers({ entries, chance, suffix }: Scene, oneIn: number): readonly string[] {
  const root = chance.oneIn(oneIn) ? elsewhereOf(suffix) : baseOf(suffix);
  const ous = entries.filter(({ kind }) => kind === 'ou').map(({ dn }) => dn);
  return [root, ...ous.filter((dn) => isBelow(dn, root))];
}

const someContainer = (scene: Scene): string => scene.chance.of(containers(scene, 4));

/** Another than it is in, and for a container not one within itself; every second time on the other side of the base's border. */
function newParent(scene: Scene, dn: string): string | undefined {
  const found = containers(scene, 2).filter((each) => each !== parentOf(dn) && each !== dn && !isBelow(each, dn));
  return found.length === 0 ? undefined : scene.chance.of(found);
}

const someOu = ({ entries, chance }: Scene): Entry | undefined => {
  const ous = entries.filter(({ kind }) => kind === 'ou');
  return ous.length === 0 ? undefined : chance.of(ous);
};

/** Names as people have them, and as programs trip over them. */
const personName = ({ chance }: Scene, number: number): string =>
  chance.of([
    `User ${number}`,
    `Doe, Jane ${number}`,
    `Jürgen Müller 東京 ${number}`,
    `a+b=c ${number}`,
    `star*(x)${number}`,
  ]);
const ouName = ({ chance }: Scene, number: number): string =>
  chance.of([`Unit ${number}`, `Sales, EMEA ${number}`, `Größe ${number}`, `R+D ${number}`]);

const rdnOf = (dn: string): string => /^(?:\\.|[^,\\])*/.exec(dn)![0];
const parentOf = (dn: string): string => dn.slice(rdnOf(dn).length + 1);

const replace = (attribute: string, ...values: readonly string[]): Change => ({
  operation: 'replace',
  attribute,
  values,
});

function newUser(scene: Scene): Operation {
  const { chance } = scene;
  const number = scene.next();
  const name = `m${number}`;
  const dn = `CN=${escaped(personName(scene, number))},${someContainer(scene)}`;
  const kind = chance.of(['enabled', 'enabled', 'enabled', 'address only', 'proxy only', 'nothing'] as const);
  const address: Values = [
    [addressAttribute, sip(chance.oneIn(4) ? name.toUpperCase() : name)],
    [enabledAttribute, kind === 'enabled' ? 'TRUE' : 'FALSE'],
    ['proxyAddresses', sip(name)],
  ];
  const by: Readonly<Record<typeof kind, Values>> = {
    enabled: address,
    'address only': address,
    'proxy only': [['proxyAddresses', sip(name)]],
    nothing: [],
  };
  const values: Values = [
    ['objectClass', 'user'],
    ['sAMAccountName', name],
    ['userAccountControl', '544'],
    ['mail', `${name}@${domain}`],
    ['proxyAddresses', `SMTP:${name}@${domain}`],
    ...by[kind],
  ];
  return { records: [adding(dn, values)], what: `${dn}, ${kind}` };
}

const toUser =
  (
    like: (entry: Entry) => boolean,
    change: (entry: Entry, scene: Scene) => Omit<Operation, 'what'> & { to: string },
  ): Choose =>
  (scene) => {
    const entry = someone(scene, like);
    if (entry === undefined) return undefined;
    const { to, ...operation } = change(entry, scene);
    return { ...operation, what: `${entry.dn}: ${to}` };
  };

const hasAddress = ({ address }: Entry): boolean => address !== undefined;
const isAlias = (value: string): boolean => value.startsWith('sip:alias');

const setEnabled = (isEnabled: boolean): Choose =>
  toUser(
    (entry) => hasAddress(entry) && entry.isEnabled !== isEnabled,
    ({ dn }) => ({ records: [replacing(dn, enabledAttribute, isEnabled ? 'TRUE' : 'FALSE')], to: String(isEnabled) }),
  );

/** Now and then somebody else's. */
function anAddress(scene: Scene): string {
  const other = scene.chance.oneIn(6) ? someone(scene, hasAddress)?.address : undefined;
  return other ?? sip(`m${scene.next()}`);
}

const renameUser = toUser(
  () => true,
  ({ dn }, scene) => {
    const rdn = `CN=${escaped(personName(scene, scene.next()))}`;
    return { records: [moving(dn, rdn, parentOf(dn))], to: rdn };
  },
);

function move(scene: Scene, moved: Entry | undefined): Operation | undefined {
  const to = moved && newParent(scene, moved.dn);
  if (moved === undefined || to === undefined) return undefined;
  return { records: [moving(moved.dn, rdnOf(moved.dn), to)], what: `${moved.dn}: below ${to}` };
}

function renameOu(scene: Scene): Operation | undefined {
  const ou = someOu(scene);
  if (ou === undefined) return undefined;
  const rdn = `OU=${escaped(ouName(scene, scene.next()))}`;
  return { records: [moving(ou.dn, rdn, parentOf(ou.dn))], what: `${ou.dn}: ${rdn}` };
}

/** Not half of all users at once. */
function deleteOu(scene: Scene): Operation | undefined {
  const below = ({ dn }: Entry): readonly Entry[] => scene.entries.filter((each) => isBelow(each.dn, dn));
  const ous = scene.entries.filter((entry) => entry.kind === 'ou' && below(entry).length <= 8);
  if (ous.length === 0) return undefined;
  const ou = scene.chance.of(ous);
  const users = below(ou).filter(({ kind }) => kind === 'user');
  const deletes = users.map(({ guid, dn }) => ({ guid, rdn: rdnOf(dn) }));
  return { records: [deleting(ou.dn, true)], what: `${ou.dn} with ${users.length} users`, deletes };
}

/** A tombstone has lost its address; who restores somebody gives them one. */
function restoreUser(scene: Scene): Operation | undefined {
  if (scene.deleted.length === 0) return undefined;
  const restores = scene.chance.of(scene.deleted);
  const dn = `${restores.rdn},${someContainer(scene)}`;
  const address = [replace(addressAttribute, anAddress(scene)), replace(enabledAttribute, 'TRUE')];
  const records = [restoring(restores, dn, scene.suffix)];
  if (!scene.chance.oneIn(4)) records.push(changing(dn, ...address));
  return { records, what: dn, restores };
}

function changeGroup(scene: Scene): Operation | undefined {
  const user = someone(scene);
  if (user === undefined) return undefined;
  // Who is in it already stays in it: a permissive change would need a control, and the group is made anew for it.
  const group = `CN=Group ${scene.next()},${baseOf(scene.suffix)}`;
  const made = adding(group, [
    ['objectClass', 'group'],
    ['sAMAccountName', `g${scene.next()}`],
    ['member', user.dn],
  ]);
  const emptied = changing(group, { operation: 'delete', attribute: 'member', values: [user.dn] });
  const records = scene.chance.oneIn(2) ? [made] : [made, emptied, deleting(group)];
  return { records, what: `${user.dn} in ${group}${records.length > 1 ? ', and out of it again' : ''}` };
}

const password = (number: number): Buffer => Buffer.from(`"Pass-word-${number}"`, 'utf16le');

export const operations = {
  'user made': newUser,
  'user renamed': renameUser,
  'user moved': (scene) => move(scene, someone(scene)),
  'user enabled': setEnabled(true),
  'user disabled': setEnabled(false),
  'address changed': toUser(hasAddress, ({ dn }, scene) => {
    const to = anAddress(scene);
    return { records: [replacing(dn, addressAttribute, to)], to };
  }),
  'address cleared': toUser(hasAddress, ({ dn }) => ({
    records: [changing(dn, replace(addressAttribute), replace(enabledAttribute), replace('proxyAddresses'))],
    to: 'no address',
  })),
  'address given': toUser(
    (entry) => !hasAddress(entry),
    ({ dn }, scene) => {
      const to = anAddress(scene);
      return { records: [changing(dn, replace(addressAttribute, to), replace(enabledAttribute, 'TRUE'))], to };
    },
  ),
  'alias added': toUser(
    () => true,
    ({ dn }, scene) => {
      const to = sip(`alias.${scene.next()}`);
      return { records: [changing(dn, { operation: 'add', attribute: 'proxyAddresses', values: [to] })], to };
    },
  ),
  'alias removed': toUser(
    ({ proxies }) => proxies.some(isAlias),
    ({ dn, proxies }) => {
      const values = proxies.filter(isAlias).slice(0, 1);
      return {
        records: [changing(dn, { operation: 'delete', attribute: 'proxyAddresses', values })],
        to: `not ${values[0]}`,
      };
    },
  ),
  'account disabled': toUser(
    () => true,
    ({ dn }) => ({ records: [replacing(dn, 'userAccountControl', '546')], to: 'the account, not the address' }),
  ),
  'password of other set': toUser(
    () => true,
    ({ dn }, scene) => ({ records: [replacing(dn, 'unicodePwd', password(scene.next()))], to: 'another password' }),
  ),
  'group changed': changeGroup,
  'user deleted': toUser(
    () => true,
    ({ dn, guid }) => ({ records: [deleting(dn)], to: 'deleted', deletes: [{ guid, rdn: rdnOf(dn) }] }),
  ),
  'user restored': restoreUser,
  'OU made': (scene) => {
    const dn = `OU=${escaped(ouName(scene, scene.next()))},${someContainer(scene)}`;
    return { records: [adding(dn, [['objectClass', 'organizationalUnit']])], what: dn };
  },
  'OU renamed': renameOu,
  'OU moved': (scene) => move(scene, someOu(scene)),
  'OU deleted': deleteOu,
} satisfies Readonly<Record<string, Choose>>;

export type OperationKind = keyof typeof operations;

/** Those that can be made at any time, beside something else. */
export const simpleKinds = [
  'user made',
  'user enabled',
  'user disabled',
  'address changed',
  'user moved',
  'user deleted',
] as const satisfies readonly OperationKind[];
