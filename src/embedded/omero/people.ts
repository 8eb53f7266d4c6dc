import { transaction } from '../../lib/database.ts';
import { checkPassword, hashPassword } from './passwords.ts';
import { adminPrivileges, membershipsOf, systemGroup, userGroup, type GroupPermissions } from './rights.ts';
import { textOf, type Stored } from './objects.ts';
import type { Store } from './store.ts';
import * as tables from './tables.ts';

export interface SeedGroup {
  readonly name: string;
  readonly permissions: GroupPermissions;
}

export interface SeedUser {
  readonly name: string;
  readonly password: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly groups: readonly string[];
  /** Which of the groups the user leads. */
  readonly leads?: readonly string[];
  readonly admin?: boolean;
  /** Of an administrator: only these; absent: all. */
  readonly privileges?: readonly string[];
}

/** People and groups that are there from the start; root, `system`, `user` and `guest` always are. */
export interface Seed {
  readonly rootPassword: string;
  readonly groups: readonly SeedGroup[];
  readonly users: readonly SeedUser[];
}

/** Passwords (scrypt) and privileges, read once and written through. */
export class Passwords {
  readonly #hashes: Map<number, string>;
  readonly #privileges: Map<number, string[]>;

  private constructor(hashes: Map<number, string>, privileges: Map<number, string[]>) {
    this.#hashes = hashes;
    this.#privileges = privileges;
  }

  /** Makes what is missing of the seed, and sets its passwords and privileges; anything else stays as it is. */
  static async open(store: Store, seed: Seed): Promise<Passwords> {
    const hashes = await tables.readPasswords(store.pool);
    const ids = await store.write((draft) => new Seeder(store, draft).seed(seed));
    const passwords: [number, string][] = [[0, seed.rootPassword]];
    for (const user of seed.users) passwords.push([ids.get(user.name) ?? -1, user.password]);
    await transaction(store.pool, async (tx) => {
      for (const [id, password] of passwords) {
        if (await checkPassword(password, hashes.get(id) ?? null)) continue;
        const hash = await hashPassword(password);
        await tables.writePassword(tx, id, hash);
        hashes.set(id, hash);
      }
      for (const user of seed.users)
        if (user.privileges) await tables.writePrivileges(tx, ids.get(user.name) ?? -1, user.privileges);
    });
    return new Passwords(hashes, await tables.readPrivileges(store.pool));
  }

  check(user: number, password: string): Promise<boolean> {
    return checkPassword(password, this.#hashes.get(user) ?? null);
  }

  /** Privileges of an administrator; of anybody else, none. */
  privilegesOf(store: Store, user: number): ReadonlySet<string> {
    const isAdmin = membershipsOf(store, user).some((m) => m.group === systemGroup);
    return new Set(isAdmin ? (this.#privileges.get(user) ?? adminPrivileges) : []);
  }
}

type Draft = Parameters<Parameters<Store['write']>[0]>[0];

class Seeder {
  readonly #store: Store;
  readonly #draft: Draft;
  readonly #groups = new Map<string, number>();

  constructor(store: Store, draft: Draft) {
    this.#store = store;
    this.#draft = draft;
  }

  /** Ids of the users by name. */
  seed(seed: Seed): Map<string, number> {
    this.#group({ name: 'system', permissions: 'rw----' }, 0);
    this.#group({ name: 'user', permissions: 'rwr---' }, 1);
    this.#group({ name: 'guest', permissions: 'rw----' }, 2);
    const person = { password: '', firstName: '', groups: [] };
    this.#user({ ...person, name: 'root', lastName: 'root', admin: true }, 0);
    this.#user({ ...person, name: 'guest', lastName: 'Account' }, 1);
    for (const group of seed.groups) this.#group(group);
    return new Map(seed.users.map((user) => [user.name, this.#user(user)]));
  }

  #group({ name, permissions }: SeedGroup, id?: number): void {
    const [found] = this.#store.named('ExperimenterGroup', 'name', name);
    if (found && textOf(found, 'permissions') !== permissions) this.#draft.change(found, { permissions });
    this.#groups.set(name, (found ?? this.#create('ExperimenterGroup', { name, permissions, ldap: false }, id)).id);
  }

  #user(user: SeedUser, id?: number): number {
    const { name, firstName, lastName } = user;
    const [found] = this.#store.named('Experimenter', 'omeName', name);
    const created = found ?? this.#create('Experimenter', { omeName: name, firstName, lastName, ldap: false }, id);
    for (const group of user.groups) {
      const groupId = this.#groups.get(group);
      if (groupId === undefined)
        throw new Error(`the OMERO user ${name} is to be in group ${group}, which is not seeded`);
      this.#member(created.id, groupId, user.leads?.includes(group) ?? false);
    }
    if (user.admin) this.#member(created.id, systemGroup, false);
    this.#member(created.id, userGroup, false);
    return created.id;
  }

  #member(user: number, group: number, leader: boolean): void {
    if (membershipsOf(this.#store, user).some((m) => m.group === group)) return;
    this.#create('GroupExperimenterMap', { parent: group, child: user, owner: leader });
  }

  #create(name: string, fields: Stored['fields'], id?: number): Stored {
    return this.#draft.create(this.#store.model.get(name), 0, -1, { version: 0, ...fields }, id);
  }
}
